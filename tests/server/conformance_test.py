"""freehold conformance and freehold bench serve: against our own server over the tiny model, and against others that
pass things over, break rules, or are hostile. Usage: conformance_test.py FREEHOLD TINY_MODEL."""
import contextlib
import http.server
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import scripted_model
from serving import Serving

FREEHOLD, TINY = sys.argv[1:3]
del sys.argv[1:3]
CHAT = "POST /v1/chat/completions"


def run(*words, timeout=240):
    done = subprocess.run([FREEHOLD, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout,
                          env={**os.environ, "FREEHOLD_KEY": ""})
    return done.returncode, done.stdout, done.stderr


def judge(url, *words, status=0):
    found, output, errors = run("conformance", "--url", url, "--json", *words)
    assert found == status, (found, output[-3000:], errors)
    report = json.loads(output.splitlines()[0])
    return report, {f["name"]: f for f in report["findings"]}


@contextlib.contextmanager
def other(handler):
    """A server of another make."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads, server.handle_error = True, lambda *_: None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class Careless(http.server.BaseHTTPRequestHandler):
    """Answers every chat with twenty tokens of the same few words in another order, whatever is asked; a stream has halves
    of characters, and no end."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def say(self, status, body, kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/v1/models":
            self.say(200, {"object": "list", "data": [{"id": "careless", "object": "model"}]})
        elif self.path == "/metrics":
            self.say(200, b"# TYPE a counter\na 1\na 2\n", "text/plain")
        else:
            self.say(404, {"detail": "Not Found"})

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_POST(self):
        body = self.body()
        if self.path != "/v1/chat/completions":
            return self.say(404, {"detail": "Not Found"})
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            return self.say(500, {"error": "oops"})
        words = [random.choice(["sea", "gull", "light", "stone"]) for _ in range(20)]
        if isinstance(asked, dict) and asked.get("stream"):
            chunks = [{"id": str(i), "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": w + " \ufffd"}, "finish_reason": None}]}
                      for i, w in enumerate(words)]
            return self.say(200, "".join(f"data: {json.dumps(c)}\n\n" for c in chunks).encode(), "text/event-stream")
        self.say(200, {"id": "x", "object": "chat.completion", "model": "careless",
                       "choices": [{"index": 0, "message": {"role": "assistant", "content": " ".join(words)}, "finish_reason": "length"}],
                       "usage": {"prompt_tokens": 7, "completion_tokens": 20, "total_tokens": 30}})


