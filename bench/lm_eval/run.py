"""A small multiple-choice task of lm-evaluation-harness through our server, and as far as it goes through llama-server.
Usage: run.py FREEHOLD MODEL.gguf [--rival LLAMA_SERVER] [--lm-eval PROGRAM] [--tasks A,B] [--limit N] [--json FILE]

lm-eval is that of PyPI (pip install 'lm-eval[api]'), in an environment of its own: ./test does not install it. Nothing is
fetched: the questions stand beside this file, two examples before each.

  facts            which of four answers is the likeliest     `echo` with `logprobs`, tokens by /tokenize
  letters          which of four letters is                   the same
  facts_written    what the model writes, choices unseen      plain completions, which llama-server serves too
  letters_written  which letter it writes                     the same

Each side is asked for what it serves. Where a model's likeliest token is a letter, letters and letters_written agree.
"""
import argparse
import glob
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import serve  # noqa: E402

# How lm-eval learns which tokens a text has: of our server it finds out by itself; for what is written it need not know.
BY_LIKELIHOOD = {"facts": "auto", "letters": "auto"}
BY_WRITING = {"facts_written": "None", "letters_written": "None"}


def evaluate(options, server, tasks, tokenizer):
    """{task: {metric: value}} of lm-eval, which runs in the folder of the questions."""
    model = {"model": "", "base_url": f"http://127.0.0.1:{server.port}/v1/completions", "num_concurrent": 4, "max_length": 1024,
             "tokenizer_backend": tokenizer, "tokenized_requests": tokenizer != "None"}
    with tempfile.TemporaryDirectory() as folder:
        words = [options.lm_eval, "--model", "local-completions", "--model_args", ",".join(f"{k}={v}" for k, v in model.items()),
                 "--include_path", str(HERE), "--tasks", ",".join(tasks), "--output_path", folder]
        if options.limit:
            words += ["--limit", str(options.limit)]
        offline = {"HF_HOME": folder, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "OPENAI_API_KEY": "none"}
        run = subprocess.run(words, cwd=HERE, env={**os.environ, **offline}, capture_output=True, text=True)
        found = glob.glob(f"{folder}/**/results_*.json", recursive=True)
        if run.returncode or len(found) != 1:
            raise SystemExit(f"lm-eval: status {run.returncode}\n{run.stdout[-2000:]}\n{run.stderr[-4000:]}")
        said = json.loads(pathlib.Path(found[0]).read_text())
    counts = {task: said["n-samples"][task]["effective"] for task in tasks}
    return {task: {"questions": counts[task], **{name.split(",")[0]: value for name, value in said["results"][task].items()
                                                 if isinstance(value, float) and "stderr" not in name}} for task in tasks}


def show(side, results):
    for task, values in results.items():
        for metric, value in values.items():
            if metric != "questions":
                error = math.sqrt(value * (1 - value) / values["questions"])
                print(f"{side:13} {task:16} {metric:12} {value:.3f} ± {error:.3f} of {values['questions']}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("freehold")
    parser.add_argument("model")
    parser.add_argument("--rival", help="llama-server; without it ours is asked alone")
    parser.add_argument("--lm-eval", default="lm_eval")
    parser.add_argument("--tasks", help="only these, with commas between them")
    parser.add_argument("--limit", type=int, help="only so many questions")
    parser.add_argument("--json", help="write the numbers to this file")
    options = parser.parse_args()
    options.with_option = []
    wanted = options.tasks.split(",") if options.tasks else [*BY_LIKELIHOOD, *BY_WRITING]
    sides = {"freehold": (serve.ours, [BY_LIKELIHOOD, BY_WRITING])}
    if options.rival:
        sides["llama-server"] = (serve.rival, [BY_WRITING])
    results = {}
    for side, (make, parts) in sides.items():
        server = make(options, 4)
        results[side] = {}
        try:
            for part in parts:
                if tasks := [task for task in part if task in wanted]:
                    results[side] |= evaluate(options, server, tasks, part[tasks[0]])
        finally:
            server.end()
        show(side, results[side])
    line = {"model": os.path.basename(options.model), "results": results}
    print(json.dumps(line))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
