"""Writes files as C++: embed.py OUT.cpp FILE... They become the list that serve/page_files.h declares."""
import pathlib
import sys

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml"}


def literal(data):
    """Strings of 100 bytes each; three octal digits never run into what follows."""
    plain = lambda b: chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}"
    return "\n".join('    "' + "".join(map(plain, data[i:i + 100])) + '"' for i in range(0, len(data), 100)) or '""'


out, *files = map(pathlib.Path, sys.argv[1:])
text = '// Made by page/embed.py.\n#include "serve/page_files.h"\n\nnamespace freehold {\n\n'
text += "std::span<const PageFile> page_files() {\n  using namespace std::literals;\n  static constexpr PageFile files[] = {\n"
for file in files:
    address = "/" if file.name == "index.html" else "/" + file.name
    text += f'   {{"{address}", "{TYPES[file.suffix]}",\n{literal(file.read_bytes())}sv}},\n'
out.write_text(text + "  };\n  return files;\n}\n\n}  // namespace freehold\n")
