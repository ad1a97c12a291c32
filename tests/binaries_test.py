"""What the built engine may contain. Usage: binaries_test.py BUILD_FOLDER (a release build).

1. Only the kernel files of wider instruction sets use vector registers beyond SSE2: in all other objects no ymm, zmm
   or mask register stands, so that the program starts on every x86-64 machine.
2. Those kernel files define no weak symbols but instances over their own set's types (freehold::avx512::...): any other
   inline function compiled there with AVX-512 could be the copy that the linker keeps for the whole program.
3. The engine imports nothing that opens a connection or resolves a name. freehold-net, which may, does: that shows
   that the check sees.
"""
import pathlib
import re
import subprocess
import sys
import unittest

BUILD = pathlib.Path(sys.argv.pop(1)) if len(sys.argv) > 1 else pathlib.Path("build/release")
FOLDERS = ("base", "tensor", "ops", "files", "text", "model", "run")
WIDE_SET = re.compile(r"/kernels/(avx\w*|amx)/")
WIDE_REGISTER = re.compile(r"%(?:[yz]mm\d|k[0-7]\b)")
OUTBOUND = {"connect", "getaddrinfo", "gethostbyname", "gethostbyname_r", "getnameinfo", "sendto", "sendmsg", "sendmmsg",
            "res_query", "res_search", "__res_query", "__res_search", "curl_easy_perform", "SSL_connect", "BIO_new_connect"}


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def objects():
    found = []
    for folder in FOLDERS:
        found += sorted((BUILD / folder).glob(f"CMakeFiles/freehold_{folder}*.dir/**/*.o"))
    return found


def wide_instructions(path):
    lines = []
    function = ""
    for line in output("objdump", "-d", "--no-show-raw-insn", str(path)).splitlines():
        if line.endswith(">:"):
            function = line
        elif WIDE_REGISTER.search(line):
            lines.append(f"{path.name}: {function} {line.strip()}")
    return lines


def imports(binary):
    names = output("nm", "-D", "--undefined-only", str(binary)).split("\n")
    return {line.split()[-1].split("@")[0] for line in names if line.strip()}


class Binaries(unittest.TestCase):
    def test_baseline_objects_have_no_wide_registers(self):
        baseline = [o for o in objects() if not WIDE_SET.search(str(o))]
        self.assertTrue(any("/base/" in str(o) for o in baseline), f"no objects under {BUILD}: built?")
        for path in baseline:
            self.assertEqual(wide_instructions(path)[:3], [], f"{path} would not run on every x86-64 machine")

    def test_wide_objects_are_seen_as_wide(self):
        wide = [o for o in objects() if WIDE_SET.search(str(o))]
        self.assertTrue(wide)  # and the pattern that finds nothing in the others finds something here
        self.assertTrue(any(wide_instructions(path) for path in wide))

    def test_wide_objects_define_no_shared_weak_symbols(self):
        for path in objects():
            if WIDE_SET.search(str(path)):
                own = f"freehold::{WIDE_SET.search(str(path)).group(1)}::"
                weak = [line for line in output("nm", "-C", "--defined-only", str(path)).splitlines()
                        if re.search(r" [WVu] ", line) and "DW.ref." not in line and own not in line]
                self.assertEqual(weak, [], f"{path}: inline functions that may replace those of other files")

    def test_the_engine_cannot_reach_out(self):
        self.assertEqual(imports(BUILD / "apps" / "freehold") & OUTBOUND, set())

    def test_the_fetching_program_is_seen_to_reach_out(self):
        self.assertTrue(imports(BUILD / "apps" / "freehold-net") & OUTBOUND)


if __name__ == "__main__":
    unittest.main()
