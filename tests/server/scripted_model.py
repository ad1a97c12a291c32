"""Writes a model that says what it is told to, as GGUF: each token has one successor, whatever stood before.

Every token is a direction of its own; the one block adds nothing, and the head turns a token into its successor. Its
template knows tools the way Qwen's does.
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "tools"))
from make_tiny_model import BOOL, FLOAT32, INT32, STRING, UINT32, array, pair, text, vocabulary  # noqa: E402

HIDDEN, HEADS, FFN = 320, 5, 32
END = 258  # <|im_end|>
TEMPLATE = (
    "{% if tools %}<tools>{% for tool in tools %}{{ tool | tojson }}{% endfor %}</tools>\n{% endif %}"
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + (message.content or '') }}"
    "{% for call in message.tool_calls or [] %}{{ '<tool_call>\n{\"name\": \"' + call.function.name + '\", \"arguments\": ' }}"
    "{{ call.function.arguments | tojson }}{{ '}\n</tool_call>' }}{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")


def printable(piece, texts):
    return "".join(texts[b] for b in piece.encode())


def write(path, pieces, after, again=None, control=(), end=None, more=(), context=8192, template=TEMPLATE):
    """`pieces`: texts that become tokens and follow one another to the end, or on from piece `again` without one.
    `after`: {byte, or a name in `control`: number of a piece}. `control`: more tokens that are no text; `end`: which of them
    ends it. `more`: metadata."""
    texts, types = vocabulary()
    first = len(texts)
    texts = texts + [printable(p, texts) for p in pieces] + list(control)
    types = types + [1] * len(pieces) + [3] * len(control)
    successor = [END] * len(texts)
    if end is not None:
        successor[first + len(pieces) - 1] = texts.index(end)
    for i in range(len(pieces) - 1):
        successor[first + i] = first + i + 1
    if again is not None:
        successor[first + len(pieces) - 1] = first + again
    for byte, piece in after.items():
        successor[texts.index(byte) if isinstance(byte, str) else byte] = first + piece
    zero = lambda rows, columns: bytes(2 * rows * columns)
    one = struct.pack("<e", 1)

    def square(columns_of_rows):  # one 1 in each row, at the columns given
        data = bytearray(2 * len(columns_of_rows) * HIDDEN)
        for row, columns in enumerate(columns_of_rows):
            for column in columns:
                at = 2 * (row * HIDDEN + column)
                data[at:at + 2] = one
        return bytes(data)

    ones = struct.pack(f"<{HIDDEN}f", *[1.0] * HIDDEN)
    before = [[] for _ in texts]
    for token, follows in enumerate(successor):
        before[follows].append(token)
    tensors = [("token_embd.weight", (HIDDEN, len(texts)), 1, square([[t] for t in range(len(texts))])),
               ("blk.0.attn_norm.weight", (HIDDEN,), 0, ones)]
    for name, columns, rows in (("attn_q", HIDDEN, HIDDEN), ("attn_k", HIDDEN, HIDDEN), ("attn_v", HIDDEN, HIDDEN),
                                ("attn_output", HIDDEN, HIDDEN), ("ffn_gate", HIDDEN, FFN), ("ffn_up", HIDDEN, FFN),
                                ("ffn_down", FFN, HIDDEN)):
        tensors.append((f"blk.0.{name}.weight", (columns, rows), 1, zero(rows, columns)))
    tensors += [("blk.0.ffn_norm.weight", (HIDDEN,), 0, ones), ("output_norm.weight", (HIDDEN,), 0, ones),
                ("output.weight", (HIDDEN, len(texts)), 1, square(before))]

    number = lambda key, value: pair(key, UINT32, struct.pack("<I", value))
    metadata = [
        pair("general.architecture", STRING, text("llama")), pair("general.name", STRING, text("Scripted")),
        number("llama.block_count", 1), number("llama.context_length", context), number("llama.embedding_length", HIDDEN),
        number("llama.feed_forward_length", FFN), number("llama.attention.head_count", HEADS),
        number("llama.attention.head_count_kv", HEADS),
        pair("llama.attention.layer_norm_rms_epsilon", FLOAT32, struct.pack("<f", 1e-5)),
        pair("llama.rope.freq_base", FLOAT32, struct.pack("<f", 10000)), number("llama.vocab_size", len(texts)),
        pair("tokenizer.ggml.model", STRING, text("gpt2")), pair("tokenizer.ggml.pre", STRING, text("gpt-2")),
        array("tokenizer.ggml.tokens", STRING, [text(t) for t in texts]),
        array("tokenizer.ggml.token_type", INT32, [struct.pack("<i", t) for t in types]),
        number("tokenizer.ggml.bos_token_id", 256), number("tokenizer.ggml.eos_token_id", END),
        pair("tokenizer.ggml.add_bos_token", BOOL, b"\0"), pair("tokenizer.chat_template", STRING, text(template)),
        *more,
    ]
    table, data = [], b""
    for name, sizes, kind, values in tensors:
        data += b"\0" * (-len(data) % 32)
        table.append(text(name) + struct.pack("<I", len(sizes)) + struct.pack(f"<{len(sizes)}Q", *sizes) +
                     struct.pack("<IQ", kind, len(data)))
        data += values
    head = b"GGUF" + struct.pack("<IQQ", 3, len(table), len(metadata)) + b"".join(metadata) + b"".join(table)
    pathlib.Path(path).write_bytes(head + b"\0" * (-len(head) % 32) + data)


def weather(path):
    """Calls weather(city="Paris") and says a word before it; after a ':' it goes on inside of such a call."""
    write(path, ["Let me see. ", '<tool_call>\n{"name": "weather", "arguments":', ' {"city": "Paris"}', "}\n</tool_call>"],
          {ord("\n"): 0, ord(":"): 2})


def weather_in_dsml(path):
    """The same in the notation of DeepSeek V4; inside of a call it goes on only as it began."""
    template = "{# <｜DSML｜tool_calls> #}" + TEMPLATE.replace("<tool_call>", "").replace("</tool_call>", "")
    write(path, ["Let me see.", "\n\n<｜DSML｜", 'tool_calls>\n<｜DSML｜invoke name="weather">\n<｜DSML｜parameter name="city" string="true">', "Paris",
                 "</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>"], {ord("\n"): 0}, template=template)


def gap(path):
    """Fills a gap with "return a + b"; after a '=' it goes on inside of that."""
    write(path, ["return", " a", " + b\n"], {"<|fim_middle|>": 0, ord("="): 1}, end="<|fim_pad|>",
          control=["<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"])


def gap_by_key(path):
    """The same with tokens of other names, which its metadata tells."""
    texts, _ = vocabulary()
    keys = [pair(f"tokenizer.ggml.fim_{key}_token_id", UINT32, struct.pack("<I", len(texts) + 3 + i))
            for i, key in enumerate(("pre", "suf", "mid"))]
    write(path, ["return", " a", " + b\n"], {"<three>": 0}, control=["<one>", "<two>", "<three>"], more=keys)


def pooled(path, pooling, ends):
    """Its final state at a token is the token's own direction; says how states become a vector."""
    write(path, ["xy"], {}, more=[pair("llama.pooling_type", UINT32, struct.pack("<I", pooling)),
                                 pair("tokenizer.ggml.add_eos_token", BOOL, struct.pack("<B", ends))])
