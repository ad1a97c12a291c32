"""Plants drawn from seeds, read and asked by rules only: how many answers are exactly right, by kind.

plant_test.py FREEHOLD. The gates are those of docs/papers.md; a kind's share is over all seeds together.
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
SEEDS = (101, 102, 103, 104)


def run(home, *words):
    return subprocess.run([FREEHOLD, *words], env={**os.environ, "FREEHOLD_HOME": home}, capture_output=True, text=True, timeout=120, check=True).stdout


class Plants(unittest.TestCase):
    def test_answers_are_exact(self):
        asked, right, invented, wrong = collections.Counter(), collections.Counter(), 0, []
        precision, recall = [], []
        for seed in SEEDS:
            with tempfile.TemporaryDirectory() as folder:
                subprocess.run([sys.executable, TREE / "tools/make_plant.py", folder, "--seed", str(seed), "--events", "400"], check=True)
                run(folder, "ingest", f"{folder}/papers", "--library", "p")
                result = json.loads(run(folder, "library", "eval", f"{folder}/questions.jsonl", "--library", "p", "--answers", f"{folder}/a.jsonl", "--no-model", "--json"))
                lines = [pathlib.Path(folder, name).read_text().splitlines() for name in ("a.jsonl", "questions.jsonl")]
                answers = [json.loads(line) for line in lines[0]]
                self.assertEqual(len(answers), len(lines[1]))
                self.assertEqual(set(answers[0]), {"id", "answer", "value", "status", "citations"})
            for kind, score in result["kinds"].items():
                asked[kind] += score["asked"]
                right[kind] += score["right"]
                invented += score["invented"]
                precision.append(score["citation_precision"])
                recall.append(score["citation_recall"])
            wrong += [f"seed {seed}: {line}" for line in result["wrong"]]
        shares = {kind: right[kind] / asked[kind] for kind in asked}
        note = "\n".join([str(shares)] + wrong)
        self.assertEqual(invented, 0, note)
        for kind, share in shares.items():
            self.assertGreaterEqual(share, 0.85 if kind in ("two documents", "conflict", "jargon") else 0.95, f"{kind}\n{note}")
        self.assertGreaterEqual(min(precision), 0.95, note)
        self.assertGreaterEqual(min(recall), 0.95, note)

    def test_other_wordings(self):
        """Forty questions in five wordings each: what the rules do not read they refuse, and do not answer wrongly."""
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, TREE / "tools/make_plant.py", folder, "--seed", "7301", "--events", "400"], check=True)
            run(folder, "ingest", f"{folder}/papers", "--library", "p")
            result = json.loads(run(folder, "library", "eval", TREE / "tests/paraphrases/plant_7301.jsonl", "--library", "p", "--answers", f"{folder}/a.jsonl", "--json"))
        kinds, note = result["kinds"], "\n".join(result["wrong"])
        self.assertEqual({kind: score["asked"] for kind, score in kinds.items()}, dict.fromkeys(("formal", "terse", "typos", "jargon", "long"), 40))
        for kind, score in kinds.items():
            self.assertGreaterEqual(score["right"], 34, f"{kind}\n{note}")
            self.assertEqual(score["right"] + score["refused"], 40, f"{kind}: answered wrongly\n{note}")

    def test_a_second_domain_without_code_for_it(self):
        for seed in (101, 102):
            with tempfile.TemporaryDirectory() as folder:
                subprocess.run([sys.executable, TREE / "tools/make_law_firm.py", folder, "--seed", str(seed)], check=True)
                run(folder, "ingest", f"{folder}/papers", "--library", "p")
                result = json.loads(run(folder, "library", "eval", f"{folder}/questions.jsonl", "--library", "p", "--answers", f"{folder}/a.jsonl", "--no-model", "--json"))
            kinds = result["kinds"].values()
            note = "\n".join(result["wrong"])
            self.assertEqual(sum(score["invented"] for score in kinds), 0, note)
            self.assertGreaterEqual(sum(score["right"] for score in kinds), 0.85 * sum(score["asked"] for score in kinds), note)


if __name__ == "__main__":
    unittest.main()
