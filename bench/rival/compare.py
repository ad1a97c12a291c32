#!/usr/bin/env python3
"""Speed of Freehold beside llama.cpp, in interleaved pairs (docs of the rules: bench/README.md).

    compare.py --freehold PATH --rival FOLDER --models FOLDER [--rows NAME,...] [--pairs 7] [--json FILE]

Each pair is one fresh process of either engine on the same file, with the same threads and token counts; their order
alternates A B, B A, ... A row's settings for the rival are searched first (one setting changed at a time, the best kept)
and printed. Between processes the machine is probed: a pair whose placement flips, or beside which other programs used
too much of the machine, is discarded and repeated; what was discarded is counted. Reported: median and quartiles of
the pairwise ratios, both engines' median rates, ours as a share of the machine's bandwidth (decode) or int8 rate (prefill), processor seconds of the whole processes, CPU model, probes, load.
The last line is the same as JSON. Standard library only.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

SMALL, LARGE = "smollm2-135m-instruct.gguf", "qwen2.5-coder-1.5b-instruct.gguf"  # as pulled
SMALL_Q8 = "smollm2-135m-instruct-q8_0.gguf"  # by make_q8_0.py
EXPERTS = "deepseek2-random.gguf"  # by tools/make_random_deepseek2.py


class Row(NamedTuple):
    file: str
    prompt: int = 0
    decode: int = 0
    depth: int = 0
    batch: int = 1  # answers decoded at once; the rate is of all together
    caches: tuple = ("f16",)  # the rival's to choose from
    ours: str = "f16"
    form: str = "expanded"  # of latent attention in prompts, ours; the rival has one
    kept: bool = False  # the rival's process computes the depth once and lives through all pairs


ROWS = {
    "decode-smollm2": Row(SMALL, decode=128),
    "prefill-smollm2": Row(SMALL, prompt=512),
    "decode-1.5b": Row(LARGE, decode=128),
    "prefill-1.5b": Row(LARGE, prompt=512),
    "prefill-q8_0": Row(SMALL_Q8, prompt=512),
    "batch-8": Row(LARGE, decode=32, depth=16, batch=8),
    "batch-32": Row(LARGE, decode=32, depth=16, batch=32),
    # At the end of the small model's context, 8192 positions.
    "decode-8k-f16": Row(SMALL, decode=64, depth=8064),
    "decode-8k-best": Row(SMALL, decode=64, depth=8064, caches=("f16", "q8_0", "q4_0", "bf16"), ours="q8"),
    "prefill-8k": Row(SMALL, prompt=512, depth=7680),
    "decode-experts": Row(EXPERTS, decode=64),
    "batch-8-experts": Row(EXPERTS, decode=32, depth=16, batch=8),
    "prefill-experts": Row(EXPERTS, prompt=512),
    "prefill-experts-absorbed": Row(EXPERTS, prompt=512, form="absorbed"),
    "prefill-experts-4k": Row(EXPERTS, prompt=4096),
    "prefill-experts-4k-absorbed": Row(EXPERTS, prompt=4096, form="absorbed"),
    "decode-experts-16k": Row(EXPERTS, decode=32, depth=16384, kept=True),
}
START = {"threads": 2, "flash-attn": "auto", "repack": 1, "load-mode": "auto", "poll": 50}
CHOICES = {"threads": [1], "flash-attn": ["on", "off"], "repack": [0], "load-mode": ["none"], "poll": [100]}
SLOW_CHOICES = {"flash-attn": ["on", "off"], "repack": [0]}
TIMEOUT = 1800  # seconds a process may take


def run(command):
    """A fresh process: (standard output, wall seconds, processor seconds, share of a CPU that other programs used)."""
    before = busy_seconds()
    start = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=ahead_of_others if run.realtime else None)
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise SystemExit(f"compare: no end after {TIMEOUT} s: {' '.join(map(str, command))}")
    wall = time.monotonic() - start
    if process.returncode != 0:
        raise SystemExit(f"compare: exit code {process.returncode}: {' '.join(map(str, command))}\n{err.strip()[-2000:]}")
    total = children_seconds()
    cpu, run.children = total - run.children, total
    return out, wall, cpu, max(0.0, (busy_seconds() - before - cpu) / wall)


def children_seconds():
    usage = os.times()
    return usage.children_user + usage.children_system


run.children = 0.0
run.realtime = False


def ahead_of_others():
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5))


def busy_seconds():
    """Processor seconds that all programs have used since boot, those a hypervisor took included."""
    with open("/proc/stat", encoding="ascii") as stat:
        fields = [int(x) for x in stat.readline().split()[1:9]]
    user, nice, system, _, _, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        facts = dict(line.split(":", 1) for line in info.read().split("\n\n")[0].splitlines() if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    flags = set(facts.get("flags", "").split())
    wanted = ["avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8"]
    return {"model": facts.get("model name", "unknown"), "family": facts.get("cpu family"), "number": facts.get("model"),
            "cpus": len(os.sched_getaffinity(0)), "flags": [flag for flag in wanted if flag in flags]}


class KeptRival:
    """The rival's process that stands at a depth (decode_at.cpp) and decodes when it is asked."""

    def __init__(self, program, model, row, settings):
        self.decode = row.decode
        words = [program, model, row.depth, row.decode, "--threads", settings["threads"], "--flash-attn", settings["flash-attn"]]
        self.process = subprocess.Popen([str(word) for word in words] + ([] if settings["repack"] else ["--no-repack"]),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=ahead_of_others if run.realtime else None)
        self.answer("ready\n")

    def answer(self, expected=None):
        line = self.process.stdout.readline()
        if not line or (expected and line != expected):
            raise SystemExit(f"compare: {self.process.args[0]} said {line!r}, exit code {self.process.poll()}")
        return line

    def rate(self):
        print(self.decode, file=self.process.stdin, flush=True)
        return float(self.answer())

    def measure(self, runs):
        """As of a fresh process, but for the processor seconds: only its own use of the machine is taken off `others`."""
        used, busy, start = self.cpu_seconds(), busy_seconds(), time.monotonic()
        self.rate()  # to warm up
        rate = statistics.median(self.rate() for _ in range(runs))
        wall, cpu = time.monotonic() - start, self.cpu_seconds() - used
        return {"rate": rate, "wall": wall, "cpu": cpu, "others": max(0.0, (busy_seconds() - busy - cpu) / wall)}

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            user, system = stat.read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        run.children = children_seconds()  # its use is not that of the next process


