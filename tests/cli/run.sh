# One answer: the same for the same seed, on every kernel set and thread count, from an argument or a pipe.
. "$(dirname "$0")/common.sh"

once() { expect 0 "$freehold" run "$tiny" "Hello" --max-tokens 24 --json "$@"; field '["tokens"]'; }
greedy=$(once --temperature 0)
[ "$(field '["stop"]')" = length ] && [ "$(field '["answer_tokens"]')" = 24 ] || fail stop
[ "$(field '["prompt_tokens"]')" = $((1 + 5 + 5 + 1 + 1 + 1 + 10)) ] || fail "prompt of $(field '["prompt_tokens"]') tokens"
for set in plain avx2 avx_vnni avx512; do
  "$freehold" --version | grep -q "$set" && { [ "$(once --temperature 0 --cpu $set)" = "$greedy" ] || fail "$set differs"; }
done
[ "$(once --temperature 0 --threads 1)" = "$greedy" ] || fail "threads"
seeded=$(once --seed 7 --temperature 1)
[ "$seeded" != "$greedy" ] && [ "$(once --seed 7 --temperature 1)" = "$seeded" ] || fail seed
[ "$(once --seed 8 --temperature 1)" != "$seeded" ] || fail "another seed"
first=$(python3 -c "print($greedy[0])")
case $(once --temperature 0 --logit-bias "$first:-100") in "[$first,"*) fail bias ;; esac
once --temperature 0 --logprobs 2 >/dev/null
[ "$(field '["logprobs"][3]["logprob"] == json.load(open(sys.argv[1]))["logprobs"][3]["top"][0]["logprob"]')" = True ] || fail logprobs
once --exact --temperature 0 >/dev/null; [ "$(field '["mode"]')" = "exact float activations, f32 cache" ] || fail exact

expect 0 "$freehold" run "$tiny" Hello --max-tokens 24 --temperature 0; cp "$folder/out" "$folder/argument"
[ ! -s "$folder/err" ] || fail "words on standard error"
printf 'Hello\n' | "$freehold" run "$tiny" --max-tokens 24 --temperature 0 >"$folder/pipe"
cmp "$folder/argument" "$folder/pipe"
expect 0 "$freehold" run "$tiny" Hello --max-tokens 24 --temperature 0 --stats; has err "24 tokens, "; has err "GB/s"
expect 0 "$freehold" run "$tiny" --raw "<|im_start|>" --max-tokens 3 --json; [ "$(field '["prompt_tokens"]')" = 1 ] || fail raw
# Nobody reads: the reader is gone before the program starts.
(sleep 0.5; "$freehold" run "$tiny" Hello --max-tokens 24 --temperature 0 2>/dev/null || echo $? >"$folder/status") | true
[ "$(cat "$folder/status")" = 5 ] || fail "a closed pipe"
