"""Ollama's own API and llama.cpp's /props and /slots, as programs that know no other speak them. Usage: ollama_test.py
FREEHOLD TINY_MODEL."""
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

import scripted_model
from serving import Served, Serving

FREEHOLD, TINY = sys.argv[1:3]
del sys.argv[1:3]
HELLO = [{"role": "user", "content": "Hello"}]
CHAT, GENERATE, EMBED = "/api/chat", "/api/generate", "/api/embed"
NUMBERS = ("total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration")
FEW = {"num_predict": 8, "seed": 3}


def lines(server, path, body):
    status, headers, text = server.ask("POST", path, body)
    assert status == 200, text
    assert headers["Content-Type"] == "application/x-ndjson", headers
    assert text.endswith("\n"), text
    return [json.loads(line) for line in text[:-1].split("\n")]


class Case(Served):
    words = FREEHOLD, TINY

    def refused(self, path, body, status=400):
        found, answer = self.server.post(path, body)
        self.assertEqual(found, status, answer)
        self.assertEqual(set(answer), {"error"})
        self.assertIsInstance(answer["error"], str)
        return answer["error"]


class Answers(Case):
    def test_chat_streams_unless_told_otherwise(self):
        body = {"model": "tiny", "messages": HELLO, "options": FEW}
        pieces = lines(self.server, CHAT, body)
        status, whole = self.server.post(CHAT, {**body, "stream": False})
        self.assertEqual(status, 200)
        self.assertEqual("".join(p["message"]["content"] for p in pieces), whole["message"]["content"])
        self.assertTrue(all(p["done"] is False and set(p) == {"model", "created_at", "message", "done"} for p in pieces[:-1]))
        for last in (pieces[-1], whole):
            self.assertTrue(last["done"])
            self.assertIn(last["done_reason"], ("stop", "length"))
            self.assertTrue(all(isinstance(last[n], int) and last[n] >= 0 for n in NUMBERS), last)
            self.assertEqual(last["message"]["role"], "assistant")
            self.assertRegex(last["created_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
            self.assertGreaterEqual(last["total_duration"], last["prompt_eval_duration"] + last["eval_duration"])
        self.assertEqual([pieces[-1][n] for n in ("prompt_eval_count", "eval_count")], [whole[n] for n in ("prompt_eval_count", "eval_count")])

    def test_the_same_words_as_the_other_api(self):
        ours = self.server.post("/v1/chat/completions", {"messages": HELLO, "temperature": 0, "max_tokens": 12})[1]
        theirs = self.server.post(CHAT, {"messages": HELLO, "stream": False, "options": {"temperature": 0, "num_predict": 12}})[1]
        self.assertEqual(theirs["message"]["content"], ours["choices"][0]["message"]["content"])
        self.assertEqual(theirs["prompt_eval_count"], ours["usage"]["prompt_tokens"])
        self.assertEqual(theirs["eval_count"], ours["usage"]["completion_tokens"])

    def test_the_time_of_a_prompt_is_that_of_computing_it(self):
        answer = self.server.post(GENERATE, {"prompt": "the sea and the gulls " * 40, "stream": False, "options": {"num_predict": 1}})[1]
        self.assertGreater(answer["prompt_eval_count"], 800)
        self.assertGreater(answer["prompt_eval_duration"], 100_000)  # a hundred times what it takes to say that it begins

    def test_generate(self):
        body = {"model": "tiny:latest", "prompt": "Hello", "options": {**FEW, "temperature": 0}}
        pieces = lines(self.server, GENERATE, body)
        whole = self.server.post(GENERATE, {**body, "stream": False})[1]
        self.assertEqual("".join(p["response"] for p in pieces), whole["response"])
        chat = self.server.post(CHAT, {"messages": HELLO, "stream": False, "options": body["options"]})[1]
        self.assertEqual(whole["response"], chat["message"]["content"])  # the prompt is a message of the user
        raw = self.server.post(GENERATE, {**body, "raw": True, "stream": False})[1]
        text = self.server.post("/v1/completions", {"prompt": "Hello", "temperature": 0, "max_tokens": 8})[1]
        self.assertEqual(raw["response"], text["choices"][0]["text"])
        self.assertLess(raw["prompt_eval_count"], whole["prompt_eval_count"])
        system = self.server.post(GENERATE, {**body, "system": "Be brief.", "stream": False})[1]
        self.assertGreater(system["prompt_eval_count"], whole["prompt_eval_count"])

    def test_options_are_kept(self):
        def say(**options):
            return self.server.post(CHAT, {"messages": HELLO, "stream": False, "options": {"num_predict": 24, **options}})[1]["message"]["content"]
        self.assertEqual(say(seed=5), say(seed=5))
        self.assertNotEqual(say(seed=5, temperature=1.5), say(seed=6, temperature=1.5))
        self.assertEqual(say(temperature=2, top_k=1), say(temperature=0))
        whole = say(temperature=0)
        stop = next(c for c in whole[2:] if c.isascii() and c.isprintable())
        self.assertEqual(say(temperature=0, stop=[stop]), whole[:whole.index(stop)])

    def test_log_probabilities(self):
        body = {"messages": HELLO, "logprobs": True, "top_logprobs": 2, "options": {"num_predict": 4, "temperature": 0}}
        whole = self.server.post(CHAT, {**body, "stream": False})[1]
        streamed = [t for p in lines(self.server, CHAT, body) for t in p.get("logprobs", [])]
        self.assertEqual(streamed, whole["logprobs"])
        self.assertTrue(all(len(t["top_logprobs"]) == 2 and t["logprob"] <= 0 for t in streamed))

    def test_forms(self):
        schema = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 1, "maximum": 99}}, "required": ["age"],
                  "additionalProperties": False}
        for path, body in ((CHAT, {"messages": HELLO}), (GENERATE, {"prompt": "Hello"}), (GENERATE, {"prompt": "Hello", "raw": True})):
            for form in (schema, "json"):
                answer = self.server.post(path, {**body, "stream": False, "format": form, "options": {"num_predict": 60, "seed": 1}})[1]
                value = json.loads(answer["message"]["content"] if path == CHAT else answer["response"])
                self.assertIsInstance(value, dict)
                if form is schema:
                    self.assertTrue(1 <= value["age"] <= 99, value)
        self.assertIn("format", self.refused(CHAT, {"messages": HELLO, "format": {"type": "object", "not": {}}}))

    def test_an_empty_request_loads(self):
        for path, body, member in ((CHAT, {"messages": []}, "message"), (GENERATE, {}, "response"), (GENERATE, {"prompt": ""}, "response")):
            status, answer = self.server.post(path, {"model": "tiny", **body})
            self.assertEqual((status, answer["done"], answer["done_reason"]), (200, True, "load"))
            self.assertIn(member, answer)
            self.assertIn("keep_alive", self.refused(path, {**body, "keep_alive": 0}))

    def test_vectors(self):
        plain = self.server.post("/v1/embeddings", {"input": ["Hello", "Sea"]})[1]
        answer = self.server.post(EMBED, {"model": "tiny", "input": ["Hello", "Sea"], "keep_alive": "5m"})[1]
        self.assertEqual(answer["embeddings"], [d["embedding"] for d in plain["data"]])
        self.assertEqual(answer["prompt_eval_count"], plain["usage"]["prompt_tokens"])
        self.assertGreater(answer["total_duration"], 0)
        self.assertEqual(self.server.post(EMBED, {"input": "Hello"})[1]["embeddings"], answer["embeddings"][:1])
        self.assertEqual(len(self.server.post(EMBED, {"input": "Hello", "dimensions": 4})[1]["embeddings"][0]), 4)
        self.assertEqual(self.server.post("/api/embeddings", {"prompt": "Hello"})[1]["embedding"], answer["embeddings"][0])
        self.assertIn("input", self.refused(EMBED, {}))
        self.assertIn("context is", self.refused(EMBED, {"input": "x" * 5000, "truncate": True}))

    def test_what_is_served(self):
        listed = json.loads(self.server.ask("GET", "/api/tags")[2])["models"]
        running = json.loads(self.server.ask("GET", "/api/ps")[2])["models"]
        self.assertEqual([m["name"] for m in listed], ["tiny"])
        self.assertEqual([m["model"] for m in running], ["tiny"])
        self.assertEqual((running[0]["context_length"], running[0]["size_vram"]), (1024, 0))
        self.assertEqual(listed[0]["details"]["format"], "gguf")
        self.assertGreaterEqual(len(listed[0]["digest"]), 12)
        self.assertRegex(json.loads(self.server.ask("GET", "/api/version")[2])["version"], r"^\d+\.\d+\.\d+$")
        for body in ({"model": "tiny"}, {"name": "tiny:latest"}):
            status, shown = self.server.post("/api/show", body)
            self.assertEqual(status, 200, shown)
            architecture = shown["model_info"]["general.architecture"]
            self.assertEqual(shown["model_info"][architecture + ".context_length"], 1024)
            self.assertIn("completion", shown["capabilities"])
            self.assertEqual(shown["details"]["family"], architecture)
        self.assertIn("other", self.refused("/api/show", {"model": "other"}, 404))

    def test_what_is_ignored_is_named(self):
        status, headers, _ = self.server.ask("POST", CHAT, {"messages": HELLO, "colour": 1, "think": True, "shift": True,
                                                            "options": {"num_predict": 1, "num_thread": 3, "num_ctx": 99999}})
        self.assertEqual(status, 200)
        self.assertEqual(headers["X-Freehold-Ignored"], "think, options.num_ctx, options.num_thread, shift, colour")

    def test_refusals(self):
        self.assertIn("not served", self.refused(CHAT, {"model": "llama3", "messages": HELLO}, 404))
        self.assertEqual(self.refused(CHAT, {"messages": HELLO, "options": {"temperature": -1}}),
                         "options.temperature: expected a number from 0 to 2, found -1")
        self.assertIn("images", self.refused(CHAT, {"messages": [{**HELLO[0], "images": ["aGVsbG8="]}]}))
        self.assertIn("images", self.refused(GENERATE, {"prompt": "Hello", "images": ["aGVsbG8="]}))
        self.assertIn("context is 1024", self.refused(CHAT, {"messages": [{"role": "user", "content": "x " * 4000}]}))
        for path in ("pull", "push", "create", "copy"):
            self.assertIn("/api/" + path, self.refused("/api/" + path, {"model": "llama3"}, 501))
        for method, path, status in (("DELETE", "/api/delete", 501), ("POST", "/api/blobs/sha256:0", 501), ("GET", "/api/nothing", 404), ("GET", CHAT, 405)):
            found, _, text = self.server.ask(method, path, {} if method == "POST" else None)
            self.assertEqual((found, set(json.loads(text))), (status, {"error"}), path)
        status, _, text = self.server.ask("POST", CHAT, b"{", {"Content-Type": "text/plain"})
        self.assertEqual((status, set(json.loads(text))), (415, {"error"}))

    def test_use_is_counted_and_told(self):
        before = self.server.metric("vllm:generation_tokens_total")
        status, _, text = self.server.ask("POST", CHAT, {"messages": HELLO, "options": FEW}, {"x-freehold-receipt": "1"})
        self.assertEqual(status, 200)
        last = json.loads(text.splitlines()[-1])
        self.assertIn("receipt_id", last["freehold"])
        self.assertEqual(self.server.metric("vllm:generation_tokens_total"), before + last["eval_count"])

    def test_hostile_bodies(self):
        """What a client may send in place of each member: an answer, or an error as a text."""
        random.seed(11)
        values = [None, True, -1, 0, 1, 2 ** 31, -2 ** 63, 2 ** 64 - 1, 0.5, 1e308, "", "x", "\u0000\ud7ff", "a" * 3000, [], [[]], {}, {"": {}},
                  [None], ["x"], [{"role": "tool"}], {"a": [1]}]
        members = ("model", "messages", "prompt", "suffix", "system", "template", "context", "raw", "stream", "format", "options",
                   "think", "keep_alive", "images", "tools", "logprobs", "top_logprobs", "truncate", "shift", "input", "dimensions")
        options = ("temperature", "top_k", "top_p", "min_p", "seed", "num_predict", "stop", "repeat_penalty", "repeat_last_n", "num_ctx",
                   "mirostat", "presence_penalty")
        inner = ("role", "content", "thinking", "tool_calls", "tool_name", "tool_call_id", "images", "name")
        good = {"messages": HELLO, "prompt": "Hello", "input": "Hello", "stream": False}
        for path in (CHAT, GENERATE, EMBED, "/api/embeddings", "/api/show"):
            for _ in range(80):
                body = {**good, "options": {"num_predict": 1}}
                for _ in range(random.randrange(1, 3)):
                    value, where = random.choice(values), random.randrange(3)
                    if where == 0 or path in (EMBED, "/api/embeddings", "/api/show"):
                        body[random.choice(members)] = value
                    elif where == 1:
                        body["options"] = {"num_predict": 1, random.choice(options): value}
                    else:
                        body["messages"] = [{**HELLO[0], random.choice(inner): value}]
                status, _, text = self.server.ask("POST", path, body)
                self.assertIn(status, (200, 400, 404, 501), (path, body, text))
                if status != 200:
                    answer = json.loads(text)
                    self.assertEqual([type(v) for v in answer.values()], [str], (path, body, text))
        self.assertEqual(self.server.ask("GET", "/health")[0], 200)


