"""The official clients of OpenAI, Anthropic and Ollama against the server. Usage: clients_test.py FREEHOLD TINY_MODEL. They
are those of tests/requirements.txt. Noise of the tiny model for texts, a scripted model for calls."""
import json
import os
import sys
import tempfile
import unittest

import anthropic
import ollama
import openai

import scripted_model
from serving import Serving

FREEHOLD, TINY = sys.argv[1:3]
del sys.argv[1:3]
HELLO = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": SCHEMA}}
FLAT = {"type": "function", "name": "weather", "description": "Of a city.", "parameters": SCHEMA}
USE = {"name": "weather", "description": "Of a city.", "input_schema": SCHEMA}


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        model = TINY
        if cls.scripted:
            model = os.path.join(cls.folder.name, "scripted.gguf")
            scripted_model.weather(model)
        cls.server = Serving(FREEHOLD, model, "--context", "1024")
        cls.openai = openai.OpenAI(base_url=cls.server.about["url"] + "/v1", api_key="none", max_retries=0)
        cls.anthropic = anthropic.Anthropic(base_url=cls.server.about["url"], api_key="none", max_retries=0)
        cls.ollama = ollama.Client(host=cls.server.about["url"])
        cls.model = cls.openai.models.list().data[0].id

    @classmethod
    def tearDownClass(cls):
        cls.openai.close()
        cls.anthropic.close()
        cls.ollama._client.close()
        status = cls.server.end()
        cls.folder.cleanup()
        assert status == 0, status


