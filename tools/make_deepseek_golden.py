#!/usr/bin/env python3
"""Makes tests/golden/models/deepseek_moe: a tiny random DeepSeek-MoE (model_type deepseek) with what a reference computes.

    pip install torch transformers==5.24.0 safetensors gguf==0.19.0
    python tools/make_deepseek_golden.py tests/golden/models/deepseek_moe

transformers has no class for this architecture, which is Llama's attention with the experts of DeepSeek-V2. The reference
is put together from its parts: LlamaForCausalLM in which the MLPs of all layers but the first are DeepseekV2Moe. Nothing
of this repository takes part. The router is computed once more here, to see that no choice is a near tie.

Weights are Q8_0 numbers, so that the folder holds the same model twice: model.safetensors in F32 under released names,
and model.gguf in Q8_0 under those of llama.cpp's converter (rows of q and k permuted, experts stacked, router in F32).
Items of golden.safetensors are those of tests/golden/README.md; router.<i>.indices and .weights are sorted by expert.
"""
import json
import math
import sys
import zlib
from pathlib import Path

import gguf
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import DeepseekV2Config, LlamaConfig, LlamaForCausalLM
from transformers.models.deepseek_v2.modeling_deepseek_v2 import DeepseekV2Moe

CONFIG = {
    "architectures": ["DeepseekForCausalLM"], "model_type": "deepseek", "attention_bias": False, "attention_dropout": 0.0,
    "bos_token_id": 0, "eos_token_id": 1, "hidden_act": "silu", "initializer_range": 0.02,
    "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "rope_scaling": None,
    "tie_word_embeddings": False, "torch_dtype": "float32", "use_cache": True, "vocab_size": 160, "hidden_size": 64,
    "num_attention_heads": 4, "num_key_value_heads": 4, "num_hidden_layers": 3, "intermediate_size": 96,
    "moe_intermediate_size": 32, "n_routed_experts": 8, "num_experts_per_tok": 3, "n_shared_experts": 2,
    "first_k_dense_replace": 1, "moe_layer_freq": 1, "norm_topk_prob": False, "scoring_func": "softmax",
    "aux_loss_alpha": 0.001, "seq_aux": True, "pretraining_tp": 1,
}
LENGTH, STEPS, CHOSEN = 32, 16, 1
LEAST_ROUTE_GAP, LEAST_GREEDY_GAP = 2e-4, 1e-2
PLAIN = {"attn_implementation": "eager", "experts_implementation": "eager"}


def rng_for(*key):
    return np.random.default_rng([zlib.crc32(repr(part).encode()) for part in key])


def shapes():
    c = CONFIG
    h, v = c["hidden_size"], c["vocab_size"]
    yield "model.embed_tokens.weight", (v, h)
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        yield p + "input_layernorm.weight", (h,)
        yield p + "post_attention_layernorm.weight", (h,)
        for name in "qkvo":
            yield p + f"self_attn.{name}_proj.weight", (h, h)
        widths = {"mlp.": c["intermediate_size"]}
        if i >= c["first_k_dense_replace"]:
            yield p + "mlp.gate.weight", (c["n_routed_experts"], h)
            widths = {f"mlp.experts.{e}.": c["moe_intermediate_size"] for e in range(c["n_routed_experts"])}
            widths["mlp.shared_experts."] = c["moe_intermediate_size"] * c["n_shared_experts"]
        for part, width in widths.items():
            yield p + part + "gate_proj.weight", (width, h)
            yield p + part + "up_proj.weight", (width, h)
            yield p + part + "down_proj.weight", (h, width)
    yield "model.norm.weight", (h,)
    yield "lm_head.weight", (v, h)


def stays_float(name):
    return "norm" in name or name.endswith("mlp.gate.weight")


def draw(name, shape):
    normal = rng_for(1, name).standard_normal(shape)
    if len(shape) == 1:
        return np.float32(1 + 0.2 * normal)
    gain = 2.0 if name.endswith(("q_proj.weight", "k_proj.weight", "lm_head.weight")) else 1.3
    values = np.float32(normal if name.endswith("embed_tokens.weight") else gain / math.sqrt(shape[-1]) * normal)
    if stays_float(name):
        return values
    return gguf.quants.dequantize(q8_0(values), gguf.GGMLQuantizationType.Q8_0)


def q8_0(values):
    return gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0)


# ---- the reference -------------------------------------------------------------------------------------------------

def build(weights):
    keys = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
            "num_key_value_heads", "rms_norm_eps", "rope_theta", "max_position_embeddings", "tie_word_embeddings")
    model = LlamaForCausalLM(LlamaConfig(**{k: CONFIG[k] for k in keys}, attn_implementation="eager"))
    moe_keys = ("hidden_size", "moe_intermediate_size", "n_routed_experts", "num_experts_per_tok", "n_shared_experts",
                "norm_topk_prob")
    moe = DeepseekV2Config(**{k: CONFIG[k] for k in moe_keys}, topk_method="greedy", routed_scaling_factor=1.0, **PLAIN)
    for layer in model.model.layers[CONFIG["first_k_dense_replace"]:]:
        layer.mlp = DeepseekV2Moe(moe)
    with torch.no_grad():
        views = released_views(model)
        assert set(views) == set(weights), set(views) ^ set(weights)
        for name, view in views.items():
            view.copy_(torch.from_numpy(weights[name]))
    return model.eval()