class Engines:
    def __init__(self, arguments):
        self.bench = arguments.rival / "build/bin/llama-bench"
        self.batched = arguments.rival / "build/bin/llama-batched-bench"
        self.decoder = arguments.rival / "build/bin/rival-decode-at"
        self.prober = arguments.rival / "build/bin/rival-probe"
        self.kept = None
        self.freehold = arguments.freehold
        self.models = arguments.models
        self.runs = arguments.runs

    def probe(self, what="barrier"):
        return json.loads(run([self.prober, what])[0])

    def measure_rival(self, row, settings, runs=None):
        if row.kept:
            if self.kept is None:
                self.kept = KeptRival(self.decoder, self.models / row.file, row, settings)
            return self.kept.measure(runs or self.runs)
        if row.batch > 1:
            return self.measure_rival_batch(row, settings, runs or self.runs)
        out, wall, cpu, others = run([
            self.bench, "-m", self.models / row.file, "-p", row.prompt, "-n", row.decode, "-d", row.depth,
            "-t", settings["threads"], "-fa", settings["flash-attn"], "--repack", settings["repack"],
            "-lm", settings["load-mode"], "--poll", settings["poll"], "-ctk", settings["cache"],
            "-ctv", settings["cache"], "-ub", 512, "-b", 2048, "-r", runs or self.runs, "-o", "jsonl"])
        result = json.loads(out.strip().splitlines()[-1])
        found = (result["n_prompt"], result["n_gen"], result["n_depth"], result["n_threads"], result["type_k"],
                 result["type_v"])
        if found != (row.prompt, row.decode, row.depth, settings["threads"], settings["cache"], settings["cache"]):
            raise SystemExit(f"compare: llama-bench measured {found}, not what was asked")
        return {"rate": statistics.median(result["samples_ts"]), "wall": wall, "cpu": cpu, "others": others}

    def end_kept(self):
        if self.kept is not None:
            self.kept.end()
        self.kept = None

    def measure_rival_batch(self, row, settings, runs):
        # llama-batched-bench decodes once for each count of answers that it is given.
        counts = ",".join([str(row.batch)] * (runs + 1))
        out, wall, cpu, others = run([
            self.batched, "-m", self.models / row.file, "-c", row.batch * (row.depth + row.decode), "-npp", row.depth,
            "-ntg", row.decode, "-npl", counts, "-t", settings["threads"], "-fa", settings["flash-attn"],
            "--repack" if settings["repack"] else "--no-repack", "-lm", settings["load-mode"],
            "--poll", settings["poll"], "-ctk", settings["cache"], "-ctv", settings["cache"], "-ub", 512, "-b", 2048,
            "--output-format", "jsonl"])
        results = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        found = [(result["pl"], result["pp"], result["tg"], result["n_threads"]) for result in results]
        if found != [(row.batch, row.depth, row.decode, settings["threads"])] * (runs + 1):
            raise SystemExit(f"compare: llama-batched-bench measured {found}, not what was asked")
        return {"rate": statistics.median(result["speed_tg"] for result in results[1:]), "wall": wall, "cpu": cpu,
                "others": others}

    def measure_ours(self, name, threads):
        row = ROWS[name]
        out, wall, cpu, others = run([self.freehold, "bench", self.models / row.file, "--json", "--prompt", row.prompt,
                                      "--decode", row.decode, "--depth", row.depth, "--batch", row.batch,
                                      "--runs", self.runs, "--threads", threads, "--kv", row.ours, "--mla", row.form])
        result = json.loads(out.strip().splitlines()[-1])
        of = "prefill" if row.prompt else "decode"
        share = result["prefill_share_of_int8_rate" if row.prompt else "decode_share_of_bandwidth"]
        return {"rate": result[f"{of}_tokens_per_second"], "share": share, "wall": wall, "cpu": cpu, "others": others}


