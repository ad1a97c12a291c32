#!/usr/bin/env python3
"""Makes the seeds of the fuzz targets over files: fuzz/corpus/{gguf_header,safetensors_header,index_json,config_json,
dequant,checkpoint_load,packed_file}/seed-*. Small, valid or nearly so; regression-* files there are not touched.

    python3 tools/make_fuzz_seeds.py fuzz/corpus
"""
import json
import random
import struct
import sys
from pathlib import Path

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
NUMBERS = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "B", U64: "Q", I64: "q", F64: "d"}
# id: (elements, bytes) of a block
TYPES = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84),
         11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 20: (32, 18), 23: (256, 136), 24: (1, 1),
         26: (1, 4), 27: (1, 8), 28: (1, 8), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17)}


def text(s):
    s = s if isinstance(s, bytes) else s.encode()
    return struct.pack("<Q", len(s)) + s


def value(kind, v):
    if kind == STRING:
        return text(v)
    if kind == ARRAY:
        inner, items = v
        return struct.pack("<IQ", inner, len(items)) + b"".join(value(inner, i) for i in items)
    return struct.pack("<" + NUMBERS[kind], v)


def gguf(keys=(), tensors=(), alignment=32, version=3, cut=None):
    """keys: (name, kind, value); tensors: (name, dims contiguous first, type)."""
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys))
    for name, kind, v in keys:
        out += text(name) + struct.pack("<I", kind) + value(kind, v)
    offset, data = 0, b""
    for name, dims, kind in tensors:
        elements = 1
        for d in dims:
            elements *= d
        block, size = TYPES[kind]
        length = elements // block * size
        out += text(name) + struct.pack("<I", len(dims)) + b"".join(struct.pack("<Q", d) for d in dims)
        out += struct.pack("<IQ", kind, offset)
        data += bytes((i * 7 + offset) % 251 for i in range(length))
        data += b"\0" * (-len(data) % alignment)
        offset = len(data)
    out += b"\0" * (-len(out) % alignment)
    whole = out + data
    return whole[:cut] if cut else whole


def safetensors(tensors, metadata=None, pad=0):
    """tensors: (name, dtype, shape, bytes)."""
    header, at, data = {}, 0, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, dtype, shape, size in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        data += bytes(i % 250 for i in range(size))
        at += size
    h = json.dumps(header, separators=(",", ":")).encode() + b" " * pad
    return struct.pack("<Q", len(h)) + h + data


LLAMA = [("general.architecture", STRING, "llama"), ("general.name", STRING, "tiny"), ("llama.block_count", U32, 1),
         ("llama.rope.freq_base", F32, 10000.0), ("tokenizer.ggml.tokens", ARRAY, (STRING, ["<s>", "</s>", "a", "b"])),
         ("tokenizer.ggml.scores", ARRAY, (F32, [0.0, 0.0, -1.0, -2.0])),
         ("tokenizer.ggml.token_type", ARRAY, (I32, [3, 3, 1, 1])), ("tokenizer.ggml.add_bos_token", BOOL, 1)]


def split(number, count, total):
    return [("split.no", U16, number), ("split.count", U16, count), ("split.tensors.count", I32, total)]


def gguf_seeds():
    yield "empty-model", gguf()
    yield "keys", gguf(LLAMA)
    yield "tensors", gguf(LLAMA, [("token_embd.weight", [8, 4], 0), ("output_norm.weight", [8], 0)])
    yield "every-kind", gguf([(f"k{k}", k, 1) for k in NUMBERS] + [("s", STRING, "x")] +
                             [(f"a{k}", ARRAY, (k, [1, 0, 1])) for k in NUMBERS])
    yield "nested", gguf([("n", ARRAY, (ARRAY, [(ARRAY, [(U8, [1, 2])]), (STRING, ["x"])]))])
    yield "alignment", gguf([("general.alignment", U32, 64)], [("a", [4], 0), ("b", [4], 0)], alignment=64)
    yield "four-dimensions", gguf([], [("t", [4, 1, 2, 1], 1)])
    yield "blocks-32", gguf([], [(f"t{k}", [32, 2], k) for k, (e, _) in TYPES.items() if e == 32])
    yield "blocks-256", gguf([], [(f"t{k}", [256], k) for k, (e, _) in TYPES.items() if e == 256])
    yield "plain", gguf([], [(f"t{k}", [3, 2], k) for k, (e, _) in TYPES.items() if e == 1])
    yield "shard", gguf(split(0, 2, 2), [("a", [4], 0)])
    yield "cut", gguf(LLAMA, [("a", [8, 4], 0)], cut=-40)
    yield "version-2", gguf(LLAMA, version=2)
    yield "duplicate-key", gguf([("k", U8, 1), ("k", U8, 2)])
    yield "duplicate-tensor", gguf([], [("a", [4], 0), ("a", [4], 0)])
    yield "big-count", b"GGUF" + struct.pack("<IQQ", 3, 2**63, 2**63)


