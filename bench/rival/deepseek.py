#!/usr/bin/env python3
"""Our predictions beside llama.cpp's on tiny DeepSeek models: released folders with random weights, written as GGUF in
several formats, over random tokens.

    deepseek.py SCRATCH FOLDER... [--formats F32,BF16,Q8_0] [--tokens 512] [--rival FOLDER] [--build FOLDER]

For every folder and format, KL in nats per token, mean and largest, between
  same numbers  ours in exact arithmetic || llama.cpp given the file's numbers in F32: neither rounds activations
  exact         ours in exact arithmetic || llama.cpp, which rounds activations to the file's type
  served        ours as served || llama.cpp
  rival itself  llama.cpp given F32 || llama.cpp given the file: its own rounding, mean only
Where they disagree the folder's golden.safetensors is the judge: the last columns are the mean KL from the reference
implementation's logits, ours exact and llama.cpp's from F32, over the tokens that it holds; the reference computes the
folder's own numbers, so that they mean most for F32. V2-Lite is written with 27 layers, V3.2 and V4 with a wider
indexer, as llama.cpp demands. GGUFs and logits stay in SCRATCH. Both programs are built before: the rival's by build.sh, ours is
bench_logits. Needs numpy, gguf, safetensors and torch.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

import kl

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = pathlib.Path(os.environ.get("FREEHOLD_HOME", pathlib.Path.home() / ".local/share/freehold"))


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise RuntimeError(f"{pathlib.Path(command[0]).name}: {lines[0] if lines else done.returncode}")


class Case:
    """One folder in one format: its files and the logits of both engines."""

    def __init__(self, options, folder, kind):
        self.options, self.folder, self.kind = options, folder, kind
        self.config = json.loads((folder / "config.json").read_text())
        self.repeats = self.config["model_type"] == "deepseek_v2" and not self.config["q_lora_rank"]
        self.file, self.in_f32 = self.path("gguf"), self.path("as_f32.gguf")
        self.write(self.file)
        self.write(self.in_f32, "--as-f32")

    def path(self, suffix):
        return self.options.scratch / f"{self.folder.name}.{self.kind}.{suffix}"

    def write(self, file, *more):
        v4 = self.config["model_type"] == "deepseek_v4"
        tool = ROOT / "tools" / ("make_deepseek4_gguf.py" if v4 else "make_deepseek_gguf.py")
        indexes = self.config["model_type"] in ("deepseek_v32", "deepseek_v4")
        more += ("--index-width", "64") if indexes else ("--layers", "27") if self.repeats else ()
        run(sys.executable, tool, self.folder, file, "--type", self.kind, *more)

    def ids(self, name, numbers):
        save_file({"ids": np.asarray(numbers, np.int32)}, self.path(f"{name}.safetensors"))
        return self.path(f"{name}.safetensors")

    def ours(self, ids, name, *more):
        run(self.options.build / "bench/bench_logits", self.file, ids, self.path(f"{name}.safetensors"), *more)
        return kl.tensors(self.path(f"{name}.safetensors"))

    def rival(self, file, ids, name):
        run(self.options.rival / "build/bin/rival-logits", file, ids, self.path(f"{name}.safetensors"), "--cache-f32")
        return kl.tensors(self.path(f"{name}.safetensors"))

    def random_tokens(self):
        tokens = np.random.default_rng(5).integers(0, self.config["vocab_size"], self.options.tokens)
        ids = self.ids("ids", tokens)
        exact, served = self.ours(ids, "exact", "--exact"), self.ours(ids, "served")
        rival, rival_f32 = self.rival(self.file, ids, "rival"), self.rival(self.in_f32, ids, "rival_f32")
        text = ""
        for p, q in ((exact, rival_f32), (exact, rival), (served, rival)):
            found = kl.compare(p, q, 0)
            text += f"{found['mean_kl']:>10.1e}{found['max_kl']:>9.1e}"
        return text + f"{kl.compare(rival_f32, rival, 0)['mean_kl']:>14.1e}"

    def reference(self):
        if self.repeats or not (self.folder / "golden.safetensors").exists():
            return f"{'-':>10}{'-':>10}"
        with safe_open(self.folder / "golden.safetensors", "np") as golden:
            p, tokens = kl.log_softmax(golden.get_tensor("logits")), golden.get_tensor("input_ids")
        ids = self.ids("golden_ids", tokens)
        text = ""
        for q in (self.ours(ids, "golden_exact", "--exact"), self.rival(self.in_f32, ids, "golden_rival")):
            log_q = kl.log_softmax(np.array(q["logits"][len(tokens) - len(p):]))
            text += f"{(np.exp(p) * (p - log_q)).sum(-1).mean():>10.1e}"
        return text


def line(options, folder, kind):
    try:
        case = Case(options, folder, kind)
        return case.random_tokens() + case.reference()
    except RuntimeError as failure:
        return f"  {failure}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scratch", type=pathlib.Path)
    parser.add_argument("folders", type=pathlib.Path, nargs="+")
    parser.add_argument("--formats", default="F32,BF16,Q8_0")
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--rival", type=pathlib.Path, default=HOME / "rival")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    options = parser.parse_args()
    options.scratch.mkdir(parents=True, exist_ok=True)
    print(f"{'':<28}{'same numbers':>19}{'exact':>19}{'served':>19}{'rival itself':>14}{'from reference':>20}")
    print(f"{'model':<21}{'format':<7}" + f"{'mean':>10}{'max':>9}" * 3 + f"{'mean':>14}{'ours':>10}{'rival':>10}")
    for folder in options.folders:
        for kind in options.formats.split(","):
            print(f"{folder.name:<21}{kind:<7}{line(options, folder, kind)}", flush=True)


if __name__ == "__main__":
    main()
