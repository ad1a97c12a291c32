"""What the server writes of use: ledger, receipts, budgets, energy. Usage: usage_test.py FREEHOLD TINY_MODEL."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from serving import Serving

FREEHOLD, TINY = sys.argv[1:3]
del sys.argv[1:3]
HELLO = [{"role": "user", "content": "Hello"}]
CHAT, TEXT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/responses"
EMBED = "/v1/embeddings"
GO_ON = {"256": -100, "257": -100, "258": -100}  # the tokens that end an answer
RECEIPT = {"x-freehold-receipt": "1"}


def run(home, *words, status=0):
    done = subprocess.run([FREEHOLD, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, "FREEHOLD_HOME": home}, timeout=60)
    assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout


class Case(unittest.TestCase):
    options = ()

    def setUp(self):
        self.server = Serving(FREEHOLD, TINY, "--context", "512", "--name", "tiny", *self.options)
        self.home = self.server.home.name

    def tearDown(self):
        self.assertEqual(self.server.end(), 0)

    def ledger(self):
        with open(os.path.join(self.home, "usage.jsonl"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def key(self, name, department, *more):
        return json.loads(run(self.home, "keys", "add", name, "--department", department, *more, "--json"))

    def chat(self, key=None, **more):
        headers = {"x-api-key": key["key"]} if key else {}
        return self.server.post(CHAT, {"messages": HELLO, "max_tokens": 5, "logit_bias": GO_ON, **more}, headers=headers)


class Ledger(Case):
    def test_each_request_is_a_line_without_content(self):
        desk = self.key("desk", "reception")
        status, answer = self.chat(desk)
        self.assertEqual(status, 200)
        line = self.ledger()[-1]
        self.assertEqual((line["key_id"], line["department"], line["model"], line["outcome"]), (desk["id"], "reception", "tiny", "length"))
        self.assertEqual((line["prompt"], line["output"]), (answer["usage"]["prompt_tokens"], 5))
        self.assertEqual(line["weights_digest8"], answer["system_fingerprint"][-8:])
        self.assertEqual((line["method"], line["joules"], line["cost"], line["currency"]), ("none", 0, "0", ""))
        self.assertEqual(set(line), {"v", "ts", "receipt_id", "key_id", "department", "model", "weights_digest8", "outcome", "prompt",
                                     "cached", "reasoning", "output", "queue_ms", "prefill_ms", "decode_ms", "joules", "method",
                                     "cost", "currency", "prev", "sum"})
        status, answer = self.server.post(EMBED, {"input": ["Hello", "you"]}, headers={"x-api-key": desk["key"]})
        self.assertEqual(status, 200)
        line = self.ledger()[-1]
        self.assertEqual((line["department"], line["outcome"], line["prompt"], line["output"], line["cached"]),
                         ("reception", "stop", answer["usage"]["prompt_tokens"], 0, 0))
        self.assertEqual(self.chat(desk, messages=[])[0], 400)  # what was refused was not used
        self.assertEqual(len(self.ledger()), 2)

    def test_a_client_that_goes_is_counted_for_what_it_had(self):
        body = json.dumps({"messages": HELLO, "max_tokens": 450, "stream": True, "logit_bias": GO_ON}).encode()
        with socket.create_connection(("127.0.0.1", self.server.port)) as s:
            s.sendall(f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            s.recv(1000)
        deadline = time.monotonic() + 20
        while not self.ledger():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        line = self.ledger()[0]
        self.assertIn(line["outcome"], ("abort", "length"))
        self.assertLessEqual(line["output"], 450)

    def test_usage_is_told_by_command_and_by_route(self):
        keys = [self.key("a", "legal"), self.key("b", "legal"), self.key("c", "sales")]
        for key in (keys[0], keys[1], keys[1], keys[2]):
            self.assertEqual(self.chat(key)[0], 200)
        month = self.ledger()[0]["ts"][:7]
        rows = {r["name"]: r for r in json.loads(run(self.home, "usage", "--by", "department", "--month", month, "--json"))["data"]}
        self.assertEqual((rows["legal"]["requests"], rows["sales"]["requests"]), (3, 1))
        self.assertEqual(rows["legal"]["output"], 15)
        by_key = {r["name"]: r for r in json.loads(run(self.home, "usage", "--by", "key", "--format", "json"))["data"]}
        self.assertEqual(by_key[keys[1]["id"]]["requests"], 2)
        self.assertIn("tiny", run(self.home, "usage", "--by", "model"))
        self.assertEqual(run(self.home, "usage", "--by", "model", "--format", "csv").splitlines()[1].split(",")[:2], ['"tiny"', "4"])
        self.assertEqual(json.loads(run(self.home, "usage", "--month", "1999-01", "--json"))["data"], [])
        run(self.home, "usage", "--month", "november", status=2)
        admin = {"x-api-key": self.key("admin", "it", "--scopes", "admin")["key"]}
        self.assertEqual(self.server.ask("GET", "/freehold/usage", headers={"x-api-key": keys[0]["key"]})[0], 403)
        status, _, text = self.server.ask("GET", f"/freehold/usage?from={month}-01&group_by=department", headers=admin)
        self.assertEqual(status, 200)
        self.assertEqual({r["name"]: r for r in json.loads(text)["data"]}, rows)
        status, headers, text = self.server.ask("GET", "/freehold/usage?group_by=key&format=csv", headers=admin)
        self.assertEqual((status, headers["Content-Type"], len(text.splitlines())), (200, "text/csv; charset=utf-8", 4))
        for query in ("group_by=name", "from=yesterday", "odd=1"):
            self.assertEqual(self.server.ask("GET", f"/freehold/usage?{query}", headers=admin)[0], 400, query)

    def test_a_flipped_byte_is_found(self):
        for _ in range(3):
            self.chat()
        self.assertIn("3 lines", run(self.home, "usage", "--verify"))
        path = pathlib.Path(self.home, "usage.jsonl")
        good = path.read_bytes()
        for at in (5, len(good) // 2, len(good) - 10):
            path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
            run(self.home, "usage", "--verify", status=6)
            run(self.home, "usage", status=6)
        path.write_bytes(good)
        run(self.home, "usage", "--verify")

    def test_the_end_of_the_program_loses_no_line(self):
        for _ in range(3):
            self.assertEqual(self.chat()[0], 200)
        self.server.process.kill()
        self.server.process.wait()
        self.assertEqual(len(self.ledger()), 3)
        run(self.home, "usage", "--verify")
        self.server.process.stdout.close()
        self.server.process = subprocess.Popen(["true"], stdout=subprocess.PIPE)  # for tearDown
        self.server.process.wait()

    def test_what_cannot_be_recorded_is_not_computed(self):
        self.chat()
        os.truncate(os.path.join(self.home, "usage.jsonl"), 0)
        self.assertEqual(self.chat()[0], 200)  # that its line cannot be written shows when it is over
        for path in (CHAT, TEXT, MESSAGES):
            status, answer = self.server.post(path, {"messages": HELLO, "prompt": "x", "max_tokens": 2})
            self.assertEqual(status, 503, answer)
        self.assertRegex(self.server.said(), r"^freehold: error: integrity: usage.jsonl: has become shorter[^\n]*\n$")


class Budgets(Case):
    def test_a_spent_budget_is_402_in_both_shapes(self):
        desk, other = self.key("desk", "reception"), self.key("other", "legal")
        run(self.home, "keys", "budget", "reception", "--tokens", "40")
        self.assertEqual(self.chat(desk)[0], 200)
        self.assertEqual(self.chat(desk)[0], 200)  # 29 of 40 were used
        status, answer = self.chat(desk)
        self.assertEqual((status, answer["error"]["type"], answer["error"]["code"]), (402, "insufficient_quota", "budget_exceeded"))
        status, answer = self.server.post(MESSAGES, {"messages": HELLO, "max_tokens": 2}, headers={"x-api-key": desk["key"]})
        self.assertEqual((status, answer["error"]["type"]), (402, "billing_error"))
        self.assertEqual(self.server.post(EMBED, {"input": "Hello"}, headers={"x-api-key": desk["key"]})[0], 402)
        self.assertEqual(self.chat(other)[0], 200)
        admin = {"x-api-key": self.key("admin", "it", "--scopes", "admin")["key"]}
        (row,) = json.loads(self.server.ask("GET", "/freehold/budget", headers=admin)[2])["data"]
        self.assertEqual((row["department"], row["tokens"], row["spent"]), ("reception", {"budget": 40, "spent": 58}, True))
        run(self.home, "keys", "budget", "reception", "--tokens", "1000")
        self.assertEqual(self.chat(desk)[0], 200)
        run(self.home, "keys", "budget", "reception")
        self.assertEqual(json.loads(self.server.ask("GET", "/freehold/budget", headers=admin)[2])["data"], [])


class Departments(Case):
    def asked(self, key, department, path=CHAT, **body):
        headers = {"x-api-key": key["key"]} if key else {}
        body = body or {"messages": HELLO, "max_tokens": 2}
        return self.server.post(path, {**body, "metadata": {"department": department}}, headers=headers)

    def test_a_request_may_name_who_is_charged(self):
        self.assertEqual(self.asked(None, "anything")[0], 200)  # without keys
        gateway = json.loads(run(self.home, "keys", "add", "gateway", "--json"))
        desk = self.key("desk", "reception")
        run(self.home, "keys", "budget", "legal", "--tokens", "1")
        for path, body in ((CHAT, {}), (TEXT, {"prompt": "x", "max_tokens": 2}), (EMBED, {"input": "x"}),
                           (MESSAGES, {"messages": HELLO, "max_tokens": 2}), (RESPONSES, {"input": "x", "max_output_tokens": 2})):
            self.assertEqual(self.asked(gateway, "reception", path, **body)[0], 200, path)
            line = self.ledger()[-1]
            self.assertEqual((line["key_id"], line["department"]), (gateway["id"], "reception"))
        self.assertEqual(self.asked(desk, "reception")[0], 200)
        lines = len(self.ledger())
        for key, department in ((desk, "legal"), (gateway, "unheard of")):
            status, answer = self.asked(key, department)
            self.assertEqual((status, answer["error"]["code"], answer["error"]["param"]),
                             (403, "department_not_allowed", "metadata.department"))
        for department in ("", "a,b", "x" * 65, 7):
            self.assertEqual(self.asked(gateway, department)[0], 400, department)
        self.assertEqual(len(self.ledger()), lines)
        self.assertEqual(self.asked(gateway, "legal")[0], 200)
        status, answer = self.asked(gateway, "legal")  # its budget of one token is spent
        self.assertEqual((status, answer["error"]["code"]), (402, "budget_exceeded"))
        self.assertEqual(self.asked(gateway, "reception")[0], 200)


class Energy(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.zone = pathlib.Path(self.folder.name, "counters", "intel-rapl:0")
        self.zone.mkdir(parents=True)
        (self.zone / "name").write_text("package-0\n")
        (self.zone / "max_energy_range_uj").write_text("50000000\n")
        self.counter, self.sum, self.moving = 49_000_000, 0, False
        self.write()

    def tearDown(self):
        self.folder.cleanup()

    def write(self):  # in place and at a width of its own, as the kernel's: the server holds it open
        with open(self.zone / "energy_uj", "r+" if (self.zone / "energy_uj").exists() else "w") as file:
            file.write(f"{self.counter:08d}\n")

    def move(self, microjoules):
        self.counter = (self.counter + microjoules) % 50_000_000
        self.sum += microjoules
        self.write()

    def keep_moving(self):
        while self.moving:
            self.move(200_000)
            time.sleep(0.002)

    def test_receipts_sum_up_to_the_meter(self):
        server = Serving(FREEHOLD, TINY, "--context", "512", "--energy-counters", str(self.zone.parent))
        home = server.home.name
        try:
            self.moving = True
            mover = threading.Thread(target=self.keep_moving)
            mover.start()
            receipts = []

            def ask(i):
                body = {"messages": HELLO, "max_tokens": 20 + 17 * i, "logit_bias": GO_ON}
                receipts.append(json.loads(server.ask("POST", CHAT, body, RECEIPT)[2])["freehold"])
            threads = [threading.Thread(target=ask, args=(i,)) for i in range(12)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.moving = False
            mover.join()
            server.metrics()
            told = sum(r["energy"]["joules"] for r in receipts)
            self.assertTrue(all(r["energy"]["method"] == "rapl" for r in receipts))
            self.assertGreater(told, 0)
            meter, idle = server.metric("freehold:energy_joules_total"), server.metric("freehold:idle_joules_total")
            self.assertGreater(meter, 1)
            self.assertLess(abs(told + idle - meter), 0.01 * meter + 0.05)
            self.assertGreater(self.sum, 1_000_000)  # the counter has wrapped on the way
            with open(os.path.join(home, "usage.jsonl"), encoding="utf-8") as file:
                lines = {e["receipt_id"]: e for e in map(json.loads, file)}
            for receipt in receipts:
                self.assertEqual(lines[receipt["receipt_id"]]["joules"], receipt["energy"]["joules"])
            self.assertEqual(json.loads(server.ask("GET", "/freehold/state")[2])["energy"], "rapl")
        finally:
            self.moving = False
            self.assertEqual(server.end(), 0)


class Receipts(Case):
    def setUp(self):
        super().setUp()
        self.server.end_and_start_again(lambda home: pathlib.Path(home, "tariff.json").write_text(json.dumps(
            {"name": "t1", "currency": "EUR", "per_million_prompt": 2, "per_million_cached": 0.5, "per_million_output": 10})))
        self.home = self.server.home.name

    def test_they_come_where_they_are_asked_for_in_every_shape(self):
        body = {"messages": HELLO, "max_tokens": 5, "logit_bias": GO_ON, "seed": 1}
        self.assertNotIn("freehold", self.server.post(CHAT, body)[1])
        receipts = [self.server.post(CHAT, body, headers=RECEIPT)[1]["freehold"],
                    self.server.post(TEXT, {"prompt": "x", "max_tokens": 5}, headers=RECEIPT)[1]["freehold"],
                    self.server.post(MESSAGES, {"messages": HELLO, "max_tokens": 5}, headers=RECEIPT)[1]["freehold"],
                    self.server.post(RESPONSES, {"input": "Hello", "max_output_tokens": 16}, headers=RECEIPT)[1]["freehold"],
                    self.server.post(EMBED, {"input": ["Hello", "x"]}, headers=RECEIPT)[1]["freehold"]]
        for path, ask in ((CHAT, body), (TEXT, {"prompt": "x", "max_tokens": 5}), (MESSAGES, {"messages": HELLO, "max_tokens": 5}),
                          (RESPONSES, {"input": "Hello", "max_output_tokens": 16})):
            status, _, text = self.server.ask("POST", path, {**ask, "stream": True}, RECEIPT)
            self.assertEqual(status, 200)
            found = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
            found = [e.get("freehold") or e.get("response", {}).get("freehold") for e in found]
            found = [e for e in found if e]
            self.assertEqual(len(found), 1, path)
            receipts += found
        lines = {line["receipt_id"]: line for line in self.ledger()}
        for receipt in receipts:
            line = lines[receipt["receipt_id"]]
            self.assertEqual(receipt["energy"], {"joules": None, "method": "none", "idle_share": None})
            self.assertEqual(receipt["cost"], {"amount": line["cost"], "currency": "EUR", "tariff": "t1"})
            billionths = (line["prompt"] - line["cached"]) * 2000 + line["cached"] * 500 + line["output"] * 10000
            self.assertEqual(round(float(line["cost"]) * 1e9), billionths)
        told = sum(round(float(line["cost"]) * 1e9) for line in lines.values())
        (row,) = json.loads(run(self.home, "usage", "--json"))["data"]
        self.assertEqual(round(float(row["cost"]) * 1e9), told)  # to the last digit
        self.assertEqual(row["currency"], "EUR")


if __name__ == "__main__":
    unittest.main()