def search(engines, name, log):
    """The rival's fastest settings: from its defaults, each choice in turn, kept where at least 2 % faster."""
    row = ROWS[name]
    if row.kept:  # its settings are searched where a process takes a minute
        row = row._replace(depth=row.depth // 8, kept=False)
    best = dict(START, threads=min(2, len(os.sched_getaffinity(0))), cache=row.caches[0])
    slow = row.depth > 1000 or row.prompt > 1000  # minutes of the rival's
    runs = 1 if slow else 2
    best_rate = engines.measure_rival(row, best, runs)["rate"]
    tried = [f"{best_rate:.1f} with its defaults"]
    for choice, values in dict(SLOW_CHOICES if slow else CHOICES, cache=row.caches[1:]).items():
        for value in values:
            settings = dict(best, **{choice: value})
            rate = max(engines.measure_rival(row, settings, runs)["rate"] for _ in range(2 if choice == "threads" else 1))
            tried.append(f"{rate:.1f} {choice}={value}")
            if rate > 1.02 * best_rate:
                best, best_rate = settings, rate
    log(f"{name}: rival's settings tried: {', '.join(tried)}")
    log(f"{name}: chosen: {' '.join(f'{key}={value}' for key, value in best.items())}")
    return best, tried


def wait_for_calm(limit, patience):
    """Waits until other programs use less than `limit` of a CPU over a second, for `patience` seconds at most."""
    end = time.monotonic() + patience
    while True:
        before, start = busy_seconds(), time.monotonic()
        time.sleep(1.0)
        if (busy_seconds() - before) / (time.monotonic() - start) < limit or time.monotonic() > end:
            return


def placement(barrier_ns):
    """Coarse on purpose: near (one core or one shared cache) or far."""
    return "near" if barrier_ns < 100 else "far"


def compare_row(engines, row, settings, arguments, log):
    pairs, discarded, attempts = [], {"placement flipped": 0, "machine busy": 0}, 0
    while len(pairs) < arguments.pairs and attempts < 4 * arguments.pairs:
        order = ["ours", "rival"] if attempts % 2 == 0 else ["rival", "ours"]
        attempts += 1
        pair, probes = {}, []
        for engine in order:
            wait_for_calm(arguments.calm, arguments.patience)
            probes.append(engines.probe()["barrier_ns"])
            pair[engine] = (engines.measure_ours(row, settings["threads"]) if engine == "ours"
                            else engines.measure_rival(ROWS[row], settings))
        probes.append(engines.probe()["barrier_ns"])
        pair.update(ratio=pair["ours"]["rate"] / pair["rival"]["rate"], barrier_ns=probes, load=os.getloadavg()[0],
                    order="".join(name[0] for name in order))
        reason = None
        if len({placement(probe) for probe in probes}) > 1:
            reason = "placement flipped"
        elif max(pair["ours"]["others"], pair["rival"]["others"]) > arguments.busy:
            reason = "machine busy"
        log(f"{row}: {pair['order']} ours {pair['ours']['rate']:.2f} rival {pair['rival']['rate']:.2f} "
            f"ratio {pair['ratio']:.3f}  others {pair['ours']['others']:.2f}/{pair['rival']['others']:.2f} CPU  barrier "
            f"{'/'.join(f'{probe:.0f}' for probe in probes)} ns" + (f"  discarded: {reason}" if reason else ""))
        if reason:
            discarded[reason] += 1
        else:
            pairs.append(pair)
    engines.end_kept()
    return pairs, discarded


def summarize(row, settings, pairs, discarded):
    result = {"row": row, **ROWS[row]._asdict(), "rival_settings": settings,
              "pairs": len(pairs), "discarded": discarded}
    if pairs:
        ratios = [pair["ratio"] for pair in pairs]
        first, median, third = quartiles(ratios)
        result.update(ratio_median=round(median, 3), ratio_quartiles=[round(first, 3), round(third, 3)],
                      ratios=[round(ratio, 3) for ratio in ratios],
                      orders=[pair["order"] for pair in pairs],
                      barrier_ns=[round(pair["barrier_ns"][0]) for pair in pairs],
                      load=[round(pair["load"], 2) for pair in pairs])
        if pairs[0]["ours"]["share"] is not None:  # of what the machine gave in the same minute
            result["share"] = round(statistics.median(pair["ours"]["share"] for pair in pairs), 3)
        for engine in ("ours", "rival"):
            result[engine] = {
                "tokens_per_second": round(statistics.median(pair[engine]["rate"] for pair in pairs), 2),
                "process_wall_seconds": round(statistics.median(pair[engine]["wall"] for pair in pairs), 2),
                "process_cpu_seconds": round(statistics.median(pair[engine]["cpu"] for pair in pairs), 2),
                "others_cpu": round(statistics.median(pair[engine]["others"] for pair in pairs), 2)}
    return result


def table(results):
    lines = [f"{'row':<17}{'thr':>4}{'ours t/s':>10}{'rival t/s':>10}{'ratio':>8}{'quartiles':>15}{'pairs':>6}"
             f"{'share':>7}{'ours cpu/wall s':>17}{'rival cpu/wall s':>18}{'barrier ns':>12}"]
    for r in results:
        if not r["pairs"]:
            lines.append(f"{r['row']:<17}  no pair kept: {r['discarded']}")
            continue
        ours, rival = r["ours"], r["rival"]
        lines.append(
            f"{r['row']:<17}{r['rival_settings']['threads']:>4}{ours['tokens_per_second']:>10.2f}"
            f"{rival['tokens_per_second']:>10.2f}{r['ratio_median']:>8.3f}"
            f"{'{:.3f}-{:.3f}'.format(*r['ratio_quartiles']):>15}{r['pairs']:>6}"
            f"{r.get('share', '-'):>7}"
            f"{'{:.1f}/{:.1f}'.format(ours['process_cpu_seconds'], ours['process_wall_seconds']):>17}"
            f"{'{:.1f}/{:.1f}'.format(rival['process_cpu_seconds'], rival['process_wall_seconds']):>18}"
            f"{'{}-{}'.format(min(r['barrier_ns']), max(r['barrier_ns'])):>12}")
    return "\n".join(lines)


def quartiles(values):
    return statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3


def add_options(parser, rows):
    """What every comparison beside the rival is told."""
    home = Path(os.environ.get("FREEHOLD_HOME", Path.home() / ".local/share/freehold"))
    parser.add_argument("--freehold", type=Path, default=Path(__file__).resolve().parents[2] / "build/release/apps/freehold")
    parser.add_argument("--rival", type=Path, default=home / "rival", help="folder that build.sh filled")
    parser.add_argument("--models", type=Path, default=home / "models")
    parser.add_argument("--rows", default=",".join(rows), help="of " + ", ".join(rows))
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--calm", type=float, default=0.15, help="start a process when others use less of a CPU than this")
    parser.add_argument("--patience", type=float, default=60, help="seconds to wait for calm before each process")
    parser.add_argument("--json", type=Path, help="write the JSON line here too")


def chosen_rows(parser, arguments, rows):
    names = arguments.rows.split(",")
    for name in names:
        if name not in rows:
            parser.error(f"no row {name!r}; there are {', '.join(rows)}")
        if not (arguments.models / rows[name].file).is_file():
            parser.error(f"{arguments.models / rows[name].file}: no such file")
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, ROWS)
    parser.add_argument("--runs", type=int, default=2, help="repetitions inside each process; their median counts")
    parser.add_argument("--settings", help="JSON of the rival's settings; skips the search")
    parser.add_argument("--realtime", action="store_true", help="run both engines, and the probe, ahead of all other "
                        "programs (SCHED_FIFO, needs the right to): for machines that are never calm")
    parser.add_argument("--busy", type=float, default=0.25, help="discard a pair beside which others used more of a CPU")
    arguments = parser.parse_args()
    rows = chosen_rows(parser, arguments, ROWS)
    engines = Engines(arguments)
    run.realtime = arguments.realtime
    if arguments.realtime:
        arguments.patience = 0  # nothing to wait for
    for program in (engines.bench, engines.prober, engines.freehold):
        if not os.access(program, os.X_OK):
            parser.error(f"{program}: no such program (build.sh makes the rival)")

    def log(text):
        print(text, file=sys.stderr, flush=True)

    version = arguments.rival / "version"
    machine = {"cpu": cpu_model(), "probe": engines.probe("all"), "load": [round(x, 2) for x in os.getloadavg()],
               "realtime": arguments.realtime,
               "rival": "llama-cpp-python " + (version.read_text().strip() if version.is_file() else "unknown")}
    results = []
    for row in rows:
        wait_for_calm(arguments.calm, arguments.patience)
        if arguments.settings:
            settings, tried = dict(START, cache=ROWS[row].caches[0]) | json.loads(arguments.settings), []
        else:
            settings, tried = search(engines, row, log)
        result = summarize(row, settings, *compare_row(engines, row, settings, arguments, log))
        results.append(dict(result, tried=tried))
    machine["probe_after"] = engines.probe("all")

    cpu, probe = machine["cpu"], machine["probe"]
    print(f"{cpu['model']} (family {cpu['family']} model {cpu['number']}), {cpu['cpus']} CPUs, {' '.join(cpu['flags'])}")
    for name in ("probe", "probe_after"):
        probe = machine[name]
        print(f"{name.replace('_', ' ')}: barrier {probe['barrier_ns']:.0f} ns, reads "
              f"{probe['read_gb_per_s'][0]:.1f} GB/s with one thread, {probe['read_gb_per_s'][1]:.1f} with two, "
              f"vpdpbusd {probe['vnni_gops'][0]:.0f} and {probe['vnni_gops'][1]:.0f} Gop/s")
    print(f"load at start {machine['load'][0]}{', both ahead of others (SCHED_FIFO)' if run.realtime else ''}, "
          f"rival: {machine['rival']}")
    print(table(results))
    line = json.dumps({"machine": machine, "rows": results})
    print(line)
    if arguments.json:
        arguments.json.write_text(line + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
