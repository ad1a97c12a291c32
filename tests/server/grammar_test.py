"""Answers that must keep to a form: every field that asks for one, over every API. Usage: grammar_test.py FREEHOLD
TINY_MODEL. The tiny model talks noise; that its noise has the form is what is looked at."""
import concurrent.futures
import datetime
import json
import os
import sys
import tempfile
import unittest

import scripted_model
from serving import Served

FREEHOLD, TINY = sys.argv[1:3]
del sys.argv[1:3]
HELLO = [{"role": "user", "content": "Hello"}]
CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
SCHEMA = {"type": "object", "properties": {
    "name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "minimum": 0, "maximum": 130},
    "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3}, "more": {"type": ["boolean", "null"]}},
    "required": ["name", "age", "tags", "more"], "additionalProperties": False}


def fits(value):
    return (set(value) == {"name", "age", "tags", "more"} and isinstance(value["name"], str) and len(value["name"]) <= 12 and
            isinstance(value["age"], int) and 0 <= value["age"] <= 130 and len(value["tags"]) <= 3 and
            set(value["tags"]) <= {"a", "b"} and value["more"] in (True, False, None))


class Case(Served):
    words = FREEHOLD, TINY

    def choice(self, body, path=CHAT):
        status, answer = self.server.post(path, {**({"messages": HELLO} if path == CHAT else {}), "max_tokens": 600, **body})
        self.assertEqual(status, 200, answer)
        return answer["choices"][0]

    def text(self, body):
        choice = self.choice(body)
        self.assertEqual(choice["finish_reason"], "stop", choice)
        return choice["message"]["content"]


class Forms(Case):
    def test_json_schema_in_each_field(self):
        for name, field in {
                "response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": SCHEMA}},
                "json_schema": SCHEMA, "guided_json": json.dumps(SCHEMA), "structured_outputs": {"json": SCHEMA}}.items():
            for seed in range(4):
                with self.subTest(name=name, seed=seed):
                    value = json.loads(self.text({name: field, "seed": seed, "temperature": 1.5}))
                    self.assertTrue(fits(value), value)
        value = json.loads(self.text({"response_format": {"type": "json_object", "schema": SCHEMA}, "temperature": 0}))
        self.assertTrue(fits(value), value)

    def test_answers_become_whole_before_max_tokens(self):
        # Noise would fill the strings without end.
        schema = {"type": "object", "properties": {"name": {"type": "string"}, "more": {"type": "array", "items": {"type": "string"}}},
                  "required": ["name", "more"], "additionalProperties": False}
        for most in (30, 40, 60):
            for seed in range(4):
                with self.subTest(most=most, seed=seed):
                    value = json.loads(self.text({"json_schema": schema, "seed": seed, "max_tokens": most, "temperature": 1.5}))
                    self.assertTrue(isinstance(value["name"], str) and isinstance(value["more"], list), value)
        self.assertEqual(self.text({"guided_regex": "[0-9]*", "max_tokens": 1, "temperature": 0}).strip("0123456789"), "")
        # The shortest answer takes more.
        self.assertEqual(self.choice({"json_schema": schema, "max_tokens": 4})["finish_reason"], "length")

    def test_expressions_choices_and_grammars(self):
        for seed in range(4):
            self.assertRegex(self.text({"guided_regex": "[A-F]{3}-\\d{2,4}", "seed": seed}), r"^[A-F]{3}-\d{2,4}$")
            self.assertIn(self.text({"guided_choice": ["yes", "no", "perhaps"], "seed": seed}), ("yes", "no", "perhaps"))
            self.assertRegex(self.text({"grammar": 'root ::= item ("," item){2}\nitem ::= [0-9]+ "x" | "none"', "seed": seed}),
                             r"^((\d+x|none),){2}(\d+x|none)$")
            self.assertRegex(self.text({"structured_outputs": {"regex": "(ab){1,3}"}, "seed": seed}), r"^(ab){1,3}$")

    def test_texts_go_on_in_a_form(self):
        choice = self.choice({"prompt": "Once", "guided_regex": "[a-z]{5} [0-9]"}, TEXT)
        self.assertRegex(choice["text"], r"^[a-z]{5} [0-9]$")
        self.assertEqual(choice["finish_reason"], "stop")

    def test_any_object(self):
        choice = self.choice({"response_format": {"type": "json_object"}, "max_tokens": 80, "seed": 1})
        self.assertTrue(choice["message"]["content"].startswith("{"))
        if choice["finish_reason"] == "stop":
            json.loads(choice["message"]["content"])

    def test_cut_by_length_and_by_stop(self):
        choice = self.choice({"guided_regex": "[a-c]{200}", "max_tokens": 10})
        self.assertEqual((choice["finish_reason"], len(choice["message"]["content"])), ("length", 10))
        self.assertEqual(self.text({"guided_regex": "abc[a-z]{200}", "stop": "bc"}), "a")

    def test_streamed_is_the_same(self):
        body = {"messages": HELLO, "max_tokens": 600, "seed": 5, "json_schema": SCHEMA}
        whole = self.text(body)
        chunks = [json.loads(e) for e in self.server.stream(CHAT, body)[:-1]]
        self.assertEqual("".join(c["choices"][0]["delta"].get("content", "") for c in chunks), whole)
        self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], "stop")

    def test_the_same_alone_and_in_company(self):
        bodies = [{"seed": i, "temperature": 1, **({"json_schema": SCHEMA} if i % 3 else {"guided_regex": f"[a-z]{{{i + 1}}}"})}
                  for i in range(24)]
        alone = [self.text(b) for b in bodies]
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            self.assertEqual(list(pool.map(self.text, bodies)), alone)
        several = self.server.post(CHAT, {"messages": HELLO, "max_tokens": 600, "json_schema": SCHEMA, "n": 4, "seed": 1, "temperature": 1})[1]
        texts = [c["message"]["content"] for c in several["choices"]]
        self.assertEqual(texts[0], alone[1])
        self.assertTrue(all(fits(json.loads(t)) for t in texts))

    def test_log_probabilities_are_the_models_own(self):
        body = {"messages": HELLO, "max_tokens": 1, "temperature": 0, "logprobs": True, "top_logprobs": 5}
        free = self.server.post(CHAT, body)[1]["choices"][0]["logprobs"]["content"][0]
        held = self.server.post(CHAT, {**body, "guided_choice": ["a", "b"]})[1]["choices"][0]["logprobs"]["content"][0]
        self.assertEqual(held["top_logprobs"], free["top_logprobs"])
        self.assertIn(held["token"], ("a", "b"))

    def test_responses_and_messages(self):
        answer = self.server.post("/v1/responses", {"input": "Hello", "max_output_tokens": 600, "text": {
            "format": {"type": "json_schema", "name": "x", "strict": True, "schema": SCHEMA}}})[1]
        self.assertTrue(fits(json.loads(answer["output"][-1]["content"][0]["text"])), answer)
        for field in ({"output_format": {"type": "json_schema", "schema": SCHEMA}},
                      {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}):
            answer = self.server.post("/v1/messages", {"messages": HELLO, "max_tokens": 600, **field})[1]
            self.assertTrue(fits(json.loads(answer["content"][-1]["text"])), answer)

    def refused(self, body, param, code, part=""):
        status, answer = self.server.post(CHAT, {"messages": HELLO, "max_tokens": 5, **body})
        self.assertEqual(status, 400, answer)
        error = answer["error"]
        self.assertEqual((error["param"], error["code"]), (param, code), error)
        self.assertIn(part, error["message"])

    def test_what_is_wrong_is_named(self):
        self.refused({"json_schema": {"properties": {"a": {"not": {}}}}}, "json_schema", "invalid_json_schema", "#/properties/a: keyword not")
        self.refused({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "odd"}}}}, "response_format",
                     "invalid_json_schema", "type")
        self.refused({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "invalid_value")
        self.refused({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value")
        self.refused({"response_format": "json"}, "response_format", "invalid_value")
        self.refused({"guided_regex": "(a"}, "guided_regex", "invalid_value", "')'")
        self.refused({"guided_choice": []}, "guided_choice", "invalid_value")
        self.refused({"grammar": "root ::= x"}, "grammar", "invalid_value", "rule x")
        self.refused({"grammar": 'root ::= root "a" | "b"'}, "grammar", "invalid_value", "calls itself")
        self.refused({"guided_json": "{"}, "guided_json", "invalid_value")
        self.refused({"guided_json": {}, "guided_regex": "a"}, "guided_regex", "invalid_value", "only one may")
        self.refused({"structured_outputs": {"structural_tag": "x"}}, "structured_outputs.structural_tag", "unsupported_parameter")
        self.refused({"json_schema": {"type": "string", "pattern": "((((a?){1,900}){1,900}){1,900})"}}, "json_schema", "invalid_json_schema")

    def test_an_answer_that_is_too_hard_ends_with_an_error(self):
        grammar = 'root ::= "(" root ")" | "(" root "]" | "(" root "}" | "x"'
        status, answer = self.server.post(CHAT, {"messages": HELLO, "grammar": grammar, "max_tokens": 200, "logit_bias": {"120": -100}})
        self.assertEqual(status, 400, answer)
        self.assertIn("too many ways", answer["error"]["message"])
        self.assertEqual(self.text({"guided_choice": ["well"]}), "well")


class Calls(Case):
    write = staticmethod(scripted_model.weather)
    before = "Let me see. "

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.words = FREEHOLD, os.path.join(cls.folder.name, "scripted.gguf")
        cls.write(cls.words[1])
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def tool(self, parameters, name="weather", **more):
        return {"type": "function", "function": {"name": name, "parameters": parameters, **more}}

    def test_arguments_of_a_call_that_must_come_fit_its_parameters(self):
        tools = [self.tool({"type": "object", "properties": {"n": {"type": "integer", "minimum": 3, "maximum": 7}}, "required": ["n"],
                            "additionalProperties": False}),
                 self.tool({"type": "object", "properties": {"city": {"enum": ["Rome", "Oslo"]}}, "required": ["city"]}, "travel")]
        for seed in range(6):
            choice = self.choice({"tools": tools, "tool_choice": "required", "seed": seed, "temperature": 2, "parallel_tool_calls": False})
            self.assertEqual(choice["finish_reason"], "tool_calls", choice)
            (call,) = choice["message"]["tool_calls"]
            arguments = json.loads(call["function"]["arguments"])
            if call["function"]["name"] == "weather":
                self.assertIn(arguments["n"], range(3, 8))
            else:
                self.assertIn(arguments["city"], ("Rome", "Oslo"))
        named = self.choice({"tools": tools, "tool_choice": {"type": "function", "function": {"name": "travel"}}, "temperature": 2})
        for call in named["message"]["tool_calls"]:
            self.assertEqual(call["function"]["name"], "travel")

    def test_a_strict_function_called_of_its_own_accord(self):
        # The model says: Let me see. <tool_call> .. {"city": "Paris"}; its parameters allow another city only.
        strict = self.tool({"type": "object", "properties": {"city": {"enum": ["Oslo"]}}, "required": ["city"],
                            "additionalProperties": False}, strict=True)
        choice = self.choice({"tools": [strict], "temperature": 0, "parallel_tool_calls": False})
        self.assertEqual(choice["message"]["content"], self.before)
        self.assertEqual(json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"]), {"city": "Oslo"})
        free = self.choice({"tools": [self.tool({"type": "object"})], "temperature": 0})
        self.assertEqual(json.loads(free["message"]["tool_calls"][0]["function"]["arguments"]), {"city": "Paris"})

    def test_the_form_of_an_answer_beside_tools(self):
        tools = [self.tool({"type": "object", "properties": {"city": {"enum": ["Oslo"]}}, "required": ["city"]})]
        seen = set()
        for seed in range(12):
            choice = self.choice({"tools": tools, "guided_choice": ["yes", "no"], "seed": seed, "temperature": 2, "parallel_tool_calls": False})
            seen.add(choice["finish_reason"])
            if choice["finish_reason"] == "stop":
                self.assertIn(choice["message"]["content"], ("yes", "no"))
            else:
                self.assertEqual(json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"]), {"city": "Oslo"})
        self.assertIn("stop", seen)

    def test_a_strict_schema_that_is_not_supported_is_refused(self):
        bad = {"type": "object", "properties": {"a": {"not": {}}}}
        status, answer = self.server.post(CHAT, {"messages": HELLO, "tools": [self.tool(bad, strict=True)], "max_tokens": 5})
        self.assertEqual((status, answer["error"]["code"], answer["error"]["param"]),
                         (400, "invalid_json_schema", "tools[0].function.parameters"), answer)
        choice = self.choice({"tools": [self.tool(bad)], "tool_choice": "required", "temperature": 0, "max_tokens": 300})
        self.assertIn(choice["finish_reason"], ("tool_calls", "length"))


class CallsInDsml(Calls):
    write = staticmethod(scripted_model.weather_in_dsml)
    before = "Let me see."

    def test_text_and_json_of_parameters(self):
        tools = [self.tool({"type": "object", "properties": {
            "note": {"type": "string", "maxLength": 9}, "free": {"type": "string"}, "when": {"type": "string", "format": "date"},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3}}, "required": ["note", "when", "tags"]})]
        for seed in range(8):
            choice = self.choice({"tools": tools, "tool_choice": "required", "seed": seed, "temperature": 2, "parallel_tool_calls": False})
            self.assertEqual(choice["finish_reason"], "tool_calls", choice)
            (call,) = choice["message"]["tool_calls"]
            arguments = json.loads(call["function"]["arguments"])
            self.assertLessEqual(set(arguments), {"note", "free", "when", "tags"})
            self.assertLessEqual(len(arguments["note"]), 9)
            self.assertLessEqual(set(arguments["tags"]), {"a", "b"})
            datetime.date.fromisoformat(arguments["when"])


if __name__ == "__main__":
    unittest.main()
