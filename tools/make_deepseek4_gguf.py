"""Writes a released DeepSeek-V4 folder as GGUF, under llama.cpp's names and keys (architecture deepseek4).

Usage: make_deepseek4_gguf.py FOLDER FILE [--type F32|BF16|Q8_0|MXFP4] [--rest Q8_0|BF16] [--as-f32] [--index-width N]
       [--mtp]

--as-f32 writes the numbers that a file of that type holds, in F32. --index-width puts zeros before each head of the
indexer until it is N wide (llama.cpp takes no less than 64); its norm is scaled to match, so choices stay the same.
MXFP4 keeps FP4 experts as they are, to the bit, and writes the rest in Q8_0, as llama.cpp's converter does, or in
BF16, which holds FP8 with power-of-two scales to the bit; the other types hold the experts' numbers in that type.
Q8_0 needs rows of whole blocks of 32; other matrices become F32. What is no weight of a multiplication stays F32:
norms, routers, sinks, places of compressors, gates of streams. --mtp writes the block that predicts the token after next
behind the layers, which otherwise is left out. There is no vocabulary. Needs the Python packages gguf and numpy.
"""
import argparse
import json
import pathlib
import re

import gguf
import numpy as np

from make_deepseek_gguf import TYPES, add_tensor, finish
from released_tensors import read_tensors, tiled

LAYER = {  # released, without "layers.N.": GGUF, without "blk.N."
    "attn_norm.weight": "attn_norm.weight", "ffn_norm.weight": "ffn_norm.weight",
    "attn.attn_sink": "attn_sinks.weight", "attn.wq_a.weight": "attn_q_a.weight",
    "attn.q_norm.weight": "attn_q_a_norm.weight", "attn.wq_b.weight": "attn_q_b.weight",
    "attn.wkv.weight": "attn_kv.weight", "attn.kv_norm.weight": "attn_kv_a_norm.weight",
    "attn.wo_a.weight": "attn_output_a.weight", "attn.wo_b.weight": "attn_output_b.weight",
    "attn.compressor.ape": "attn_compressor_ape.weight", "attn.compressor.wkv.weight": "attn_compressor_kv.weight",
    "attn.compressor.wgate.weight": "attn_compressor_gate.weight",
    "attn.compressor.norm.weight": "attn_compressor_norm.weight",
    "attn.indexer.wq_b.weight": "indexer.attn_q_b.weight", "attn.indexer.weights_proj.weight": "indexer.proj.weight",
    "attn.indexer.compressor.ape": "indexer_compressor_ape.weight",
    "attn.indexer.compressor.wkv.weight": "indexer_compressor_kv.weight",
    "attn.indexer.compressor.wgate.weight": "indexer_compressor_gate.weight",
    "attn.indexer.compressor.norm.weight": "indexer_compressor_norm.weight",
    "ffn.gate.weight": "ffn_gate_inp.weight", "ffn.gate.bias": "exp_probs_b.bias",
    "ffn.gate.tid2eid": "ffn_gate_tid2eid.weight", "ffn.shared_experts.w1.weight": "ffn_gate_shexp.weight",
    "ffn.shared_experts.w2.weight": "ffn_down_shexp.weight", "ffn.shared_experts.w3.weight": "ffn_up_shexp.weight",
} | {f"hc_{part}_{leaf}": f"hc_{part}_{leaf}.weight" for part in ("attn", "ffn") for leaf in ("fn", "base", "scale")}
WHOLE = {"embed.weight": "token_embd.weight", "norm.weight": "output_norm.weight", "head.weight": "output.weight",
         "hc_head_fn": "output_hc_fn.weight", "hc_head_base": "output_hc_base.weight",
         "hc_head_scale": "output_hc_scale.weight"}
PREDICT = {"enorm.weight": "nextn.enorm.weight", "hnorm.weight": "nextn.hnorm.weight",
           "norm.weight": "nextn.shared_head_norm.weight", "eh_proj.weight": "nextn.eh_proj.weight",
           **{f"hc_head_{leaf}": f"nextn.hc_head_{leaf}.weight" for leaf in ("fn", "base", "scale")}}
STAYS_FLOAT = re.compile(r"hc_|_ape|_norm|exp_probs_b|attn_sinks|ffn_gate_inp")
FP4 = np.array([0, .5, 1, 1.5, 2, 3, 4, 6, -0., -.5, -1, -1.5, -2, -3, -4, -6], np.float32)
SQRT_SOFTPLUS = 4  # llama.cpp's number of this scoring
TYPES["MXFP4"] = gguf.GGMLQuantizationType.MXFP4


def read_folder(folder, layers):
    """All tensors: integers as they are, the rest in float32 with scales multiplied in. Blocks of prediction as the
    layers behind the last one."""
    stored = read_tensors(folder)
    for name in [name for name in stored if name.endswith(".scale")]:
        weight = name.removesuffix("scale") + "weight"
        stored[weight] = with_scales(stored[weight], stored.pop(name))
    tensors = {}
    for name, tensor in stored.items():
        block = re.match(r"mtp\.(\d+)\.", name)
        tensors[f"layers.{layers + int(block[1])}.{name[block.end():]}" if block else name] = tensor
    return tensors


def with_scales(weight, scale):
    if weight.dtype == np.int8:  # two FP4 in a byte, the even one low; a scale for 32 of a row
        codes = weight.view(np.uint8)
        return FP4[np.stack([codes & 15, codes >> 4], -1).reshape(len(codes), -1)] * scale.repeat(32, 1)
    return tiled(weight, scale)


