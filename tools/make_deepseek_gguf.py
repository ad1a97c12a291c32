"""Writes a released DeepSeek-MoE, -V2, -V3 or -V3.2 folder as GGUF, under llama.cpp's names and keys, for tests of
reading it and for comparing with llama.cpp itself (bench/rival/deepseek.py). make_deepseek4_gguf.py does so for V4.

Usage: make_deepseek_gguf.py FOLDER FILE [--type F32|BF16|Q8_0] [--as-f32] [--kv split|whole]
       [--decoded FOLDER] [--layers N] [--index-width N] [--mtp]

--as-f32 writes the numbers that a file of that type holds, in F32: what an engine makes of them without rounding what
it multiplies them by. --layers repeats the last layer until there are N: llama.cpp knows V2-Lite by its 27 layers.
--index-width writes V3.2's indexer with keys of N numbers, a multiple of its own, of which queries read the first part:
the same choice; llama.cpp wants multiples of 64.
--kv split writes attn_k_b (turned, per head) and attn_v_b as converters do now; whole writes attn_kv_b and the sizes of
files from before. Q8_0 needs rows of whole blocks of 32; other matrices become F32. --decoded also writes the folder's
configuration with the very numbers that the GGUF holds, in F32, so that both can be compared exactly. Norms, router and
bias stay F32. There is no vocabulary, which is said as llama.cpp says it. Extra prediction layers are left out, as
llama.cpp's converter of V3 leaves them out; --mtp writes them, under its names of others. Needs the Python packages
gguf and numpy, for --decoded safetensors too.
"""
import argparse
import json
import pathlib

import gguf
import numpy as np

from released_tensors import read_tensors, tiled

NAMES = {  # released, without "model.layers.N." and ".weight": GGUF, without "blk.N."
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.q_a_proj": "attn_q_a", "self_attn.q_a_layernorm": "attn_q_a_norm",
    "self_attn.q_b_proj": "attn_q_b", "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa",
    "self_attn.kv_a_layernorm": "attn_kv_a_norm", "self_attn.kv_b_proj": "attn_kv_b", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "mlp.gate": "ffn_gate_inp",
    "mlp.shared_experts.gate_proj": "ffn_gate_shexp", "mlp.shared_experts.up_proj": "ffn_up_shexp",
    "mlp.shared_experts.down_proj": "ffn_down_shexp",
    "self_attn.indexer.wq_b": "indexer.attn_q_b", "self_attn.indexer.wk": "indexer.attn_k",
    "self_attn.indexer.k_norm": "indexer.k_norm", "self_attn.indexer.weights_proj": "indexer.proj",
    "eh_proj": "nextn.eh_proj", "enorm": "nextn.enorm", "hnorm": "nextn.hnorm",  # of layers that predict
    "shared_head.norm": "nextn.shared_head_norm",
}
BIASES = {"mlp.gate.e_score_correction_bias": "exp_probs_b.bias",
          "self_attn.indexer.k_norm.bias": "indexer.k_norm.bias"}
PERMUTED = {"self_attn.q_proj": "num_attention_heads", "self_attn.k_proj": "num_key_value_heads"}  # of V1
WHOLE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
         "lm_head.weight": "output.weight"}
TYPES = {"F32": gguf.GGMLQuantizationType.F32, "BF16": gguf.GGMLQuantizationType.BF16,
         "Q8_0": gguf.GGMLQuantizationType.Q8_0}


def read_folder(folder):
    """All tensors in float32, FP8 multiplied by the scale of each 128 x 128 tile."""
    tensors = read_tensors(folder)
    for name in [n for n in tensors if n.endswith("_scale_inv")]:
        weight = name.removesuffix("_scale_inv")
        tensors[weight] = tiled(tensors[weight], tensors.pop(name))
    return tensors


def architecture(config):
    return {"deepseek": "deepseek", "deepseek_v32": "deepseek32"}.get(config["model_type"], "deepseek2")


def write_settings(writer, config, split, extra):
    writer.add_tokenizer_model("none")
    writer.add_block_count(config["num_hidden_layers"] + extra)
    if extra:
        writer.add_uint32(f"{architecture(config)}.nextn_predict_layers", extra)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    write_expert_settings(writer, config)
    if architecture(config) == "deepseek":
        writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
        writer.add_head_count_kv(config["num_key_value_heads"])
        return
    write_latent_settings(writer, config, split)
    if architecture(config) == "deepseek32":
        for key, value in (("head_count", "index_n_heads"), ("key_length", "index_head_dim"), ("top_k", "index_topk")):
            writer.add_uint32(f"deepseek32.attention.indexer.{key}", config[value])


def write_latent_settings(writer, config, split):
    latent, rotated = config["kv_lora_rank"], config["qk_rope_head_dim"]
    key, value, heads = config["qk_nope_head_dim"] + rotated, config["v_head_dim"], config["num_attention_heads"]
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
    scaling = config.get("rope_scaling")
    if scaling:
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(scaling["factor"])
        writer.add_rope_scaling_orig_ctx_len(scaling["original_max_position_embeddings"])
        writer.add_rope_scaling_yarn_log_mul(0.1 * scaling["mscale_all_dim"])


def write_expert_settings(writer, config):
    writer.add_leading_dense_block_count(config["first_k_dense_replace"])
    writer.add_expert_count(config["n_routed_experts"])
    writer.add_expert_used_count(config["num_experts_per_tok"])
    writer.add_expert_shared_count(config["n_shared_experts"])
    writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
    writer.add_expert_weights_scale(config.get("routed_scaling_factor", 1.0))
    writer.add_expert_weights_norm(config["norm_topk_prob"])
    sigmoid = config["scoring_func"] == "sigmoid"
    writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID if sigmoid else gguf.ExpertGatingFuncType.SOFTMAX)
    if config.get("n_group", 1) > 1:
        writer.add_expert_group_count(config["n_group"])
        writer.add_expert_group_used_count(config["topk_group"])


