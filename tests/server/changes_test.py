"""Adapters and steering vectors of a server: each request has its own. Usage: changes_test.py FREEHOLD TINY_MODEL."""
import concurrent.futures
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unittest

from serving import Serving

FREEHOLD, TINY = sys.argv[1:3]
del sys.argv[1:3]
HELLO = [{"role": "user", "content": "Hello"}]
CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
GO_ON = {"256": -100, "257": -100, "258": -100}  # the tokens that end an answer
HIDDEN, LAYERS = 64, 2


def safetensors(tensors):
    header, data = {}, b""
    for name, shape, numbers in tensors:
        more = struct.pack(f"<{len(numbers)}f", *numbers)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(more)]}
        data += more
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def write_adapter(folder, seed, size=0.4):
    noise = random.Random(seed)
    tensors = []
    for layer in range(LAYERS):
        for name, rows in (("q_proj", 64), ("v_proj", 32), ("o_proj", 64)):
            stem = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            tensors.append((stem + ".lora_A.weight", [2, HIDDEN], [noise.gauss(0, size) for _ in range(2 * HIDDEN)]))
            tensors.append((stem + ".lora_B.weight", [rows, 2], [noise.gauss(0, size) for _ in range(2 * rows)]))
    folder.mkdir(exist_ok=True)
    (folder / "adapter_model.safetensors").write_bytes(safetensors(tensors))
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 4}))


def write_steering(path, seed):
    noise = random.Random(seed)
    path.write_bytes(safetensors([("direction.0", [HIDDEN], [noise.gauss(0, 1) for _ in range(HIDDEN)])]))


class Case(unittest.TestCase):
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.files = tempfile.TemporaryDirectory()
        at = pathlib.Path(cls.files.name)
        write_adapter(at / "a", 1)
        write_adapter(at / "b", 2)
        write_steering(at / "calm.safetensors", 3)
        cls.server = Serving(FREEHOLD, TINY, "--context", "512", "--name", "tiny", "--lora", f"first={at}/a", "--lora",
                             f"second={at}/b", "--steer", f"calm={at}/calm.safetensors", *cls.options)

    @classmethod
    def tearDownClass(cls):
        said = cls.server.said()
        status = cls.server.end()
        cls.files.cleanup()
        assert (status, said) == (0, ""), (status, said)

    def text(self, key=None, **more):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        body = {"prompt": "Once upon a time there was", "max_tokens": 12, "seed": 5, "logit_bias": GO_ON, **more}
        status, _, text = self.server.ask("POST", TEXT, body, headers)
        return status, json.loads(text)

    def said(self, **more):
        status, answer = self.text(**more)
        self.assertEqual(status, 200, answer)
        return answer["choices"][0]["text"]

    def refused(self, body, status, param, *words, path=TEXT):
        found, answer = self.server.post(path, {"prompt": "x", "max_tokens": 1, **body})
        self.assertEqual((found, answer["error"]["param"]), (status, param), answer)
        for word in words:
            self.assertIn(word, answer["error"]["message"])


