#!/usr/bin/env python3
"""Makes tests/golden/encoders/bert_tiny: a tiny random sentence encoder with what transformers computes from it.

    pip install torch transformers==5.24.0 tokenizers safetensors gguf==0.19.0
    python tools/make_bert_golden.py tests/golden/encoders/bert_tiny

Matrices are Q8_0 numbers, so that the folder holds the same model twice: model.safetensors in F32 as sentence-transformers
publishes its encoders, and model.gguf under the names of llama.cpp's converter. golden.json has the texts with their
tokens; golden.safetensors for text i `states.<i>` (the last hidden states), `vector.<i>` (their mean, of length 1), of
text 1 `hidden.<layer>` (what enters each block), and `grad.<name>`: gradients of the sum over text 1 of
states * weights (`loss_weights`).
"""
import json
import sys
import zlib
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece
from transformers import BertConfig, BertModel

CONFIG = {
    "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "hidden_size": 32, "num_attention_heads": 4,
    "num_hidden_layers": 3, "intermediate_size": 64, "max_position_embeddings": 96, "type_vocab_size": 2,
    "layer_norm_eps": 1e-12, "pad_token_id": 0, "position_embedding_type": "absolute", "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
MOST_TOKENS = 80
WORDS = """the a of and to in is was belt conveyor joint pump motor bearing failure failed worn seal leak oil order repair
model report date supplier part line shift left right broke torn after before hours press valve sensor""".split()
PIECES = ["##s", "##ed", "##ing", "##er", "##ly"]
TEXTS = [
    "The belt joint failed.",
    "Conveyor X: the pump's bearing was worn after 2018; repaired, then a seal leaked!",
    "",
    "naïve Überprüfung — 漢字 and кириллица 😀",
    "unbelievable",
    "   spaces\tand\nlines   ",
    "belt " * 78,  # with the marks around it as long as the model was taught
    "a",
]


def rng_for(*key):
    return np.random.default_rng([zlib.crc32(repr(part).encode()) for part in key])


def vocabulary():
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)] + list("0123456789")
    marks = list(".,;:!?'\"()-—/")
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = specials + marks + letters + ["##" + c for c in letters] + WORDS + PIECES + ["漢", "字"]
    return list(dict.fromkeys(words))


def tokenizer_of(words):
    tokenizer = Tokenizer(WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    ids = {word: words.index(word) for word in ("[CLS]", "[SEP]")}
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=list(ids.items()))
    return tokenizer


def numbers(name, shape):
    rng = rng_for("bert_tiny", name)
    if name.endswith("LayerNorm.weight"):
        return (1 + 0.2 * rng.standard_normal(shape)).astype(np.float32)
    if name.endswith(".bias"):
        return (0.1 * rng.standard_normal(shape)).astype(np.float32)
    spread = 0.5 if name.startswith("embeddings") else 1.5 / np.sqrt(shape[-1])
    return (spread * rng.standard_normal(shape)).astype(np.float32)


GGUF_NAMES = {
    "embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm",
    "attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm",
}


def gguf_name(name):
    stem, suffix = name.rsplit(".", 1)
    if stem.startswith("encoder.layer."):
        layer, stem = stem[len("encoder.layer."):].split(".", 1)
        return f"blk.{layer}.{GGUF_NAMES[stem]}.{suffix}"
    return f"{GGUF_NAMES[stem]}.{suffix}"


