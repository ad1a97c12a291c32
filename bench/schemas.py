"""Answers to random JSON schemas, each checked with the packages jsonschema and rfc3339-validator (PyPI): how many fit, and what keeping to a
schema costs. Usage: schemas.py URL [--count 200] [--seed 1] [--temperature 1] [--max-tokens 400] [--at-once N]

URL is a running `freehold serve`, as http://127.0.0.1:8080. An answer that max_tokens cut off is told apart: its schema
asks for more. The time of a token is (last - first) / (tokens - 1) of a stream, over all streams; without a schema the same
prompts are asked with as many tokens, in turns with the others, so that both meet the same machine. --at-once asks N at a
time, which is faster and takes no times.
"""
import argparse
import concurrent.futures
import http.client
import json
import random
import statistics
import time
import urllib.parse

import jsonschema

WORDS = "name age city price date owner state count items notes email phone width color level score tags unit code kind".split()


def string(rng):
    return rng.choice([
        {"type": "string"}, {"type": "string", "maxLength": rng.randint(1, 60)},
        {"type": "string", "minLength": rng.randint(1, 5), "maxLength": rng.randint(5, 40)},
        {"type": "string", "format": rng.choice(["date", "date-time", "time", "email", "uuid", "ipv4"])},
        {"type": "string", "pattern": rng.choice(["^[A-Z]{2}-[0-9]{3,5}$", "^(low|middle|high)$", "^[a-z]+( [a-z]+){0,4}$", "^\\+?[0-9]{6,12}$"])}])


def number(rng):
    low = rng.randint(-1000, 1000)
    high = low + rng.randint(0, 2000)
    return rng.choice([
        {"type": "integer"}, {"type": "number"}, {"type": "integer", "minimum": low, "maximum": high},
        {"type": "number", "minimum": low / 8, "exclusiveMaximum": high / 8 + 1}, {"type": "number", "exclusiveMinimum": low}])


def schema(rng, depth, definitions):
    kinds = [string, string, number, number]
    leaves = [lambda r: {"type": "boolean"}, lambda r: {"enum": r.sample(WORDS, r.randint(1, 6))},
              lambda r: {"const": r.choice([3, "fixed", None, [1, 2]])}, lambda r: {"type": ["string", "null"], "maxLength": 20}]
    if depth <= 0:
        return rng.choice(kinds + leaves)(rng)
    pick = rng.random()
    if pick < 0.35:
        return obj(rng, depth - 1, definitions)
    if pick < 0.55:
        low = rng.randint(0, 2)
        made = {"type": "array", "items": schema(rng, depth - 1, definitions), "minItems": low, "maxItems": low + rng.randint(0, 4)}
        if rng.random() < 0.2:
            made = {"type": "array", "prefixItems": [schema(rng, 0, definitions), schema(rng, 0, definitions)], "items": False, "minItems": 2}
        return made
    if pick < 0.65:
        return {"anyOf": [schema(rng, depth - 1, definitions), schema(rng, 0, definitions)]}
    if pick < 0.72:
        one = obj(rng, 0, definitions)
        if one.get("additionalProperties") is False:  # nothing would fit both
            del one["additionalProperties"]
        return {"allOf": [one, {"properties": {"extra": {"type": "integer"}}, "required": ["extra"]}]}
    if pick < 0.80:
        return {"oneOf": [{"type": "object", "properties": {"kind": {"const": k}, "value": schema(rng, 0, definitions)},
                           "required": ["kind", "value"]} for k in ("a", "b")]}
    if pick < 0.88 and definitions:
        return {"$ref": "#/$defs/" + rng.choice(list(definitions))}
    return rng.choice(kinds + leaves)(rng)


def obj(rng, depth, definitions):
    names = rng.sample(WORDS, rng.randint(1, 5))
    made = {"type": "object", "properties": {n: schema(rng, depth, definitions) for n in names},
            "required": rng.sample(names, rng.randint(0, len(names)))}
    extra = rng.random()
    if extra < 0.6:
        made["additionalProperties"] = False
    elif extra < 0.75:
        made["additionalProperties"] = {"type": "number"}
    return made


def whole_schema(rng):
    definitions = {}
    definitions["leaf"] = obj(rng, 0, {})
    definitions["tree"] = {"type": "object", "properties": {
        "value": schema(rng, 0, {}), "next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/tree"}]}}, "required": ["value", "next"]}
    made = obj(rng, 2, definitions)
    return {**made, "$defs": definitions}


