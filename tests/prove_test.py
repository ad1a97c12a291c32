"""freehold prove-offline: a proof of the tiny model, its signature, and that it finds what is not as it should be.
Usage: prove_test.py FREEHOLD TINY_MODEL LEAKING_SERVER."""
import base64
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

FREEHOLD, TINY, LEAKING = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3]
del sys.argv[1:4]


class Proof(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.home = pathlib.Path(self.folder.name, "home")

    def tearDown(self):
        self.folder.cleanup()

    def prove(self, *words, program=FREEHOLD, status=0):
        done = subprocess.run([program, "prove-offline", *words, "--json"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              env={**os.environ, "FREEHOLD_HOME": str(self.home), "TMPDIR": self.folder.name}, timeout=300)
        self.assertEqual(done.returncode, status, (done.stdout, done.stderr))
        return done.stdout

    def test_a_server_sends_nothing_and_keeps_nothing(self):
        report = json.loads(self.prove(TINY))
        states = {c["name"]: c["state"] for c in report["checks"]}
        self.assertTrue(report["passed"], report)
        self.assertNotIn("failed", states.values())
        self.assertEqual(states["imports"], "shown")
        self.assertEqual(set(states), {"imports", "network", "trace: sockets", "trace: reaching out", "trace: programs",
                                       "trace: files written", "trace: canaries", "session", "seal", "seal: folders", "canaries"})
        self.assertEqual([p.name for p in pathlib.Path(self.folder.name).iterdir()], ["home"])  # its own folder is gone
        path = self.home / "offline-proof.json"
        self.assertEqual(json.loads(self.prove("--verify", str(path)))["passed"], True)
        envelope = json.loads(path.read_text())
        flipped = envelope["payload"][:40] + ("A" if envelope["payload"][40] != "A" else "B") + envelope["payload"][41:]
        path.write_text(json.dumps({**envelope, "payload": flipped}))
        self.prove("--verify", str(path), status=6)

    def test_openssl_finds_the_signature_good(self):
        self.prove(TINY)
        envelope = json.loads((self.home / "offline-proof.json").read_text())
        payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
        signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
        data, signature = self.home / "data", self.home / "signature"
        data.write_bytes(signed)
        signature.write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
        subprocess.run(["openssl", "dgst", "-sha256", "-verify", self.home / "proof.key.pub", "-signature", signature, data],
                       check=True, capture_output=True)
        self.assertEqual(stat.S_IMODE((self.home / "proof.key").stat().st_mode), 0o600)

    def test_what_is_not_as_it_should_be_is_found(self):
        place = pathlib.Path(self.folder.name, "programs")
        place.mkdir()
        shutil.copy(FREEHOLD, place / "real")
        shutil.copy(LEAKING, place / "freehold")
        shutil.copy(FREEHOLD.parent / "freehold-net", place / "freehold-net")
        report = json.loads(self.prove(TINY, program=place / "freehold-net", status=1).splitlines()[0])
        self.assertFalse(report["passed"])
        failed = {c["name"] for c in report["checks"] if c["state"] == "failed"}
        self.assertEqual(failed, {"imports", "trace: sockets", "trace: reaching out", "trace: programs", "trace: files written", "seal"})

    def test_wrong_words(self):
        for words in ((), (TINY, "more"), ("--odd",), (TINY, "--report"), (TINY, "--verify", "x")):
            self.prove(*words, status=2)
        self.prove("no-such-model", status=5)


if __name__ == "__main__":
    unittest.main()