def write_gguf(path, weights, packed, words):
    w = gguf.GGUFWriter(str(path), "bert")
    w.add_name("bert_tiny")
    w.add_block_count(CONFIG["num_hidden_layers"])
    w.add_context_length(CONFIG["max_position_embeddings"])
    w.add_embedding_length(CONFIG["hidden_size"])
    w.add_feed_forward_length(CONFIG["intermediate_size"])
    w.add_head_count(CONFIG["num_attention_heads"])
    w.add_layer_norm_eps(CONFIG["layer_norm_eps"])
    w.add_causal_attention(False)
    w.add_pooling_type(gguf.PoolingType.MEAN)
    w.add_token_type_count(CONFIG["type_vocab_size"])
    w.add_tokenizer_model("bert")
    w.add_tokenizer_pre("default")

    def as_stored(word):
        if word.startswith("[") and word.endswith("]"):
            return word
        return word[2:] if word.startswith("##") else "\u2581" + word

    w.add_token_list([as_stored(word) for word in words])
    w.add_token_types([3 if word.startswith("[") and word.endswith("]") else 1 for word in words])
    w.add_unk_token_id(words.index("[UNK]"))
    w.add_sep_token_id(words.index("[SEP]"))
    w.add_pad_token_id(words.index("[PAD]"))
    w.add_mask_token_id(words.index("[MASK]"))
    for name, value in weights.items():
        if name in packed:
            w.add_tensor(gguf_name(name), packed[name], raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            w.add_tensor(gguf_name(name), value)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def main(folder):
    folder = Path(folder)
    (folder / "1_Pooling").mkdir(parents=True, exist_ok=True)
    words = vocabulary()
    config = CONFIG | {"vocab_size": len(words)}
    tokenizer = tokenizer_of(words)
    model = BertModel(BertConfig(**config, attn_implementation="eager"), add_pooling_layer=False).eval()
    weights, packed = {}, {}
    for name, value in model.state_dict().items():
        x = numbers(name, tuple(value.shape))
        if x.ndim == 2 and "position" not in name and "token_type" not in name:
            packed[name] = gguf.quants.quantize(x, gguf.GGMLQuantizationType.Q8_0)
            x = gguf.quants.dequantize(packed[name], gguf.GGMLQuantizationType.Q8_0)
        weights[name] = x
    model.load_state_dict({name: torch.from_numpy(x.copy()) for name, x in weights.items()})

    golden, texts = {}, []
    for i, text in enumerate(TEXTS):
        ids = tokenizer.encode(text).ids
        assert len(ids) <= MOST_TOKENS, len(ids)
        texts.append({"text": text, "ids": ids})
        with torch.no_grad():
            out = model(input_ids=torch.tensor([ids]), output_hidden_states=True)
        states = out.last_hidden_state[0]
        golden[f"states.{i}"] = states
        golden[f"vector.{i}"] = torch.nn.functional.normalize(states.mean(0), dim=0)
        if i == 1:
            for layer, x in enumerate(out.hidden_states[:-1]):
                golden[f"hidden.{layer}"] = x[0]
    states = model(input_ids=torch.tensor([texts[1]["ids"]])).last_hidden_state[0]
    loss_weights = torch.from_numpy(rng_for("loss").standard_normal(tuple(states.shape)).astype(np.float32))
    (states * loss_weights).sum().backward()
    golden["loss_weights"] = loss_weights
    for name, parameter in model.named_parameters():
        if name.startswith("encoder.layer.1.") or name.startswith("embeddings.LayerNorm"):
            golden["grad." + name] = parameter.grad

    save_file({name: torch.from_numpy(x) for name, x in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    save_file({name: x.detach().contiguous() for name, x in golden.items()}, folder / "golden.safetensors")
    write_gguf(folder / "model.gguf", weights, packed, words)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "vocab.txt").write_text("".join(word + "\n" for word in words))

    def write(name, value):
        (folder / name).write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")

    write("config.json", config)
    write("tokenizer_config.json", {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "do_lower_case": True,
                                    "strip_accents": None, "tokenize_chinese_chars": True})
    kinds = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling"), ("2", "2_Normalize", "Normalize")]
    write("modules.json", [{"idx": i, "name": name, "path": path, "type": "sentence_transformers.models." + kind}
                           for i, (name, path, kind) in enumerate(kinds)])
    write("1_Pooling/config.json", {"word_embedding_dimension": config["hidden_size"], "pooling_mode_cls_token": False,
                                    "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False,
                                    "pooling_mode_mean_sqrt_len_tokens": False})
    write("sentence_bert_config.json", {"max_seq_length": MOST_TOKENS, "do_lower_case": False})
    write("golden.json", {"texts": texts})


if __name__ == "__main__":
    main(sys.argv[1])
