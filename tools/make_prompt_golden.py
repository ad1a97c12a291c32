#!/usr/bin/env python3
"""Prompts and tool calls of DeepSeek V3.2 and V4 as the models' published Python encoders make them.

    make_prompt_golden.py --v32 encoding_dsv32.py --v4 encoding_dsv4.py --out tests/golden/prompts

The encoders are other people's code and are not stored: V4's lies in the folder `encoding` of the model's repository;
V3.2's the same, or the copy of it in mlx-lm (mlx_lm/chat_templates/deepseek_v32.py), which is what was used, with a
module `transformers` of two empty functions beside it.

encodings.jsonl, one object a line:
    id, format              deepseek-v3.2 | deepseek-v4
    messages, tools         as a client sends them (tools only where given)
    thinking, effort        mode of the encoder (effort only where given)
    output                  the prompt
calls.jsonl:
    id, syntax              deepseek-v3.2 | deepseek-v4
    text                    what a model writes behind its thinking
    content, calls          what the encoder's own parser finds: text, and [name, arguments] of each call
"""

import argparse
import copy
import importlib.util
import json
from pathlib import Path

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "Weather of a city: \"now\" or tomorrow, in °C.",
    "parameters": {"type": "object", "properties": {
        "city": {"type": "string"}, "days": {"type": "integer", "minimum": 0, "maximum": 7.5},
        "unit": {"type": "string", "enum": ["c", "f"], "default": None}}, "required": ["city"]}}}
SEARCH = {"type": "function", "function": {
    "name": "search", "description": "Suche\nim Netz \\ 検索", "parameters": {
        "type": "object", "properties": {"query": {"type": "string"}, "top": {"type": "number", "default": 1e-07}},
        "additionalProperties": False}}}


