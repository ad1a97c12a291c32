"""The seal on a running server, and that nothing of a request is written anywhere. Usage: seal_test.py FREEHOLD TINY_MODEL."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
import zlib

from serving import Serving

FREEHOLD, TINY = sys.argv[1:3]
del sys.argv[1:3]
CHAT = "/v1/chat/completions"
SANITIZED = b"__asan_init" in pathlib.Path(FREEHOLD).read_bytes() or b"__tsan_init" in pathlib.Path(FREEHOLD).read_bytes()
# The answers are written to clients, so what is looked for stands in requests only; it is nothing the tiny model says.
CANARIES = ["canary-7391-prompt", "canary-7391-system", "canary-7391-tool", "canary-7391-text", "canary-7391-messages",
            "canary-7391-responses", "canary-7391-key", "canary-7391-user", "canary-7391-query", "canary-7391-wrong",
            "canary-7391-paper", "canary-7391-question", "canary-7391-stop"]


# A page with one line of text.
PDF = (b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
       b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 100]/Contents 4 0 R"
       b"/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n"
       b"4 0 obj<</Length 43>>stream\nBT /F 12 Tf 20 50 Td (Bearing failed) Tj ET\nendstream endobj\n"
       b"trailer<</Root 1 0 R>>\n%%EOF\n")


def scanned_pdf(lines):
    """A page that is a picture of these lines and nothing else."""
    def pdf(resources, content, *more):
        objects = (b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
                   b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 400]/Contents 4 0 R/Resources<<" + resources + b">>>>",
                   b"<</Length %d>>stream\n" % len(content) + content + b"\nendstream ", *more)
        return b"%PDF-1.4\n" + b"".join(b"%d 0 obj" % (i + 1) + o + b"endobj\n" for i, o in enumerate(objects)) + b"trailer<</Root 1 0 R>>\n%%EOF\n"

    words = "".join(f"BT /F 20 Tf 40 {320 - 40 * i} Td ({line}) Tj ET\n" for i, line in enumerate(lines)).encode()
    printed = pdf(b"/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>", words)
    picture = subprocess.run(["pdftoppm", "-r", "150", "-gray", "-"], input=printed, capture_output=True, check=True).stdout
    kind, size, brightest, pixels = picture.split(b"\n", 3)
    assert (kind, brightest) == (b"P5", b"255")
    packed = zlib.compress(pixels)
    return pdf(b"/XObject<</I 5 0 R>>", b"600 0 0 400 0 0 cm /I Do",
               b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode/Length %d>>stream\n"
               % (*map(int, size.split()), len(packed)) + packed + b"\nendstream ")


def session(server):
    """Every kind of request, with a canary in each place that takes text."""
    prompt, system, tool, text, messages, responses, key, user, query, wrong, paper, question, stop = CANARIES
    keyed = {"Authorization": f"Bearer {key}", "x-request-id": user}
    chat = [{"role": "system", "content": system}, {"role": "user", "content": prompt}]
    statuses = [
        server.ask("POST", CHAT, {"messages": chat, "max_tokens": 3, "user": user, "metadata": {"a": user}, "stop": stop}, keyed)[0],
        server.ask("POST", CHAT, {"messages": chat, "max_tokens": 3, "stream": True}, keyed)[0],
        server.ask("POST", "/v1/completions", {"prompt": text, "max_tokens": 3})[0],
        server.ask("POST", "/v1/messages", {"messages": [{"role": "user", "content": messages}], "max_tokens": 3})[0],
        server.ask("POST", "/v1/responses", {"input": responses, "max_output_tokens": 16})[0],
        server.ask("POST", "/v1/embeddings", {"input": [text, prompt], "user": user})[0],
        server.ask("POST", "/api/generate", {"prompt": text, "system": system, "options": {"num_predict": 3}})[0],
        server.ask("POST", "/tokenize", {"content": text})[0],
        server.ask("GET", "/health?" + query)[0],
        server.ask("PUT", "/freehold/libraries/trial/papers/a.csv", b"name,count\n" + paper.encode() + b",3\n")[0],
        server.ask("POST", "/freehold/ingest", {"library": "trial"})[0],
        server.ask("POST", "/freehold/ask", {"library": "trial", "question": question + "?"})[0],
    ]
    refused = [server.ask("POST", "/infill", {"input_prefix": wrong, "input_suffix": wrong})[0],  # the model knows no gaps
               server.ask("POST", CHAT, {"messages": [{"role": wrong, "content": wrong}], wrong: wrong})[0],
               server.ask("POST", CHAT, b"{" + wrong.encode())[0], server.ask("GET", "/" + wrong)[0]]
    return statuses, refused


def files_with(folders, words, spared=()):
    found = []
    for folder in folders:
        for base, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(base, name)
                if os.path.isfile(path) and not os.path.islink(path) and not any(s in path for s in spared):
                    data = pathlib.Path(path).read_bytes()
                    found += [(path, w) for w in words if w.encode() in data]
    return found


class Sealed(unittest.TestCase):
    def setUp(self):
        self.server = Serving(FREEHOLD, TINY, "--context", "512")
        self.proc = pathlib.Path("/proc", str(self.server.process.pid))

    def tearDown(self):
        self.assertEqual(self.server.end(), 0)

    def test_every_thread_has_given_up_its_rights(self):
        self.assertTrue(self.server.about["sealed"])
        session(self.server)
        tasks = list((self.proc / "task").iterdir())
        self.assertGreater(len(tasks), 3)
        for task in tasks:
            status = (task / "status").read_text()
            self.assertRegex(status, r"NoNewPrivs:\s*1\n")
            self.assertRegex(status, r"Seccomp:\s*2\n")
        self.assertRegex((self.proc / "limits").read_text(), r"Max core file size\s+0\s+0")
        self.assertTrue(json.loads(self.server.ask("GET", "/freehold/state")[2])["sealed"])

    def test_it_serves_and_reads_papers_as_before(self):
        statuses, refused = session(self.server)
        self.assertEqual(statuses[:-1], [200] * (len(statuses) - 1))
        self.assertEqual(refused, [400, 400, 400, 404])
        (library,) = json.loads(self.server.ask("GET", "/freehold/libraries")[2])["libraries"]
        self.assertEqual((library["papers"], library["failed"], library["rows"]), (1, 0, 1))

    def test_a_canary_is_in_no_file(self):
        with tempfile.TemporaryDirectory() as spare:
            server = Serving(FREEHOLD, TINY, "--context", "512", extra={"TMPDIR": spare})
            try:
                session(server)
                self.assertEqual(server.said(), "")
                # The library is where papers are to be; nothing else may hold any of it.
                self.assertEqual(files_with([server.home.name, spare], CANARIES, spared=("/libraries/",)), [])
                question = CANARIES[-2:-1]
                self.assertEqual(files_with([server.home.name], question), [])
                self.assertIn("usage.jsonl", os.listdir(server.home.name))
            finally:
                self.assertEqual(server.end(), 0)

    def test_papers_that_take_a_program_are_read_by_the_launcher(self):
        if not shutil.which("pdftotext"):
            self.skipTest("pdftotext is not installed")
        put = lambda name, data: self.server.ask("PUT", f"/freehold/libraries/trial/papers/{name}", data)[0]
        self.assertEqual([put("note.pdf", PDF), put("odd.pdf", b"%PDF-1.4 and no more")], [200, 200])
        events = self.server.ask("POST", "/freehold/ingest", {"library": "trial"})[2]
        report = json.loads(events.split("data: ")[-1])["report"]
        status = {f["file"]: f["status"] for f in report["files"]}
        self.assertEqual(status, {"note.pdf": "read", "odd.pdf": "not read"}, report)
        (launcher,) = pathlib.Path(self.proc, "task", self.proc.name, "children").read_text().split()
        state = pathlib.Path("/proc", launcher, "status").read_text()
        self.assertRegex(state, r"NoNewPrivs:\s*1\n")
        self.assertRegex(state, r"Seccomp:\s*2\n")
        sockets = [os.readlink(h) for h in pathlib.Path("/proc", launcher, "fd").iterdir()]
        self.assertEqual([s for s in sockets if not s.startswith(("pipe:", "/dev/null", "/"))], [])
        self.assertEqual(self.server.stop(), 0)
        self.assertFalse(pathlib.Path("/proc", launcher).exists())  # its end is with the server's


    def test_a_scanned_pdf_is_read_or_says_what_is_missing(self):
        if not shutil.which("pdftotext"):  # pdftoppm comes with it
            self.skipTest("pdftotext is not installed")
        scan = scanned_pdf(["Pump PU-07 was opened on 12.03.2021", "The shaft seal had failed"])
        self.assertEqual(self.server.ask("PUT", "/freehold/libraries/scans/papers/scan.pdf", scan)[0], 200)
        events = self.server.ask("POST", "/freehold/ingest", {"library": "scans"})[2]
        (paper,) = json.loads(events.split("data: ")[-1])["report"]["files"]
        if not shutil.which("tesseract"):
            self.assertEqual(paper["status"], "not read")
            return self.assertIn("no tesseract", paper["fault"])
        self.assertEqual((paper["status"], paper["read_as"]), ("read", "PDF without text, picture, 11 words by OCR"), paper)
        place = self.server.post("/freehold/place", {"library": "scans", "file": "scan.pdf", "locator": "page 1 line 2"})[1]
        (line,) = (row["cells"][0] for row in place["rows"] if row.get("meant"))
        self.assertEqual(line, "The shaft seal had failed")


class Traced(unittest.TestCase):
    @unittest.skipUnless(shutil.which("strace") and not SANITIZED, "needs strace, and a build without sanitizers")
    def test_the_system_sees_no_way_out_and_no_canary(self):
        with tempfile.TemporaryDirectory() as folder:
            trace = os.path.join(folder, "trace")
            server = Serving(FREEHOLD, TINY, "--context", "512",
                             before=("strace", "-f", "-qq", "-s", "4096", "-o", trace, "-e",
                                     "trace=network,openat,open,creat,execve,write,pwrite64,writev,rename,renameat,renameat2"))
            home = os.path.realpath(server.home.name)
            try:
                session(server)
            finally:
                # To the server itself: strace passes its exit status on.
                child = pathlib.Path("/proc", str(server.process.pid), "task", str(server.process.pid), "children").read_text().split()[0]
                os.kill(int(child), signal.SIGINT)
                self.assertEqual(server.end(), 0)
            calls = pathlib.Path(trace).read_text(errors="replace").splitlines()
            self.assertTrue(any("accept" in c for c in calls))  # so that the trace is seen to see
            self.assertTrue(any("usage.jsonl" in c for c in calls))
            sockets = [c for c in calls if re.search(r"\bsocket\(", c)]
            self.assertEqual(len(sockets), 1, sockets)  # the one that listens
            for call in ("connect", "sendmsg", "sendmmsg"):
                self.assertEqual([c for c in calls if re.search(rf"\b{call}\(", c)], [], call)
            self.assertEqual([c for c in calls if "sendto(" in c and not re.search(r"NULL, 0\)", c) and "unfinished" not in c], [])
            self.assertEqual(len([c for c in calls if "execve(" in c]), 1)
            written = [c for c in calls if re.search(r"\bopen(at)?\(.*O_(WRONLY|RDWR|CREAT)", c)]
            outside = [c for c in written if home not in c and not re.search(r'"(/dev/null|[\w.-]+)"', c)]
            self.assertEqual(outside, [])
            # What a canary may reach: the client's socket, in an answer that repeats it; papers, in their library.
            told = [c for c in calls if "canary-7391" in c and re.search(r"\b(p?write(v|64)?)\(", c) and "canary-7391-paper" not in c
                    and "unfinished" not in c]
            self.assertEqual(told, [])


class Modes(unittest.TestCase):
    def test_without_the_seal_it_says_so(self):
        server = Serving(FREEHOLD, TINY, "--no-seal")
        try:
            self.assertFalse(server.about["sealed"])
            self.assertFalse(json.loads(server.ask("GET", "/freehold/state")[2])["sealed"])
        finally:
            self.assertEqual(server.end(), 0)

    def test_a_socket_that_is_handed_over(self):
        with socket.create_server(("127.0.0.1", 0)) as listening, tempfile.TemporaryDirectory() as home:
            port = listening.getsockname()[1]
            words = f'exec 3<&{listening.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" serve "$1" --json'
            process = subprocess.Popen(["sh", "-c", words, FREEHOLD, TINY], stdout=subprocess.PIPE, text=True,
                                       pass_fds=(listening.fileno(),), env={**os.environ, "FREEHOLD_HOME": home})
            try:
                self.assertEqual(json.loads(process.stdout.readline())["url"], f"http://127.0.0.1:{port}")
                with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
                    s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    self.assertRegex(s.recv(1000), rb"^HTTP/1.1 200 ")
            finally:
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(20), 0)
                process.stdout.close()


if __name__ == "__main__":
    unittest.main()