class Changes(Case):
    def test_what_is_served_is_listed(self):
        _, _, text = self.server.ask("GET", "/v1/models")
        self.assertEqual([(m["id"], m["parent"]) for m in json.loads(text)["data"]],
                         [("tiny", None), ("first", "tiny"), ("second", "tiny")])
        status, _, text = self.server.ask("GET", "/v1/models/second")
        self.assertEqual((status, json.loads(text)["id"]), (200, "second"))
        self.assertEqual(self.server.ask("GET", "/v1/models/calm")[0], 404)
        _, _, text = self.server.ask("GET", "/lora-adapters")
        self.assertEqual(json.loads(text), [{"id": 0, "name": "first", "path": "a", "scale": 0.0},
                                            {"id": 1, "name": "second", "path": "b", "scale": 0.0}])
        self.assertEqual(self.server.ask("POST", "/lora-adapters", [])[0], 405)
        _, _, text = self.server.ask("GET", "/freehold/state")
        state = json.loads(text)
        self.assertEqual((state["adapters"], state["steering"]), (["first", "second"], ["calm"]))

    def test_each_changes_the_answer_and_0_changes_nothing(self):
        plain = self.said()
        texts = {plain, self.said(model="first"), self.said(model="second"), self.said(lora=[{"id": 0, "scale": 0.5}]),
                 self.said(steering=[{"name": "calm", "scale": 2}]),
                 self.said(model="first", steering=[{"name": "calm", "scale": 2}])}
        self.assertEqual(len(texts), 6)
        for nothing in ({"lora": []}, {"lora": [{"id": 1, "scale": 0}]}, {"steering": [{"name": "calm", "scale": 0.0}]},
                        {"lora": [{"id": 0, "scale": 0}], "steering": []}):
            self.assertEqual(self.said(**nothing), plain, nothing)
        self.assertEqual(self.said(model="second"), self.said(model="tiny", lora=[{"id": 1}]))
        self.assertEqual(self.said(steering=[{"name": "calm"}]), self.said(steering=[{"name": "calm", "scale": 1}]))

    def test_ollama_has_them_too(self):
        listed = json.loads(self.server.ask("GET", "/api/tags")[2])["models"]
        self.assertEqual([m["name"] for m in listed], ["tiny", "first", "second"])
        self.assertEqual(len({m["digest"] for m in listed}), 3)

        def say(**more):
            body = {"prompt": "Hello", "stream": False, "options": {"temperature": 0, "num_predict": 12}, **more}
            status, answer = self.server.post("/api/generate", body)
            self.assertEqual(status, 200, answer)
            return answer["response"]
        self.assertEqual(say(model="first:latest"), say(lora=[{"id": 0, "scale": 1}]))
        self.assertEqual(len({say(), say(model="first"), say(model="second"), say(steering=[{"name": "calm", "scale": 2}])}), 4)
        self.assertEqual(self.server.post("/api/show", {"model": "second"})[0], 200)
        self.assertEqual(self.server.post("/api/embed", {"model": "first", "input": "Hello"})[0], 501)

    def test_answers_tell_what_made_them(self):
        named, listed, plain = self.text(model="first")[1], self.text(lora=[{"id": 0, "scale": 1}])[1], self.text()[1]
        self.assertEqual((named["model"], listed["model"], plain["model"]), ("first", "tiny", "tiny"))
        self.assertEqual(named["system_fingerprint"], listed["system_fingerprint"])
        self.assertTrue(named["system_fingerprint"].startswith(plain["system_fingerprint"] + "+"), named)
        self.assertNotEqual(named["system_fingerprint"], self.text(lora=[{"id": 0, "scale": 2}])[1]["system_fingerprint"])
        status, answer = self.server.post("/v1/messages", {"model": "second", "messages": HELLO, "max_tokens": 2})
        self.assertEqual((status, answer["model"]), (200, "second"))
        status, answer = self.server.post("/v1/responses", {"model": "second", "input": "Hello", "max_output_tokens": 2})
        self.assertEqual((status, answer["model"]), (200, "second"))
        status, answer = self.server.post("/tokenize", {"model": "second", "content": "a"})
        self.assertEqual(status, 200, answer)
        events = self.server.stream(CHAT, {"model": "first", "messages": HELLO, "max_tokens": 3})
        self.assertEqual({json.loads(e)["model"] for e in events[:-1]}, {"first"})

    def test_a_request_among_others_with_other_changes_says_what_it_says_alone(self):
        kinds = [{}, {"model": "first"}, {"model": "second"}, {"lora": [{"id": 1, "scale": -0.5}]},
                 {"steering": [{"name": "calm", "scale": 3}]}, {"model": "second", "steering": [{"name": "calm", "scale": -1}]}]
        asks = [{**kinds[i % len(kinds)], "seed": i, "max_tokens": 8 + i % 9, "temperature": 0 if i % 5 == 0 else 1.0,
                 "prompt": "Once upon a time " * (1 + i % 4)} for i in range(30)]
        alone = [self.said(**ask) for ask in asks]
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            together = list(pool.map(lambda ask: self.said(**ask), asks))
        self.assertEqual(together, alone)

    def test_what_memory_holds_is_taken_up_by_equal_changes_alone(self):
        prompt = "There is a tale of long ago that nobody tells any more, of a king and his three daughters. " * 3
        used = []
        for more in ({}, {"model": "first"}, {"model": "first"}, {"lora": [{"id": 0, "scale": 0.5}]}, {},
                     {"steering": [{"name": "calm", "scale": 1}]}, {"steering": [{"name": "calm"}]}):
            status, answer = self.text(prompt=prompt, **more)
            self.assertEqual(status, 200, answer)
            used.append(answer["usage"]["prompt_tokens_details"]["cached_tokens"] > 0)
        self.assertEqual(used, [False, False, True, False, True, False, True])

    def test_what_is_not_loaded_or_makes_no_sense_is_refused(self):
        for body, param, words in (
                ({"lora": [{"id": 2, "scale": 1}]}, "lora[0].id", "to 1"), ({"lora": [{"scale": 1}]}, "lora[0].id", "GET /lora-adapters"),
                ({"lora": [{"id": -1}]}, "lora[0].id", "0 to"), ({"lora": {"id": 0}}, "lora", "a list"), ({"lora": [0]}, "lora[0]", "object"),
                ({"lora": [{"id": 0, "scale": "1"}]}, "lora[0].scale", "number"), ({"lora": [{"id": 0, "scale": 1e9}]}, "lora[0].scale", "1000"),
                ({"lora": [{"id": 0, "weight": 1}]}, "lora[0].weight", "not known"), ({"lora": [{"id": 0}, {"id": 0}]}, "lora[1].id", "twice"),
                ({"lora": [{"id": 0}, {"id": 1}]}, "lora", "two adapters"), ({"lora": [{"id": 0}] * 3}, "lora", "2 are loaded"),
                ({"steering": [{"name": "loud"}]}, "steering[0].name", "loud"), ({"steering": [{"name": "first"}]}, "steering[0].name", "first"),
                ({"steering": [{}]}, "steering[0].name", "none"), ({"model": "first", "lora": [{"id": 1}]}, "lora", "adapter already")):
            self.refused(body, 400, param, words)
        self.refused({"model": "calm"}, 404, "model", "not served")
        self.refused({"model": "first", "input": "x"}, 501, "model", "makes no vectors", path="/v1/embeddings")


