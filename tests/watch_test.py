"""freehold ingest --watch: what comes, changes and goes is read within seconds, a broken paper does not end it, and Ctrl-C does.

watch_test.py FREEHOLD
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

FREEHOLD = sys.argv.pop(1)
HEAD = "WO No,Date,Equipment,Component,Order type\n"


class Watch(unittest.TestCase):
    def test_the_folder_is_followed(self):
        with tempfile.TemporaryDirectory() as home:
            papers = pathlib.Path(home, "papers")
            papers.mkdir()
            environment = {**os.environ, "FREEHOLD_HOME": home}

            def count():
                asked = subprocess.run([FREEHOLD, "ask", "How many failures were there in 2020?", "--library", "p", "--json"], env=environment, capture_output=True, text=True, timeout=60)
                return json.loads(asked.stdout)["value"] if asked.returncode == 0 else None

            def until(expected):
                end = time.monotonic() + 60
                while count() != expected:
                    self.assertIsNone(watching.poll(), "ended by itself")
                    self.assertLess(time.monotonic(), end, f"never {expected}; {count()}")
                    time.sleep(0.3)

            row = lambda n: f"WO-{n},2020-03-{n:02},BC-01,belt edge,corrective\n"
            (papers / "a.csv").write_text(HEAD + row(1) + row(2))
            with subprocess.Popen([FREEHOLD, "ingest", papers, "--library", "p", "--watch"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
                until(2)
                (papers / "b.csv").write_text(HEAD + row(3))
                until(3)
                (papers / "a.csv").write_text(HEAD + row(1) + row(2) + row(4))
                until(4)
                (papers / "broken.xlsx").write_bytes(b"PK\x03\x04 nothing")
                (papers / "b.csv").unlink()
                until(3)
                watching.send_signal(signal.SIGINT)
                out, _ = watching.communicate(timeout=60)
                self.assertEqual(watching.returncode, 0, out)
            self.assertIn("broken.xlsx", out)
            self.assertEqual(count(), 3)


if __name__ == "__main__":
    unittest.main()
