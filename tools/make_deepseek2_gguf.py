"""Writes a released DeepSeek-V2 or -V3 folder as GGUF, under llama.cpp's names and keys, for tests of reading it.

Usage: make_deepseek2_gguf.py FOLDER FILE [--type F32|BF16|Q8_0] [--kv split|whole] [--decoded FOLDER]

--kv split writes attn_k_b (turned, per head) and attn_v_b as converters do now; whole writes attn_kv_b and the sizes of
files from before. Q8_0 needs rows of whole blocks of 32; other matrices become F32. --decoded also writes the folder's
configuration with the very numbers that the GGUF holds, in F32, so that both can be compared exactly. Norms, router and
bias stay F32. Extra prediction layers are left out, as llama.cpp's converter leaves them out. Needs the Python packages
gguf, numpy and safetensors (with torch where the folder holds BF16 or FP8).
"""
import argparse
import json
import pathlib

import gguf
import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

NAMES = {  # released, without "model.layers.N." and ".weight": GGUF, without "blk.N."
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.q_a_proj": "attn_q_a", "self_attn.q_a_layernorm": "attn_q_a_norm",
    "self_attn.q_b_proj": "attn_q_b", "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa",
    "self_attn.kv_a_layernorm": "attn_kv_a_norm", "self_attn.kv_b_proj": "attn_kv_b", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "mlp.gate": "ffn_gate_inp",
    "mlp.shared_experts.gate_proj": "ffn_gate_shexp", "mlp.shared_experts.up_proj": "ffn_up_shexp",
    "mlp.shared_experts.down_proj": "ffn_down_shexp",
}
WHOLE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
         "lm_head.weight": "output.weight"}
TYPES = {"F32": gguf.GGMLQuantizationType.F32, "BF16": gguf.GGMLQuantizationType.BF16,
         "Q8_0": gguf.GGMLQuantizationType.Q8_0}


def read_folder(folder):
    """All tensors in float32, FP8 multiplied by the scale of each 128 x 128 tile."""
    tensors = {}
    for file in sorted(folder.glob("model*.safetensors")):
        with safe_open(file, "pt") as stored:
            for name in stored.keys():
                tensors[name] = stored.get_tensor(name)
    for name in [n for n in tensors if n.endswith("_scale_inv")]:
        scales, weight = tensors.pop(name).float(), name.removesuffix("_scale_inv")
        rows, cols = tensors[weight].shape
        tensors[weight] = tensors[weight].float() * scales.repeat_interleave(128, 0)[:rows].repeat_interleave(128, 1)[:, :cols]
    return {name: tensor.float().numpy() for name, tensor in tensors.items()}


def write_settings(writer, config, split):
    latent, rotated = config["kv_lora_rank"], config["qk_rope_head_dim"]
    key, value, heads = config["qk_nope_head_dim"] + rotated, config["v_head_dim"], config["num_attention_heads"]
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_head_count(heads)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_rope_dimension_count(rotated)
    if config["q_lora_rank"]:
        writer.add_q_lora_rank(config["q_lora_rank"])
    writer.add_kv_lora_rank(latent)
    writer.add_head_count_kv(1 if split else heads)
    writer.add_key_length(latent + rotated if split else key)
    writer.add_value_length(latent if split else value)
    if split:
        writer.add_key_length_mla(key)
        writer.add_value_length_mla(value)
    writer.add_leading_dense_block_count(config["first_k_dense_replace"])
    writer.add_expert_count(config["n_routed_experts"])
    writer.add_expert_used_count(config["num_experts_per_tok"])
    writer.add_expert_shared_count(config["n_shared_experts"])
    writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
    writer.add_expert_weights_scale(config["routed_scaling_factor"])
    writer.add_expert_weights_norm(config["norm_topk_prob"])
    sigmoid = config["scoring_func"] == "sigmoid"
    writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID if sigmoid else gguf.ExpertGatingFuncType.SOFTMAX)
    if config.get("n_group", 1) > 1:
        writer.add_expert_group_count(config["n_group"])
        writer.add_expert_group_used_count(config["topk_group"])
    scaling = config.get("rope_scaling")
    if scaling:
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(scaling["factor"])
        writer.add_rope_scaling_orig_ctx_len(scaling["original_max_position_embeddings"])
        writer.add_rope_scaling_yarn_log_mul(0.1 * scaling["mscale_all_dim"])


