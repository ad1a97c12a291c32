#!/usr/bin/env python3
"""How far one engine's predictions are from another's: KL(p || q) in nats per token over a text.

    kl.py P.safetensors Q.safetensors [--limit N] [--json]

Q holds "ids" i32 [T] and "logits" f32 [T,V] (rival-logits and bench_logits write that). P holds the same, and the
divergence is the whole one, or it is a reference.safetensors (its head of 32 next tokens and the rest in one): then what
is reported is the lower bound that golden/real's reference.json calls mean_kl_from_stored_top. Sums in float64.
Position 0 stands apart: no first token of the text's own precedes it. Needs numpy.
"""

import argparse
import json
import math
import sys

import numpy as np

ROWS = 64  # rows of logits handled at once


def tensors(path):
    with open(path, "rb") as file:
        head_bytes = int.from_bytes(file.read(8), "little")
        head = json.loads(file.read(head_bytes))
    types = {"I32": "<i4", "F32": "<f4"}
    return {name: np.memmap(path, types[fact["dtype"]], "r", 8 + head_bytes + fact["data_offsets"][0],
                            tuple(fact["shape"])) for name, fact in head.items() if name != "__metadata__"}


def log_softmax(rows):
    rows = rows.astype(np.float64)
    rows -= rows.max(-1, keepdims=True)
    return rows - np.log(np.exp(rows).sum(-1, keepdims=True))


def log_sum_exp(values):
    largest = values.max(-1, keepdims=True)
    return largest[:, 0] + np.log(np.exp(values - largest).sum(-1))


def compare(p, q, limit):
    ids = np.array(q["ids"])
    count = min(len(ids), len(p["ids"]), limit or len(ids))
    if not np.array_equal(p["ids"][:count], ids[:count]):
        sys.exit("kl: the two files are of different token ids")
    whole = "logits" in p
    kl, same, nll_p, nll_q = [], [], [], []
    for first in range(0, count, ROWS):
        rows = slice(first, min(first + ROWS, count))
        log_q = log_softmax(q["logits"][rows])
        following = ids[first + 1:rows.stop + 1]
        if whole:
            log_p = log_softmax(p["logits"][rows])
            kl.append((np.exp(log_p) * (log_p - log_q)).sum(-1))
            best = log_p.argmax(-1)
            nll_p.append(-log_p[np.arange(len(following)), following])
        else:
            top, top_p = p["top.ids"][rows].astype(np.int64), p["top.logprobs"][rows].astype(np.float64)
            rest_p = p["top.rest"][rows].astype(np.float64)
            others = log_q.copy()
            np.put_along_axis(others, top, -np.inf, -1)
            rest_q = log_sum_exp(others)
            kl.append((np.exp(top_p) * (top_p - np.take_along_axis(log_q, top, -1))).sum(-1)
                      + np.exp(rest_p) * (rest_p - rest_q))
            best = top[:, 0]
            nll_p.append(-p["target.logprob"][first:first + len(following)].astype(np.float64))
        same.append(best == log_q.argmax(-1))
        nll_q.append(-log_q[np.arange(len(following)), following])
    kl, same, nll_p, nll_q = (np.concatenate(part) for part in (kl, same, nll_p, nll_q))
    nll_p, nll_q = nll_p[:count - 1], nll_q[:count - 1]
    return {"tokens": count, "kind": "whole" if whole else "lower bound from the stored top", "mean_kl": kl.mean(),
            "mean_kl_without_first": kl[1:].mean(), "median_kl": np.median(kl), "p99_kl": np.quantile(kl[1:], .99),
            "max_kl": kl.max(), "max_kl_at": int(kl.argmax()), "top1_agreement": same.mean(),
            "nll_p": nll_p.mean(), "nll_q": nll_q.mean(),
            "perplexity_ratio": math.exp(nll_q.mean() - nll_p.mean())}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("p")
    parser.add_argument("q")
    parser.add_argument("--limit", type=int, default=0, help="the first N tokens only")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = compare(tensors(arguments.p), tensors(arguments.q), arguments.limit)
    if arguments.json:
        print(json.dumps({name: float(value) if isinstance(value, np.floating) else value
                          for name, value in result.items()}))
        return
    for name, value in result.items():
        print(f"{name:<24}{value:.6g}" if isinstance(value, (float, np.floating)) else f"{name:<24}{value}")


if __name__ == "__main__":
    main()
