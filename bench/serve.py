"""Load on a server: N streams at a time, ours and llama-server in turns, over the same model.
Usage: serve.py FREEHOLD MODEL.gguf [--rival LLAMA_SERVER] [--streams 8,32,64] [--seconds 60] [--rounds 3]
                [--max-tokens 128] [--prompt-words 60] [--overload | --idle N] [--json FILE]

Each round starts each server afresh, keeps N streamed chats under way for so many seconds (who ends begins anew with a
prompt of its own), and lets those under way end. Rounds alternate A B, B A. One thread drives all streams and only keeps
what arrives and when; it is looked at afterwards, so that the driver takes little of the machine that it measures.

A stream is lost when it ends without its last event, corrupted when its events are no JSON, of several answers, without a
reason to have ended or without the usage asked for, or count other tokens than the usage (pieces are at most one a token).
Of our server, whose answers do not depend on the company, some of the answers are asked for again, alone, and must be equal
to the letter. tokens/s are those that arrived before the time was over; memory is the resident size of the server's
process, told as the largest of the second quarter of a round and of the last.

--overload: instead, four times as many clients as our server has places for (answers and queue together): every answer
must be 200 or 429.
--idle N: instead, ours with and without N more connections that say nothing, or a byte a second.
"""
import argparse
import collections
import errno
import http.client
import json
import multiprocessing
import os
import random
import resource
import selectors
import signal
import socket
import statistics
import subprocess
import tempfile
import time

WORDS = ("pump belt gear motor valve joint sensor report order night shift cold warm oil water line press frame wheel plate "
         "crack noise stop start check clean replace measure note table number part place time").split()
PATH = "/v1/chat/completions"


class Stream:
    """One request, from connect() to the end of its answer."""

    def __init__(self, port, body):
        self.body, self.pieces, self.begun, self.ended, self.fault = body, [], time.monotonic(), None, None
        data = json.dumps(body).encode()
        self.out = (f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
                    f"Connection: close\r\nContent-Length: {len(data)}\r\n\r\n").encode() + data
        self.socket = socket.socket()
        self.socket.setblocking(False)
        code = self.socket.connect_ex(("127.0.0.1", port))
        if code not in (0, errno.EINPROGRESS):
            self.end(os.strerror(code))

    def events(self):
        return selectors.EVENT_WRITE if self.out else selectors.EVENT_READ

    def go_on(self):
        try:
            if self.out:
                self.out = self.out[self.socket.send(self.out):]
            elif piece := self.socket.recv(65536):
                self.pieces.append((time.monotonic(), piece))
            else:
                self.end(None)
        except BlockingIOError:
            pass
        except OSError as error:
            self.end(str(error))

    def end(self, fault):
        self.fault, self.ended = fault, time.monotonic()
        self.socket.close()

    # What arrived, read afterwards.

    def status(self):
        head = self.pieces[0][1].split(b"\r\n", 1)[0].split(b" ") if self.pieces else []
        return int(head[1]) if len(head) > 1 and head[1].isdigit() else None

    def read(self):
        """Sets text, tokens, times (of each piece of text), lost, corrupted."""
        self.text, self.tokens, self.prompt_tokens, self.times, self.lost, self.corrupted = "", 0, 0, [], True, None
        ids, reasons, usage = set(), [], None
        try:
            for at, line in self.lines():
                if not line.startswith(b"data: "):
                    continue
                if line == b"data: [DONE]":
                    self.lost = False
                    continue
                event = json.loads(line[6:])
                if "error" in event:
                    self.corrupted = event["error"].get("message")
                    break
                ids.add(event["id"])
                usage = event.get("usage") or usage
                for choice in event["choices"]:
                    if choice["delta"].get("content"):
                        self.text += choice["delta"]["content"]
                        self.times.append(at)
                    reasons += [choice["finish_reason"]] if choice["finish_reason"] else []
        except (ValueError, KeyError, TypeError) as error:
            self.corrupted = f"{type(error).__name__}: {error}"
        if self.fault:
            self.lost = True
        if self.lost or self.corrupted:
            return
        if len(ids) != 1 or len(reasons) != 1 or not usage:
            self.corrupted = f"{len(ids)} ids, {len(reasons)} reasons to end, usage {usage}"
            return
        self.tokens, self.prompt_tokens = usage["completion_tokens"], usage["prompt_tokens"]
        if len(self.times) > self.tokens + 1:
            self.corrupted = f"{len(self.times)} pieces of {self.tokens} tokens"

    def lines(self):
        """(arrival, line) of the body, out of its chunks."""
        data, head_over, left, line = b"", False, 0, b""
        for at, piece in self.pieces:
            data += piece
            if not head_over:
                head, sign, rest = data.partition(b"\r\n\r\n")
                if not sign:
                    continue
                head_over, data = True, rest
                if b"transfer-encoding: chunked" not in head.lower():
                    left = 1 << 60
            while data:
                if left == 0:
                    size, sign, rest = data.partition(b"\r\n")
                    if not sign:
                        break
                    data = rest
                    left = int(size, 16) + 2 if size else 0
                    if size == b"0":
                        return
                part, data, left = data[:left], data[left:], max(0, left - len(data))
                line += part[:-2] if left == 0 and part.endswith(b"\r\n") else part
                *whole, line = line.split(b"\n")
                for one in whole:
                    yield at, one.rstrip(b"\r")


