"""The official OpenAI client against the server. Usage: openai_test.py FREEHOLD MODEL. Needs tests/requirements.txt."""
import sys
import unittest

import openai

from serving import Serving

FREEHOLD, MODEL = sys.argv[1:3]
del sys.argv[1:3]
HELLO = [{"role": "user", "content": "Hello"}]


class Client(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Serving(FREEHOLD, MODEL, "--context", "1024")
        cls.client = openai.OpenAI(base_url=cls.server.about["url"] + "/v1", api_key="none", max_retries=0)
        cls.model = cls.client.models.list().data[0].id

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        assert cls.server.end() == 0

    def test_chat_and_stream_agree(self):
        ask = dict(model=self.model, messages=HELLO, max_tokens=20, seed=3)
        whole = self.client.chat.completions.create(**ask)
        self.assertEqual(whole.usage.total_tokens, whole.usage.prompt_tokens + whole.usage.completion_tokens)
        self.assertIn(whole.choices[0].finish_reason, ("stop", "length"))
        chunks = list(self.client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}))
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(chunks[-1].usage.completion_tokens, whole.usage.completion_tokens)

    def test_log_probabilities_and_several(self):
        answer = self.client.chat.completions.create(model=self.model, messages=HELLO, max_tokens=4, n=2, logprobs=True,
                                                     top_logprobs=2, temperature=1)
        self.assertEqual(len(answer.choices), 2)
        self.assertTrue(all(len(t.top_logprobs) == 2 for c in answer.choices for t in c.logprobs.content))

    def test_text(self):
        answer = self.client.completions.create(model=self.model, prompt="Once", max_tokens=4, echo=True)
        self.assertTrue(answer.choices[0].text.startswith("Once"))
        chunks = list(self.client.completions.create(model=self.model, prompt="Once", max_tokens=4, stream=True))
        self.assertIn(chunks[-1].choices[0].finish_reason, ("stop", "length"))

    def test_errors_have_their_classes(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.chat.completions.create(model=self.model, messages=HELLO, temperature=9)
        self.assertEqual((caught.exception.param, caught.exception.code), ("temperature", "invalid_value"))
        with self.assertRaises(openai.NotFoundError):
            self.client.chat.completions.create(model="other", messages=HELLO)


if __name__ == "__main__":
    unittest.main()