def safetensors_seeds():
    yield "one", safetensors([("a.weight", "F32", [2, 3], 24)])
    yield "metadata", safetensors([("a", "BF16", [4], 8), ("b", "F16", [2, 2], 8)], {"format": "pt"}, pad=5)
    sizes = [("F64", 8), ("F32", 4), ("F16", 2), ("BF16", 2), ("F8_E4M3", 1), ("F8_E5M2", 1), ("F8_E8M0", 1), ("I64", 8),
             ("I32", 4), ("I16", 2), ("I8", 1), ("U8", 1), ("BOOL", 1), ("U16", 2), ("U32", 4), ("U64", 8)]
    yield "dtypes", safetensors([(f"t{i}", d, [2], 2 * s) for i, (d, s) in enumerate(sizes)])
    yield "scalar", safetensors([("s", "F32", [], 4)])
    yield "nothing", safetensors([])
    yield "fp8", safetensors([("w.weight", "F8_E4M3", [2, 4], 8), ("w.weight_scale_inv", "F32", [1, 1], 4)])
    yield "unknown-dtype", safetensors([("t", "F4", [2], 1)])
    yield "hole", struct.pack("<Q", 53) + b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}' + b"ab"
    yield "duplicate", (lambda h: struct.pack("<Q", len(h)) + h + b"ab")(
        b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}')
    yield "cut", safetensors([("a", "F32", [4], 16)])[:-3]


def index_seeds():
    yield "two", b'{"metadata":{"total_size":48},"weight_map":{"a":"x-1.safetensors","b":"x-2.safetensors"}}'
    yield "no-metadata", b'{"weight_map":{"a":"m.safetensors"}}'
    yield "empty-map", b'{"weight_map":{}}'
    yield "path", b'{"weight_map":{"a":"../../etc/passwd"}}'
    yield "duplicate", b'{"weight_map":{"a":"m","a":"n"}}'
    yield "wrong-type", b'{"weight_map":{"a":7}}'
    yield "nested", b'{"metadata":{"x":[[[1]]]},"weight_map":{"a":"m"}}'


def json_seeds():
    yield "config", json.dumps({"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "rms_norm_eps": 1e-6,
                                "rope_scaling": {"factor": 8.0, "rope_type": "llama3"}, "tie_word_embeddings": False,
                                "pad_token_id": None}).encode()
    yield "numbers", b"[0,-0,1e5,-1.5E-7,18446744073709551615,-9223372036854775808,1000000000000000019884624838656]"
    yield "strings", '["\\u00e9\\ud83d\\ude00é😀\\n\\"\\\\\\/"]'.encode()
    yield "nested", b"[" * 40 + b"1" + b"]" * 40
    yield "deep", b"[" * 70
    yield "duplicate", b'{"a":{"b":1,"b":2}}'
    yield "bad-utf8", b'"\xc0\xaf\xed\xa0\x80"'
    yield "nan", b"[NaN,Infinity]"
    yield "bom", b"\xef\xbb\xbf{}"


def dequant_seeds():
    # The first byte is the row of the format in tensor/formats/table.cpp.
    generator = random.Random(7)
    for row in range(31):
        yield f"row-{row:02}", bytes([row]) + bytes(generator.randrange(256) for _ in range(520))


def files(*parts):
    return b"".join(bytes([name]) + struct.pack("<H", len(data)) + data for name, data in parts)


