"""Rules of docs/architecture.md, checked: a folder includes only from folders on a lower level; one name, one type.

Reads every #include "..." of the tree. Fails on one that goes sideways or up, that names no folder of the house, or
that is not written from the top of the tree. Two headers with different types of one name in one namespace are one type
to the linker, which no compiler says. Also checks itself: planted violations must be found.
"""
import pathlib
import re
import tempfile
import unittest

TREE = pathlib.Path(__file__).resolve().parent.parent
LEVELS = {
    "base": 1,
    "tensor": 2,
    "ops": 3, "files": 3, "text": 3,
    "model": 4,
    "run": 5,
    "train": 6, "library": 6,
    "inspect": 7,
    "convert": 8, "serve": 8,
    "apps": 9,
}
FREE = ("tests", "bench", "tools", "fuzz")  # these may include everything, and nobody includes them
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


def sources(tree, folder):
    for path in sorted((tree / folder).rglob("*")):
        if path.suffix in (".h", ".cpp", ".cu", ".inc") and path.is_file():
            yield path


def violations(tree):
    found = []
    for folder, level in LEVELS.items():
        for path in sources(tree, folder):
            text = path.read_text(encoding="utf-8")
            for match in INCLUDE.finditer(text):
                place = f"{path.relative_to(tree)}:{text.count(chr(10), 0, match.start(1)) + 1}"
                target = match.group(1)
                top = target.split("/")[0]
                if "/" not in target or "." in target.split("/")[:-1] or ".." in target.split("/"):
                    found.append(f'{place}: "{target}" is not written from the top of the tree')
                elif top not in LEVELS:
                    found.append(f'{place}: "{target}" is in no folder that {folder}/ may include')
                elif top != folder and LEVELS[top] >= level:
                    found.append(f'{place}: {folder}/ (level {level}) includes "{target}" of level {LEVELS[top]}')
    return found


# Types that two headers define in one named namespace, at its outermost level.
def types_of_one_name(tree):
    seen, found = {}, []
    for folder in (*LEVELS, *FREE):
        for path in sources(tree, folder):
            if path.suffix != ".h":
                continue
            namespace = []
            for line in path.read_text(encoding="utf-8").splitlines():
                if opened := re.match(r"namespace ([\w:]*) ?{", line):
                    namespace.append(opened.group(1) or f"(of {path})")
                elif line.startswith("}  // namespace"):
                    namespace.pop()
                elif named := re.match(r"(?:struct|class) (\w+)(?: final)?\s*(?::[^:].*)?{", line):
                    name = "::".join([*namespace, named.group(1)])
                    if name in seen:
                        found.append(f"{name}: {seen[name]} and {path.relative_to(tree)}")
                    seen[name] = path.relative_to(tree)
    return found


class Layers(unittest.TestCase):
    def test_one_name_is_one_type(self):
        self.assertEqual(types_of_one_name(TREE), [])
        with tempfile.TemporaryDirectory() as name:
            tree = pathlib.Path(name)
            for path, opening in {"base/a.h": "namespace x {", "ops/b.h": "namespace x {", "ops/c.h": "namespace {"}.items():
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).write_text(opening + "\nstruct Same {\n};\n}  // namespace x\n")
            self.assertEqual(types_of_one_name(tree), ["x::Same: base/a.h and ops/b.h"])

    def test_the_tree_keeps_the_rule(self):
        self.assertTrue(any(True for _ in sources(TREE, "base")), "no sources found: wrong tree?")
        self.assertEqual(violations(TREE), [])

    def test_every_folder_with_sources_has_a_level(self):
        known = set(LEVELS) | set(FREE)
        for path in sorted(TREE.iterdir()):
            if path.is_dir() and not path.name.startswith(".") and path.name not in ("build", "dist", "node_modules"):
                if any(True for _ in sources(TREE, path.name)):
                    self.assertIn(path.name, known, "a new folder needs a level in tests/layers_test.py")

    def test_planted_violations_are_found(self):
        planted = {
            "ops/up.cpp": '#include "model/model.h"\n',
            "files/sideways.h": '#pragma once\n#include "text/tokenizer.h"\n',
            "base/up.h": '  #  include "tensor/shape.h"\n',
            "model/out.cpp": '#include "tests/anything.h"\n',
            "run/near.cpp": '#include "sampler.h"\n',
            "apps/back.cpp": '#include "apps/../serve/server.h"\n',
        }
        allowed = {
            "apps/fine.cpp": '#include "run/session.h"\n#include <vector>\n// #include "tests/comment.h"\n',
            "ops/kernels/plain/fine.cpp": '#include "ops/kernels/kernels.h"\n#include "tensor/format.h"\n',
        }
        with tempfile.TemporaryDirectory() as name:
            tree = pathlib.Path(name)
            for path, text in {**planted, **allowed}.items():
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).write_text(text)
            found = violations(tree)
        self.assertEqual(sorted({line.split(":")[0] for line in found}), sorted(planted))
        self.assertEqual(len(found), len(planted))


if __name__ == "__main__":
    unittest.main()
