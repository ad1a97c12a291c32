// The official `openai` npm client against the server. Usage: node npm_client.cjs TEXTS_URL CALLS_URL, the servers of a
// tiny model (noise) and of one that is scripted to call a tool. Run by npm_client_test.py, which says where the client is.
const assert = require('node:assert/strict')
const { OpenAI, BadRequestError, NotFoundError } = require('openai')

const [texts, calls] = process.argv.slice(2).map((url) => new OpenAI({ baseURL: url + '/v1', apiKey: 'none', maxRetries: 0 }))
const messages = [{ role: 'user', content: 'Hello' }]
const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false }
const tool = { type: 'function', function: { name: 'weather', description: 'Of a city.', parameters: schema } }
let model

const tests = {
  async 'chat and stream agree'() {
    const ask = { model, messages, max_tokens: 20, seed: 3 }
    const whole = await texts.chat.completions.create(ask)
    assert.equal(whole.usage.total_tokens, whole.usage.prompt_tokens + whole.usage.completion_tokens)
    let text = '', usage
    for await (const chunk of await texts.chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } })) {
      text += chunk.choices[0]?.delta.content ?? ''
      usage = chunk.usage ?? usage
    }
    assert.equal(text, whole.choices[0].message.content)
    assert.equal(usage.completion_tokens, whole.usage.completion_tokens)
  },

  async 'tools, whole and as a stream'() {
    const ask = { model: (await calls.models.list()).data[0].id, messages, tools: [tool], temperature: 0 }
    for (const answer of [await calls.chat.completions.create(ask), await calls.chat.completions.stream(ask).finalChatCompletion()]) {
      assert.equal(answer.choices[0].finish_reason, 'tool_calls')
      const called = answer.choices[0].message.tool_calls[0].function
      assert.equal(called.name, 'weather')
      assert.deepEqual(JSON.parse(called.arguments), { city: 'Paris' })
    }
  },

  async 'a parsed JSON schema'() {
    const one = { ...schema, properties: { city: { type: 'string', maxLength: 8 }, size: { enum: ['small', 'large'] } }, required: ['city', 'size'] }
    const response_format = { type: 'json_schema', json_schema: { name: 'place', strict: true, schema: one } }
    const { parsed } = (await texts.chat.completions.parse({ model, messages, response_format, temperature: 1, seed: 7 })).choices[0].message
    assert.deepEqual(Object.keys(parsed).sort(), ['city', 'size'])
    assert.ok(parsed.city.length <= 8 && ['small', 'large'].includes(parsed.size))
  },

  async 'embeddings'() {
    const packed = await texts.embeddings.create({ model, input: ['Hello', 'Once'] }) // base64, as the client asks by itself
    const plain = await texts.embeddings.create({ model, input: ['Hello', 'Once'], encoding_format: 'float' })
    for (const i of [0, 1]) {
      const [a, b] = [packed.data[i].embedding, plain.data[i].embedding]
      assert.equal(a.length, b.length)
      assert.ok(a.every((x, at) => Math.abs(x - b[at]) < 1e-6))
    }
  },

  async 'responses, whole and as a stream'() {
    const ask = { model, input: 'Hello', instructions: 'Be brief.', max_output_tokens: 20, temperature: 0 }
    const whole = await texts.responses.create(ask)
    assert.equal(whole.instructions, 'Be brief.')
    const stream = texts.responses.stream(ask)
    let text = ''
    stream.on('response.output_text.delta', (event) => { text += event.delta })
    assert.equal((await stream.finalResponse()).output_text, whole.output_text)
    assert.equal(text, whole.output_text)
  },

  async 'errors have their classes'() {
    await assert.rejects(texts.chat.completions.create({ model, messages, temperature: 9 }),
      (error) => error instanceof BadRequestError && error.param === 'temperature' && error.code === 'invalid_value')
    await assert.rejects(texts.chat.completions.create({ model: 'other', messages }), NotFoundError)
  },
}

async function main() {
  model = (await texts.models.list()).data[0].id
  for (const [name, test] of Object.entries(tests)) {
    await test()
    console.log('ok:', name)
  }
}
main().catch((error) => { console.error(error); process.exit(1) })