class Ours(unittest.TestCase):
    def test_our_own_server_keeps_what_it_must(self):
        server = Serving(FREEHOLD, TINY)
        try:
            report, found = judge(server.about["url"])
            before = server.metrics()
        finally:
            self.assertEqual(server.end(), 0)
        self.assertTrue(report["passed"])
        self.assertEqual(report["broken"], 0)
        self.assertEqual({f["name"] for f in report["findings"] if f["verdict"] == "wrong"}, set())
        self.assertEqual(sum(report["counts"].values()), len(report["findings"]))
        for name in ("max_tokens", "temperature", "top_p", "seed", "seed, in company", "n", "stop, a text", "stop, a list", "stream",
                     "stream_options.include_usage", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs",
                     "top_logprobs", "messages: system", "messages: prefix", "response_format: json_schema", "grammar",
                     "/v1/completions: echo with logprobs", "/v1/responses: stream", "/v1/messages: stream",
                     "/v1/messages/count_tokens", "/v1/embeddings: encoding_format base64", "tokenize: messages", "GET /props", "GET /slots", "GET /api/tags", "/api/show", "/api/chat", "/api/chat: stream",
                     "/api/chat: options.seed", "/api/chat: format", "/api/generate: raw", "/api/embed", "/api: a model that is none",
                     "400 a prompt over the context", "404 a model that is none", "413 a body of 64 MiB", "421 another Host",
                     "usage adds up", "a stream is the same answer", "characters come whole",
                     "a stop text over the end of a token", "scores of a prompt are those of an answer", "metrics, read strictly"):
            self.assertEqual(found[name]["verdict"], "honoured", found[name])
        for name in ("tools", "lora", "mirostat", "thinking_token_budget", "/v1/rerank"):
            self.assertEqual(found[name]["verdict"], "refused", found[name])
            self.assertRegex(found[name]["evidence"], "^(400 unsupported_parameter|501 not_supported)")
        for name in ("/api/chat: tools", "/api/chat: images"):
            self.assertEqual(found[name]["verdict"], "refused", found[name])
        self.assertIn("x-freehold-ignored", found["timings_per_token"]["evidence"])
        self.assertEqual(found["OpenAI's clients (Python, JavaScript)"]["verdict"], "by the tests")
        self.assertEqual(found["401 a key that is none"]["verdict"], "not shown")
        running = [v for k, v in before.items() if k.startswith("vllm:num_requests_running")]
        self.assertEqual(running, [0.0])  # nothing of it is left behind

    def test_keys_strict_and_tools(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "weather.gguf")
            scripted_model.weather(path)
            server = Serving(FREEHOLD, path, "--strict")
            try:
                def add_key(home):
                    done = subprocess.run([FREEHOLD, "keys", "add", "tester", "--scopes", "inference,metrics", "--json"], check=True,
                                          capture_output=True, text=True, env={**os.environ, "FREEHOLD_HOME": home})
                    self.key = json.loads(done.stdout)["key"]
                server.end_and_start_again(add_key)
                status, _, errors = run("conformance", "--url", server.about["url"])
                self.assertEqual(status, 5, errors)
                self.assertIn("it asks for a key", errors)
                # It says one thing whatever the temperature, which cannot be told from a server that passes temperature over.
                _, found = judge(server.about["url"] + "/v1/", "--key", self.key, status=1)
            finally:
                self.assertEqual(server.end(), 0)
        for name in ("401 a key that is none", "401 the same at /metrics", "401 the same at /tokenize", "x-api-key", "tools",
                     "tool_choice: required", "tool_choice: a function", "tools, streamed", "parallel_tool_calls",
                     "messages: tool calls and results", "/v1/messages: tools", "/v1/responses: tools", "/api/chat: tools"):
            self.assertEqual(found[name]["verdict"], "honoured", found[name])
        self.assertEqual(found["a field nobody knows"]["verdict"], "refused")
        self.assertIn("strict: 400", found["a field nobody knows"]["evidence"])
        self.assertEqual((found["max_tokens"]["verdict"], found["top_k"]["verdict"]), ("not shown", "not shown"))

    def test_text_for_people(self):
        server = Serving(FREEHOLD, TINY)
        try:
            status, output, errors = run("conformance", "--url", server.about["url"], "--model", "tiny")
        finally:
            server.end()
        self.assertEqual((status, errors), (0, ""), output)
        self.assertIn(f"tiny at {server.about['url']}\n\n{CHAT}\n", output)
        self.assertRegex(output, r"(?m)^  honoured +must +max_tokens +5 tokens, finish_reason length$")
        self.assertRegex(output, r"(?m)^\d+ things: .*; 0 that must be kept are not$")