def widen_index(tensors, old, new):
    """Zeros before the first number of each head of queries and each run of compressed keys (the last ones turn)."""
    for name, tensor in tensors.items():
        if ".indexer.compressor.ape" in name:
            parts = tensor.reshape(len(tensor), -1, old)
            tensors[name] = np.pad(parts, ((0, 0), (0, 0), (new - old, 0))).reshape(len(tensor), -1)
        elif ".indexer.compressor.norm" in name:  # the mean of squares falls by old / new
            tensors[name] = np.pad(tensor * np.float32((old / new) ** 0.5), (new - old, 0))
        elif ".indexer.compressor.w" in name or ".indexer.wq_b" in name:
            parts = tensor.reshape(-1, old, tensor.shape[-1])
            tensors[name] = np.pad(parts, ((0, 0), (new - old, 0), (0, 0))).reshape(-1, tensor.shape[-1])


def write_settings(writer, config, extra):
    layers, name = config["num_hidden_layers"] + extra, "deepseek4"
    if extra:
        writer.add_uint32(f"{name}.nextn_predict_layers", extra)
    writer.add_tokenizer_model("none")
    writer.add_block_count(layers)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(1)
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_q_lora_rank(config["q_lora_rank"])
    writer.add_sliding_window(config["sliding_window"])
    writer.add_rope_dimension_count(config["qk_rope_head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    scaling = config["rope_scaling"]
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(scaling["factor"])
    writer.add_rope_scaling_orig_ctx_len(scaling["original_max_position_embeddings"])
    writer.add_expert_count(config["n_routed_experts"])
    writer.add_expert_used_count(config["num_experts_per_tok"])
    writer.add_expert_shared_count(config["n_shared_experts"])
    writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
    writer.add_expert_weights_scale(config["routed_scaling_factor"])
    writer.add_expert_weights_norm(config["norm_topk_prob"])
    for key, number in {
            "expert_gating_func": SQRT_SOFTPLUS, "hash_layer_count": config["num_hash_layers"],
            "embedding_length_out": config["hidden_size"] * config["hc_mult"],
            "attention.indexer.head_count": config["index_n_heads"],
            "attention.indexer.key_length": config["index_head_dim"], "attention.indexer.top_k": config["index_topk"],
            "attention.output_group_count": config["o_groups"], "attention.output_lora_rank": config["o_lora_rank"],
            "hyper_connection.count": config["hc_mult"],
            "hyper_connection.sinkhorn_iterations": config["hc_sinkhorn_iters"]}.items():
        writer.add_uint32(f"{name}.{key}", number)
    writer.add_float32(f"{name}.hyper_connection.epsilon", config["hc_eps"])
    writer.add_float32(f"{name}.attention.compress_rope_freq_base", float(config["compress_rope_theta"]))
    writer.add_array(f"{name}.attention.compress_ratios", config["compress_ratios"])
    for key in ("swiglu_clamp_exp", "swiglu_clamp_shexp"):
        writer.add_array(f"{name}.{key}", [float(config["swiglu_limit"])] * layers)


def gguf_tensors(tensors, config, extra):
    for released, name in WHOLE.items():
        yield name, tensors[released]
    for i in range(config["num_hidden_layers"] + extra):
        if i >= config["num_hidden_layers"]:
            tensors[f"layers.{i}.eh_proj.weight"] = np.concatenate(
                [tensors[f"layers.{i}.{part}_proj.weight"] for part in "eh"], axis=1)
        for released, name in (LAYER | PREDICT).items():
            if f"layers.{i}.{released}" in tensors:
                yield f"blk.{i}.{name}", tensors[f"layers.{i}.{released}"]
        for part, name in (("w1", "gate"), ("w2", "down"), ("w3", "up")):
            yield f"blk.{i}.ffn_{name}_exps.weight", np.stack(
                [tensors[f"layers.{i}.ffn.experts.{e}.{part}.weight"] for e in range(config["n_routed_experts"])])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--type", choices=TYPES, default="F32")
    parser.add_argument("--rest", choices=("Q8_0", "BF16"), default="Q8_0")
    parser.add_argument("--as-f32", action="store_true")
    parser.add_argument("--index-width", type=int)
    parser.add_argument("--mtp", action="store_true")
    options = parser.parse_args()
    config = json.loads((options.folder / "config.json").read_text())
    if "compress_ratios" not in config or "num_hash_layers" not in config:
        parser.error("config.json spells its layers as transformers does; the released spelling is written here")
    tensors = read_folder(options.folder, config["num_hidden_layers"])
    extra = config["num_nextn_predict_layers"] if options.mtp else 0
    if options.index_width:
        widen_index(tensors, config["index_head_dim"], options.index_width)
        config["index_head_dim"] = options.index_width
    writer = gguf.GGUFWriter(options.file, "deepseek4")
    writer.add_name(options.folder.name)
    write_settings(writer, config, extra)
    for name, numbers in gguf_tensors(tensors, config, extra):
        if numbers.dtype == np.int64:
            writer.add_tensor(name, numbers.astype(np.int32))
        elif STAYS_FLOAT.search(name):
            add_tensor(writer, name, numbers, "F32")
        elif options.type == "MXFP4" and "_exps" in name:
            held = add_tensor(writer, name, numbers, "MXFP4", options.as_f32)
            if not np.array_equal(held, numbers):
                parser.error(f"{name}: not FP4 with a scale for 32 numbers")
        else:
            add_tensor(writer, name, numbers, options.rest if options.type == "MXFP4" else options.type, options.as_f32)
    finish(writer)


if __name__ == "__main__":
    main()
