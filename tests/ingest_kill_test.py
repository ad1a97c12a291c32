"""Ingest ended at random moments: the library always opens, goes on where it was, and ends with the same content.

ingest_kill_test.py FREEHOLD [--kills N]. Content is what the library says of the papers, whatever its row numbers.
"""
import hashlib
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

TREE = pathlib.Path(__file__).resolve().parent.parent
FREEHOLD = sys.argv.pop(1)
KILLS = int(sys.argv.pop(2)) if sys.argv[1:2] == ["--kills"] else 5
sys.argv = [word for word in sys.argv if word != "--kills"]


def ingest(home, papers):
    return subprocess.Popen([FREEHOLD, "ingest", papers, "--library", "p"], env={**os.environ, "FREEHOLD_HOME": home}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def content(home):
    database = sqlite3.connect(f"file:{home}/libraries/p.sqlite?mode=ro", uri=True)
    digest = hashlib.sha256()
    queries = ["SELECT path, sha256, size, read_as, title, fault, notes FROM file ORDER BY path",
               "SELECT f.path, s.place, s.heading, s.raw FROM source_row s JOIN file f ON f.id = s.file ORDER BY 1, 2, 3, 4",
               "SELECT e.type, e.record, e.role, f.path, s.place FROM evidence e JOIN source_row s ON s.id = e.source_row JOIN file f ON f.id = s.file ORDER BY 1, 2, 3, 4, 5",
               "SELECT text, type, field, value FROM term ORDER BY 1, 2, 3, 4"]
    for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'r_*' ORDER BY 1").fetchall():
        queries.append(f'SELECT * FROM "{name}" ORDER BY id')
    for query in queries:
        for row in database.execute(query):
            digest.update(repr(row).encode())
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return digest.hexdigest()


class Killed(unittest.TestCase):
    def test_the_library_ends_the_same(self):
        r = random.Random(20)
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, TREE / "tools/make_plant.py", folder, "--seed", "31", "--events", "6000", "--many-files"], check=True)
            papers = f"{folder}/papers"
            start = time.monotonic()
            with ingest(f"{folder}/whole", papers) as whole:
                self.assertEqual(whole.wait(), 0)
            seconds = time.monotonic() - start
            expected = content(f"{folder}/whole")
            killed = 0
            for n in range(KILLS):
                home = f"{folder}/{n // 4}"  # up to four kills of one library, then it is finished
                process = ingest(home, papers)
                time.sleep(r.uniform(0.02, 0.95) * seconds)
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                    killed += 1
                process.wait()
                process.stderr.close()
                if n % 4 == 3 or n == KILLS - 1:
                    last = ingest(home, papers)
                    self.assertEqual(last.wait(), 0, last.stderr.read())
                    last.stderr.close()
                    self.assertEqual(content(home), expected)
            self.assertGreater(killed, 0)
            print(f"{killed} of {KILLS} runs ended while at work, of {seconds:.2f} s each")


if __name__ == "__main__":
    unittest.main()
