"""What the makers of papers of made-up firms share: a list of questions with their truth, rankings, dates, money as text.

Used by the makers of all firms that are no plant, whose papers the program holds no code and no words for.
"""
import argparse
import collections
import datetime
import pathlib

from make_plant import save

EU = "%d.%m.%Y"


class Asked(list):
    """Questions as they go into questions.jsonl."""

    def add(self, kind, question, value=None, status="answered"):
        self.append({"id": f"q{len(self) + 1:03d}", "kind": kind, "question": question, "status": status, **({"value": value} if status == "answered" else {})})

    def unanswerable(self, *questions):
        for question in questions:
            self.add("unanswerable", question, status="no_answer")


def top(items, key, weight=lambda _: 1, least=False):
    """The key with the most items (or weight); a list when several tie."""
    sums = collections.Counter()
    for one in items:
        sums[key(one)] += weight(one)
    best = (min if least else max)(sums.values())
    names = sorted(name for name, total in sums.items() if total == best)
    return names[0] if len(names) == 1 else names


def direction(before, after):
    return "rising" if after > before else "falling" if after < before else "flat"


def mean(numbers):
    numbers = list(numbers)
    return sum(numbers) / len(numbers)


def day_of(r, year):
    return datetime.date(year, r.randint(1, 12), r.randint(1, 28))


def comma_money(amount):
    """1234.5 as 1.234,50"""
    return f"{amount:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")


def main(doc, make):
    """make(seed) gives the files and the questions."""
    a = argparse.ArgumentParser(description=doc.splitlines()[0])
    a.add_argument("folder", type=pathlib.Path)
    a.add_argument("--seed", type=int, default=1)
    options = a.parse_args()
    save(options.folder, *make(options.seed))
