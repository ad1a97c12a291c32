# What is inside a model, also when the file is cut off.
. "$(dirname "$0")/common.sh"

expect 0 "$freehold" inspect "$tiny" --tensors --sha256
has out "llama: 2 layers, width 64, 4 heads over 2 key heads, feed-forward 128"
has out "65,536 positions"; has out "259 tokens"; has out "ChatML"; has out "apache-2.0"; has out "rows looked up as stored"
has out "blk.1.ffn_down.weight"; has out "[64, 128]"
has out "$(sha256sum "$tiny" | cut -d' ' -f1)"

expect 0 "$freehold" inspect "$tiny" --json
[ "$(field '["all"]["parameters"]')" = $((2*259*64 + 2*(64*64*2 + 64*32*2 + 64*128*3 + 128) + 64)) ] || fail parameters
[ "$(field '["memory"]["cache_per_position"]')" = $((2*2*16*2*2)) ] || fail cache
[ "$(field '["whole"]')" = True ] || fail whole

head -c 90000 "$tiny" >"$folder/cut.gguf"
expect 0 "$freehold" inspect "$folder/cut.gguf"; has out "not whole"; has out "259 tokens"
expect 3 "$freehold" run "$folder/cut.gguf" hi; has err "cut off"
expect 0 "$freehold" tokenize "$folder/cut.gguf" hi
head -c 1000 "$tiny" >"$folder/cut.gguf"
expect 3 "$freehold" inspect "$folder/cut.gguf"
expect 0 "$freehold" inspect tests/golden/models/qwen3_yarn; has out "qwen3: "; has out "template      none"

# What it would take to run, without a weight being read.
expect 0 "$freehold" inspect "$tiny" --plan
has out "llama: 2 layers"; has out "0.3 kB a position"; has out "as it is"; has out "Q4_K"; has out "tokens/s at most"
expect 0 "$freehold" inspect "$tiny" --plan --json
[ "$(field '["parameters"]')" = $((2*259*64 + 2*(64*64*2 + 64*32*2 + 64*128*3 + 128) + 64)) ] || fail parameters
[ "$(field '["active_parameters"]')" = $((260*64 + 2*(64*64*2 + 64*32*2 + 64*128*3 + 128) + 64)) ] || fail active
expect 0 "$freehold" inspect --plan tests/golden/models/qwen3_yarn/config.json; has out "qwen3: "; lacks out "as it is"
expect 2 "$freehold" inspect "$tiny" --plan --tensors
echo '{"model_type": "llama", "num_hidden_layers": 4096}' >"$folder/config.json"
expect 3 "$freehold" inspect --plan "$folder/config.json"; has err "config.json: key 'hidden_size' is missing"
echo '[]' >"$folder/config.json"
expect 3 "$freehold" inspect --plan "$folder/config.json"; has err "expected an object"
expect 5 "$freehold" inspect --plan "$folder/nothing.json"
