"""A server with an encoder, alone and beside a model that writes. Usage: encoder_test.py FREEHOLD TINY_MODEL.

The encoder is tests/golden/encoders/bert_tiny; what its vectors should be stands in its golden files.
"""
import base64
import json
import math
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

from serving import Serving

FREEHOLD, TINY = sys.argv[1:3]
del sys.argv[1:3]
GOLDEN = pathlib.Path("tests/golden/encoders/bert_tiny")
TEXTS = json.loads((GOLDEN / "golden.json").read_text())["texts"]
EMBED, RERANK, CHAT = "/v1/embeddings", "/v1/rerank", "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]


def golden(name):
    data = (GOLDEN / "golden.safetensors").read_bytes()
    size, = struct.unpack("<Q", data[:8])
    begin, end = json.loads(data[8:8 + size])[name]["data_offsets"]
    return struct.unpack(f"<{(end - begin) // 4}f", data[8 + size + begin:8 + size + end])


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


class Case(unittest.TestCase):
    def near(self, found, expected, bound=2e-5):
        self.assertLess(max(abs(a - b) for a, b in zip(found, expected, strict=True)), bound)

    def vectors(self, texts, **more):
        status, answer = self.server.post(EMBED, {"input": texts, **more})
        self.assertEqual(status, 200, answer)
        return [one["embedding"] for one in answer["data"]]

    def refused(self, path, body, status, code, *words):
        found, answer = self.server.post(path, body)
        self.assertEqual((found, answer["error"]["code"]), (status, code), answer)
        for word in words:
            self.assertIn(word, answer["error"]["message"])