class Server:
    def __init__(self, name, words, port, ready):
        self.name, self.port = name, port
        self.home = tempfile.TemporaryDirectory()
        self.log = open(os.path.join(self.home.name, "log"), "w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(words, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
                                        env={**os.environ, "FREEHOLD_HOME": self.home.name})
        until = time.monotonic() + 120
        while not self.answers(ready):
            if self.process.poll() is not None or time.monotonic() > until:
                self.log.seek(0)
                raise SystemExit(f"{name} did not start:\n{self.log.read()[-2000:]}")
            time.sleep(0.1)

    def answers(self, path):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except OSError:
            return False

    def resident_mib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii", errors="replace") as file:
            return next((int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS:")), 0.0)

    def alone(self, body):
        stream = Stream(self.port, body)
        drive([stream], lambda: None)
        stream.read()
        return stream

    def end(self):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.home.cleanup()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ours(options, streams):
    port = free_port()
    return Server("freehold", [options.freehold, "serve", options.model, "--port", str(port), "--answers", str(streams),
                               "--context", "2048", *options.with_option], port, "/health")


def rival(options, streams):
    port = free_port()
    return Server("llama-server", [options.rival, "-m", options.model, "--port", str(port), "--parallel", str(streams),
                                   "-c", str(2048 * streams), "-t", str(os.cpu_count()), "--no-webui"], port, "/health")


def body_of(rng, options):
    words = " ".join(rng.choice(WORDS) for _ in range(options.prompt_words))
    return {"messages": [{"role": "user", "content": f"{rng.randrange(10 ** 6)}: write a short report about: {words}."}],
            "max_tokens": options.max_tokens, "temperature": 0, "stream": True, "stream_options": {"include_usage": True}}


def drive(streams, next_one, tick=lambda: None):
    """Until all have ended and next_one() gives no more; it is asked for one more whenever one ends."""
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            if stream.ended is None:
                selector.register(stream.socket, stream.events(), stream)
        while selector.get_map():
            for key, _ in selector.select(0.2):
                stream = key.data
                before = stream.events()
                stream.go_on()
                if stream.ended is not None:
                    selector.unregister(key.fileobj)
                    more = next_one()
                    if more is not None and more.ended is None:
                        selector.register(more.socket, more.events(), more)
                elif stream.events() != before:
                    selector.modify(stream.socket, stream.events(), stream)
            tick()


def load(server, streams, options, rng):
    """One round: what came of it, by vLLM's names where it has them."""
    server.alone(body_of(rng, options))  # warm
    start = time.monotonic()
    deadline = start + options.seconds
    all_streams, memory = [], []

    def one():
        all_streams.append(Stream(server.port, body_of(rng, options)))
        return all_streams[-1]

    def tick():
        if not memory or time.monotonic() - memory[-1][0] > 0.5:
            memory.append((time.monotonic(), server.resident_mib()))

    drive([one() for _ in range(streams)], lambda: one() if time.monotonic() < deadline else None, tick)
    for stream in all_streams:
        stream.read()
    whole = [s for s in all_streams if not s.lost and not s.corrupted]
    unequal = 0
    if server.name == "freehold":
        for stream in rng.sample(whole, min(options.again, len(whole))):
            unequal += server.alone(stream.body).text != stream.text
    in_time = sum(s.tokens * sum(t < deadline for t in s.times) / max(len(s.times), 1) for s in whole)
    firsts = sorted(1000 * (s.times[0] - s.begun) for s in whole if s.times)
    gaps = [1000 * (s.times[-1] - s.times[0]) / (s.tokens - 1) for s in whole if s.tokens > 1 and s.times]
    part = lambda low, high: max((m for t, m in memory if low <= (t - start) / options.seconds < high), default=0.0)
    early, late = part(0.25, 0.5), part(0.75, 1.0)
    return {"completed": len(whole), "lost": sum(s.lost for s in all_streams), "corrupted": sum(bool(s.corrupted) for s in all_streams),
            "unequal_alone": unequal, "statuses": collections.Counter(str(s.status()) for s in all_streams),
            "faults": sorted({s.corrupted or s.fault for s in all_streams if s.corrupted or s.fault})[:5],
            "duration": options.seconds, "total_input_tokens": sum(s.prompt_tokens for s in whole),
            "total_output_tokens": sum(s.tokens for s in whole), "output_throughput": in_time / options.seconds,
            "median_ttft_ms": statistics.median(firsts) if firsts else None,
            "p99_ttft_ms": firsts[min(len(firsts) - 1, int(0.99 * len(firsts)))] if firsts else None,
            "median_tpot_ms": statistics.median(gaps) if gaps else None, "resident_mib": [early, late],
            "growth_percent": 100 * (late / early - 1) if early else None}


def spread(rounds, name, digits=0):
    values = [r[name] for r in rounds if r[name] is not None]
    if not values:
        return "-"
    middle = f"{statistics.median(values):.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.{digits}f}..{max(values):.{digits}f})"


def overload(options, rng):
    """Four times as many clients as there are places, each asking again as soon as it has an answer or a refusal."""
    places = 16
    options.with_option = ["--queue", str(places // 2), *options.with_option]
    server = ours(options, places // 2)
    seen, deadline = [], time.monotonic() + options.seconds

    def one():
        seen.append(Stream(server.port, body_of(rng, options)))
        return seen[-1]

    try:
        drive([one() for _ in range(4 * places)], lambda: one() if time.monotonic() < deadline else None)
        after = server.alone(body_of(rng, options))
    finally:
        server.end()
    for stream in seen:
        stream.read()
    statuses = collections.Counter(str(s.status()) for s in seen)
    served = [s for s in seen if s.status() == 200]
    broken = sum(s.lost or bool(s.corrupted) for s in served)
    print(f"overload: {4 * places} clients for {places} places, {options.seconds} s: {dict(statuses)}; "
          f"{broken} of {len(served)} answers lost or corrupted; afterwards {after.status()}")
    return set(statuses) <= {"200", "429"} and broken == 0 and after.status() == 200


def idlers(port, count, over, opened):
    """A third of them silent, a third in the midst of a head, a third of a body. Whom the server closes comes again."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 64,) * 2)
    begins = [b"", b"POST ", f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 9999\r\n\r\n".encode()]
    sockets = [None] * count
    while not over.wait(1):
        for i in range(count):
            try:
                if sockets[i] is None:
                    sockets[i] = socket.create_connection(("127.0.0.1", port), 5)
                    sockets[i].setblocking(False)
                    sockets[i].sendall(begins[i % 3])
                    opened.value += 1
                elif i % 3 != 0:
                    sockets[i].send(b"x")
                elif not sockets[i].recv(4096):
                    raise ConnectionResetError
            except BlockingIOError:
                pass
            except OSError:
                if sockets[i] is not None:
                    sockets[i].close()
                sockets[i] = None


def idle(options, rng):
    """Rounds with and without the idlers, in turns, each with a server of its own."""
    streams = int(options.streams.split(",")[0])
    results, good = {False: [], True: []}, True
    for number in range(options.rounds):
        for crowded in (False, True) if number % 2 == 0 else (True, False):
            server = ours(options, streams)
            over, opened = multiprocessing.Event(), multiprocessing.Value("i", 0)
            crowd = multiprocessing.Process(target=idlers, args=(server.port, options.idle if crowded else 0, over, opened))
            crowd.start()
            try:
                while opened.value < options.idle * crowded:
                    if not crowd.is_alive():
                        raise SystemExit("the idle connections could not be opened")
                    time.sleep(0.1)
                result = load(server, streams, options, rng)
            finally:
                over.set()
                crowd.join()
                server.end()
            results[crowded].append(result)
            good = good and result["lost"] + result["corrupted"] + result["unequal_alone"] == 0
            print(f"{streams} streams beside {options.idle * crowded} idle connections ({opened.value} opened): "
                  f"{result['output_throughput']:.1f} tokens/s, first token p99 {result['p99_ttft_ms']:.0f} ms, "
                  f"{result['lost']} lost, {result['corrupted'] + result['unequal_alone']} bad, {result['resident_mib'][1]:.0f} MiB",
                  flush=True)
    for name in ("output_throughput", "p99_ttft_ms"):
        ratios = [a[name] / b[name] for a, b in zip(results[True], results[False], strict=True)]
        print(f"{name}, with / without: {statistics.median(ratios):.3f} ({min(ratios):.3f}..{max(ratios):.3f})")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("freehold")
    parser.add_argument("model")
    parser.add_argument("--rival", help="llama-server; without it ours runs alone")
    parser.add_argument("--streams", default="8,32,64")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--prompt-words", type=int, default=60)
    parser.add_argument("--again", type=int, default=8, help="answers of ours that are asked for again, alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--with-option", action="append", default=[], help="one more word for freehold serve")
    parser.add_argument("--overload", action="store_true")
    parser.add_argument("--idle", type=int, default=0, help="connections beside the streams that do next to nothing")
    parser.add_argument("--json", help="a file for the numbers, one line a round")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    if options.overload:
        raise SystemExit(0 if overload(options, rng) else 1)
    if options.idle:
        raise SystemExit(0 if idle(options, rng) else 1)
    good = True
    print(f"{'':22} {'tokens/s':>22} {'first token p50 ms':>22} {'p99 ms':>22} {'lost':>5} {'bad':>4} {'MiB':>6} {'growth %':>18}")
    for streams in [int(n) for n in options.streams.split(",")]:
        sides = [ours] + ([rival] if options.rival else [])
        results = {make: [] for make in sides}
        for number in range(options.rounds):
            for make in sides if number % 2 == 0 else sides[::-1]:
                server = make(options, streams)
                try:
                    result = load(server, streams, options, rng)
                finally:
                    server.end()
                results[make].append(result)
                if options.json:
                    with open(options.json, "a", encoding="utf-8") as file:
                        file.write(json.dumps({"server": server.name, "streams": streams, "round": number, **result}) + "\n")
        for make, rounds in results.items():
            lost, bad = sum(r["lost"] for r in rounds), sum(r["corrupted"] + r["unequal_alone"] for r in rounds)
            good = good and (make is rival or lost + bad == 0)
            print(f"{make.__name__ + ', ' + str(streams) + ' streams':22} {spread(rounds, 'output_throughput', 1):>22} "
                  f"{spread(rounds, 'median_ttft_ms'):>22} {spread(rounds, 'p99_ttft_ms'):>22} {lost:5} {bad:4} "
                  f"{rounds[-1]['resident_mib'][1]:6.0f} {spread(rounds, 'growth_percent', 2):>18}")
            for r in rounds:
                for fault in r["faults"]:
                    print("  ", fault)
        if options.rival:
            ratios = [a["output_throughput"] / b["output_throughput"] for a, b in zip(results[ours], results[rival], strict=True)]
            print(f"ours / rival at {streams}: {statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})")
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
