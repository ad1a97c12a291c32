"""The server with keys. Usage: keys_test.py FREEHOLD TINY_MODEL."""
import json
import os
import subprocess
import sys
import unittest

from serving import Serving

FREEHOLD, TINY = sys.argv[1:3]
del sys.argv[1:3]
HELLO = [{"role": "user", "content": "Hello"}]
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


class Keys(unittest.TestCase):
    def setUp(self):
        self.server = Serving(FREEHOLD, TINY, "--context", "256", "--name", "tiny")

    def tearDown(self):
        self.assertEqual(self.server.said(), "")
        self.assertEqual(self.server.end(), 0)

    def keys(self, *words, status=0):
        done = subprocess.run([FREEHOLD, "keys", *words, "--json"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              env={**os.environ, "FREEHOLD_HOME": self.server.home.name}, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout)

    def chat(self, key=None, path=CHAT, **more):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        body = {"messages": HELLO, "max_tokens": 2, **more}
        status, answered, text = self.server.ask("POST", path, body, headers)
        return status, answered, json.loads(text)

    def test_a_running_server_asks_for_keys_as_soon_as_there_is_one(self):
        self.assertEqual(self.chat("anything")[0], 200)
        made = self.keys("add", "desk")
        for key in (None, "anything", made["key"][:-1], made["id"]):
            status, headers, answer = self.chat(key)
            self.assertEqual((status, answer["error"]["type"], answer["error"]["code"]),
                             (401, "authentication_error", "invalid_api_key"))
            self.assertEqual(set(answer["error"]), {"message", "type", "param", "code"})
            self.assertEqual(headers["WWW-Authenticate"], "Bearer")
        self.assertEqual(self.chat(made["key"])[0], 200)
        self.assertEqual(self.server.ask("POST", CHAT, {"messages": HELLO, "max_tokens": 2}, {"x-api-key": made["key"]})[0], 200)
        self.keys("revoke", "desk")
        self.assertEqual(self.chat(made["key"])[0], 401)
        self.assertEqual(self.keys("list")["keys"][0]["id"], made["id"])

    def test_every_route_but_health_and_the_page_is_guarded(self):
        key = self.keys("add", "desk")["key"]
        for path in ("/health", "/v1/health", "/", "/page.js"):
            self.assertEqual(self.server.ask("GET", path)[0], 200, path)
        for path in ("/metrics", "/v1/models", "/v1/models/tiny", "/freehold/state", "/freehold/libraries", "/nowhere"):
            self.assertEqual(self.server.ask("GET", path)[0], 401, path)
        for path in ("/tokenize", "/detokenize", "/apply-template", "/v1/completions", "/v1/embeddings", "/v1/responses",
                     "/freehold/ask"):
            self.assertEqual(self.server.ask("POST", path, {})[0], 401, path)
        bearer = {"Authorization": f"Bearer {key}"}
        self.assertEqual(self.server.ask("GET", "/nowhere", headers=bearer)[0], 404)
        self.assertEqual(self.server.ask("GET", "/v1/models", headers=bearer)[0], 200)
        self.assertEqual(self.server.ask("GET", "/freehold/state", headers=bearer)[0], 200)
        for path in ("/metrics", "/freehold/libraries"):
            status, _, text = self.server.ask("GET", path, headers=bearer)
            self.assertEqual((status, json.loads(text)["error"]["type"]), (403, "permission_error"), path)
        wide = self.keys("add", "wide", "--scopes", "inference,metrics,papers")["key"]
        for path in ("/metrics", "/freehold/libraries", "/v1/models"):
            self.assertEqual(self.server.ask("GET", path, headers={"x-api-key": wide})[0], 200, path)

    def test_a_body_is_not_awaited_from_who_has_no_key(self):
        self.keys("add", "desk")
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n"
        self.assertRegex(self.server.raw(head), rb"^HTTP/1.1 401 ")

    def test_the_words_of_anthropic(self):
        self.keys("add", "desk")
        status, _, answer = self.chat("wrong", MESSAGES)
        self.assertEqual((status, answer["type"], answer["error"]["type"]), (401, "error", "authentication_error"))
        narrow = self.keys("add", "narrow", "--models", "another")["key"]
        status, _, answer = self.chat(narrow, MESSAGES)
        self.assertEqual((status, answer["error"]["type"]), (403, "permission_error"))
        slow = self.keys("add", "slow", "--requests-per-minute", "1")["key"]
        self.assertEqual(self.chat(slow, MESSAGES)[0], 200)
        status, headers, answer = self.chat(slow, MESSAGES)
        self.assertEqual((status, answer["error"]["type"]), (429, "rate_limit_error"))
        self.assertGreater(int(headers["Retry-After"]), 50)

    def test_models_of_a_key(self):
        narrow = self.keys("add", "narrow", "--models", "another,third")["key"]
        status, _, answer = self.chat(narrow)
        self.assertEqual((status, answer["error"]["type"], answer["error"]["code"]), (403, "permission_error", "model_not_allowed"))
        self.assertEqual(self.server.ask("GET", "/v1/models", headers={"x-api-key": narrow})[0], 403)
        self.assertEqual(self.chat(self.keys("add", "own", "--models", "another,tiny")["key"])[0], 200)

    def test_limits_of_a_key(self):
        key = self.keys("add", "few", "--requests-per-minute", "2")["key"]
        self.assertEqual([self.chat(key)[0] for _ in range(3)], [200, 200, 429])
        status, headers, answer = self.chat(key)
        self.assertEqual((answer["error"]["type"], answer["error"]["code"]), ("rate_limit_error", "rate_limit_exceeded"))
        self.assertTrue(0 < int(headers["Retry-After"]) <= 30)
        key = self.keys("add", "short", "--tokens-per-minute", "20")["key"]
        self.assertEqual([self.chat(key)[0] for _ in range(2)], [200, 429])  # prompt and answer are more than 20 tokens

    def test_no_secret_is_kept(self):
        made = self.keys("add", "desk")
        self.chat(made["key"])
        for folder, _, names in os.walk(self.server.home.name):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(made["key"][3:].encode(), file.read(), name)
        self.assertEqual(os.stat(os.path.join(self.server.home.name, "keys.json")).st_mode & 0o777, 0o600)
        self.assertNotIn("hash", json.dumps(self.keys("list")))

    def test_damage_closes_the_server(self):
        key = self.keys("add", "desk")["key"]
        path = os.path.join(self.server.home.name, "keys.json")
        with open(path, "rb") as file:
            whole = file.read()
        with open(path, "wb") as file:
            file.write(whole[:-10])
        self.assertEqual(self.chat(key)[0], 503)
        self.keys("add", "another", status=3)
        with open(path, "wb") as file:
            file.write(whole)
        self.assertEqual(self.chat(key)[0], 200)


if __name__ == "__main__":
    unittest.main()
