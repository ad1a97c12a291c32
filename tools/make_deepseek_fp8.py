"""Writes a DeepSeek-V3 or -V3.2 folder of plain weights the way V3.1 and V3.2 are released: linears as FP8 with a scale
for each 128 x 128 tile that is a power of two, what is not quantized in BF16, selection bias and the indexer's norm in
F32. Every number then is one of BF16 too, so that a GGUF of BF16 (make_deepseek_gguf.py) holds the same model.

Usage: make_deepseek_fp8.py FOLDER OUT      needs the Python packages safetensors and torch
"""
import argparse
import json
import pathlib

import torch
from safetensors.torch import load_file, save_file

PLAIN = ("embed_tokens", "lm_head", "norm", "mlp.gate.", "weights_proj")
FLOAT = ("e_score_correction_bias", "indexer.k_norm")


def quantized(weight):
    """FP8 numbers and the scales of their tiles, whose largest number comes to at most 448."""
    rows, cols = (-(-size // 128) for size in weight.shape)
    padded = torch.zeros(rows * 128, cols * 128)
    padded[: weight.shape[0], : weight.shape[1]] = weight
    most = padded.reshape(rows, 128, cols, 128).abs().amax(dim=(1, 3)).clamp(min=1e-4)
    scales = torch.exp2(torch.ceil(torch.log2(most / 448)))
    spread = scales.repeat_interleave(128, 0).repeat_interleave(128, 1)[: weight.shape[0], : weight.shape[1]]
    return (weight / spread).to(torch.float8_e4m3fn), scales


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    options = parser.parse_args()
    config = json.loads((options.folder / "config.json").read_text())
    config["torch_dtype"] = "bfloat16"
    config["quantization_config"] = {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
                                     "scale_fmt": "ue8m0", "weight_block_size": [128, 128]}
    out = {}
    for file in sorted(options.folder.glob("model*.safetensors")):
        for name, tensor in load_file(file).items():
            if any(part in name for part in FLOAT):
                out[name] = tensor.to(torch.bfloat16).float()
            elif any(part in name for part in PLAIN):
                out[name] = tensor.to(torch.bfloat16)
            else:
                out[name], out[name + "_scale_inv"] = quantized(tensor.float())
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    save_file(out, options.out / "model.safetensors", {"format": "pt"})


if __name__ == "__main__":
    main()