class Texts(Case):
    scripted = False

    def test_chat_and_stream_agree(self):
        ask = dict(model=self.model, messages=HELLO, max_tokens=20, seed=3)
        whole = self.openai.chat.completions.create(**ask)
        self.assertEqual(whole.usage.total_tokens, whole.usage.prompt_tokens + whole.usage.completion_tokens)
        self.assertIn(whole.choices[0].finish_reason, ("stop", "length"))
        chunks = list(self.openai.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}))
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(chunks[-1].usage.completion_tokens, whole.usage.completion_tokens)

    def test_log_probabilities_and_several(self):
        answer = self.openai.chat.completions.create(model=self.model, messages=HELLO, max_tokens=4, n=2, logprobs=True,
                                                     top_logprobs=2, temperature=1)
        self.assertEqual(len(answer.choices), 2)
        self.assertTrue(all(len(t.top_logprobs) == 2 for c in answer.choices for t in c.logprobs.content))

    def test_text(self):
        answer = self.openai.completions.create(model=self.model, prompt="Once", max_tokens=4, echo=True)
        self.assertTrue(answer.choices[0].text.startswith("Once"))
        chunks = list(self.openai.completions.create(model=self.model, prompt="Once", max_tokens=4, stream=True))
        self.assertIn(chunks[-1].choices[0].finish_reason, ("stop", "length"))

    def test_log_probabilities_of_a_prompt(self):
        ask = dict(model=self.model, prompt="Once upon", logprobs=3, echo=True, temperature=0)
        scores = self.openai.completions.create(**ask, max_tokens=0).choices[0].logprobs
        self.assertEqual("".join(scores.tokens), "Once upon")
        self.assertIsNone(scores.token_logprobs[0])
        self.assertTrue(all(p <= 0 for p in scores.token_logprobs[1:]))
        self.assertTrue(all(p == top[token] for token, p, top in zip(scores.tokens[1:], scores.token_logprobs[1:],
                                                                    scores.top_logprobs[1:], strict=True)))
        more = self.openai.completions.create(**ask, max_tokens=1).choices[0].logprobs
        self.assertEqual(more.token_logprobs[:-1], scores.token_logprobs)

    def test_embeddings(self):
        texts = ["Hello", "Hello, world", "Once upon a time"]
        packed = self.openai.embeddings.create(model=self.model, input=texts)  # base64, as the client asks by itself
        plain = self.openai.embeddings.create(model=self.model, input=texts, encoding_format="float")
        for i, text in enumerate(texts):
            alone = self.openai.embeddings.create(model=self.model, input=text).data[0].embedding
            self.assertEqual(packed.data[i].embedding, alone)
            self.assertEqual(len(alone), len(plain.data[i].embedding))
            self.assertTrue(all(abs(a - b) < 1e-6 for a, b in zip(alone, plain.data[i].embedding, strict=True)))
            self.assertAlmostEqual(sum(x * x for x in alone), 1, places=5)
        self.assertEqual(packed.usage.total_tokens, packed.usage.prompt_tokens)
        self.assertEqual(len(self.openai.embeddings.create(model=self.model, input="Hello", dimensions=8).data[0].embedding), 8)
        with self.assertRaises(openai.BadRequestError) as caught:
            self.openai.embeddings.create(model=self.model, input="Hello", dimensions=100_000)
        self.assertEqual(caught.exception.param, "dimensions")

    def test_errors_have_their_classes(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.openai.chat.completions.create(model=self.model, messages=HELLO, temperature=9)
        self.assertEqual((caught.exception.param, caught.exception.code), ("temperature", "invalid_value"))
        with self.assertRaises(openai.NotFoundError):
            self.openai.chat.completions.create(model="other", messages=HELLO)
        with self.assertRaises(openai.BadRequestError) as caught:
            self.openai.responses.create(model=self.model, input="x", previous_response_id="resp_1")
        self.assertEqual(caught.exception.code, "previous_response_not_found")
        with self.assertRaises(anthropic.NotFoundError):
            self.anthropic.messages.create(model="other", messages=HELLO, max_tokens=1)
        with self.assertRaises(anthropic.BadRequestError) as caught:
            self.anthropic.messages.create(model=self.model, messages=HELLO, max_tokens=0)
        self.assertEqual(caught.exception.body["error"]["type"], "invalid_request_error")

    def test_responses(self):
        ask = dict(model=self.model, input="Hello", instructions="Be brief.", max_output_tokens=20, extra_body={"seed": 5})
        whole = self.openai.responses.create(**ask)
        self.assertIn(whole.status, ("completed", "incomplete"))
        self.assertEqual(whole.usage.total_tokens, whole.usage.input_tokens + whole.usage.output_tokens)
        self.assertEqual(whole.instructions, "Be brief.")
        events = list(self.openai.responses.create(**ask, stream=True))
        self.assertEqual([e.sequence_number for e in events], list(range(len(events))))
        self.assertEqual([e.type for e in events[:4]], ["response.created", "response.in_progress", "response.output_item.added",
                                                       "response.content_part.added"])
        self.assertEqual("".join(e.delta for e in events if e.type == "response.output_text.delta"), whole.output_text)
        self.assertEqual(events[-1].response.output_text, whole.output_text)

    def test_messages(self):
        ask = dict(model=self.model, system="Be brief.", messages=HELLO, max_tokens=20, extra_body={"seed": 5})
        whole = self.anthropic.messages.create(**ask)
        self.assertIn(whole.stop_reason, ("end_turn", "max_tokens"))
        with self.anthropic.messages.stream(**ask) as stream:
            self.assertEqual("".join(stream.text_stream), whole.content[0].text)
            self.assertEqual(stream.get_final_message().content[0].text, whole.content[0].text)
        counted = self.anthropic.messages.count_tokens(model=self.model, system="Be brief.", messages=HELLO)
        self.assertEqual(counted.input_tokens, whole.usage.input_tokens + whole.usage.cache_read_input_tokens)
        blocks = [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]
        again = self.anthropic.messages.create(**{**ask, "messages": blocks})
        self.assertEqual(again.content[0].text, whole.content[0].text)

    def test_ollama(self):
        options = {"num_predict": 12, "seed": 5, "temperature": 1}
        self.assertEqual([m.model for m in self.ollama.list().models], [self.model])
        self.assertEqual(self.ollama.ps().models[0].context_length, 1024)
        shown = self.ollama.show(self.model)
        self.assertIn("completion", shown.capabilities)
        self.assertEqual(shown.modelinfo[shown.details.family + ".context_length"], 1024)
        whole = self.ollama.chat(model=self.model, messages=HELLO, options=options)
        self.assertTrue(whole.done)
        self.assertGreater(whole.eval_count, 0)
        pieces = list(self.ollama.chat(model=self.model, messages=HELLO, options=options, stream=True))
        self.assertEqual("".join(p.message.content for p in pieces), whole.message.content)
        self.assertEqual([p.done for p in pieces], [False] * (len(pieces) - 1) + [True])
        self.assertEqual(pieces[-1].eval_count, whole.eval_count)
        text = self.ollama.generate(model=self.model, prompt="Hello", options=options)
        self.assertEqual(text.response, whole.message.content)
        pieces = list(self.ollama.generate(model=self.model, prompt="Hello", options=options, stream=True))
        self.assertEqual("".join(p.response for p in pieces), text.response)
        vectors = self.ollama.embed(model=self.model, input=["Hello", "Sea"]).embeddings
        self.assertEqual(len(vectors), 2)
        self.assertEqual(list(self.ollama.embeddings(model=self.model, prompt="Sea").embedding), list(vectors[1]))
        formed = self.ollama.chat(model=self.model, messages=HELLO, format=SCHEMA, options={"num_predict": 80})
        self.assertEqual(set(json.loads(formed.message.content)), {"city"})
        scored = self.ollama.chat(model=self.model, messages=HELLO, options=options, logprobs=True, top_logprobs=2)
        self.assertEqual(len(scored.logprobs[0].top_logprobs), 2)
        with self.assertRaises(ollama.ResponseError) as caught:
            self.ollama.chat(model="other", messages=HELLO)
        self.assertEqual(caught.exception.status_code, 404)
        self.assertIn("not served here", caught.exception.error)
        with self.assertRaises(ollama.ResponseError) as caught:
            self.ollama.pull("other")
        self.assertEqual(caught.exception.status_code, 501)
        with self.assertRaises(ollama.ResponseError):
            self.ollama.delete("other")


class Calls(Case):
    scripted = True
    asked = HELLO + [
        {"role": "assistant", "content": None,
         "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "Sun"}]

    def called(self, call):
        self.assertEqual((call.function.name, call.function.arguments.strip()), ("weather", '{"city": "Paris"}'))
        self.assertTrue(call.id.startswith("call_"))

    def test_chat(self):
        for messages in (HELLO, self.asked):
            choice = self.openai.chat.completions.create(model=self.model, messages=messages, tools=[TOOL], temperature=0).choices[0]
            self.assertEqual((choice.finish_reason, choice.message.content), ("tool_calls", "Let me see. "))
            self.called(choice.message.tool_calls[0])

    def test_choices(self):
        ask = dict(model=self.model, messages=HELLO, tools=[TOOL], temperature=0)
        for choice in ("required", {"type": "function", "function": {"name": "weather"}}):
            message = self.openai.chat.completions.create(**ask, tool_choice=choice).choices[0].message
            self.assertIsNone(message.content)
            self.called(message.tool_calls[0])
        plain = self.openai.chat.completions.create(**ask, tool_choice="none").choices[0]
        self.assertEqual(plain.finish_reason, "stop")
        self.assertIn("<tool_call>", plain.message.content)
        with self.assertRaises(openai.BadRequestError) as caught:
            self.openai.chat.completions.create(**ask, tool_choice={"type": "function", "function": {"name": "other"}})
        self.assertEqual(caught.exception.param, "tool_choice")

    def test_cut_off_is_text(self):
        choice = self.openai.chat.completions.create(model=self.model, messages=HELLO, tools=[TOOL], temperature=0,
                                                     max_tokens=3).choices[0]
        self.assertEqual(choice.finish_reason, "length")
        self.assertIsNone(choice.message.tool_calls)
        self.assertTrue(choice.message.content.endswith('{"city": "Paris"}'))

    def test_stream(self):
        with self.openai.chat.completions.stream(model=self.model, messages=HELLO, tools=[TOOL], temperature=0) as stream:
            choice = stream.get_final_completion().choices[0]
        self.assertEqual((choice.finish_reason, choice.message.content), ("tool_calls", "Let me see. "))
        self.called(choice.message.tool_calls[0])

    def test_responses(self):
        ask = dict(model=self.model, input="Hello", tools=[FLAT], temperature=0)
        whole = self.openai.responses.create(**ask)
        self.assertEqual([item.type for item in whole.output], ["message", "function_call"])
        self.assertEqual(whole.output[1].arguments.strip(), '{"city": "Paris"}')
        with self.openai.responses.stream(**ask) as stream:
            final = stream.get_final_response()
        self.assertEqual([item.type for item in final.output], ["message", "function_call"])
        self.assertEqual(final.output[1].arguments.strip(), '{"city": "Paris"}')
        items = [{"role": "user", "content": "Hello"}, final.output[1].model_dump(include={"type", "call_id", "name", "arguments"}),
                 {"type": "function_call_output", "call_id": final.output[1].call_id, "output": "Sun"}]
        self.assertEqual(self.openai.responses.create(**{**ask, "input": items}).status, "completed")

    def test_messages(self):
        ask = dict(model=self.model, messages=HELLO, tools=[USE], max_tokens=20, extra_body={"temperature": 0})
        whole = self.anthropic.messages.create(**ask)
        self.assertEqual((whole.stop_reason, [b.type for b in whole.content]), ("tool_use", ["text", "tool_use"]))
        self.assertEqual((whole.content[1].name, whole.content[1].input), ("weather", {"city": "Paris"}))
        with self.anthropic.messages.stream(**ask) as stream:
            final = stream.get_final_message()
        self.assertEqual((final.stop_reason, final.content[1].input), ("tool_use", {"city": "Paris"}))
        result = {"type": "tool_result", "tool_use_id": whole.content[1].id, "content": [{"type": "text", "text": "Sun"}]}
        back = HELLO + [{"role": "assistant", "content": [b.model_dump() for b in whole.content]}, {"role": "user", "content": [result]}]
        self.assertEqual(self.anthropic.messages.create(**{**ask, "messages": back}).stop_reason, "tool_use")
        forced = self.anthropic.messages.create(**ask, tool_choice={"type": "any"})
        self.assertEqual([b.type for b in forced.content], ["tool_use"])

    def test_ollama(self):
        ask = dict(model=self.model, tools=[TOOL], options={"temperature": 0})
        message = self.ollama.chat(messages=HELLO, **ask).message
        self.assertEqual(message.content, "Let me see. ")
        self.assertEqual([(c.function.name, c.function.arguments) for c in message.tool_calls], [("weather", {"city": "Paris"})])
        pieces = list(self.ollama.chat(messages=HELLO, stream=True, **ask))
        self.assertEqual([c.function.arguments for p in pieces for c in p.message.tool_calls or []], [{"city": "Paris"}])
        back = HELLO + [message, {"role": "tool", "tool_name": "weather", "content": "Sun"}]
        self.assertEqual(self.ollama.chat(messages=back, **ask).message.tool_calls[0].function.name, "weather")


if __name__ == "__main__":
    unittest.main()
