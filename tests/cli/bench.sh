# Bench: what the rival harness and people read; the same logits whatever the kernels and threads.
. "$(dirname "$0")/common.sh"

bench() { expect 0 "$freehold" bench "$tiny" --prompt 64 --decode 8 --depth 32 --runs 3 --json "$@"; field '["logits_hash"]'; }
hash=$(bench)
for name in prefill_tokens_per_second decode_tokens_per_second decode_share_of_bandwidth bandwidth_bytes_per_second; do
  python3 -c "import sys; sys.exit(not $(field "[\"$name\"]") > 0)" || fail "$name"
done
[ "$(field '["runs"]')" = 3 ] && [ "$(field '["depth"]')" = 32 ] && [ "$(field '["kernels"]')" != "" ] || fail fields
[ "$(bench --threads 1)" = "$hash" ] && [ "$(bench --cpu plain)" = "$hash" ] || fail "logits differ"
[ "$(bench --exact)" != "$hash" ] || fail "exact is no other mode"
q8=$(bench --kv q8)
[ "$q8" != "$hash" ] && [ "$(field '["cache"]')" = q8 ] || fail "q8 is no other mode"
[ "$(bench --kv q8 --threads 1 --cpu plain)" = "$q8" ] || fail "logits over q8 differ"
expect 2 "$freehold" bench "$tiny" --kv q7; has err "expected f16, q8 or f32"
expect 0 "$freehold" bench "$tiny" --prompt 0 --decode 4 --runs 1; has out "decode"; lacks out "prefill"; has out "% of the bandwidth"
expect 2 "$freehold" bench "$tiny" --prompt 0 --decode 0
expect 2 "$freehold" bench "$tiny" --prompt 70000
