"""docs/limits.md lists every constant of base/limits.h with its value, and nothing else."""
import pathlib
import re
import unittest

TREE = pathlib.Path(__file__).resolve().parent.parent
UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def in_code(text):
    values = {}
    for name, expression in re.findall(r"^inline constexpr \w+ (\w+) = ([^;]+);", text, re.MULTILINE):
        plain = re.sub(r"'|ull|u\b", "", expression)
        base, _, shift = plain.partition("<<")
        values[name] = int(base) << int(shift or 0)
    return values


def in_page(text):
    values = {}
    for name, number, unit in re.findall(r"^\| `(\w+)` \| ([\d ]+?)(?: (KiB|MiB|GiB))? \|", text, re.MULTILINE):
        values[name] = int(number.replace(" ", "")) * UNITS[unit]
    return values


class LimitsDoc(unittest.TestCase):
    def test_every_limit_is_documented(self):
        code = in_code((TREE / "base/limits.h").read_text())
        self.assertGreater(len(code), 25)
        self.assertEqual(code, in_page((TREE / "docs/limits.md").read_text()))

    def test_both_are_read_rightly(self):
        self.assertEqual(in_code("inline constexpr uint64_t a = 64ull << 20;  // x\ninline constexpr int b = 4'096;\n"),
                         {"a": 64 << 20, "b": 4096})
        self.assertEqual(in_page("| `a` | 64 MiB | x |\n| `b` | 4 096 | y |\n"), {"a": 64 << 20, "b": 4096})


if __name__ == "__main__":
    unittest.main()