def checkpoint_seeds():
    config = b'{"model_type":"llama","num_hidden_layers":1}'
    fp8 = b'{"quantization_config":{"quant_method":"fp8","weight_block_size":[128,128]}}'
    yield "gguf", files((7, gguf(LLAMA, [("token_embd.weight", [8, 4], 0), ("blk.0.ffn_up.weight", [32, 2], 2)])))
    yield "gguf-stack", files((7, gguf(LLAMA, [("blk.0.ffn_up_exps.weight", [32, 2, 3], 8)])))
    yield "gguf-shards", files((5, gguf(split(0, 2, 2), [("a", [4, 2], 0)])), (6, gguf(split(1, 2, 2), [("b", [4, 2], 1)])))
    yield "gguf-shards-twice", files((5, gguf(split(0, 2, 2), [("a", [4], 0)])), (6, gguf(split(1, 2, 2), [("a", [4], 1)])))
    yield "gguf-cut", files((7, gguf(LLAMA, [("a", [8, 4], 0)], cut=-40)))
    yield "folder", files((0, config), (1, safetensors([("a.weight", "F32", [2, 3], 24)])))
    yield "folder-fp8", files((0, fp8), (1, safetensors([("a.weight", "F8_E4M3", [2, 3], 6),
                                                         ("a.weight_scale_inv", "F32", [1, 1], 4)])))
    yield "folder-index", files(
        (0, config), (2, b'{"weight_map":{"a":"a.safetensors","b":"b.safetensors"}}'),
        (3, safetensors([("a", "F32", [2], 8)])), (4, safetensors([("b", "BF16", [2, 2], 8)])))
    yield "folder-unlisted", files(
        (0, config), (2, b'{"weight_map":{"a":"a.safetensors"}}'),
        (3, safetensors([("a", "F32", [2], 8), ("c", "F32", [2], 8)])))
    yield "folder-both", files((0, config), (1, safetensors([("a", "F32", [2], 8)])),
                               (2, b'{"weight_map":{"a":"a.safetensors"}}'), (3, safetensors([("a", "F32", [2], 8)])))
    yield "folder-pickle", files((0, config), (1, b"PK\x03\x04rest"))


def packed(pages, rows, version=1, count=None):
    """rows: (name, format, layout, rows, cols, bytes); the target puts sizes and the checksum in."""
    out, offset = b"FHPACK01" + struct.pack("<II3Q", version, len(rows) if count is None else count, 7, 0, 0), 2 << 20
    for name, kind, layout, outputs, inputs, size in rows:
        out += text(name) + text(kind) + struct.pack("<I4Q", layout, outputs, inputs, offset, 0)
        offset += (size + 4095) // 4096 * 4096
    return bytes([pages]) + out + b"\0" * 8


def packed_seeds():
    first, second = ("a.weight", "Q4_K", 1, 20, 256, 2 * 2304), ("b.weight", "Q2_K", 0, 3, 256, 3 * 84)
    yield "two", packed(3, [first, second])
    yield "none", packed(0, [])
    yield "floats", packed(2, [("f", "F32", 1, 1, 5, 320), ("h", "BF16", 1, 16, 33, 17 * 64)])
    yield "fp8", packed(1, [("w", "F8_E4M3", 0, 5, 7, 35)])
    yield "twice", packed(4, [first, first])
    yield "beyond", packed(1, [first, second])
    yield "version", packed(3, [first, second], version=2)
    yield "count", packed(3, [first, second], count=0xFFFFFFFF)
    yield "no-format", packed(1, [("a", "Q9_K", 1, 16, 256, 2304)])
    yield "huge", packed(1, [("a", "F32", 1, 1 << 40, 1 << 40, 0)])


def main():
    root = Path(sys.argv[1])
    targets = {"gguf_header": gguf_seeds, "safetensors_header": safetensors_seeds, "index_json": index_seeds,
               "config_json": json_seeds, "dequant": dequant_seeds, "checkpoint_load": checkpoint_seeds,
               "packed_file": packed_seeds}
    for target, seeds in targets.items():
        folder = root / target
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("seed-*"):
            old.unlink()
        for name, data in seeds():
            (folder / f"seed-{name}").write_bytes(data)


main()