class LlamaCpp(Case):
    options = ("--answers", "3")

    def test_props(self):
        props = json.loads(self.server.ask("GET", "/props")[2])
        self.assertEqual(props["total_slots"], 3)
        self.assertEqual(props["model_path"], "tiny.gguf")  # no folder
        self.assertEqual(props["default_generation_settings"]["n_ctx"], 1024)
        self.assertIn("{", props["chat_template"])
        self.assertEqual(props["modalities"], {"vision": False, "audio": False})
        self.assertEqual(self.server.post("/props", {})[0], 405)

    def test_slots(self):
        slots = json.loads(self.server.ask("GET", "/slots")[2])
        self.assertEqual([(s["id"], s["is_processing"]) for s in slots], [(0, False), (1, False), (2, False)])
        self.assertEqual(self.server.ask("GET", "/slots?fail_on_no_slot=1")[0], 200)
        self.assertEqual(self.server.ask("GET", "/slots?colour=1")[0], 400)
        for action in ("save", "restore", "erase"):
            status, answer = self.server.post(f"/slots/0?action={action}", {"filename": "x"})
            self.assertEqual((status, answer["error"]["code"]), (501, "not_supported"))


class Strict(Case):
    options = ("--strict",)

    def test_what_changes_nothing_is_refused(self):
        body = {"messages": HELLO, "stream": False, "options": FEW}
        self.assertEqual(self.server.post(CHAT, body)[0], 200)
        for more, name in (({"colour": 1}, "colour"), ({"think": True}, "think"), ({"shift": True}, "shift"),
                           ({"options": {"num_thread": 2}}, "options.num_thread")):
            self.assertTrue(self.refused(CHAT, {**body, **more}).startswith(name), more)
        self.assertTrue(self.refused(EMBED, {"input": "Hello", "truncate": True}).startswith("truncate"))
        self.assertTrue(self.refused("/api/show", {"model": "tiny", "verbose": True}).startswith("verbose"))


