"""The server as clients meet it: every route, streams, limits, rude clients. Usage: serve_test.py FREEHOLD TINY_MODEL.

The tiny model talks noise; that it talks the same noise for the same seed is what is looked at.
"""
import base64
import concurrent.futures
import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import scripted_model
from serving import Served, Serving

FREEHOLD, TINY = sys.argv[1:3]
with open(FREEHOLD, "rb") as program:
    SANITIZED = b"__asan_init" in program.read()
del sys.argv[1:3]
HELLO = [{"role": "user", "content": "Hello"}]
CHAT, TEXT, EMBED = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
GO_ON = {"256": -100, "257": -100, "258": -100}  # the tokens that end an answer


@contextlib.contextmanager
def served(write, *more):
    """A server of the model that `write` writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.gguf")
        write(path, *more)
        server = Serving(FREEHOLD, path, "--context", "1024")
        try:
            yield server
        finally:
            status = server.end()
        assert status == 0, status


class Case(Served):
    words = FREEHOLD, TINY

    def refused(self, path, body, status, param, code):
        found, answer = self.server.post(path, body)
        self.assertEqual(found, status, answer)
        error = answer["error"]
        self.assertEqual(set(error) - {"n_prompt_tokens", "n_ctx"}, {"message", "type", "param", "code"})
        self.assertEqual((error["param"], error["code"]), (param, code), error)
        return error


class Answers(Case):
    def test_chat(self):
        status, answer = self.server.post(CHAT, {"messages": HELLO, "max_tokens": 12, "seed": 1, "logit_bias": GO_ON})
        self.assertEqual(status, 200)
        self.assertEqual(answer["object"], "chat.completion")
        choice = answer["choices"][0]
        self.assertEqual(choice["message"]["role"], "assistant")
        self.assertEqual(choice["finish_reason"], "length")
        usage = answer["usage"]
        self.assertEqual(usage["prompt_tokens"], 1 + 5 + 5 + 1 + 1 + 1 + 10)
        self.assertEqual(usage["completion_tokens"], 12)
        self.assertEqual(usage["total_tokens"], usage["prompt_tokens"] + 12)
        self.assertEqual(usage["prompt_cache_hit_tokens"] + usage["prompt_cache_miss_tokens"], usage["prompt_tokens"])
        self.assertIn("cached_tokens", usage["prompt_tokens_details"])
        self.assertEqual(answer["system_fingerprint"], self.server.about["system_fingerprint"])

    def test_a_seed_gives_the_same_answer_and_pieces_join_to_the_whole(self):
        for temperature in (0, 1):
            body = {"messages": HELLO, "max_tokens": 60, "seed": 7, "temperature": temperature}
            whole = self.server.post(CHAT, body)[1]["choices"][0]["message"]["content"]
            self.assertEqual(self.server.post(CHAT, body)[1]["choices"][0]["message"]["content"], whole)
            chunks = [json.loads(e) for e in self.server.stream(CHAT, body)[:-1]]
            self.assertEqual("".join(c["choices"][0]["delta"].get("content", "") for c in chunks), whole)
        self.assertNotEqual(self.server.post(CHAT, {**body, "seed": 8})[1]["choices"][0]["message"]["content"], whole)

    def test_stream_as_specified(self):
        events = self.server.stream(CHAT, {"messages": HELLO, "max_tokens": 5, "seed": 1, "logit_bias": GO_ON,
                                           "stream_options": {"include_usage": True}})
        self.assertEqual(events[-1], "[DONE]")
        chunks = [json.loads(e) for e in events[:-1]]
        self.assertEqual(len({c["id"] for c in chunks}), 1)
        self.assertTrue(all(c["object"] == "chat.completion.chunk" for c in chunks))
        self.assertEqual(chunks[0]["choices"][0]["delta"], {"role": "assistant", "content": ""})
        self.assertTrue(all("role" not in c["choices"][0]["delta"] for c in chunks[1:-1]))
        self.assertEqual(chunks[-2]["choices"][0]["delta"], {})
        self.assertEqual(chunks[-2]["choices"][0]["finish_reason"], "length")
        self.assertTrue(all(c["choices"][0]["finish_reason"] is None for c in chunks[:-2]))
        self.assertTrue(all(c["usage"] is None for c in chunks[:-1]))
        self.assertEqual(chunks[-1]["choices"], [])
        self.assertEqual(chunks[-1]["usage"]["completion_tokens"], 5)

    def test_several_answers_share_a_prompt(self):
        body = {"messages": HELLO, "max_tokens": 20, "seed": 3, "n": 4, "logit_bias": GO_ON}
        answer = self.server.post(CHAT, body)[1]
        texts = [c["message"]["content"] for c in answer["choices"]]
        self.assertEqual([c["index"] for c in answer["choices"]], [0, 1, 2, 3])
        self.assertEqual(len(set(texts)), 4)
        self.assertEqual(answer["usage"]["completion_tokens"], 80)
        self.assertEqual(self.server.post(CHAT, {**body, "n": 1})[1]["choices"][0]["message"]["content"], texts[0])
        parts = ["", "", "", ""]
        for event in self.server.stream(CHAT, body)[:-1]:
            for choice in json.loads(event)["choices"]:
                parts[choice["index"]] += choice["delta"].get("content", "")
        self.assertEqual(parts, texts)

    def test_stop_texts(self):
        body = {"prompt": "abc", "max_tokens": 200, "seed": 5, "logit_bias": GO_ON}
        whole = self.server.post(TEXT, body)[1]["choices"][0]["text"]
        plain = [i for i in range(20, len(whole) - 3) if "\ufffd" not in whole[i:i + 3]]
        stop = whole[plain[0]:plain[0] + 3]
        for one in (stop, [stop], ["never to be found", stop]):
            choice = self.server.post(TEXT, {**body, "stop": one})[1]["choices"][0]
            self.assertEqual(choice["text"], whole[:whole.index(stop)])
            self.assertEqual(choice["finish_reason"], "stop")
        streamed = "".join(json.loads(e)["choices"][0]["text"] for e in self.server.stream(TEXT, {**body, "stop": stop})[:-1])
        self.assertEqual(streamed, whole[:whole.index(stop)])

    def test_log_probabilities(self):
        body = {"messages": HELLO, "max_tokens": 6, "seed": 1, "temperature": 0, "logprobs": True, "top_logprobs": 3}
        content = self.server.post(CHAT, body)[1]["choices"][0]["logprobs"]["content"]
        self.assertEqual(len(content), 6)
        for token in content:
            self.assertEqual(len(token["top_logprobs"]), 3)
            self.assertEqual(token["top_logprobs"][0]["bytes"], token["bytes"])  # greedy
            self.assertLessEqual(token["logprob"], 0)
        streamed = [c for e in self.server.stream(CHAT, body)[:-1] for c in (json.loads(e)["choices"][0]["logprobs"] or {"content": []})["content"]]
        self.assertEqual(streamed, content)
        legacy = self.server.post(TEXT, {"prompt": "x", "max_tokens": 4, "logprobs": 2, "seed": 1, "logit_bias": GO_ON})[1]["choices"][0]["logprobs"]
        self.assertEqual([len(legacy[k]) for k in ("tokens", "token_logprobs", "top_logprobs", "text_offset")], [4] * 4)

    def test_log_probabilities_of_prompts(self):
        text = "Grüße, 世界! <|im_end|>x"
        ids = self.server.post("/tokenize", {"content": text})[1]["tokens"]
        body = {"prompt": text, "max_tokens": 1, "logprobs": 2, "echo": True, "temperature": 0, "logit_bias": GO_ON}
        answer = self.server.post(TEXT, body)[1]
        choice, scores = answer["choices"][0], answer["choices"][0]["logprobs"]
        self.assertEqual([len(v) for v in scores.values()], [len(ids) + 1] * 4)
        self.assertEqual((scores["token_logprobs"][0], scores["top_logprobs"][0]), (None, None))
        self.assertTrue(choice["text"].startswith(text))
        self.assertEqual([answer["usage"][k] for k in ("prompt_tokens", "completion_tokens")], [len(ids), 1])
        # A token that is forced upon the model has the same log probability behind the same tokens.
        for i in range(1, len(ids)):
            forced = self.server.post(TEXT, {"prompt": ids[:i], "max_tokens": 1, "logprobs": 2, "temperature": 0,
                                             "logit_bias": {str(ids[i]): 100}})[1]["choices"][0]["logprobs"]
            for key in ("tokens", "token_logprobs", "top_logprobs"):
                self.assertEqual(forced[key], [scores[key][i]], (i, key))
        for i, top in enumerate(scores["top_logprobs"][1:], 1):
            self.assertEqual(list(top.values())[:2], sorted(top.values(), reverse=True)[:2])
            self.assertIn(scores["tokens"][i], top)
        begins = scores["text_offset"]
        self.assertEqual((begins[0], begins[-1], sorted(begins)), (0, len(text), begins))
        for token, begin, end in zip(scores["tokens"], begins, begins[1:]):
            if "\ufffd" not in token:
                self.assertEqual(text[begin:end], token)
        # By ids, in a stream, beside others, again, and without an answer.
        self.assertEqual(self.server.post(TEXT, {**body, "prompt": ids})[1]["choices"], answer["choices"])
        pieces = [json.loads(e)["choices"][0] for e in self.server.stream(TEXT, body)[:-1]]
        self.assertEqual("".join(p["text"] for p in pieces), choice["text"])
        self.assertEqual({k: [x for p in pieces if p["logprobs"] for x in p["logprobs"][k]] for k in scores}, scores)
        several = self.server.post(TEXT, {**body, "prompt": ["a" * 300, text, "b"], "n": 2})[1]
        self.assertEqual([c["logprobs"] for c in several["choices"][2:4]], [scores] * 2)
        self.assertEqual([len(c["logprobs"]["tokens"]) for c in several["choices"]], [301] * 2 + [len(ids) + 1] * 2 + [2] * 2)
        self.assertEqual(several["usage"]["prompt_tokens_details"]["cached_tokens"], 0)
        none = self.server.post(TEXT, {**body, "max_tokens": 0})[1]["choices"][0]
        self.assertEqual((none["text"], none["finish_reason"]), (text, "length"))
        self.assertEqual(none["logprobs"], {k: v[:-1] for k, v in scores.items()})

    def test_the_token_that_ends_a_text_has_a_log_probability(self):
        ask = {"prompt": "ab", "max_tokens": 4, "logprobs": 0, "temperature": 0, "logit_bias": {str(scripted_model.END): 100}}
        whole = self.server.post(TEXT, {**ask, "echo": True})[1]["choices"][0]
        self.assertEqual((whole["text"], whole["finish_reason"]), ("ab", "stop"))
        self.assertEqual((whole["logprobs"]["tokens"], whole["logprobs"]["text_offset"]), (["a", "b", "<|im_end|>"], [0, 1, 2]))
        self.assertEqual([list(t) for t in whole["logprobs"]["top_logprobs"][1:]], [["b"], ["<|im_end|>"]])
        streamed = [json.loads(e)["choices"][0] for e in self.server.stream(TEXT, ask)[:-1]]
        self.assertEqual([p["logprobs"]["tokens"] for p in streamed if p["logprobs"]], [["<|im_end|>"]])
        self.assertEqual("".join(p["text"] for p in streamed), "")

    def test_text_completions(self):
        answer = self.server.post(TEXT, {"prompt": ["ab", "cd"], "n": 2, "max_tokens": 3, "seed": 1, "echo": True})[1]
        self.assertEqual(answer["object"], "text_completion")
        self.assertEqual([c["text"][:2] for c in answer["choices"]], ["ab", "ab", "cd", "cd"])
        ids = self.server.post("/tokenize", {"content": "ab"})[1]["tokens"]
        by_ids = self.server.post(TEXT, {"prompt": ids, "max_tokens": 3, "seed": 1})[1]["choices"][0]["text"]
        self.assertEqual("ab" + by_ids, answer["choices"][0]["text"])

    def test_a_message_goes_on(self):
        body = {"messages": HELLO + [{"role": "assistant", "content": "Well", "prefix": True}], "max_tokens": 3}
        self.assertEqual(self.server.post(CHAT, body)[1]["usage"]["prompt_tokens"], 1 + 5 + 5 + 1 + 1 + 1 + 10 + 4)
        parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
        whole = self.server.post("/apply-template", {"messages": HELLO})[1]
        self.assertEqual(self.server.post("/apply-template", {"messages": [{"role": "user", "content": parts}]})[1], whole)

    def test_text_of_people_cannot_speak_as_the_system(self):
        ask = lambda text: self.server.post("/tokenize", {"messages": [{"role": "user", "content": text}]})[1]["count"]
        self.assertEqual(ask("<|im_end|>"), ask("x" * len("<|im_end|>")))

    def test_the_other_routes(self):
        for path in ("/health", "/v1/health"):
            status, _, text = self.server.ask("GET", path)
            self.assertEqual((status, json.loads(text)), (200, {"status": "ok"}))
        models = json.loads(self.server.ask("GET", "/v1/models")[2])
        self.assertEqual((models["object"], [m["id"] for m in models["data"]]), ("list", ["tiny"]))
        self.assertEqual(json.loads(self.server.ask("GET", "/v1/models/tiny")[2]), models["data"][0])
        self.assertEqual(self.server.ask("GET", "/v1/models/other")[0], 404)
        text = "Grüße, 世界 🙂"
        tokens = self.server.post("/tokenize", {"content": text})[1]["tokens"]
        self.assertEqual(self.server.post("/detokenize", {"tokens": tokens})[1], {"content": text, "prompt": text})
        self.assertEqual(self.server.post("/tokenize", {"prompt": text})[1]["count"], len(tokens))
        about = json.loads(self.server.ask("GET", "/tokenizer_info")[2])
        self.assertEqual((about["eos_token"], about["model_max_length"]), ("<|im_end|>", 1024))
        self.assertEqual(self.server.post("/tokenize", {"prompt": about["eos_token"], "add_special_tokens": False})[1]["tokens"],
                         [scripted_model.END])
        self.assertIn("<|im_start|>", about["chat_template"])

    def test_metrics(self):
        def metrics():  # once all is counted: an answer's end is told before
            while self.server.metric("vllm:num_requests_running") > 0:
                time.sleep(0.01)
            return self.server.metrics()

        before = metrics()
        self.server.post(CHAT, {"messages": HELLO, "max_tokens": 9, "logit_bias": GO_ON})
        after = metrics()
        grown = lambda name: sum(v - before.get(k, 0) for k, v in after.items() if k.split("{")[0] == name)
        self.assertEqual(grown("vllm:generation_tokens_total"), 9)
        self.assertEqual(grown("vllm:request_success_total"), 1)
        self.assertEqual(grown("vllm:time_to_first_token_seconds_count"), 1)
        self.assertEqual(grown("vllm:inter_token_latency_seconds_count"), 8)

    def test_guesses_that_came_true_are_told(self):
        foreseen = lambda: self.server.metric("vllm:spec_decode_num_accepted_tokens_total")
        before, told = foreseen(), 0
        for n in (1, 2, 1, 2, 1, 2):
            if told > 0 and n == 1:
                break  # guesses are made where they pay, which a busy machine may hide for a while
            body = {"messages": HELLO, "max_tokens": 300, "temperature": 0, "n": n, "logit_bias": GO_ON}
            told += self.server.post(CHAT, body)[1]["usage"]["completion_tokens_details"]["accepted_prediction_tokens"]
            events = self.server.stream(CHAT, {**body, "stream_options": {"include_usage": True}})
            told += json.loads(events[-2])["usage"]["completion_tokens_details"]["accepted_prediction_tokens"]
        self.assertEqual(told, foreseen() - before)
        if not SANITIZED:  # there several rows cost as much as several times one, and nothing is guessed
            self.assertGreater(told, 0)  # noise without temperature soon repeats itself

    def test_answers_do_not_depend_on_the_company(self):
        bodies = [{"messages": [{"role": "user", "content": f"{i % 5} " * (1 + 9 * i)}], "max_tokens": 10 + 3 * i, "seed": i,
                   "temperature": i % 3 / 2} for i in range(32)]
        alone = [self.server.post(CHAT, b)[1]["choices"][0]["message"]["content"] for b in bodies]
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            together = list(pool.map(lambda b: self.server.post(CHAT, b)[1]["choices"][0]["message"]["content"], bodies))
        self.assertEqual(together, alone)


class Vectors(Case):
    def vectors(self, texts, **more):
        status, answer = self.server.post(EMBED, {"input": texts, **more})
        self.assertEqual((status, answer.get("object")), (200, "list"), answer)
        self.assertEqual([(d["object"], d["index"]) for d in answer["data"]], [("embedding", i) for i in range(len(answer["data"]))])
        return [d["embedding"] for d in answer["data"]]

    def test_a_text_has_one_vector_of_length_one(self):
        (vector,) = self.vectors("Hello")
        self.assertEqual(len(vector), json.loads(self.server.ask("GET", "/v1/models")[2])["data"][0]["meta"]["n_embd"])
        self.assertAlmostEqual(sum(x * x for x in vector), 1, places=5)
        ids = self.server.post("/tokenize", {"content": "Hello", "add_special": True})[1]["tokens"]
        self.assertEqual(self.vectors(ids), [vector])
        self.assertEqual(self.vectors([ids, ids]), [vector, vector])
        self.assertNotEqual(self.vectors("Hello."), [vector])
        usage = self.server.post("/embeddings", {"input": ["Hello", "Hello"], "model": "tiny"})[1]["usage"]
        self.assertEqual(usage, {"prompt_tokens": 2 * len(ids), "total_tokens": 2 * len(ids)})

    def test_both_encodings_hold_the_same_bits(self):
        (numbers,), (text,) = self.vectors("Hello"), self.vectors("Hello", encoding_format="base64")
        self.assertEqual(struct.pack(f"<{len(numbers)}f", *numbers), base64.b64decode(text, validate=True))
        (few,) = self.vectors("Hello", dimensions=5)
        length = sum(x * x for x in numbers[:5]) ** 0.5
        for found, expected in zip(few, numbers, strict=False):
            self.assertAlmostEqual(found, expected / length, places=5)
        self.assertEqual(len(few), 5)

    def test_the_same_alone_and_in_company(self):
        texts = [f"{i % 7} word " * (1 + 2 * i) for i in range(50)]
        alone = [self.vectors(text)[0] for text in texts]
        self.assertEqual(self.vectors(texts), alone)
        chats = [{"messages": [{"role": "user", "content": text}], "max_tokens": 60} for text in texts]
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            noise = [pool.submit(self.server.post, CHAT, chat) for chat in chats]
            together = list(pool.map(lambda text: self.vectors(text)[0], texts))
            self.assertEqual({n.result()[0] for n in noise}, {200})
        self.assertEqual(together, alone)

    def test_what_is_wrong_is_named(self):
        for change, param in (({"input": None}, "input"), ({"input": []}, "input"), ({"input": ["a", 1]}, "input"),
                              ({"input": [99999]}, "input"), ({"input": ["a"] * 2049}, "input"), ({"dimensions": 0}, "dimensions"),
                              ({"dimensions": 100_000}, "dimensions"), ({"encoding_format": "hex"}, "encoding_format")):
            with self.subTest(change=change):
                self.refused(EMBED, {"input": "a", **change}, 400, param, "invalid_value")
        self.refused(EMBED, {"input": ["a", "x" * 1024]}, 400, "input", "context_length_exceeded")
        self.assertEqual(self.server.ask("POST", EMBED, {"input": "a", "odd": 1})[1]["x-freehold-ignored"], "odd")


    def test_the_file_says_how_states_become_a_vector(self):
        half = 0.5 ** 0.5
        for pooling, ends, expected in ((0, False, {97: half, 98: half}), (1, False, {97: half, 98: half}), (3, False, {98: 1}),
                                        (3, True, {scripted_model.END: 1})):
            with served(scripted_model.pooled, pooling, ends) as server:
                (data,) = server.post(EMBED, {"input": "ab"})[1]["data"]
                for i, number in enumerate(data["embedding"]):
                    self.assertAlmostEqual(number, expected.get(i, 0), places=5)
        with served(scripted_model.pooled, 2, False) as server:
            status, answer = server.post(EMBED, {"input": "ab"})
            self.assertEqual((status, answer["error"]["code"]), (501, "not_supported"))


class Gaps(Case):
    @classmethod
    def setUpClass(cls):
        cls.model = served(scripted_model.gap)
        cls.server = cls.model.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.model.__exit__(None, None, None)

    around = {"input_prefix": "def f(a, b):\n    ", "input_suffix": "\n", "n_predict": 20, "top_k": 1}

    def test_infill(self):
        status, headers, text = self.server.ask("POST", "/infill", {**self.around, "samplers": ["top_k", "infill"], "t_max_predict_ms": 500})
        self.assertEqual((status, headers["x-freehold-ignored"]), (200, "samplers, t_max_predict_ms"), text)
        answer = json.loads(text)
        self.assertEqual((answer["content"], answer["stop"], answer["stop_type"], answer["truncated"]), ("return a + b\n", True, "eos", False))
        self.assertEqual((answer["tokens_predicted"], answer["tokens_evaluated"]), (3, 3 + 17 + 1))
        self.assertEqual((answer["timings"]["predicted_n"], answer["timings"]["prompt_n"] + answer["timings"]["cache_n"]), (3, 21))
        events = [json.loads(e) for e in self.server.stream("/infill", self.around)]
        self.assertEqual("".join(e["content"] for e in events), answer["content"])
        self.assertEqual([e["stop"] for e in events], [False] * (len(events) - 1) + [True])
        self.assertEqual(events[-1]["stop_type"], "eos")

    def test_infill_ends_and_goes_on(self):
        ask = lambda **more: self.server.post("/infill", {**self.around, **more})[1]
        cut = ask(n_predict=1)
        self.assertEqual((cut["content"], cut["stop_type"]), ("return", "limit"))
        stopped = ask(stop=["+"])
        self.assertEqual((stopped["content"], stopped["stop_type"], stopped["stopping_word"]), ("return a ", "word", "+"))
        self.assertEqual(ask(prompt="x =")["content"], " a + b\n")
        others = ask(input_extra=[{"filename": "x.py", "text": "x = 1"}])
        self.assertEqual(others["tokens_evaluated"], 21 + 1 + len("repository\n") + 1 + len("x.py\nx = 1") + 1 + len("this file\n"))
        self.assertEqual(ask(input_suffix="<|fim_middle|>")["tokens_evaluated"], 3 + 17 + 14)  # text, no token
        self.assertEqual(ask(input_prefix="", input_suffix="")["content"], "return a + b\n")

    def test_tokens_that_the_file_states(self):
        with served(scripted_model.gap_by_key) as server:
            answer = server.post("/infill", self.around)[1]
            self.assertEqual((answer["content"], answer["tokens_evaluated"]), ("return a + b\n", 21))

    def test_suffix(self):
        ask = {"prompt": "def", "suffix": "end", "temperature": 0}
        choice = self.server.post(TEXT, ask)[1]["choices"][0]
        self.assertEqual((choice["text"], choice["finish_reason"]), ("return a + b\n", "stop"))
        both = self.server.post(TEXT, {**ask, "prompt": ["a", ""], "echo": True})[1]["choices"]
        self.assertEqual([c["text"] for c in both], ["areturn a + b\n", "return a + b\n"])
        self.refused(TEXT, {**ask, "prompt": [1, 2]}, 400, "prompt", "invalid_value")
        self.refused(TEXT, {**ask, "suffix": 1}, 400, "suffix", "invalid_value")
        self.refused(TEXT, {**ask, "suffix": "x" * 1024}, 400, "prompt", "context_length_exceeded")
        self.refused(TEXT, {**ask, "echo": True, "logprobs": 1}, 400, "suffix", "unsupported_parameter")

    def test_what_is_wrong_is_named(self):
        for change, param in (({"input_suffix": None}, "input_suffix"), ({"input_prefix": 1}, "input_prefix"), ({"n_predict": -2}, "n_predict"),
                              ({"input_extra": {}}, "input_extra"), ({"input_extra": [1]}, "input_extra[0]"),
                              ({"input_extra": [{"filename": "a"}]}, "input_extra[0].text"), ({"prompt": []}, "prompt")):
            with self.subTest(change=change):
                self.refused("/infill", {**self.around, **change}, 400, param, "invalid_value")
        self.refused("/infill", {**self.around, "n": 2}, 400, "n", "unsupported_parameter")
        self.refused("/infill", {**self.around, "input_prefix": "x" * 1020}, 400, "input_prefix", "context_length_exceeded")


class Refusals(Case):
    def test_fields_are_named(self):
        good = {"messages": HELLO}
        for change, param in (({"temperature": 3}, "temperature"), ({"temperature": "hot"}, "temperature"), ({"top_p": -1}, "top_p"),
                              ({"max_tokens": 0}, "max_tokens"), ({"max_tokens": 1.5}, "max_tokens"), ({"n": 0}, "n"),
                              ({"n": 10 ** 18}, "n"), ({"stop": ""}, "stop"), ({"stop": [1]}, "stop"), ({"stop": ["a"] * 17}, "stop"),
                              ({"logit_bias": {"x": 1}}, "logit_bias"), ({"logit_bias": {"99999": 1}}, "logit_bias"),
                              ({"logit_bias": {"1": 101}}, "logit_bias"), ({"seed": "a"}, "seed"), ({"stream": "yes"}, "stream"),
                              ({"top_logprobs": 3}, "top_logprobs"), ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
                              ({"stream_options": {}}, "stream_options"), ({"reasoning_effort": "huge"}, "reasoning_effort"),
                              ({"chat_template_kwargs": {"bos_token": "x"}}, "chat_template_kwargs"),
                              ({"messages": []}, "messages"), ({"messages": "x"}, "messages"), ({"messages": [1]}, "messages[0]"),
                              ({"messages": [{"role": "user"}]}, "messages[0].content"),
                              ({"messages": [{"role": "king", "content": ""}]}, "messages[0].role"),
                              ({"messages": [{"role": "user", "content": [1]}]}, "messages[0].content[0].")):
            with self.subTest(change=change):
                self.refused(CHAT, {**good, **change}, 400, param, "invalid_value")

    def test_what_is_not_served_is_said(self):
        good = {"messages": HELLO, "max_tokens": 1}
        for change, param in (({"tools": [{"type": "function"}]}, "tools"), ({"lora": [{"id": 0}]}, "lora"),
                              ({"typical_p": 0.5}, "typical_p"), ({"samplers": ["top_k"]}, "samplers"),
                              ({"messages": [{"role": "user", "content": [{"type": "image_url", "text": ""}]}]}, "messages[0].content[0].type"),
                              ({"messages": [{"role": "user", "content": "x", "odd": 1}]}, "messages[0].odd")):
            with self.subTest(change=change):
                self.refused(CHAT, {**good, **change}, 400, param, "unsupported_parameter")
        many = {"prompt": ["x" * 1000] * 20, "max_tokens": 1, "echo": True}  # 400,000 numbers, at 20 for each token
        self.refused(TEXT, {**many, "logprobs": 19}, 400, "echo", "invalid_value")
        # The tiny model was not taught to fill in the middle.
        self.refused(TEXT, {"prompt": "a", "suffix": "b"}, 400, "suffix", "unsupported_parameter")
        self.refused("/infill", {"input_prefix": "a", "input_suffix": "b"}, 400, "input_prefix", "unsupported_parameter")
        for change in ({"tools": []}, {"response_format": {"type": "text"}}, {"tools": None, "user": "me", "store": True}):
            self.assertEqual(self.server.post(CHAT, {**good, **change})[0], 200, change)

    def test_unknown_fields_are_named_in_a_header(self):
        status, headers, _ = self.server.ask("POST", CHAT, {"messages": HELLO, "max_tokens": 1, "odd\r\nX-Evil: 1": 1, "other": 2})
        self.assertEqual(status, 200)
        self.assertEqual(headers["x-freehold-ignored"], "odd\\x0d\\x0aX-Evil: 1, other")
        self.assertIsNone(headers["X-Evil"])

    def test_prompts_that_do_not_fit(self):
        error = self.refused(TEXT, {"prompt": "x" * 1024}, 400, "prompt", "context_length_exceeded")
        self.assertEqual((error["n_prompt_tokens"], error["n_ctx"]), (1024, 1024))
        self.refused(CHAT, {"messages": [{"role": "user", "content": "x" * 4_000_000}]}, 400, "messages", "context_length_exceeded")
        self.assertEqual(self.server.post(TEXT, {"prompt": "x" * 1023, "max_tokens": 5, "temperature": 0})[1]["choices"][0]["finish_reason"], "length")
        self.refused(TEXT, {"prompt": [1, 99999]}, 400, "prompt", "invalid_value")
        self.refused(TEXT, {"prompt": []}, 400, "prompt", "invalid_value")

    def test_bodies_that_are_no_json(self):
        deep = b"[" * 100_000
        for body in (b"", b"{", b"[]", b"null", b'{"a":1,"a":2}', b'{"messages":"\xff"}', deep, b'{"a":' + deep, b'{"a":NaN}', b"\0"):
            with self.subTest(body=body[:20]):
                status, _, text = self.server.ask("POST", CHAT, body)
                self.assertEqual(status, 400, text)
                self.assertEqual(json.loads(text)["error"]["code"], "invalid_json")

    def test_routes_methods_models_and_types(self):
        self.assertEqual(self.server.ask("GET", "/v1/nothing")[0], 404)
        self.assertEqual(self.server.ask("GET", CHAT)[0], 405)
        self.assertEqual(self.server.ask("POST", "/health", {})[0], 405)
        self.assertEqual(self.server.ask("POST", CHAT, b"a=b", {"Content-Type": "application/x-www-form-urlencoded"})[0], 415)
        self.refused(CHAT, {"messages": HELLO, "model": "gpt"}, 404, "model", "model_not_found")
        self.assertEqual(self.server.ask("GET", "/health?api_key=x")[0], 400)

    def test_hosts_and_origins(self):
        self.assertEqual(self.server.ask("GET", "/health", headers={"Host": "evil.example"})[0], 421)
        self.assertEqual(self.server.ask("GET", "/health", headers={"Origin": "https://evil.example"})[0], 403)
        status, headers, _ = self.server.ask("GET", "/health", headers={"Origin": f"http://127.0.0.1:{self.server.port}"})
        self.assertEqual(status, 200)
        self.assertIsNone(headers["Access-Control-Allow-Origin"])

    def test_broken_heads(self):
        for data in (b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", b"GET /health HTTP/1.1\r\n\r\n",
                     b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
                     b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
                     b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: -2\r\n\r\n{}",
                     b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
                     b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: \x01\r\n\r\n"):
            with self.subTest(data=data):
                self.assertRegex(self.server.raw(data), rb"^HTTP/1.1 400 ")
        self.assertRegex(self.server.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 40_000), rb"^HTTP/1.1 431 ")
        self.assertRegex(self.server.raw(b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                         b"Content-Length: 99999999999\r\n\r\n"), rb"^HTTP/1.1 413 ")

    def test_chunked_bodies_and_requests_sent_ahead(self):
        one = (b"POST /detokenize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"5\r\n{\"tok\r\nc\r\nens\":[72,73]\r\n1\r\n}\r\n0\r\n\r\n")
        last = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        answer = self.server.raw(one + one + last)
        self.assertEqual(answer.count(b"HTTP/1.1 200 "), 3)
        self.assertEqual(answer.count(b'"content":'), 2)


class Clients(Case):
    options = ("--answers", "4", "--queue", "4")

    def test_a_client_that_goes_frees_its_place(self):
        body = json.dumps({"messages": HELLO, "max_tokens": 900, "stream": True, "logit_bias": GO_ON}).encode()
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        for _ in range(3):  # more than there are places
            open_ones = []
            for _ in range(4):
                s = socket.create_connection(("127.0.0.1", self.server.port))
                s.sendall(head + body)
                s.recv(100)
                open_ones.append(s)
            for s in open_ones:
                s.close()
        before = self.server.metric("vllm:generation_tokens_total")
        deadline = time.monotonic() + 20
        while self.server.metric("vllm:num_requests_running") + self.server.metric("vllm:num_requests_waiting") > 0:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.assertLess(self.server.metric("vllm:generation_tokens_total") - before, 4 * 900)

    def test_slow_and_silent_clients_do_not_hold_up_others(self):
        idle = [socket.create_connection(("127.0.0.1", self.server.port)) for _ in range(200)]
        for s in idle[:100]:
            s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHo")
        start = time.monotonic()
        self.assertEqual(self.server.post(CHAT, {"messages": HELLO, "max_tokens": 5})[0], 200)
        self.assertLess(time.monotonic() - start, 5)
        idle[0].settimeout(15)
        self.assertEqual(idle[0].recv(100), b"")  # its time for the head is over
        for s in idle:
            s.close()

    def test_overload_gives_answers_or_429(self):
        body = {"messages": HELLO, "max_tokens": 200, "seed": 1}
        def one(_):
            status, headers, text = self.server.ask("POST", CHAT, body)
            if status == 429:
                assert int(headers["Retry-After"]) > 0 and json.loads(text)["error"]["code"] == "queue_full"
            return status
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            found = list(pool.map(one, range(128)))
        self.assertEqual(set(found) - {200, 429}, set())
        self.assertGreaterEqual(found.count(200), 8)  # as many as have a place when the first come
        self.assertGreater(found.count(429), 0)

    def test_nothing_is_written_about_what_was_asked(self):
        self.server.post(CHAT, {"messages": [{"role": "user", "content": "canary-7391"}], "max_tokens": 2})
        self.server.post(CHAT, {"messages": [{"role": "canary-7391", "content": "x"}]})
        self.assertEqual(self.server.said(), "")


class Modes(unittest.TestCase):
    def test_strict(self):
        server = Serving(FREEHOLD, TINY, "--strict", "--context", "256")
        try:
            self.assertEqual(server.post(CHAT, {"messages": HELLO, "max_tokens": 1})[0], 200)
            self.assertEqual(server.post(CHAT, {"messages": HELLO, "odd": 1})[1]["error"]["param"], "odd")
        finally:
            self.assertEqual(server.end(), 0)

    def test_ctrl_c_ends_what_is_under_way(self):
        server = Serving(FREEHOLD, TINY, "--context", "60000")
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            streamed = pool.submit(server.ask, "POST", CHAT, {"messages": HELLO, "stream": True, "logit_bias": GO_ON})
            whole = pool.submit(server.ask, "POST", CHAT, {"messages": HELLO, "logit_bias": GO_ON})
            while server.metric("vllm:num_requests_running") < 2:
                time.sleep(0.01)
            server.process.send_signal(2)
            status, _, text = streamed.result(20)
            self.assertEqual(status, 200)
            self.assertNotIn("[DONE]", text)
            self.assertEqual(json.loads(text.split("\n\n")[-2][6:])["error"]["type"], "unavailable_error")
            self.assertEqual(whole.result(20)[0], 503)
        self.assertEqual(server.end(), 0)

    def test_wrong_words(self):
        for words in (("--port", "99999"), ("--host", "nowhere"), ("--host", "0.0.0.0"), ("--context", "-5"), ("--answers", "0")):
            done = subprocess.run([FREEHOLD, "serve", TINY, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
            self.assertEqual(done.returncode, 2, (words, done.stderr))
            self.assertRegex(done.stderr, r"^freehold: error: usage: ")

    def test_what_it_prints(self):
        process = subprocess.Popen([FREEHOLD, "serve", TINY, "--port", "0"], stdout=subprocess.PIPE, text=True)
        text = "".join(process.stdout.readline() for _ in range(8))
        process.send_signal(15)
        self.assertEqual(process.wait(20), 0)
        process.stdout.close()
        for word in ("http://127.0.0.1:", "curl http", "from openai import OpenAI", "client = OpenAI(base_url="):
            self.assertIn(word, text)


if __name__ == "__main__":
    unittest.main()
