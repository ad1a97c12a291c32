"""Reads the tensors of a released folder as NumPy arrays: BF16 and FP8 as the floats they stand for, integers as they
are (FP4 as its bytes). Needs numpy alone."""
import json

import numpy as np


def e4m3(codes):
    exponent, fraction = (codes >> 3 & 15).astype(np.float32), (codes & 7).astype(np.float32)
    size = np.where(exponent == 0, fraction / 8 * 2.0 ** -6, (1 + fraction / 8) * 2.0 ** (exponent - 7))
    return np.where(codes & 127 == 127, np.nan, np.where(codes & 128, -size, size)).astype(np.float32)


def bf16(codes):
    return (codes.astype(np.uint32) << 16).view(np.float32)


KINDS = {  # stored as, read as
    "F32": (np.float32, None), "F16": (np.float16, np.float32), "BF16": (np.uint16, bf16), "F8_E4M3": (np.uint8, e4m3),
    "F8_E8M0": (np.uint8, lambda codes: (2.0 ** (codes.astype(np.float64) - 127)).astype(np.float32)),
    "I64": (np.int64, None), "I32": (np.int32, None), "I8": (np.int8, None),
}


def read_tensors(folder):
    tensors = {}
    for file in sorted(folder.glob("model*.safetensors")):
        data = file.read_bytes()
        size = int.from_bytes(data[:8], "little")
        for name, entry in json.loads(data[8:8 + size]).items():
            if name == "__metadata__":
                continue
            kind, read = KINDS[entry["dtype"]]
            first, end = entry["data_offsets"]
            numbers = np.frombuffer(data[8 + size + first:8 + size + end], kind)
            if read:
                numbers = read(numbers)
            tensors[name] = numbers.reshape(entry["shape"]).astype(numbers.dtype if read is None else np.float32)
    return tensors


def tiled(weight, scales):
    """A weight multiplied by the scale of each 128 x 128 tile."""
    rows, cols = weight.shape
    return weight * scales.repeat(128, 0)[:rows].repeat(128, 1)[:, :cols]
