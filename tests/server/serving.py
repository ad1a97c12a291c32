"""What the tests of the server share: one running server, and clients that are as plain or as rude as needed."""
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import unittest


class Served(unittest.TestCase):
    """Tests that share one server."""
    words = ()  # of Serving: the program and the model
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Serving(*cls.words, "--context", "1024", *cls.options)

    @classmethod
    def tearDownClass(cls):
        status = cls.server.end()
        assert status == 0, status


class Serving:
    """`freehold serve` on a free port. Its output goes to files, so that no pipe can fill up."""

    def __init__(self, freehold, model, *options, before=(), extra=None):
        """`before`: words before the program's own; `extra`: of its environment."""
        self.words = [*before, freehold, "serve", model, "--port", "0", "--json", *options]
        self.extra = extra or {}
        self.home = tempfile.TemporaryDirectory()
        self.errors = open(os.path.join(self.home.name, "errors"), "w+", encoding="utf-8")
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.words, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            env={**os.environ, "FREEHOLD_HOME": self.home.name, **self.extra})
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise RuntimeError("no server: " + self.said())
        self.about = json.loads(line)
        self.port = int(self.about["url"].rsplit(":", 1)[1])

    def said(self):
        self.errors.flush()
        self.errors.seek(0)
        return self.errors.read()

    def end_and_start_again(self, between):
        """The same home folder, which `between` may change first."""
        assert self.stop() == 0
        between(self.home.name)
        self.start()

    def end(self):
        """Its exit status after Ctrl-C."""
        status = self.stop()
        self.errors.close()
        self.home.cleanup()
        return status

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process.stdout.close()
        return status

    def ask(self, method, path, body=None, headers=None, timeout=60):
        """(status, headers, text)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            sent = {"Content-Type": "application/json"} if data is not None else {}
            connection.request(method, path, data, {**sent, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode("utf-8")

    def post(self, path, body, **more):
        status, _, text = self.ask("POST", path, body, **more)
        return status, json.loads(text)

    def stream(self, path, body):
        """The data of all events, as sent."""
        status, headers, text = self.ask("POST", path, {**body, "stream": True})
        assert status == 200, text
        assert headers["Content-Type"] == "text/event-stream", headers
        events = [e for e in text.split("\n\n") if e]
        assert text.endswith("\n\n") and all(e.startswith(("data: ", ":")) for e in events), text
        return [e[6:] for e in events if e.startswith("data: ")]

    def raw(self, data, half_close=False, timeout=30):
        """All that comes back for these bytes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
            received = b""
            with contextlib.suppress(ConnectionResetError):
                while piece := s.recv(65536):
                    received += piece
            return received

    def metrics(self):
        """{name with labels: value}, read strictly."""
        status, headers, text = self.ask("GET", "/metrics")
        assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4"), headers
        values, kinds = {}, {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name not in kinds, line
                kinds[name] = kind
                continue
            name, value = line.rsplit(" ", 1)
            family = name.split("{")[0]
            assert family in kinds or any(family.removesuffix(s) in kinds for s in ("_bucket", "_sum", "_count")), line
            values[name] = float(value)
        return values

    def metric(self, name):
        return sum(v for k, v in self.metrics().items() if k.split("{")[0] == name)
