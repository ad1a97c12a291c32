"""docs/points.md and model/points.h name the same points, in the same order; the aliases are those of model/points.cpp."""
import pathlib
import re
import unittest

TREE = pathlib.Path(__file__).resolve().parent.parent


def table():
    rows = {}
    for line in (TREE / "docs/points.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 4:
            name = cells[0].strip("`").replace(".{l}", "").replace(".{e}", "")
            rows[name] = ("{l}" in cells[0], re.findall(r"`([^`]+)`", cells[3].replace("{l}", "{}")))
    return rows


class PointsDoc(unittest.TestCase):
    def test_names_and_order(self):
        header = (TREE / "model/points.h").read_text()
        body = re.sub(r"//.*", "", re.search(r"enum class Point[^{]*\{(.*?)\};", header, re.DOTALL).group(1))
        self.assertEqual(list(table()), re.findall(r"\w+", body))

    def test_aliases(self):
        code = (TREE / "model/points.cpp").read_text()
        rows = re.findall(r'\{Point::\w+, "(\w+)", (true|false), "([^"]*)", "([^"]*)"\}', code)
        self.assertEqual({name: (per_layer == "true", [a for a in (first, second) if a])
                          for name, per_layer, first, second in rows}, table())


if __name__ == "__main__":
    unittest.main()