class Load(unittest.TestCase):
    NUMBERS = {f"{n}_{what}_ms" for n in ("mean", "median", "std", "p50", "p90", "p99") for what in ("ttft", "tpot", "itl", "e2el")}

    def test_numbers_by_vllms_names(self):
        server = Serving(FREEHOLD, TINY)
        try:
            words = ("bench", "serve", "--url", server.about["url"], "--num-prompts", "12", "--random-input-len", "50", "--random-output-len", "20")
            before = server.metric("vllm:prompt_tokens_total")
            status, output, errors = run(*words, "--max-concurrency", "3", "--json", "--goodput", "ttft:60000", "tpot:60000")
            self.assertEqual((status, errors), (0, ""), output)
            found = json.loads(output)
            asked = server.metric("vllm:prompt_tokens_total") - before
            slow = json.loads(run(*words, "--request-rate", "40", "--seed", "3", "--json")[1])
            text = run(*words)
            self.assertEqual(run(*words, "--goodput", "ttft:fast")[0], 2)
            self.assertEqual(run(*words, "--request-rate", "0")[0], 2)
        finally:
            self.assertEqual(server.end(), 0)
        self.assertLessEqual(self.NUMBERS | {"duration", "completed", "failed", "total_input_tokens", "total_output_tokens", "request_throughput",
                                             "request_goodput", "output_throughput", "total_token_throughput", "max_concurrency"}, set(found))
        self.assertEqual((found["completed"], found["failed"], found["errors"]), (12, 0, {}))
        self.assertEqual(found["total_input_tokens"], 12 * 50)
        self.assertEqual(asked, 13 * 50)  # and one to warm up
        self.assertTrue(12 <= found["total_output_tokens"] <= 12 * 20)
        self.assertAlmostEqual(found["request_throughput"], 12 / found["duration"])
        self.assertAlmostEqual(found["output_throughput"], found["total_output_tokens"] / found["duration"])
        self.assertAlmostEqual(found["total_token_throughput"], (600 + found["total_output_tokens"]) / found["duration"])
        self.assertAlmostEqual(found["request_goodput"], found["request_throughput"])
        self.assertIsNone(found["joules_per_output_token"])  # nobody measures them here
        self.assertEqual((found["request_rate"], found["max_concurrency"]), ("inf", 3))
        for what in ("ttft", "e2el"):
            self.assertTrue(0 < found[f"p50_{what}_ms"] <= found[f"p90_{what}_ms"] <= found[f"p99_{what}_ms"] < 60000, found)
            self.assertEqual(found[f"median_{what}_ms"], found[f"p50_{what}_ms"])
        self.assertLess(found["mean_ttft_ms"], found["mean_e2el_ms"])
        self.assertEqual(slow["completed"], 12)
        self.assertGreater(slow["duration"], 12 / 40 / 3)  # they come one after the other, not at once
        self.assertEqual(text[0], 0)
        self.assertRegex(text[1], r"(?m)^requests  12 completed, 0 failed, in ")

    def test_numbers_are_those_of_the_times(self):
        class Timed(Careless):
            """Four tokens: after 0.2 s, and three more 0.1 s apart; every third request fails."""
            count, lock = 0, threading.Lock()

            def do_POST(self):
                asked = json.loads(self.body())
                with self.lock:
                    Timed.count += 1
                    number = Timed.count
                if number % 3 == 0:
                    return self.say(429, {"error": {"message": "full", "type": "rate_limit_error", "param": None, "code": "queue_full"}})
                assert len(asked["prompt"]) == 7 and asked["stream"] is True, asked
                self.send_response(200)
                self.send_header("Connection", "close")
                self.end_headers()
                for i in range(4):
                    time.sleep(0.1 if i else 0.2)
                    self.wfile.write(b'data: {"choices":[{"index":0,"text":"a"}]}\n\n')
                self.wfile.write(b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":4},"freehold":{"energy":{"joules":2,"method":"rapl"}}}\n\n')
                self.wfile.write(b"data: [DONE]\n\n")

        with other(Timed) as url:
            status, output, errors = run("bench", "serve", "--url", url, "--num-prompts", "9", "--random-input-len", "7",
                                         "--max-concurrency", "3", "--json", "--goodput", "tpot:1")
        self.assertEqual(status, 0, errors)
        found = json.loads(output)
        self.assertEqual((found["completed"], found["failed"], found["total_input_tokens"], found["total_output_tokens"]), (6, 3, 42, 24))
        self.assertEqual(list(found["errors"].values()), [3])
        self.assertIn("queue_full", list(found["errors"])[0])
        self.assertEqual((found["joules_per_output_token"], found["request_goodput"]), (0.5, 0))
        for name, least in (("median_ttft_ms", 200), ("median_itl_ms", 100), ("median_tpot_ms", 100), ("median_e2el_ms", 500)):
            self.assertTrue(least * 0.98 <= found[name] < least * 1.5 + 100, (name, found))
        with other(Careless) as url:
            status, _, errors = run("bench", "serve", "--url", url, "--num-prompts", "2")
        self.assertEqual(status, 5)
        self.assertIn("the first request failed: 404", errors)


class Others(unittest.TestCase):
    def test_what_is_passed_over_is_found(self):
        with other(Careless) as url:
            report, found = judge(url, status=1)
        self.assertFalse(report["passed"])
        self.assertEqual(report["model"], "careless")
        ignored = ("max_tokens", "max_completion_tokens", "temperature", "seed", "n", "logprobs", "top_logprobs", "logit_bias",
                   "response_format: json_schema", "response_format: json_object", "tools", "tool_choice: required",
                   "messages: system", "grammar", "stream_options.include_usage", "404 a model that is none",
                   "400 a value that is none", "a field nobody knows")
        for name in ignored:
            self.assertEqual(found[name]["verdict"], "ignored", found[name])
        for name in ("stop, a text", "stream", "400 a body that is no JSON", "usage adds up", "a stream is the same answer",
                     "metrics, read strictly", "characters come whole"):
            self.assertEqual(found[name]["verdict"], "wrong", found[name])
        for name in ("max_tokens", "seed", "tools", "stream"):
            self.assertTrue(found[name]["broken"], found[name])
        self.assertEqual(found["/v1/completions: prompt"]["verdict"], "refused")
        self.assertTrue(found["/v1/completions: prompt"]["broken"])   # must be there
        self.assertFalse(found["/v1/rerank"]["broken"])               # may be refused
        self.assertFalse(found["grammar"]["broken"])                  # need not be there
        self.assertIn("stands there twice", found["metrics, read strictly"]["evidence"])
        self.assertFalse([f for f in report["findings"] if f["verdict"] == "honoured" and f["name"] in
                          ("top_p", "top_k", "min_p", "stop, a list", "seed, in company")], report)

    def test_hostile_servers_end_in_an_error(self):
        class Endless(Careless):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Connection", "close")
                self.end_headers()
                with contextlib.suppress(OSError):
                    while True:
                        self.wfile.write(b"[" * 65536)

        class LongHead(Careless):
            def do_GET(self):
                self.send_response(200)
                with contextlib.suppress(OSError):
                    for i in range(4000):
                        self.send_header(f"x-{i}", "y" * 100)
                    self.end_headers()

        class NoHttp(Careless):
            def do_GET(self):
                self.wfile.write(b"\x00\xff hello\r\n\r\n")
                self.close_connection = True

        class Redirects(Careless):
            def do_GET(self):
                self.send_response(302)
                self.send_header("Location", "http://192.0.2.1/")
                self.send_header("Content-Length", "0")
                self.end_headers()

        class NoText(Careless):
            def do_POST(self):
                self.body()
                self.say(200, [1, 2, {"choices": {"0": []}}])

        class Dies(Careless):
            def do_POST(self):
                self.close_connection = True

        for handler, status, words in ((Endless, 5, "over 67108864 bytes"), (LongHead, 5, "head"), (NoHttp, 5, ""),
                                       (Redirects, 5, "302 and lists no model"), (Dies, 1, "a plain chat"), (NoText, 1, "said nothing")):
            with self.subTest(handler.__name__), other(handler) as url:
                found, output, errors = run("conformance", "--url", url)
                self.assertEqual(found, status, (output, errors))
                self.assertIn(words, errors)
                self.assertEqual(errors.count("\n"), 1, errors)

    def test_servers_that_answer_late_or_ask_to_come_again(self):
        class Silent(Careless):
            """Answers the first question and no other."""
            asked = 0

            def do_POST(self):
                body = self.body()
                Silent.asked += 1
                if Silent.asked > 1:
                    return time.sleep(20)
                self.say(200, {"choices": [{"index": 0, "message": {"content": "a b c d e"}, "finish_reason": "length"}], "asked": len(body)})

        class Busy(Careless):
            """Refuses the first two questions for a second each."""
            refused, lock = 0, threading.Lock()

            def do_POST(self):
                with self.lock:
                    refuse = Busy.refused < 2
                    Busy.refused += refuse
                if not refuse:
                    return super().do_POST()
                self.body()
                self.send_response(429)
                self.send_header("Retry-After", "1")
                self.send_header("Content-Length", "0")
                self.end_headers()

        with other(Silent) as url:
            status, _, errors = run("conformance", "--url", url, "--timeout", "0.5", timeout=30)
        self.assertEqual(status, 5, errors)
        self.assertIn("answers no more", errors)
        with other(Busy) as url:
            report, _ = judge(url, status=1)
        self.assertEqual(Busy.refused, 2)
        self.assertNotIn("429", json.dumps(report["findings"]).replace("429 a queue", ""))

    def test_addresses(self):
        for url, status, words in (("http://192.0.2.1:80", 5, "none of this machine"), ("https://192.0.2.1", 5, "none of this machine"),
                                   ("http://user:word@127.0.0.1", 2, "without user"), ("ftp://127.0.0.1", 2, "expected an address"),
                                   ("127.0.0.1:8080", 2, "expected an address"), ("http://127.0.0.1:1/?a", 2, "without user"),
                                   ("http://127.0.0.1:1", 5, "127.0.0.1:1")):
            found, _, errors = run("conformance", "--url", url)
            self.assertEqual(found, status, (url, errors))
            self.assertIn(words, errors)
        self.assertEqual(run("conformance", "--nonsense")[0], 2)
        status, output, _ = run("conformance", "--help")
        self.assertEqual(status, 0)
        self.assertIn("freehold conformance --url", output)
        status, output, _ = run("conformance", "--url", "nowhere", "--json")
        self.assertEqual(json.loads(output)["error"]["class"], "usage")


if __name__ == "__main__":
    unittest.main()
