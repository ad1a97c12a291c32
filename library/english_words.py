#!/usr/bin/env python3
"""Writes english_words.cpp: the words of English that library/english.h knows, from lists of one word a line.

Usage: english_words.py OUT.cpp LIST...

Taken are words of three plain lower-case letters or more. Those that begin with the same two letters make a line, which is
one string: a compiler need not take one of more than 64 KiB, and need not count its letters.
"""
import itertools
import re
import sys

out, *lists = sys.argv[1:]
words = set()
for path in lists:
    with open(path, encoding="utf-8") as file:
        words.update(word for word in file.read().split("\n") if re.fullmatch("[a-z]{3,}", word))
lines = [" ".join(group) for _, group in itertools.groupby(sorted(words), key=lambda word: word[:2])]
with open(out, "w", encoding="utf-8") as file:
    file.write('#include "library/english.h"\n\nnamespace freehold::papers {\n\n'
               "std::span<const std::string_view> english_words() {\n  using namespace std::string_view_literals;\n"
               "  static constexpr std::string_view words[] = {\n")
    file.writelines(f'      "{line}"sv,\n' for line in lines)
    file.write("  };\n  return words;\n}\n\n}  // namespace freehold::papers\n")
