#!/usr/bin/env python3
"""What whole processes of Freehold and llama.cpp cost, in interleaved pairs (docs of the rules: bench/README.md).

    processes.py [--freehold PATH] [--rival FOLDER] [--models FOLDER] [--rows NAME,...] [--pairs 7] [--json FILE]

    memory      peak resident memory at 4096 positions of context (ratio: ours / its)
    start       from nothing to the first token after a prompt of 16, the file in the page cache (ours / its)
    start-packed  the same from a packed file, likewise in the page cache (`freehold pack`, made beforehand)
    decode-cpu, prefill-cpu   tokens per processor second (ours / its): the processor time of a process of several runs
                less that of one run, so that loading does not count
    neighbour   decode with two threads beside one niced program that never waits (ours / its), and ours beside what it
                gives alone

Each pair is one process of either engine, their order alternating; median and quartiles of the pairwise ratios. The
rival runs with the settings given here, its fastest of compare.py's search. Standard library only.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compare import LARGE, SMALL, START, Engines, Row, add_options, chosen_rows, cpu_model, quartiles, wait_for_calm

ROWS = {
    "memory": Row(LARGE),
    "start": Row(LARGE),
    "start-packed": Row(LARGE),
    "decode-cpu": Row(LARGE),
    "prefill-cpu": Row(LARGE),
    "neighbour": Row(SMALL),
}
RUNS = 4  # of a process whose processor time counts


def process(command, environment=None):
    """(wall seconds, processor seconds, peak resident bytes, standard output) of a fresh process."""
    start = time.monotonic()
    child = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, env=dict(os.environ, **(environment or {})))
    out = child.stdout.read()  # until it ends
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - start
    if child.returncode != 0:
        raise SystemExit(f"processes: exit code {child.returncode}: {' '.join(map(str, command))}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, out


class Commands:
    """The command lines of either engine for `prompt` and `decode` tokens at a depth, repeated `runs` times."""

    def __init__(self, arguments):
        self.engines = Engines(arguments)
        self.settings = arguments.settings
        self.models = arguments.models

    def rival(self, file, prompt, decode, depth, runs, warm=True):
        s = self.settings
        return [self.engines.bench, "-m", self.models / file, "-p", prompt, "-n", decode, "-d", depth,
                "-t", s["threads"], "-fa", s["flash-attn"], "--repack", s["repack"], "-lm", s["load-mode"],
                "--poll", s["poll"], "-r", runs, "-o", "jsonl"] + ([] if warm else ["--no-warmup"])

    def ours(self, file, prompt, decode, depth, runs):
        return [self.engines.freehold, "bench", self.models / file, "--json", "--prompt", prompt, "--decode", decode,
                "--depth", depth, "--runs", runs, "--threads", self.settings["threads"]]

    def pack(self, home, file):
        process([self.engines.freehold, "pack", self.models / file], {"FREEHOLD_HOME": home})

    def first_token(self, file):
        # A prompt of 16 tokens, as the rival's is, then one token.
        return [self.engines.freehold, "run", self.models / file, "--raw", "one two three four five six "
                "seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen", "--max-tokens", 1,
                "--threads", self.settings["threads"]]


def last_json(out):
    return json.loads(out.strip().splitlines()[-1])


def decode_rate(engine, out):
    found = last_json(out)
    return found["decode_tokens_per_second"] if engine == "ours" else statistics.median(found["samples_ts"])


def per_cpu_second(command, tokens):
    more, once = process(command(RUNS))[1], process(command(1))[1]
    return tokens * (RUNS - 1) / max(more - once, 1e-9)


def measure(row, engine, commands, home):
    """`home` is our $FREEHOLD_HOME: with a packed file in it for the row that wants one, else empty."""
    file = ROWS[row].file
    line = commands.ours if engine == "ours" else commands.rival
    if row == "memory":
        return process(line(file, 0, 32, 4096 - 64, 1), {"FREEHOLD_HOME": home})[2]
    if row in ("start", "start-packed"):
        first = commands.first_token(file) if engine == "ours" else commands.rival(file, 16, 0, 0, 1, warm=False)
        return process(first, {"FREEHOLD_HOME": home})[0]
    if row == "decode-cpu":
        return per_cpu_second(lambda runs: line(file, 0, 64, 0, runs), 64)
    if row == "prefill-cpu":
        return per_cpu_second(lambda runs: line(file, 512, 0, 0, runs), 512)
    spinner = subprocess.Popen(["nice", "-n", "19", sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.2)
        return decode_rate(engine, process(line(file, 0, 128, 0, 3))[3])
    finally:
        spinner.kill()
        spinner.wait()


def compare_row(row, commands, arguments, home):
    if row == "start-packed":
        commands.pack(home, ROWS[row].file)
    found = {"ours": [], "rival": []}
    alone = []
    for i in range(arguments.pairs):
        for engine in ["ours", "rival"] if i % 2 == 0 else ["rival", "ours"]:
            wait_for_calm(arguments.calm, arguments.patience)
            found[engine].append(measure(row, engine, commands, home))
        if row == "neighbour":
            wait_for_calm(arguments.calm, arguments.patience)
            alone.append(decode_rate("ours", process(commands.ours(ROWS[row].file, 0, 128, 0, 3))[3]))
    ratios = [a / b for a, b in zip(found["ours"], found["rival"])]
    first, median, third = quartiles(ratios)
    result = {"row": row, "file": ROWS[row].file, "pairs": len(ratios), "ratio_median": round(median, 3),
              "ratio_quartiles": [round(first, 3), round(third, 3)], "ours": statistics.median(found["ours"]),
              "rival": statistics.median(found["rival"])}
    if alone:
        result["share_of_alone"] = round(statistics.median(a / b for a, b in zip(found["ours"], alone)), 3)
    unit = {"memory": "bytes", "start": "s", "start-packed": "s", "neighbour": "tokens/s"}.get(row, "tokens per CPU second")
    print(f"{row:<12} ours {result['ours']:.6g}  rival {result['rival']:.6g} {unit}  ratio {median:.3f} "
          f"({first:.3f}-{third:.3f}), {len(ratios)} pairs"
          + (f"; ours beside the neighbour / alone {result['share_of_alone']}" if alone else ""), flush=True)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, ROWS)
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON of the rival's settings")
    parser.add_argument("--scratch", type=Path, help="where the packed file goes; default: the system's temporary folder")
    arguments = parser.parse_args()
    arguments.runs = 1
    arguments.settings = START | {"threads": min(2, len(os.sched_getaffinity(0)))} | arguments.settings
    rows = chosen_rows(parser, arguments, ROWS)
    commands = Commands(arguments)
    print(f"{cpu_model()['model']}, {len(os.sched_getaffinity(0))} CPUs; rival's settings: {arguments.settings}", flush=True)
    results = []
    for row in rows:
        with tempfile.TemporaryDirectory(dir=arguments.scratch) as home:
            results.append(compare_row(row, commands, arguments, home))
    line = json.dumps({"cpu": cpu_model(), "settings": arguments.settings, "rows": results})
    print(line)
    if arguments.json:
        arguments.json.write_text(line + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