class Keys(Case):
    def test_a_key_has_the_changes_that_it_names(self):
        def key(*models):
            done = subprocess.run([FREEHOLD, "keys", "add", "-".join(models), "--models", ",".join(models), "--json"], text=True, capture_output=True,
                                  env={**os.environ, "FREEHOLD_HOME": self.server.home.name}, timeout=60, check=True)
            return json.loads(done.stdout)["key"]

        first, base, both = key("first"), key("tiny"), key("tiny", "calm", "second")
        for secret, more, status in ((first, {"model": "first"}, 200), (first, {}, 403), (first, {"model": "second"}, 403),
                                     (base, {}, 200), (base, {"model": "first"}, 403), (base, {"lora": [{"id": 0}]}, 403),
                                     (base, {"lora": [{"id": 0, "scale": 0}]}, 200), (base, {"steering": [{"name": "calm"}]}, 403),
                                     (both, {"lora": [{"id": 1}], "steering": [{"name": "calm"}]}, 200), (both, {"lora": [{"id": 0}]}, 403)):
            found, answer = self.text(secret, **more)
            self.assertEqual(found, status, (more, answer))


class OnDisk(Case):
    options = ("--disk-cache-mib", "64")

    def test_after_a_restart_equal_changes_alone_go_on_from_disk(self):
        prompt = "There is a tale of long ago that nobody tells any more, of a king and his three daughters. " * 3
        kinds = ({}, {"model": "first"}, {"steering": [{"name": "calm"}]})
        before = [self.said(prompt=prompt, **more) for more in kinds]
        self.server.end_and_start_again(lambda home: None)
        for more, expected in zip(kinds, before, strict=True):
            status, answer = self.text(prompt=prompt, **more)
            self.assertEqual((status, answer["choices"][0]["text"]), (200, expected))
            self.assertGreaterEqual(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 64)
        self.assertEqual(self.text(prompt=prompt, model="second")[1]["usage"]["prompt_tokens_details"]["cached_tokens"], 0)


class CommandLine(unittest.TestCase):
    def fails(self, *options):
        with tempfile.TemporaryDirectory() as home:
            done = subprocess.run([FREEHOLD, "serve", TINY, "--port", "0", *options], text=True, capture_output=True, timeout=60,
                                  env={**os.environ, "FREEHOLD_HOME": home}, stdin=subprocess.DEVNULL)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def test_faults_are_named(self):
        with tempfile.TemporaryDirectory() as folder:
            at = pathlib.Path(folder)
            write_adapter(at / "a", 1)
            write_steering(at / "calm.safetensors", 2)
            (at / "broken").mkdir()
            for options, words in (
                    (("--lora", "first"), "--lora: expected NAME=PATH"), (("--lora", f"a,b={at}/a"), "expected NAME=PATH"),
                    (("--steer", "=x"), "--steer: expected NAME=PATH"), (("--lora", f"tiny={at}/a"), "the name tiny is taken"),
                    (("--lora", f"x={at}/a", "--steer", f"x={at}/calm.safetensors"), "the name x is taken"),
                    (("--lora", f"x={at}/nowhere"), "nowhere"), (("--lora", f"x={at}/broken"), "adapter_config.json"),
                    (("--lora", f"x={at}/calm.safetensors"), "calm.safetensors"), (("--steer", f"x={at}/a"), "a:"),
                    (("--steer", f"x={at}/a/adapter_model.safetensors"), "expected direction.0 to direction.1")):
                self.assertIn(words, self.fails(*options), options)


if __name__ == "__main__":
    unittest.main(verbosity=0)