def ask(url, body):
    """(text, finish_reason, tokens, seconds to the first, seconds from the first token to the last)"""
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=600)
    start = time.monotonic()
    connection.request("POST", "/v1/chat/completions", json.dumps({**body, "stream": True, "stream_options": {"include_usage": True}}),
                       {"Content-Type": "application/json"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(answer.read().decode())
    text, reason, tokens, first, last = "", None, 0, None, None
    for line in answer:
        if not line.startswith(b"data: ") or line.strip() == b"data: [DONE]":
            continue
        event = json.loads(line[6:])
        if "error" in event:
            raise RuntimeError(event["error"]["message"])
        if event.get("usage"):
            tokens = event["usage"]["completion_tokens"]
        for choice in event["choices"]:
            delta = choice["delta"].get("content")
            if delta:
                last = time.monotonic()
                first = first or last
                text += delta
            reason = choice["finish_reason"] or reason
    connection.close()
    return text, reason, tokens, (first or start) - start, (last or 0) - (first or 0)


def fault_of(one, text):
    """Why a text is no JSON that fits the schema; nothing where it is."""
    try:
        jsonschema.Draft202012Validator(one, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER).validate(json.loads(text))
        return None
    except (json.JSONDecodeError, jsonschema.ValidationError) as error:
        return f"{str(error).splitlines()[0]}: {text[:200]}"


def body_for(one, seed, options):
    return {"messages": [{"role": "user", "content": "Give an example of a record, as JSON, for this schema: " + json.dumps(one)}],
            "temperature": options.temperature, "seed": seed, "max_tokens": options.max_tokens}


def held_to(one):
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "record", "schema": one}}}


def ask_together(url, options):
    rng = random.Random(options.seed)
    schemas = [whole_schema(rng) for _ in range(options.count)]
    found = {"fit": 0, "cut off by max_tokens": 0, "refused": 0, "do not fit": 0}

    def look(i):
        try:
            text, reason, _, _, _ = ask(url, {**body_for(schemas[i], i, options), **held_to(schemas[i])})
        except RuntimeError as error:
            return "refused", str(error)
        fault = fault_of(schemas[i], text)
        if reason == "length" and fault:
            return "cut off by max_tokens", f"{text[:100]} ... {text[-60:]}"
        return ("do not fit", fault) if fault else ("fit", None)

    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        for i, (kind, what) in enumerate(pool.map(look, range(options.count))):
            found[kind] += 1
            if what:
                print(f"schema {i}: {kind}: {what}\n    {json.dumps(schemas[i])}", flush=True)
            elif sum(found.values()) % 20 == 0:
                print(found, flush=True)
    print(f"{options.count} schemas: {', '.join(f'{n} {kind}' for kind, n in found.items())}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--temperature", type=float, default=1)
    parser.add_argument("--max-tokens", type=int, default=400)
    parser.add_argument("--at-once", type=int, default=0)
    options = parser.parse_args()
    url = urllib.parse.urlparse(options.url)
    if options.at_once:
        return ask_together(url, options)
    rng = random.Random(options.seed)
    valid = cut = refused = 0
    wrong, held, free, delays = [], [0, 0.0], [0, 0.0], []
    try:
        for i in range(options.count):
            one = whole_schema(rng)
            body = body_for(one, i, options)
            ask(url, {**body, "max_tokens": 1})  # so that both find the prompt in memory
            try:
                text, reason, tokens, delay, seconds = ask(url, {**body, **held_to(one)})
            except RuntimeError as error:
                refused += 1
                wrong.append((i, f"refused: {error}"))
                continue
            if tokens > 1:
                held = [held[0] + tokens - 1, held[1] + seconds]
            if reason == "length":
                cut += 1
            elif fault := fault_of(one, text):
                wrong.append((i, fault))
            else:
                valid += 1
            _, _, others, free_delay, seconds = ask(url, {**body, "max_tokens": max(tokens, 2)})
            delays.append(delay - free_delay)
            if others > 1:
                free = [free[0] + others - 1, free[1] + seconds]
    except KeyboardInterrupt:  # says what it has seen so far
        pass
    for i, what in wrong:
        print(f"schema {i}: {what}")
    print(f"{valid + cut + len(wrong)} schemas: {valid} answers fit, {cut} cut off by max_tokens, {refused} refused, "
          f"{len(wrong) - refused} do not fit")
    if held[0] and free[0]:
        a, b = 1000 * held[1] / held[0], 1000 * free[1] / free[0]
        print(f"time of a token: {a:.2f} ms with a schema ({held[0]} tokens), {b:.2f} ms without ({free[0]}): {100 * (a / b - 1):+.1f} %; "
              f"first token later by {1000 * statistics.median(delays):.1f} ms (median)")


if __name__ == "__main__":
    main()
