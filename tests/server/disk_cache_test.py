"""Prefixes on disk (--disk-cache-mib): a conversation goes on from them after a restart, with the same answer; nothing of it
can be read in a file; damage is passed over; a second server on the same folder serves without.
Usage: disk_cache_test.py FREEHOLD MODEL
"""
import os
import sys
import unittest

from serving import Serving

FREEHOLD, MODEL = sys.argv[1:3]
del sys.argv[1:3]
CANARY = "sing canary sing "
ASK = {"prompt": CANARY * 12, "max_tokens": 8, "seed": 5, "temperature": 1}


class DiskCache(unittest.TestCase):
    def setUp(self):
        self.server = Serving(FREEHOLD, MODEL, "--disk-cache-mib", "64")
        self.addCleanup(self.server.end)

    def answer(self):
        """(text, tokens of the prompt that were found)"""
        status, answer = self.server.post("/v1/completions", ASK)
        self.assertEqual(status, 200, answer)
        return answer["choices"][0]["text"], answer["usage"]["prompt_tokens_details"]["cached_tokens"]

    def pages(self):
        folder = os.path.join(self.server.home.name, "prefixes")
        return [os.path.join(folder, name) for name in os.listdir(folder) if name != "lock"]

    def restart(self, between=lambda home: None):
        self.server.end_and_start_again(between)

    def test_goes_on_after_a_restart_with_the_same_answer(self):
        first, found = self.answer()
        self.assertEqual(found, 0)
        self.restart()
        again, found = self.answer()
        self.assertEqual(again, first)
        self.assertGreaterEqual(found, 64)
        self.assertEqual(found % 64, 0)
        self.assertEqual(self.server.metric("vllm:external_prefix_cache_hits_total"), found)
        self.assertEqual(self.server.metric("vllm:prefix_cache_hits_total"), 0)
        self.assertGreater(self.server.metric("freehold:disk_cache_read_bytes_total"), 0)
        self.assertEqual(self.server.metric("freehold:disk_cache_writes"), 1)
        self.assertEqual(self.server.said(), "")

    def test_nothing_of_it_can_be_read(self):
        self.answer()
        self.restart()
        self.assertTrue(self.pages())
        for path in self.pages():
            with open(path, "rb") as file:
                data = file.read()
            self.assertTrue(data.startswith(b"FHSEAL01"))
            self.assertNotIn(b"canary", data)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(os.path.join(self.server.home.name, "prefixes.key")).st_mode & 0o777, 0o600)

    def test_damaged_pages_are_computed_again(self):
        first, _ = self.answer()

        def damage(_):
            for path in self.pages():
                with open(path, "r+b") as file:
                    file.seek(100)
                    file.write(b"\0\1\2\3\4")

        self.restart(damage)
        self.assertEqual(self.answer(), (first, 0))
        self.assertEqual(self.server.metric("freehold:disk_cache_refused_files_total"), 1)
        self.assertIn("note: prefixes on disk: ", self.server.said())
        self.assertIn("damaged", self.server.said())
        self.restart()
        again, found = self.answer()
        self.assertEqual(again, first)
        self.assertGreaterEqual(found, 64)

    def test_without_its_key_nothing_opens(self):
        self.answer()
        self.restart(lambda home: os.remove(os.path.join(home, "prefixes.key")))
        self.assertEqual(self.answer()[1], 0)

    def test_a_second_server_on_the_folder_serves_without(self):
        first, _ = self.answer()
        self.assertEqual(self.server.said(), "")
        other = Serving(FREEHOLD, MODEL, "--disk-cache-mib", "64", extra={"FREEHOLD_HOME": self.server.home.name})
        try:
            status, answer = other.post("/v1/completions", ASK)
            self.assertEqual((status, answer["choices"][0]["text"]), (200, first))
            self.assertIn("another program uses this folder; serving without", other.said())
            self.assertEqual(other.metric("freehold:disk_cache_bytes"), 0)
        finally:
            self.assertEqual(other.end(), 0)
        self.assertEqual(self.answer()[0], first)


if __name__ == "__main__":
    unittest.main()
