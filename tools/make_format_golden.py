#!/usr/bin/env python3
"""Makes tests/golden/formats/NAME.bin: random blocks of each GGUF format, then what they decode to.

    pip install gguf==0.19.0 && python tools/make_format_golden.py tests/golden/formats

A file is n blocks of the format followed by n x block float32 values, little-endian, as gguf.quants.dequantize (the
reference of the ggml project in Python) computes them. Half-precision scales are kept finite, since random bits would
give NaN; the first blocks take the extremes: all zero, all one bits, negative, subnormal and largest scales.
"""
import sys
from pathlib import Path

import gguf
import numpy as np

# Byte offsets of the half-precision numbers in a block; MXFP4's scale byte is at 0.
HALVES = {
    "F16": [], "BF16": [],
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    "IQ4_NL": [0], "IQ4_XS": [0], "TQ1_0": [52], "TQ2_0": [64], "MXFP4": [],
}
EXTREMES = [0.0, -0.0, 65504.0, -65504.0, 2.0**-24, -(2.0**-14), 1.0]


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(20240601)
    for name, halves in HALVES.items():
        kind = gguf.GGMLQuantizationType[name]
        block, size = gguf.GGML_QUANT_SIZES[kind]
        count = {1: 64, 32: 24, 256: 12}[block]
        blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
        if block > 1:
            blocks[0] = 0
            blocks[1] = 255
        for i in range(count):
            for at in halves:
                value = EXTREMES[i] if i < len(EXTREMES) else random.normal() * 0.05
                blocks[i, at:at + 2] = np.frombuffer(np.float16(value).tobytes(), dtype=np.uint8)
        if name == "MXFP4":  # 255 is NaN by the standard; ggml reads it as a number
            blocks[:, 0] = np.minimum(blocks[:, 0], 254)
            blocks[2:6, 0] = [0, 1, 254, 127]
        if name == "F16":
            bits = blocks.view(np.uint16)
            bits[(bits & 0x7C00) == 0x7C00] &= 0x83FF
        if name == "BF16":
            bits = blocks.view(np.uint16)
            bits[(bits & 0x7F80) == 0x7F80] &= 0x807F
        with np.errstate(over="ignore"):
            values = gguf.quants.dequantize(blocks.reshape(1, -1), kind).astype("<f4")
        (folder / f"{name}.bin").write_bytes(blocks.tobytes() + values.tobytes())


main()