class Guarded(Case):
    def test_keys(self):
        def keys(*words):
            done = subprocess.run([FREEHOLD, "keys", "add", *words, "--json"], check=True, capture_output=True, text=True,
                                  env={**os.environ, "FREEHOLD_HOME": self.server.home.name})
            return {"Authorization": "Bearer " + json.loads(done.stdout)["key"]}
        desk, other = keys("desk", "--department", "legal"), keys("other", "--models", "another")
        slow = keys("slow", "--requests-per-minute", "1")
        watcher = keys("watcher", "--scopes", "metrics")
        body = {"messages": HELLO, "stream": False, "options": FEW}
        for path in ("/api/tags", "/api/version", "/api/ps", "/props", "/slots"):
            self.assertEqual(self.server.ask("GET", path)[0], 401, path)
            found = [self.server.ask("GET", path, headers=who)[0] for who in (desk, watcher)]
            self.assertEqual(found, [403, 200] if path == "/slots" else [200, 403], path)
        for path in (CHAT, GENERATE, EMBED, "/api/embeddings", "/api/show", "/api/pull"):
            status, _, text = self.server.ask("POST", path, {})
            self.assertEqual((status, set(json.loads(text))), (401, {"error"}), path)
        self.assertEqual(self.server.ask("POST", CHAT, body, desk)[0], 200)
        self.assertEqual(self.server.ask("POST", CHAT, body, other)[0], 403)
        self.assertEqual([self.server.ask("POST", CHAT, body, slow)[0] for _ in range(2)], [200, 429])
        with open(os.path.join(self.server.home.name, "usage.jsonl"), encoding="utf-8") as ledger:
            self.assertIn("legal", [json.loads(line).get("department") for line in ledger])


