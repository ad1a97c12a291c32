"""Writes a tiny llama model as GGUF, for tests of the program: byte-level vocabulary, ChatML template, random weights.

Usage: make_tiny_model.py FILE. About 220 KB, F16 and F32, the same bytes every time. Needs Python alone. What it says is
noise; that it says the same noise again is what tests look at.
"""
import struct
import sys

LAYERS, HIDDEN, HEADS, KV_HEADS, FFN, CONTEXT = 2, 64, 4, 2, 128, 65536
STRING, UINT32, FLOAT32, BOOL, ARRAY, INT32 = 8, 4, 6, 7, 9, 5
TEMPLATE = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
            "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")


def vocabulary():
    plain = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
    extra = iter(range(256, 512))
    texts = [chr(b) if b in plain else chr(next(extra)) for b in range(256)]
    return texts + ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], [1] * 256 + [3] * 3


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def pair(key, kind, value):
    return text(key) + struct.pack("<I", kind) + value


def array(key, kind, items):
    return pair(key, ARRAY, struct.pack("<IQ", kind, len(items)) + b"".join(items))


class Noise:  # a linear congruential generator (Knuth's MMIX), so that no library's randomness matters
    def __init__(self):
        self.state = 1

    def number(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (self.state >> 40) / (1 << 23) - 1  # [-1, 1)

    def matrix(self, rows, columns, size):
        return b"".join(struct.pack("<e", self.number() * size) for _ in range(rows * columns))


def tensors(noise, tokens):
    ones = struct.pack(f"<{HIDDEN}f", *[1.0] * HIDDEN)
    narrow = HIDDEN // HEADS * KV_HEADS
    yield "token_embd.weight", (HIDDEN, tokens), 1, noise.matrix(tokens, HIDDEN, 1)
    for i in range(LAYERS):
        yield f"blk.{i}.attn_norm.weight", (HIDDEN,), 0, ones
        for name, columns, rows in (("attn_q", HIDDEN, HIDDEN), ("attn_k", HIDDEN, narrow), ("attn_v", HIDDEN, narrow),
                                    ("attn_output", HIDDEN, HIDDEN), ("ffn_gate", HIDDEN, FFN), ("ffn_up", HIDDEN, FFN),
                                    ("ffn_down", FFN, HIDDEN)):
            yield f"blk.{i}.{name}.weight", (columns, rows), 1, noise.matrix(rows, columns, 0.2)
        yield f"blk.{i}.ffn_norm.weight", (HIDDEN,), 0, ones
    yield "output_norm.weight", (HIDDEN,), 0, ones
    yield "output.weight", (HIDDEN, tokens), 1, noise.matrix(tokens, HIDDEN, 0.6)


def main(path):
    texts, types = vocabulary()
    number = lambda key, value: pair(key, UINT32, struct.pack("<I", value))
    metadata = [
        pair("general.architecture", STRING, text("llama")), pair("general.name", STRING, text("Tiny")),
        pair("general.license", STRING, text("apache-2.0")),
        number("llama.block_count", LAYERS), number("llama.context_length", CONTEXT),
        number("llama.embedding_length", HIDDEN), number("llama.feed_forward_length", FFN),
        number("llama.attention.head_count", HEADS), number("llama.attention.head_count_kv", KV_HEADS),
        pair("llama.attention.layer_norm_rms_epsilon", FLOAT32, struct.pack("<f", 1e-5)),
        pair("llama.rope.freq_base", FLOAT32, struct.pack("<f", 10000)), number("llama.vocab_size", len(texts)),
        pair("tokenizer.ggml.model", STRING, text("gpt2")), pair("tokenizer.ggml.pre", STRING, text("gpt-2")),
        array("tokenizer.ggml.tokens", STRING, [text(t) for t in texts]),
        array("tokenizer.ggml.token_type", INT32, [struct.pack("<i", t) for t in types]),
        number("tokenizer.ggml.bos_token_id", 256), number("tokenizer.ggml.eos_token_id", 258),
        pair("tokenizer.ggml.add_bos_token", BOOL, b"\0"), pair("tokenizer.chat_template", STRING, text(TEMPLATE)),
    ]
    table, data = [], b""
    for name, sizes, kind, values in tensors(Noise(), len(texts)):
        data += b"\0" * (-len(data) % 32)
        table.append(text(name) + struct.pack("<I", len(sizes)) + struct.pack(f"<{len(sizes)}Q", *sizes) +
                     struct.pack("<IQ", kind, len(data)))
        data += values
    head = b"GGUF" + struct.pack("<IQQ", 3, len(table), len(metadata)) + b"".join(metadata) + b"".join(table)
    with open(path, "wb") as file:
        file.write(head + b"\0" * (-len(head) % 32) + data)


if __name__ == "__main__":
    main(sys.argv[1])
