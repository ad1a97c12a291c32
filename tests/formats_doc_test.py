"""docs/formats.md says of each stored format what tensor/formats/table.cpp says: GGUF id, block, bytes."""
import pathlib
import re
import unittest

TREE = pathlib.Path(__file__).resolve().parent.parent


def documented():
    rows = {}
    for line in (TREE / "docs/formats.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 5 or not re.fullmatch(r"[A-Z0-9_, ]+", cells[0]):
            continue
        names, ids, sizes = (cell.split(", ") for cell in (cells[0], cells[1], cells[3]))
        for i, name in enumerate(names):
            rows[name] = (ids[i] if cells[1] else "", cells[2], sizes[i % len(sizes)])
    return rows


class FormatsDoc(unittest.TestCase):
    def test_table(self):
        code = (TREE / "tensor/formats/table.cpp").read_text()
        ids = {enum: number for number, enum in re.findall(r"read\((\d+), Format::(\w+)\)", code)}
        rows = re.findall(r'\{Format::(\w+), "(\w+)", (\d+), (\d+), [\w:]+\}', code)
        self.assertGreater(len(rows), 25)
        self.assertEqual({name: (ids.get(enum, ""), block, size) for enum, name, block, size in rows}, documented())


if __name__ == "__main__":
    unittest.main()