class Scripted(unittest.TestCase):
    def served(self, write, *more):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "scripted.gguf")
        write(path)
        server = Serving(FREEHOLD, path, "--context", "1024", *more)
        self.addCleanup(lambda: self.assertEqual(server.end(), 0))
        return server

    def test_tools(self):
        server = self.served(scripted_model.weather)
        tool = {"type": "function", "function": {"name": "weather", "description": "Of a city.",
                                                 "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
        call = {"function": {"name": "weather", "arguments": {"city": "Rome"}}}
        back = HELLO + [{"role": "assistant", "content": "", "tool_calls": [call]},
                        {"role": "tool", "tool_name": "weather", "content": "Sun"}]
        self.assertIn("tools", server.post("/api/show", {"model": "scripted"})[1]["capabilities"])
        for messages in (HELLO, back):
            body = {"messages": messages, "tools": [tool], "options": {"temperature": 0}}
            whole = server.post(CHAT, {**body, "stream": False})[1]
            streamed = [p["message"] for p in lines(server, CHAT, body)]
            for message in (whole["message"], {"content": "".join(m["content"] for m in streamed),
                                               "tool_calls": [c for m in streamed for c in m.get("tool_calls", [])]}):
                self.assertEqual(message["content"], "Let me see. ")
                self.assertEqual([c["function"] for c in message["tool_calls"]],
                                 [{"index": 0, "name": "weather", "arguments": {"city": "Paris"}}])
            self.assertEqual(whole["done_reason"], "stop")

    def test_suffix(self):
        server = self.served(scripted_model.gap)
        self.assertIn("insert", server.post("/api/show", {"model": "scripted"})[1]["capabilities"])
        answer = server.post(GENERATE, {"prompt": "def add(a, b):\n    ", "suffix": "\n", "stream": False, "options": {"temperature": 0}})[1]
        self.assertEqual((answer["response"], answer["done_reason"]), ("return a + b\n", "stop"))


if __name__ == "__main__":
    unittest.main()