def released_views(model, grads=False):
    """Every parameter, or its gradient, under its released name: experts are fused in the reference's memory."""
    views = {}
    for name, parameter in model.named_parameters():
        value = parameter.grad if grads else parameter
        if name.endswith("experts.gate_up_proj"):
            for e in range(value.shape[0]):
                gate, up = value[e].chunk(2)
                views[name.replace("gate_up_proj", f"{e}.gate_proj.weight")] = gate
                views[name.replace("gate_up_proj", f"{e}.up_proj.weight")] = up
        elif name.endswith("experts.down_proj"):
            for e in range(value.shape[0]):
                views[name.replace("down_proj", f"{e}.down_proj.weight")] = value[e]
        else:
            views[name] = value
    return views


def forward(model, ids, items=None):
    """Logits; with `items`, what golden.safetensors holds of the way there. Returns the smallest gap of a choice too."""
    handles, gap = [], [math.inf]

    def keep(key):
        return lambda _, __, out: items.__setitem__(key, (out[0] if isinstance(out, tuple) else out)[0].detach())

    def router(key):
        def note(module, inputs, out):
            x = inputs[0].reshape(-1, CONFIG["hidden_size"])
            logits = F.linear(x, module.weight)
            scores = logits.softmax(-1)
            ordered, best = scores.sort(-1, descending=True)
            k = CONFIG["num_experts_per_tok"]
            gap[0] = min(gap[0], float((ordered[:, k - 1] - ordered[:, k]).min()))
            indices, order = out[2].sort(-1)
            assert torch.equal(indices, best[:, :k].sort(-1).values), "the reference chose other experts"
            items[key + ".logits"], items[key + ".indices"] = logits.detach(), indices
            items[key + ".weights"] = out[1].gather(1, order).detach()
        return note

    if items is not None:
        handles.append(model.model.embed_tokens.register_forward_hook(keep("embed_out")))
        handles.append(model.model.norm.register_forward_hook(keep("final_norm")))
        for i, layer in enumerate(model.model.layers):
            handles.append(layer.register_forward_hook(keep(f"layer.{i}.out")))
            if i >= CONFIG["first_k_dense_replace"]:
                handles.append(layer.mlp.gate.register_forward_hook(router(f"router.{i}")))
        chosen = model.model.layers[CHOSEN]
        handles.append(chosen.self_attn.register_forward_hook(keep(f"layer.{CHOSEN}.attn_out")))
        handles.append(chosen.mlp.register_forward_hook(keep(f"layer.{CHOSEN}.mlp_out")))
    out = model(input_ids=torch.tensor(ids)[None], use_cache=False, output_attentions=items is not None)
    for handle in handles:
        handle.remove()
    if items is not None:
        items[f"layer.{CHOSEN}.attn_probs"], items["logits"] = out.attentions[CHOSEN][0].detach(), out.logits[0].detach()
    return out.logits[0], gap[0]


@torch.no_grad()
def greedy(model, ids):
    ids, new, margins = list(ids), [], []
    for _ in range(STEPS):
        best = forward(model, ids)[0][-1].topk(2)
        margins.append(float(best.values[0] - best.values[1]))
        new.append(int(best.indices[0]))
        ids.append(new[-1])
    return new, margins


def choose_input(model):
    """Draws sequences until no choice of experts and no greedy step is a near tie."""
    for attempt in range(400):
        rng = rng_for(1, "input", attempt)
        ids = [CONFIG["bos_token_id"]] + [int(x) for x in rng.integers(2, CONFIG["vocab_size"], LENGTH - 1)]
        items = {}
        with torch.no_grad():
            _, gap = forward(model, ids, items)
        if gap < LEAST_ROUTE_GAP:
            continue
        new, margins = greedy(model, ids)
        if min(margins) >= LEAST_GREEDY_GAP and len(set(new)) >= 6:
            return ids, items, gap, new, margins
    raise SystemExit("no clear-cut input found")


