"""What must not stand in the tree: paths of a machine, names of package registries' hosts, open ends, over-long files,
names of pages that are not there, packages that README.md does not list.

Reads the files that git tracks (without git: all but build folders). Each rule is also tried on a planted line.
"""
import pathlib
import re
import subprocess
import unittest

TREE = pathlib.Path(__file__).resolve().parent.parent
SOURCES = (".h", ".cpp", ".cu", ".py", ".ts", ".sh")
# Written in pieces, so that this file does not find itself.
MACHINE_PATH = re.compile(r'(?<![\w.~$}*)-])/(?:wo''rk|ro''ot|fa''rm|ho''me|t''mp)/')
REGISTRY_HOST = re.compile("|".join((r"registry\.np" r"mjs\.org", r"py" r"pi\.org", r"pythonho" r"sted\.org",
                                     r"deb\.debi" r"an\.org", r"security\.debi" r"an\.org", r"crat" r"es\.io")))
OPEN_END = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
LONGEST = 800  # lines of a source file; longer ones say why in their head ("This file is long because ...")


def tracked():
    try:
        names = subprocess.run(["git", "ls-files", "-z"], cwd=TREE, check=True, capture_output=True).stdout
        paths = [TREE / name for name in names.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        away = {".git", "build", "dist", "node_modules", "__pycache__"}
        paths = [p for p in sorted(TREE.rglob("*")) if not away & set(p.relative_to(TREE).parts)]
    return [p for p in paths if p.is_file() and not p.is_symlink()]


def text_of(path):
    data = path.read_bytes()
    return None if b"\0" in data[:8192] else data.decode("utf-8", "replace")


def lines_with(pattern, keep):
    found = []
    for path in tracked():
        if not keep(path):
            continue
        text = text_of(path)
        for number, line in enumerate((text or "").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(TREE)}:{number}: {line.strip()[:120]}")
    return found


def is_golden(path):  # data made elsewhere: other people's templates and texts
    return path.relative_to(TREE).parts[:2] == ("tests", "golden") or "corpus" in path.parts


class Tree(unittest.TestCase):
    def test_files_are_found(self):
        self.assertGreater(len(tracked()), 20)

    def test_no_paths_of_a_machine(self):
        self.assertEqual(lines_with(MACHINE_PATH, lambda p: not is_golden(p)), [])
        self.assertTrue(MACHINE_PATH.search('open("/wo' 'rk/models/x")'))
        self.assertFalse(MACHINE_PATH.search("model/wo" "rk/x ~/wo" "rk/x"))

    def test_no_registry_hosts(self):
        self.assertEqual(lines_with(REGISTRY_HOST, lambda p: True), [])
        self.assertTrue(REGISTRY_HOST.search("https://py" "pi.org/simple"))

    def test_no_open_ends(self):
        self.assertEqual(lines_with(OPEN_END, lambda p: p.suffix in SOURCES and not is_golden(p)), [])
        self.assertTrue(OPEN_END.search("// TO" "DO: later"))

    def test_named_pages_exist(self):
        named = re.compile(r"\bdocs/[a-z_]+\.md\b")
        for path in tracked():
            if path.suffix in SOURCES + (".md",) and not is_golden(path) and "ggml" not in (text_of(path) or ""):
                for page in named.findall(text_of(path)):
                    self.assertTrue((TREE / page).exists(), f"{path.relative_to(TREE)} names {page}")

    def test_readme_lists_every_package(self):
        setup = (TREE / "tools/setup.sh").read_text()
        readme = (TREE / "README.md").read_text()
        packages = " ".join(re.findall(r"_packages=\(([^)]*)\)", setup)).split()
        self.assertGreater(len(packages), 15)
        self.assertEqual([name for name in packages if name not in readme], [])

    def test_no_file_is_too_long(self):
        long = []
        for path in tracked():
            if path.suffix not in SOURCES:
                continue
            lines = (text_of(path) or "").splitlines()
            if len(lines) > LONGEST and "This file is long because" not in "\n".join(lines[:15]):
                long.append(f"{path.relative_to(TREE)}: {len(lines)} lines, at most {LONGEST}")
        self.assertEqual(long, [])


if __name__ == "__main__":
    unittest.main()