def repeated(tensors, layers, wanted):
    """Copies of the last layer's tensors as those of layers `layers` to `wanted` - 1."""
    last = f"model.layers.{layers - 1}."
    return {f"model.layers.{i}.{name.removeprefix(last)}": tensor for i in range(layers, wanted)
            for name, tensor in tensors.items() if name.startswith(last)}


def widened(name, tensor, config, width):
    """Keys several times side by side, which keeps their norm; queries with nothing beyond the first of these."""
    own, heads = config["index_head_dim"], config["index_n_heads"]
    if ".indexer.wq_b." in name:
        return np.pad(tensor.reshape(heads, own, -1), ((0, 0), (0, width - own), (0, 0))).reshape(heads * width, -1)
    if ".indexer.wk." in name or ".indexer.k_norm." in name:
        return np.concatenate([tensor] * (width // own))
    return tensor


def permuted(rows, heads):
    """Rows of q and k as converters order them for rotation in pairs: (head, half, j) becomes (head, j, half)."""
    return np.ascontiguousarray(rows.reshape(heads, 2, len(rows) // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape))


def gguf_tensors(tensors, config, split, extra):
    """(GGUF name, released name, [matrices,] rows, columns) in the order of layers."""
    heads = config["num_attention_heads"]
    for released, name in WHOLE.items():
        if released in tensors:
            yield name, tensors[released]
    for i in range(config["num_hidden_layers"] + extra):
        for released, name in NAMES.items():
            tensor = tensors.get(f"model.layers.{i}.{released}.weight")
            if tensor is None:
                continue
            if released in PERMUTED and architecture(config) == "deepseek":
                tensor = permuted(tensor, config[PERMUTED[released]])
            if name == "attn_kv_b" and split:
                key, value = config["qk_nope_head_dim"], config["v_head_dim"]
                by_head = tensor.reshape(heads, key + value, -1)
                yield f"blk.{i}.attn_k_b.weight", np.ascontiguousarray(by_head[:, :key].transpose(0, 2, 1))
                yield f"blk.{i}.attn_v_b.weight", np.ascontiguousarray(by_head[:, key:])
            else:
                yield f"blk.{i}.{name}.weight", tensor
        for released, name in BIASES.items():
            if f"model.layers.{i}.{released}" in tensors:
                yield f"blk.{i}.{name}", tensors[f"model.layers.{i}.{released}"]
        for part in ("gate", "up", "down"):
            experts = [tensors.get(f"model.layers.{i}.mlp.experts.{e}.{part}_proj.weight")
                       for e in range(config["n_routed_experts"])]
            if experts[0] is not None:
                yield f"blk.{i}.ffn_{part}_exps.weight", np.stack(experts)


def add_tensor(writer, name, numbers, type_name, as_f32=False):
    """Writes it in that type, or F32 where it has to stay that; returns the numbers that the file then holds."""
    kind = TYPES[type_name]
    if numbers.ndim == 1 or "ffn_gate_inp" in name or (type_name not in ("F32", "BF16") and numbers.shape[-1] % 32):
        kind = TYPES["F32"]
    stored = gguf.quants.quantize(np.ascontiguousarray(numbers), kind)
    held = gguf.quants.dequantize(stored, kind).reshape(numbers.shape)
    if as_f32:
        writer.add_tensor(name, held)
    else:
        writer.add_tensor(name, stored, raw_dtype=kind)
    return held


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--type", choices=TYPES, default="F32")
    parser.add_argument("--as-f32", action="store_true")
    parser.add_argument("--layers", type=int)
    parser.add_argument("--index-width", type=int)
    parser.add_argument("--kv", choices=("split", "whole"), default="split")
    parser.add_argument("--decoded", type=pathlib.Path)
    parser.add_argument("--mtp", action="store_true")
    options = parser.parse_args()
    config = json.loads((options.folder / "config.json").read_text())
    if options.decoded and architecture(config) == "deepseek":
        parser.error("--decoded: the rows of this architecture are permuted and not written back")
    if options.mtp and (options.decoded or options.layers):
        parser.error("--mtp goes with neither --decoded nor --layers")
    extra = config["num_nextn_predict_layers"] if options.mtp else 0
    tensors = read_folder(options.folder)
    if options.layers:
        tensors |= repeated(tensors, config["num_hidden_layers"], options.layers)
        config["num_hidden_layers"] = options.layers
    if options.index_width:
        tensors = {name: widened(name, tensor, config, options.index_width) for name, tensor in tensors.items()}
        config["index_head_dim"] = options.index_width
    split = options.kv == "split"

    writer = gguf.GGUFWriter(options.file, architecture(config))
    writer.add_name(options.folder.name)
    write_settings(writer, config, split, extra)
    decoded = {}
    for name, numbers in gguf_tensors(tensors, config, split, extra):
        decoded[name] = add_tensor(writer, name, numbers, options.type, options.as_f32)
    finish(writer)

    if options.decoded:
        from safetensors.numpy import save_file
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
        elif name.endswith(".bias"):
            released = next(released for released, bias in BIASES.items() if name.endswith(f".{layer}.{bias}"))
            out[f"model.layers.{layer}.{released}"] = numbers
        else:
            out[back[name]] = numbers
    return {name: np.ascontiguousarray(numbers, dtype=np.float32) for name, numbers in out.items()}


if __name__ == "__main__":
    main()