def train(model, ids, items):
    """Loss and gradients, one step of AdamW, the losses of five."""
    last = CONFIG["num_hidden_layers"] - 1
    tracked = [n for n in released_views(model) if n.startswith("model.layers.1.self_attn") or "norm" in n or
               n.startswith((f"model.layers.{last}.mlp.gate", f"model.layers.{last}.mlp.experts.1.",
                             f"model.layers.{last}.mlp.shared_experts.down"))]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01,
                                  foreach=False)
    losses, norms, embedded = [], {}, []
    for step in range(5):
        optimizer.zero_grad(set_to_none=True)
        hook = model.model.embed_tokens.register_forward_hook(
            lambda _, __, out: (out.retain_grad(), embedded.append(out)) and None)
        nll = F.cross_entropy(forward(model, ids)[0][:-1], torch.tensor(ids[1:]), reduction="none")
        hook.remove()
        loss = nll.mean()
        losses.append(float(loss.detach()))
        loss.backward()
        if step == 0:
            items["loss"], items["token_nll"] = loss.detach(), nll.detach()
            items["grad.embed_out"] = embedded[0].grad[0].clone()
            grads = released_views(model, grads=True)
            for name in tracked:
                items[f"grad.{name}"] = grads[name].clone()
            norms = {name: float(f"{grad.norm():.7g}") for name, grad in sorted(grads.items())}
        optimizer.step()
        if step == 0:
            views = released_views(model)
            for name in tracked:
                items[f"adamw1.{name}"] = views[name].detach().clone()
    items["adamw.losses"] = torch.tensor(losses)
    assert losses[-1] < losses[0]
    return norms


# ---- the same weights as GGUF --------------------------------------------------------------------------------------

GGUF_NAMES = {
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "mlp.gate": "ffn_gate_inp",
    "mlp.shared_experts.gate_proj": "ffn_gate_shexp", "mlp.shared_experts.up_proj": "ffn_up_shexp",
    "mlp.shared_experts.down_proj": "ffn_down_shexp",
}
GGUF_TOP = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def permuted(rows):
    """Rows of q and k as llama.cpp's converter orders them: (head, half, j) becomes (head, j, half)."""
    heads = CONFIG["num_attention_heads"]
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)


def write_gguf(path, weights):
    c = CONFIG
    writer = gguf.GGUFWriter(path, "deepseek")
    writer.add_block_count(c["num_hidden_layers"])
    writer.add_context_length(c["max_position_embeddings"])
    writer.add_embedding_length(c["hidden_size"])
    writer.add_feed_forward_length(c["intermediate_size"])
    writer.add_head_count(c["num_attention_heads"])
    writer.add_head_count_kv(c["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(c["rms_norm_eps"])
    writer.add_rope_freq_base(c["rope_theta"])
    writer.add_rope_dimension_count(c["hidden_size"] // c["num_attention_heads"])
    writer.add_vocab_size(c["vocab_size"])
    writer.add_leading_dense_block_count(c["first_k_dense_replace"])
    writer.add_expert_count(c["n_routed_experts"])
    writer.add_expert_used_count(c["num_experts_per_tok"])
    writer.add_expert_shared_count(c["n_shared_experts"])
    writer.add_expert_feed_forward_length(c["moe_intermediate_size"])
    writer.add_expert_weights_scale(1.0)

    def add(name, values, keep_float):
        if keep_float:
            writer.add_tensor(name + ".weight", np.ascontiguousarray(values, np.float32))
        else:
            writer.add_tensor(name + ".weight", q8_0(values), raw_dtype=gguf.GGMLQuantizationType.Q8_0)

    for name, values in weights.items():
        short = name.removesuffix(".weight")
        if short in GGUF_TOP:
            add(GGUF_TOP[short], values, stays_float(name))
            continue
        _, _, layer, rest = short.split(".", 3)
        if rest.startswith("mlp.experts."):
            _, _, expert, leaf = rest.split(".")
            if expert == "0":
                stack = np.stack([weights[f"model.layers.{layer}.mlp.experts.{e}.{leaf}.weight"]
                                  for e in range(c["n_routed_experts"])])
                add(f"blk.{layer}.ffn_{leaf.removesuffix('_proj')}_exps", stack, False)
            continue
        if rest in ("self_attn.q_proj", "self_attn.k_proj"):
            values = permuted(values)
        add(f"blk.{layer}.{GGUF_NAMES[rest]}", values, stays_float(name))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    weights = {name: draw(name, shape) for name, shape in shapes()}
    save_file({n: torch.from_numpy(w.copy()) for n, w in weights.items()}, folder / "model.safetensors",
              metadata={"format": "pt"})
    write_gguf(folder / "model.gguf", weights)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    model = build(weights)
    ids, items, gap, new, margins = choose_input(model)
    items["input_ids"], items["position_ids"] = torch.tensor(ids), torch.arange(len(ids))
    items["greedy.ids"], items["greedy.margin"] = torch.tensor(new), torch.tensor(margins)
    report = {"variant": folder.name, "reference": "LlamaForCausalLM with DeepseekV2Moe, transformers", "logits_from": 0,
              "chosen_layer": CHOSEN, "smallest_selection_gap": gap, "smallest_greedy_margin": min(margins),
              "grad_norms": train(model, ids, items)}
    save_file({k: v.detach().clone().contiguous() for k, v in items.items()}, folder / "golden.safetensors",
              metadata={"format": "pt"})
    (folder / "golden.json").write_text(json.dumps(report, indent=1) + "\n")
    print(f"gap {gap:.1e} margin {min(margins):.2f} losses {items['adamw.losses'].tolist()}")


if __name__ == "__main__":
    main()
