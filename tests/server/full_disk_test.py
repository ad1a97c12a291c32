"""A disk that is full, in earnest: a small file system in memory, filled to its last byte. Nothing that was kept is lost,
what cannot be kept is a clear error, and all goes on once there is room. Usage: full_disk_test.py FREEHOLD TINY_MODEL.
Exit status 77: it takes root, and a kernel that lets it mount a file system.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

from serving import Serving

FREEHOLD, MODEL = sys.argv[1:3]
del sys.argv[1:3]
TREE = pathlib.Path(__file__).resolve().parent.parent.parent
MIB = 1 << 20


def mounted(size_mib):
    """A folder that is a file system of its own; nothing where that is not allowed."""
    folder = tempfile.mkdtemp()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=700", "tmpfs", folder], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return folder
    os.rmdir(folder)
    print("skipped: no file system can be mounted here: " + done.stderr.strip())
    return None


def unmount(folder):
    subprocess.run(["umount", folder], check=True)
    os.rmdir(folder)


class FullDisk(unittest.TestCase):
    size_mib = 24

    def setUp(self):
        self.folder = mounted(self.size_mib)
        self.addCleanup(unmount, self.folder)
        self.filler = pathlib.Path(self.folder, "filler")

    def fill(self):
        with open(self.filler, "ab", buffering=0) as file:
            for piece in (MIB, 4096, 1):
                try:
                    while file.write(b"x" * piece):
                        pass
                except OSError:
                    pass
        self.assertEqual(os.statvfs(self.folder).f_bavail, 0)

    def make_room(self):
        self.filler.unlink()

    def freehold(self, *words):
        return subprocess.run([FREEHOLD, *words], capture_output=True, text=True, timeout=300, check=False,
                              env={**os.environ, "FREEHOLD_HOME": self.folder})

    def server(self, *options):
        server = Serving(FREEHOLD, MODEL, *options, extra={"FREEHOLD_HOME": self.folder})
        self.addCleanup(server.end)
        return server

    def test_what_cannot_be_recorded_is_not_computed(self):
        server = self.server()
        ledger = pathlib.Path(self.folder, "usage.jsonl")

        def ask():
            return server.post("/v1/completions", {"prompt": "a b c", "max_tokens": 2, "temperature": 0})

        answered = [ask()[0] for _ in range(3)]
        self.assertEqual(answered, [200] * 3)
        before = ledger.read_bytes()
        self.fill()
        for _ in range(200):  # the file's last block has room for some lines
            status, answer = ask()
            answered.append(status)
            if status != 200:
                break
        self.assertEqual((status, answer["error"]["code"]), (503, "ledger_unwritable"))
        self.assertEqual(ask()[0], 503)
        self.assertEqual(server.ask("GET", "/health")[0], 200)
        self.assertIn("no space left", server.said())
        self.assertTrue(ledger.read_bytes().startswith(before))
        self.assertEqual(server.stop(), 0)
        self.make_room()
        server.start()
        self.assertEqual(ask()[0], 200)
        lines = [json.loads(line) for line in ledger.read_text().splitlines()]
        recorded = sum("receipt_id" in line for line in lines)
        # The answer that met the end of the disk was computed; every other one has its line.
        self.assertIn(recorded, (answered.count(200), answered.count(200) + 1))
        self.assertEqual(server.stop(), 0)
        verified = self.freehold("usage", "--verify")
        self.assertEqual(verified.returncode, 0, verified.stderr)

    def test_prefixes_on_disk_are_a_help_and_no_need(self):
        server = self.server("--disk-cache-mib", "16")

        def ask(words):
            status, answer = server.post("/v1/completions", {"prompt": words * 40, "max_tokens": 4, "seed": 5})
            self.assertEqual(status, 200, answer)
            return answer["choices"][0]["text"], answer["usage"]["prompt_tokens_details"]["cached_tokens"]

        first, _ = ask("one two three ")
        server.stop()
        server.start()
        self.assertEqual(ask("one two three ")[0], first)
        kept = sorted(os.listdir(os.path.join(self.folder, "prefixes")))
        self.fill()
        second, _ = ask("four five six ")
        until = time.monotonic() + 20
        while server.metric("freehold:disk_cache_writes") and time.monotonic() < until:
            time.sleep(0.1)
        self.assertEqual(server.metric("freehold:disk_cache_writes"), 0)
        self.assertEqual(server.said().count("note: prefixes on disk"), 1, server.said())
        self.assertIn("no space left", server.said())
        server.stop()
        self.assertEqual(sorted(os.listdir(os.path.join(self.folder, "prefixes"))), kept)  # no half of a page
        self.make_room()
        server.start()
        again, found = ask("one two three ")
        self.assertEqual(again, first)
        self.assertGreater(found, 0)
        self.assertEqual(ask("four five six ")[0], second)
        self.assertEqual(server.metric("freehold:disk_cache_writes"), 1)
        self.assertEqual(server.metric("freehold:disk_cache_refused_files_total"), 0)

    def test_ingest_keeps_what_was_read(self):
        few, papers = TREE / "samples/plant/papers/registers", TREE / "samples/plant/papers"
        self.assertEqual(self.freehold("ingest", str(few), "--library", "plant").returncode, 0)
        ask = ("ask", "How many assets are there?", "--library", "plant", "--json")
        before = json.loads(self.freehold(*ask).stdout)
        self.fill()
        full = self.freehold("ingest", str(papers), "--library", "plant")
        self.assertIn(full.returncode, (4, 5), full.stderr)
        self.assertRegex(full.stderr, r"freehold: error: .*(full|no space left)")
        self.assertEqual(full.stderr.count("\n"), 1, full.stderr)
        after = json.loads(self.freehold(*ask).stdout)
        self.assertEqual((after["status"], after["value"]), (before["status"], before["value"]))
        self.make_room()
        whole = self.freehold("ingest", str(papers), "--library", "plant")
        self.assertEqual(whole.returncode, 0, whole.stderr)
        answer = json.loads(self.freehold("ask", "Which point failed most?", "--library", "plant", "--json").stdout)
        self.assertEqual(answer["value"], "belt joint")

    def test_papers_that_come_in_leave_room(self):
        server = self.server()
        status, _, text = server.ask("PUT", "/freehold/libraries/a/papers/x.csv", b"a,b\n1,2\n")
        self.assertEqual((status, json.loads(text)["error"]["code"]), (507, "disk_full"))
        self.assertFalse([p for p in pathlib.Path(self.folder).rglob("x.csv*")])


if __name__ == "__main__":
    probe = mounted(1) if os.geteuid() == 0 else print("skipped: only root may mount a file system")
    if not probe:
        sys.exit(77)
    unmount(probe)
    unittest.main()