def gguf_tensors(tensors, config, split):
    """(GGUF name, released name, [matrices,] rows, columns) in the order of layers."""
    heads, key, value = config["num_attention_heads"], config["qk_nope_head_dim"], config["v_head_dim"]
    for released, name in WHOLE.items():
        if released in tensors:
            yield name, tensors[released]
    for i in range(config["num_hidden_layers"]):
        for released, name in NAMES.items():
            tensor = tensors.get(f"model.layers.{i}.{released}.weight")
            if tensor is None:
                continue
            if name == "attn_kv_b" and split:
                by_head = tensor.reshape(heads, key + value, -1)
                yield f"blk.{i}.attn_k_b.weight", np.ascontiguousarray(by_head[:, :key].transpose(0, 2, 1))
                yield f"blk.{i}.attn_v_b.weight", np.ascontiguousarray(by_head[:, key:])
            else:
                yield f"blk.{i}.{name}.weight", tensor
        bias = tensors.get(f"model.layers.{i}.mlp.gate.e_score_correction_bias")
        if bias is not None:
            yield f"blk.{i}.exp_probs_b.bias", bias
        for part in ("gate", "up", "down"):
            experts = [tensors.get(f"model.layers.{i}.mlp.experts.{e}.{part}_proj.weight")
                       for e in range(config["n_routed_experts"])]
            if experts[0] is not None:
                yield f"blk.{i}.ffn_{part}_exps.weight", np.stack(experts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--type", choices=TYPES, default="F32")
    parser.add_argument("--kv", choices=("split", "whole"), default="split")
    parser.add_argument("--decoded", type=pathlib.Path)
    options = parser.parse_args()
    config = json.loads((options.folder / "config.json").read_text())
    tensors = read_folder(options.folder)
    split = options.kv == "split"

    writer = gguf.GGUFWriter(options.file, "deepseek2")
    writer.add_name(options.folder.name)
    write_settings(writer, config, split)
    decoded = {}
    for name, numbers in gguf_tensors(tensors, config, split):
        kind = TYPES[options.type]
        if numbers.ndim == 1 or "ffn_gate_inp" in name or (options.type == "Q8_0" and numbers.shape[-1] % 32):
            kind = TYPES["F32"]
        stored = gguf.quants.quantize(numbers, kind)
        writer.add_tensor(name, stored, raw_dtype=kind)
        decoded[name] = gguf.quants.dequantize(stored, kind).reshape(numbers.shape)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    if options.decoded:
        options.decoded.mkdir(parents=True, exist_ok=True)
        plain = {key: value for key, value in config.items() if key != "quantization_config"}
        plain["num_nextn_predict_layers"] = 0
        (options.decoded / "config.json").write_text(json.dumps(plain))
        save_file(released_tensors(decoded, config), options.decoded / "model.safetensors")


def released_tensors(decoded, config):
    back = {f"blk.{i}.{name}.weight": f"model.layers.{i}.{released}.weight"
            for i in range(config["num_hidden_layers"]) for released, name in NAMES.items()}
    back.update({name: released for released, name in WHOLE.items()})
    out = {}
    for name, numbers in decoded.items():
        layer = name.split(".")[1]
        if "attn_k_b" in name:
            values = decoded[name.replace("attn_k_b", "attn_v_b")]
            both = np.concatenate([numbers.transpose(0, 2, 1), values], axis=1)
            out[f"model.layers.{layer}.self_attn.kv_b_proj.weight"] = both.reshape(-1, both.shape[-1])
        elif "attn_v_b" in name:
            continue
        elif "_exps" in name:
            part = name.split(".")[2].removeprefix("ffn_").removesuffix("_exps")
            for e in range(len(numbers)):
                out[f"model.layers.{layer}.mlp.experts.{e}.{part}_proj.weight"] = numbers[e]
        elif "exp_probs_b" in name:
            out[f"model.layers.{layer}.mlp.gate.e_score_correction_bias"] = numbers
        else:
            out[back[name]] = numbers
    return {name: np.ascontiguousarray(numbers, dtype=np.float32) for name, numbers in out.items()}


if __name__ == "__main__":
    main()
