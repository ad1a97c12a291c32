"""The server over TLS, and where it may listen with it. Usage: tls_test.py FREEHOLD TINY_MODEL."""
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

from serving import Serving

FREEHOLD, TINY = sys.argv[1:3]
del sys.argv[1:3]
HELLO = [{"role": "user", "content": "Hello"}]


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.certificate, cls.key = os.path.join(cls.folder.name, "a.crt"), os.path.join(cls.folder.name, "a.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", cls.key, "-out", cls.certificate],
                       check=True, capture_output=True)
        cls.words = ("--tls-cert", cls.certificate, "--tls-key", cls.key)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_answers_and_streams_come_whole(self):
        server = Serving(FREEHOLD, TINY, "--context", "512", *self.words)
        try:
            self.assertTrue(server.about["url"].startswith("https://"))
            context = ssl.create_default_context(cafile=self.certificate)
            connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=60)
            origin = {"Origin": f"https://127.0.0.1:{server.port}", "Content-Type": "application/json"}
            for _ in range(2):  # on one connection
                for stream in (False, True):
                    body = json.dumps({"messages": HELLO, "max_tokens": 20, "seed": 1, "stream": stream})
                    connection.request("POST", "/v1/chat/completions", body, origin)
                    answer = connection.getresponse()
                    text = answer.read().decode()
                    self.assertEqual(answer.status, 200, text)
                    self.assertIn("[DONE]" if stream else "chat.completion", text)
            connection.request("GET", "/page.js")
            self.assertGreater(len(connection.getresponse().read()), 10_000)
            connection.request("GET", "/health", headers={"Origin": f"http://127.0.0.1:{server.port}"})
            self.assertEqual(connection.getresponse().status, 403)
            connection.close()
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as s:  # in the clear: nothing is said
                s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertNotIn(b"200", s.recv(1000))
        finally:
            self.assertEqual(server.end(), 0)

    def test_where_others_reach_it_takes_keys_and_tls(self):
        def serve(home, *words, status):
            done = subprocess.run([FREEHOLD, "serve", TINY, "--host", "0.0.0.0", "--port", "0", *words], capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, env={**os.environ, "FREEHOLD_HOME": home}, timeout=60)
            self.assertEqual(done.returncode, status, done.stderr)
            return done.stderr
        with tempfile.TemporaryDirectory() as home:
            self.assertIn("TLS is off", serve(home, status=2))
            self.assertIn("there are no keys", serve(home, *self.words, status=2))
            serve(home, "--tls-cert", self.certificate, status=2)
            serve(home, "--tls-cert", self.key, "--tls-key", self.key, status=3)
        server = Serving(FREEHOLD, TINY)
        made = json.loads(subprocess.run([FREEHOLD, "keys", "add", "a", "--json"], check=True, capture_output=True, text=True,
                                         env={**os.environ, "FREEHOLD_HOME": server.home.name}).stdout)
        self.assertEqual(server.stop(), 0)
        server.words += ["--host", "0.0.0.0", *self.words]
        server.start()
        try:
            context = ssl.create_default_context(cafile=self.certificate)
            for key, status in ((made["key"], 200), ("wrong", 401)):
                connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=60)
                connection.request("GET", "/v1/models", headers={"Authorization": f"Bearer {key}"})
                self.assertEqual(connection.getresponse().status, status)
                connection.close()
        finally:
            self.assertEqual(server.end(), 0)


if __name__ == "__main__":
    unittest.main()
