"""Questions of eight firms as different people word them, and questions that their papers cannot answer, by rules only.

wordings_test.py FREEHOLD. tests/paraphrases/FIRM_SEED.jsonl holds the wordings for the papers of tools/make_FIRM.py with that seed. What the
rules do not read they refuse: an answer that is wrong, or to what no paper holds, counts far worse.
"""
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TREE = pathlib.Path(__file__).resolve().parent.parent
FREEHOLD = sys.argv.pop(1)
STYLES = ("formal", "terse", "typos", "jargon", "long")


class Wordings(unittest.TestCase):
    def test_counts(self):
        asked, right, refused, invented, wrong = collections.Counter(), collections.Counter(), collections.Counter(), 0, []
        for wordings in sorted(path for seed in ("5501", "6007", "9501", "9601", "70817") for path in TREE.glob(f"tests/paraphrases/*_{seed}.jsonl")):
            firm, seed = wordings.stem.rsplit("_", 1)
            with tempfile.TemporaryDirectory() as folder:
                size = ["--events", "500" if seed == "6007" else "400"] if firm == "plant" else []
                subprocess.run([sys.executable, TREE / f"tools/make_{firm}.py", folder, "--seed", seed, *size], check=True)
                run = lambda *words: subprocess.run([FREEHOLD, *words], env={**os.environ, "FREEHOLD_HOME": folder}, capture_output=True, text=True, timeout=120, check=True).stdout
                run("ingest", f"{folder}/papers", "--library", "p")
                result = json.loads(run("library", "eval", wordings, "--library", "p", "--answers", f"{folder}/a.jsonl", "--no-model", "--json"))
            for kind, score in result["kinds"].items():
                asked[kind] += score["asked"]
                right[kind] += score["right"]
                refused[kind] += score["refused"]
                invented += score["invented"]
            wrong += [f"{firm}: {line}" for line in result["wrong"]]
        note = "\n".join([f"{kind}: {right[kind]} right, {refused[kind]} refused of {asked[kind]}" for kind in asked] + wrong)
        answerable = sum(asked[style] for style in STYLES)
        self.assertEqual(set(asked), {*STYLES, "trap"})
        self.assertGreaterEqual(answerable, 900)
        self.assertGreaterEqual(asked["trap"], 150)
        for style in STYLES:
            self.assertGreaterEqual(right[style], 0.75 * asked[style], note)
        self.assertGreaterEqual(sum(right[style] for style in STYLES), 0.88 * answerable, note)
        self.assertLessEqual(sum(asked[style] - right[style] - refused[style] for style in STYLES), 0.02 * answerable, note)
        self.assertEqual(invented, 0, note)


if __name__ == "__main__":
    unittest.main()
