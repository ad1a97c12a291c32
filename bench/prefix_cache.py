"""Time to the first token of a second turn: with nothing kept, from memory, and from disk after a restart.
Usage: prefix_cache.py FREEHOLD MODEL [--tokens 7600] [--rounds 3] [--json FILE]

A conversation whose first turn has about so many tokens goes on with a short question. Each round asks this second turn
  cold    of a server that has seen nothing
  memory  of one that has just answered the first turn
  disk    of one that was started again since, over the same home folder
The answers, seeded, must be equal to the letter. The time is that from sending to the first piece of text; a server has
answered another user's short question before, so that its weights are in memory. Files stand in the system's cache, as after
a restart of the program; not as after one of the machine.
"""
import argparse
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import tempfile
import time

from serve import WORDS


class Server:
    def __init__(self, freehold, model, home, *options):
        self.process = subprocess.Popen([freehold, "serve", model, "--port", "0", "--json", *options], stdout=subprocess.PIPE,
                                        text=True, env={**os.environ, "FREEHOLD_HOME": home})
        self.port = int(json.loads(self.process.stdout.readline())["url"].rsplit(":", 1)[1])
        self.turn([{"role": "user", "content": "Hello!"}], "another")

    def turn(self, messages, user="somebody"):
        """(text, seconds to its first token, tokens of the prompt, those found)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        body = {"messages": messages, "max_tokens": 24, "seed": 7, "stream": True, "stream_options": {"include_usage": True}}
        begun, first, text, usage = time.monotonic(), None, "", None
        connection.request("POST", "/v1/chat/completions", json.dumps(body),
                           {"Content-Type": "application/json", "Authorization": "Bearer " + user})
        for line in connection.getresponse():
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[6:])
            usage = event.get("usage") or usage
            piece = "".join(c["delta"].get("content") or "" for c in event["choices"])
            over = any(c.get("finish_reason") for c in event["choices"])
            if (piece or over) and first is None:  # the first token may be the end
                first = time.monotonic() - begun
            text += piece
        connection.close()
        return text, first, usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"]

    def end(self):
        self.process.send_signal(signal.SIGINT)
        if self.process.wait(timeout=120) != 0:
            raise SystemExit("the server ended with an error")


def round_of(freehold, model, tokens, number):
    dice = random.Random(number)
    first = [{"role": "user", "content": " ".join(dice.choice(WORDS) for _ in range(tokens))}]
    common = ("--context", "8192", "--answers", "4")
    with tempfile.TemporaryDirectory() as home:
        server = Server(freehold, model, home, *common, "--disk-cache-mib", "4096")
        answer, first_turn, _, _ = server.turn(first)
        second = first + [{"role": "assistant", "content": answer}, {"role": "user", "content": "Which word stood there first?"}]
        memory = server.turn(second)
        server.end()
        disk_bytes = sum(e.stat().st_size for e in os.scandir(os.path.join(home, "prefixes")))
        server = Server(freehold, model, home, *common, "--disk-cache-mib", "4096")
        disk = server.turn(second)
        server.end()
        server = Server(freehold, model, home, *common)
        cold = server.turn(second)
        server.end()
    if not cold[0] == memory[0] == disk[0]:
        raise SystemExit(f"the answers differ: {cold[0]!r}, {memory[0]!r}, {disk[0]!r}")
    return {"prompt_tokens": cold[2], "found_in_memory": memory[3], "found_on_disk": disk[3], "disk_bytes": disk_bytes,
            "first_turn": first_turn, "cold": cold[1], "memory": memory[1], "disk": disk[1]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("freehold")
    parser.add_argument("model")
    parser.add_argument("--tokens", type=int, default=7600, help="words of the first turn; each is about a token")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    options = parser.parse_args()
    rounds = []
    for number in range(options.rounds):
        rounds.append(round_of(options.freehold, options.model, options.tokens, number))
        print(json.dumps(rounds[-1]), flush=True)
    middle = {way: statistics.median(r[way] for r in rounds) for way in ("cold", "memory", "disk")}
    for way, seconds in middle.items():
        print(f"{way:8} {seconds * 1000:9.1f} ms  {middle['cold'] / seconds:6.1f} x")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"rounds": rounds, "median": middle}, file, indent=1)


if __name__ == "__main__":
    main()