class Alone(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = Serving(FREEHOLD, str(GOLDEN))

    @classmethod
    def tearDownClass(cls):
        assert cls.server.end() == 0

    def test_it_is_listed(self):
        data = json.loads(self.server.ask("GET", "/v1/models")[2])["data"]
        self.assertEqual([(m["id"], m["max_model_len"], m["meta"]["n_embd"]) for m in data], [("bert_tiny", 80, 32)])

    def test_vectors(self):
        for i, vector in enumerate(self.vectors([one["text"] for one in TEXTS])):
            self.near(vector, golden(f"vector.{i}"))
        status, answer = self.server.post(EMBED, {"input": TEXTS[1]["ids"], "encoding_format": "base64"})
        self.assertEqual(answer["usage"], {"prompt_tokens": len(TEXTS[1]["ids"]), "total_tokens": len(TEXTS[1]["ids"])})
        self.near(struct.unpack("<32f", base64.b64decode(answer["data"][0]["embedding"])), golden("vector.1"))
        few, = self.vectors("a", dimensions=8)
        self.assertEqual(len(few), 8)
        self.assertAlmostEqual(math.hypot(*few), 1, places=5)

    def test_company_changes_nothing(self):
        many = [f"belt {i} " * (i % 20 + 1) for i in range(100)]
        self.assertEqual(self.vectors(many)[37], self.vectors(many[37])[0])

    def test_what_is_too_long_is_refused(self):
        self.assertEqual(len(self.vectors("belt " * 78)), 1)  # and the two marks around it
        self.refused(EMBED, {"input": "belt " * 79}, 400, "context_length_exceeded", "80")

    def test_it_writes_nothing(self):
        for path, body in ((CHAT, {"messages": HELLO}), ("/v1/completions", {"prompt": "a"}),
                           ("/infill", {"input_prefix": "a", "input_suffix": "b"}), ("/v1/responses", {"input": "a"})):
            self.refused(path, body, 501, "not_supported", "encoder")

    def test_ranking(self):
        query, documents = TEXTS[0]["text"], [one["text"] for one in TEXTS[1:]]
        vector, *others = [golden(f"vector.{i}") for i in range(len(TEXTS))]
        scores = [cosine(vector, other) for other in others]
        status, answer = self.server.post(RERANK, {"query": query, "documents": documents})
        self.assertEqual(status, 200, answer)
        self.assertEqual(answer["model"], "bert_tiny")
        self.assertEqual([r["index"] for r in answer["results"]], sorted(range(len(scores)), key=lambda i: -scores[i]))
        for result in answer["results"]:
            self.assertAlmostEqual(result["relevance_score"], scores[result["index"]], places=4)
            self.assertNotIn("document", result)
        tokens = sum(len(one["ids"]) for one in TEXTS)
        self.assertEqual(answer["usage"], {"prompt_tokens": tokens, "total_tokens": tokens})
        for path in ("/rerank", "/v2/rerank"):
            few = self.server.post(path, {"model": "bert_tiny", "query": query, "top_n": 2, "return_documents": True,
                                          "documents": [{"text": text} for text in documents]})[1]["results"]
            self.assertEqual([r["index"] for r in few], [r["index"] for r in answer["results"]][:2])
            self.assertEqual([r["document"]["text"] for r in few], [documents[r["index"]] for r in few])

    def test_rankings_that_are_wrong(self):
        self.refused(RERANK, {"documents": ["a"]}, 400, "invalid_value", "query")
        for documents in (None, [], "a", [1], [{"title": "a"}], ["a"] * 2048):
            self.refused(RERANK, {"query": "a", "documents": documents}, 400, "invalid_value")
        self.refused(RERANK, {"query": "a", "documents": ["a"], "top_n": 0}, 400, "invalid_value")
        self.refused(RERANK, {"query": "a", "documents": ["a", "belt " * 79]}, 400, "context_length_exceeded")
        self.refused(RERANK, {"query": "a", "documents": ["a"], "model": "other"}, 404, "model_not_found")


class Beside(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = Serving(FREEHOLD, TINY, "--context", "1024", "--encoder", str(GOLDEN / "model.gguf"), "--name", "talker")

    @classmethod
    def tearDownClass(cls):
        assert cls.server.end() == 0

    def test_both_answer(self):
        self.assertEqual((self.server.about["model"], self.server.about["encoder"]), ("talker", "model"))
        data = json.loads(self.server.ask("GET", "/v1/models")[2])["data"]
        self.assertEqual([m["id"] for m in data], ["talker", "model"])
        self.assertEqual(json.loads(self.server.ask("GET", "/v1/models/model")[2])["meta"]["n_embd"], 32)
        self.assertEqual(self.server.post(CHAT, {"messages": HELLO, "max_tokens": 3})[0], 200)
        vector, = self.vectors(TEXTS[1]["text"])
        self.assertGreater(cosine(vector, golden("vector.1")), 0.999)
        self.assertEqual(self.vectors(TEXTS[1]["text"], model="model"), [vector])
        self.assertNotEqual(len(self.vectors(TEXTS[1]["text"], model="talker")[0]), 32)
        ranked = self.server.post(RERANK, {"query": TEXTS[0]["text"], "documents": ["the pump", TEXTS[0]["text"]]})[1]
        self.assertEqual(ranked["results"][0]["index"], 1)
        self.assertAlmostEqual(ranked["results"][0]["relevance_score"], 1, places=5)

    def test_names_decide(self):
        self.refused(CHAT, {"messages": HELLO, "model": "model"}, 501, "not_supported", "encoder")
        self.refused(EMBED, {"input": "a", "model": "other"}, 404, "model_not_found", "talker", "model")
        self.refused(RERANK, {"query": "a", "documents": ["a"], "model": "talker"}, 501, "not_supported", "--encoder")
        self.refused("/tokenize", {"content": "a", "model": "model"}, 404, "model_not_found")


class Refused(unittest.TestCase):
    def test_a_model_that_writes_is_no_encoder(self):
        with tempfile.TemporaryDirectory() as home:
            result = subprocess.run([FREEHOLD, "serve", TINY, "--encoder", TINY, "--port", "0"], text=True, timeout=60,
                                    env={**os.environ, "FREEHOLD_HOME": home}, capture_output=True)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("no encoder", result.stderr)

    def test_commands_that_write_refuse_an_encoder(self):
        for command in (["run", str(GOLDEN), "a"], ["bench", str(GOLDEN)]):
            result = subprocess.run([FREEHOLD, *command], text=True, timeout=60, capture_output=True)
            self.assertEqual(result.returncode, 3, result.stderr)
            self.assertIn("encoder", result.stderr)


if __name__ == "__main__":
    unittest.main()