def call(name, arguments, identity):
    return {"id": identity, "type": "function", "function": {
        "name": name, "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments)}}


SYSTEM = {"role": "system", "content": "Be brief."}
ASK = {"role": "user", "content": "Wie ist das Wetter in Köln? 天気は?"}
TWO = {"role": "assistant", "content": "I look.", "reasoning_content": "Both at once.\n", "tool_calls": [
    call("get_weather", {"city": "Köln \"am Rhein\"\n</|x>", "days": 2, "unit": None}, "a"),
    call("search", {"query": "", "top": 0.5, "list": [1, {"a": "ü"}], "on": True}, "b")]}
RESULTS = [{"role": "tool", "tool_call_id": "b", "content": "nothing found"},
           {"role": "tool", "tool_call_id": "a", "content": "{\"t\": 7}"}]
IN_ORDER = [RESULTS[1], RESULTS[0]]
DONE = {"role": "assistant", "content": "7 °C.", "reasoning_content": "Now I know."}
FORMAT = {"type": "json_schema", "schema": {"type": "object", "properties": {"x": {"type": "string"}}}}

COMMON = [
    ("one question", [ASK], None),
    ("system", [SYSTEM, ASK], None),
    ("two questions", [SYSTEM, {"role": "user", "content": "Hello"},
                       {"role": "assistant", "content": "Hi!", "reasoning_content": "A greeting."},
                       {"role": "user", "content": " 1 + 1? \n"}], None),
    ("answered", [ASK, DONE], None),
    ("marks in what people say", [{"role": "system", "content": "</think><｜User｜>"},
                                  {"role": "user", "content": "<｜Assistant｜><think>｜DSML｜"}], None),
    ("tools", [SYSTEM, ASK], [WEATHER, SEARCH]),
    ("tool loop", [SYSTEM, ASK, TWO, *IN_ORDER], [WEATHER, SEARCH]),
    ("tool loop answered", [SYSTEM, ASK, TWO, *IN_ORDER, DONE, {"role": "user", "content": "And now?"}],
     [WEATHER, SEARCH]),
    ("two loops", [SYSTEM, ASK, TWO, *IN_ORDER,
                   {"role": "assistant", "content": "", "reasoning_content": "Once more.",
                    "tool_calls": [call("search", {"query": "x"}, "c")]},
                   {"role": "tool", "tool_call_id": "c", "content": "y"}], [WEATHER, SEARCH]),
    ("call without arguments", [SYSTEM, ASK, {"role": "assistant", "content": None, "reasoning_content": "r",
                                              "tool_calls": [call("now", {}, "d")]},
                                {"role": "tool", "tool_call_id": "d", "content": ""}], None),
    ("response format", [SYSTEM | {"response_format": FORMAT}, ASK], [SEARCH]),
    ("developer", [SYSTEM, {"role": "developer", "content": "Search first.", "tools": [SEARCH],
                            "response_format": FORMAT}], None),
    ("developer alone", [{"role": "developer", "content": "Search first."}], None),
    ("several systems", [SYSTEM, {"role": "system", "content": "And kind."}, ASK], None),
    ("empty question", [SYSTEM, {"role": "user", "content": ""}], None),
]
V4 = [
    ("results out of order", [SYSTEM, ASK, TWO, *RESULTS], [WEATHER, SEARCH]),
    ("results and a question", [SYSTEM, ASK, TWO, *RESULTS, {"role": "user", "content": "Well?"}], [WEATHER, SEARCH]),
    ("loop without tools", [SYSTEM, ASK, TWO, *RESULTS], None),
    ("two users", [ASK, {"role": "user", "content": "Well?"}], None),
    ("arguments are no JSON", [SYSTEM, ASK, {"role": "assistant", "content": "", "reasoning_content": "r",
                                             "tool_calls": [call("now", "{oops", "d")]}, *RESULTS[:1]], None),
    ("reminder", [SYSTEM, {"role": "latest_reminder", "content": "2026-11-24,Köln"}, ASK], None),
    ("reminder later", [SYSTEM, ASK, {"role": "latest_reminder", "content": "2026-11-24"}], None),
    ("earlier developer", [SYSTEM, {"role": "developer", "content": "Search first."}, DONE, ASK], None),
    ("open answer", [ASK, DONE | {"wo_eos": True}], None),
    *((f"task {task}", [SYSTEM, ASK | {"task": task}], None)
      for task in ("action", "query", "authority", "domain", "title", "read_url")),
    ("task answered", [SYSTEM, ASK | {"task": "title"}, {"role": "assistant", "content": "Wetter"}], None),
    ("task between", [SYSTEM, ASK | {"task": "query"}, {"role": "user", "content": "Well?"}], None),
]
CALLS = [
    ("one", "", [("get_weather", {"city": "Köln", "days": 3})]),
    ("two and text", "I look for it:\n - a\n - b", [("f", {"a": "x\ny\t\"z\" \\n </｜DSML｜invoke>", "b": "{\"k\": 1}"}),
                                                  ("g", {"l": [1, {"m": "</｜DSML｜invoke> ｜ü"}], "n": None, "t": True})]),
    ("none", "There is nothing to call.", []),
    ("no arguments", "now", [("now", {})]),
    ("numbers", "", [("f", {"a": -1.5e-07, "b": 0, "c": 12345678901234567, "d": "5", "e": ""})]),
    ("letters", "日本", [("検索", {"語": "日本語 🙂", "é": ["ß", {"ж": "ы"}]})]),
    ("looks like marks", "a <｜DSML｜ b <｜ c", [("f", {"a": "<｜DSML｜parameter name=\"x\">", "b": "</｜DSML｜param"})]),
    ("long", "t" * 300, [("f", {"a": "0123456789" * 100})]),
]


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def encoded(encode, name, messages, tools, thinking, effort=None):
    given = copy.deepcopy(messages)
    if tools:
        if given[0]["role"] != "system":
            given.insert(0, {"role": "system"})
        given[0]["tools"] = tools
    options = {"thinking_mode": "thinking" if thinking else "chat"}
    if effort:
        options["reasoning_effort"] = effort
    case = {"id": f"{name}{', thinking' if thinking else ''}{', ' + effort if effort else ''}", "messages": messages}
    if tools:
        case["tools"] = tools
    case["thinking"] = thinking
    if effort:
        case["effort"] = effort
    return case | {"output": encode(given, **options)}


def parsed(module, name, content, calls, block):
    """The text as the encoder writes such a message, and what its parser makes of it."""
    message = {"role": "assistant", "content": content, "tool_calls": [
        call(function, json.dumps(arguments, ensure_ascii=False), "i") for function, arguments in calls]}
    text = module.encode_messages([{"role": "user", "content": ""}, message], thinking_mode="chat")
    text = text[text.index(module.thinking_end_token) + len(module.thinking_end_token):-len(module.eos_token)]
    case = {"id": name, "text": text}
    found = block.parse_tool_calls if calls else None
    if found is None:
        return case | {"content": text, "calls": []}
    start = text.rindex("\n\n<｜DSML｜" + block.name)
    _, _, result = found(start + len("\n\n<｜DSML｜" + block.name), text)
    return case | {"content": text[:start], "calls": [[c["name"], c["arguments"]] for c in result]}


class Block:
    def __init__(self, name, module):
        self.name, self.parse_tool_calls = name, module.parse_tool_calls


def write(path, cases):
    with open(path, "w", encoding="utf-8") as file:
        for case in cases:
            file.write(json.dumps(case, ensure_ascii=False) + "\n")
    print(path, len(cases))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("--v32", "--v4", "--out"):
        parser.add_argument(option, type=Path, required=True)
    options = parser.parse_args()
    v32, v4 = load(options.v32, "v32"), load(options.v4, "v4")
    options.out.mkdir(parents=True, exist_ok=True)
    encodings, calls = [], []
    for name, messages, tools in COMMON:
        for thinking in (True, False):
            encodings.append({"format": "deepseek-v3.2"} |
                             encoded(v32.encode_messages, name, messages, tools, thinking))
    for name, messages, tools in COMMON + V4:
        for thinking in (True, False):
            encodings.append({"format": "deepseek-v4"} | encoded(v4.encode_messages, name, messages, tools, thinking))
    for effort in ("high", "max"):
        for thinking in (True, False):
            encodings.append({"format": "deepseek-v4"} |
                             encoded(v4.encode_messages, "system", [SYSTEM, ASK], None, thinking, effort))
    write(options.out / "encodings.jsonl", encodings)
    if not hasattr(v32, "parse_tool_calls"):  # mlx-lm's copy leaves the parser out; V4's is the same but for a name
        v32.parse_tool_calls = lambda index, text: v4.parse_tool_calls(
            index, text.replace("｜DSML｜function_calls", "｜DSML｜tool_calls"))
    for name, content, made in CALLS:
        calls.append({"syntax": "deepseek-v4"} | parsed(v4, name, content, made, Block("tool_calls", v4)))
    write(options.out / "calls.jsonl", calls)


if __name__ == "__main__":
    main()
