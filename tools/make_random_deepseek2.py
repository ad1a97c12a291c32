"""Writes a deepseek2 model of random Q4_K weights as GGUF, to measure speed with: no training, no meaning.

Usage: make_random_deepseek2.py FILE [--layers 8] [--hidden 2048] [--experts 64] [--used 6] [--expert-ffn 1024] [--seed 1]

A dense layer, then layers of experts and two shared ones; latent attention of 512 + 64 with 16 heads of 128, attn_k_b in
Q8_0 as its rows of 128 are no whole blocks of 256. The vocabulary is the 256 bytes and one pair of them, for programs
that will not load a model without one. Needs the Python packages gguf and numpy.
"""
import argparse
import pathlib

import gguf
import numpy as np

F32, Q4_K, Q8_0 = (gguf.GGMLQuantizationType[name] for name in ("F32", "Q4_K", "Q8_0"))
LATENT, QUERY_LATENT, ROTATED, KEY, VALUE, HEADS, CONTEXT, VOCABULARY = 512, 768, 64, 128, 128, 16, 32768, 257


class Model:
    def __init__(self, path, seed):
        self.random = np.random.default_rng(seed)
        self.writer = gguf.GGUFWriter(path, "deepseek2")

    def vector(self, name, count, value):
        self.writer.add_tensor(name, np.full(count, value, np.float32))

    def floats(self, name, *shape):
        numbers = self.random.standard_normal(shape, np.float32) / np.sqrt(np.float32(shape[-1]))
        self.writer.add_tensor(name, numbers)

    def q8_0(self, name, *shape):
        numbers = self.random.standard_normal(shape, np.float32) / np.sqrt(np.float32(KEY))
        self.writer.add_tensor(name, gguf.quants.quantize(numbers, Q8_0), raw_dtype=Q8_0)

    def q4_k(self, name, *shape):
        """Blocks of 256: value = d scale q - dmin minimum, all of random bytes; d and dmin make the mean 0 and the
        deviation 1 / sqrt(inputs)."""
        blocks = int(np.prod(shape)) // 256
        block = np.empty((blocks, 144), np.uint8)
        block[:, 4:] = self.random.integers(0, 256, (blocks, 140), np.uint8)
        d = 1 / (180 * np.sqrt(shape[-1]))
        block[:, 0:2] = np.frombuffer(np.float16(d).tobytes(), np.uint8)
        block[:, 2:4] = np.frombuffer(np.float16(7.5 * d).tobytes(), np.uint8)
        rows = block.reshape(*shape[:-1], shape[-1] // 256 * 144)
        self.writer.add_tensor(name, rows, raw_dtype=Q4_K)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path)
    for name, default in (("layers", 8), ("hidden", 2048), ("experts", 64), ("used", 6), ("expert-ffn", 1024), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    o = parser.parse_args()
    if o.hidden % 256 or o.expert_ffn % 256:
        parser.error("--hidden and --expert-ffn must be multiples of 256")

    model = Model(o.file, o.seed)
    w = model.writer
    w.add_name("random deepseek2")
    w.add_block_count(o.layers)
    w.add_context_length(CONTEXT)
    w.add_embedding_length(o.hidden)
    w.add_feed_forward_length(4 * o.hidden)
    w.add_vocab_size(VOCABULARY)
    w.add_head_count(HEADS)
    w.add_head_count_kv(1)
    w.add_layer_norm_rms_eps(1e-6)
    w.add_rope_freq_base(10000.0)
    w.add_rope_dimension_count(ROTATED)
    w.add_q_lora_rank(QUERY_LATENT)
    w.add_kv_lora_rank(LATENT)
    w.add_key_length(LATENT + ROTATED)
    w.add_value_length(LATENT)
    w.add_key_length_mla(KEY + ROTATED)
    w.add_value_length_mla(VALUE)
    w.add_leading_dense_block_count(1)
    w.add_expert_count(o.experts)
    w.add_expert_used_count(o.used)
    w.add_expert_shared_count(2)
    w.add_expert_feed_forward_length(o.expert_ffn)
    w.add_expert_weights_scale(1.0)
    w.add_expert_weights_norm(True)
    w.add_expert_gating_func(gguf.ExpertGatingFuncType.SOFTMAX)
    # Bytes as the vocabulary of GPT-2 spells them: printable ones themselves, the others from 256 on.
    plain = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or 174 <= b]
    others = [b for b in range(256) if b not in plain]
    spelled = {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(others)}
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("default")
    w.add_token_list([spelled[b] for b in range(256)] + ["ab"])
    w.add_token_types([gguf.TokenType.NORMAL] * VOCABULARY)
    w.add_token_merges(["a b"])  # an empty list would not be written
    w.add_bos_token_id(0)
    w.add_eos_token_id(1)
    w.add_add_bos_token(False)

    model.q4_k("token_embd.weight", VOCABULARY, o.hidden)
    model.vector("output_norm.weight", o.hidden, 1)
    model.q4_k("output.weight", VOCABULARY, o.hidden)
    for i in range(o.layers):
        at = f"blk.{i}."
        model.vector(at + "attn_norm.weight", o.hidden, 1)
        model.q4_k(at + "attn_q_a.weight", QUERY_LATENT, o.hidden)
        model.vector(at + "attn_q_a_norm.weight", QUERY_LATENT, 1)
        model.q4_k(at + "attn_q_b.weight", HEADS * (KEY + ROTATED), QUERY_LATENT)
        model.q4_k(at + "attn_kv_a_mqa.weight", LATENT + ROTATED, o.hidden)
        model.vector(at + "attn_kv_a_norm.weight", LATENT, 1)
        model.q8_0(at + "attn_k_b.weight", HEADS, LATENT, KEY)
        model.q4_k(at + "attn_v_b.weight", HEADS, VALUE, LATENT)
        model.q4_k(at + "attn_output.weight", o.hidden, HEADS * VALUE)
        model.vector(at + "ffn_norm.weight", o.hidden, 1)
        if i == 0:
            for part, shape in (("gate", (4 * o.hidden, o.hidden)), ("up", (4 * o.hidden, o.hidden)),
                                ("down", (o.hidden, 4 * o.hidden))):
                model.q4_k(f"{at}ffn_{part}.weight", *shape)
            continue
        model.floats(at + "ffn_gate_inp.weight", o.experts, o.hidden)
        for part, outputs, inputs in (("gate", o.expert_ffn, o.hidden), ("up", o.expert_ffn, o.hidden),
                                      ("down", o.hidden, o.expert_ffn)):
            model.q4_k(f"{at}ffn_{part}_exps.weight", o.experts, outputs, inputs)
            wide = {"gate": (2 * outputs, inputs), "up": (2 * outputs, inputs), "down": (outputs, 2 * inputs)}[part]
            model.q4_k(f"{at}ffn_{part}_shexp.weight", *wide)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    main()
