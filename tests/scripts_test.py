"""./start, ./test and .ci/run: their arguments, and that what they say is true. What they do is tried on clean machines."""
import os
import pathlib
import re
import subprocess
import unittest

TREE = pathlib.Path(__file__).resolve().parent.parent


def run(*words):
    return subprocess.run(words, cwd=TREE, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


class Scripts(unittest.TestCase):
    def test_they_can_be_run_and_read(self):
        for name in ("start", "test", ".ci/run"):
            self.assertTrue(os.access(TREE / name, os.X_OK), name)
            self.assertEqual(run("bash", "-n", name).returncode, 0, name)
        self.assertEqual(run("bash", "-n", "tools/setup.sh").returncode, 0)
        self.assertRegex((TREE / ".ci/run").read_text(), r"(?m)^exec \./test$")

    def test_help_names_every_option(self):
        for name in ("start", "test"):
            result = run(f"./{name}", "--help")
            self.assertEqual(result.returncode, 0)
            options = set(re.findall(r"^ +(--[a-z-]+)(?=[ )])", (TREE / name).read_text(), re.MULTILINE))
            self.assertIn("--help", options)
            for option in options:
                self.assertIn(option, result.stdout, name)

    def test_wrong_words_are_refused_before_anything_is_done(self):
        for words in (("./start", "--what"), ("./start", "--model"), ("./test", "--what"), ("./test", "word")):
            result = run(*words)
            self.assertEqual(result.returncode, 2, words)
            self.assertIn("usage:", result.stderr)
        result = run("./start", "--model", "no-such-file.gguf")
        self.assertEqual(result.returncode, 1)
        self.assertIn("no-such-file.gguf", result.stderr)


if __name__ == "__main__":
    unittest.main()
