# Texts as tokens; special tokens in a text are text unless asked for; golden cases.
. "$(dirname "$0")/common.sh"

expect 0 "$freehold" tokenize "$tiny" "Hi ü" --ids; [ "$(cat "$folder/out")" = "72 105 32 195 188" ] || fail ids
expect 0 "$freehold" tokenize "$tiny" "a<|im_end|>"; has out '"<"'; has out "11 tokens"
expect 0 "$freehold" tokenize "$tiny" "a<|im_end|>" --specials; has out '258  "<|im_end|>"  special'; has out "2 tokens"
expect 0 "$freehold" tokenize "$tiny" "ab" --json; [ "$(field '["tokens"]')" = "[97, 98]" ] || fail json
printf 'from a pipe' | "$freehold" tokenize "$tiny" --ids >"$folder/out"; has out "102 114 111 109"

echo '{"id": "one", "text": "ab<|im_end|>", "ids": {"tiny": [97, 98, 258]}}' >"$folder/cases.jsonl"
expect 0 "$freehold" tokenize "$tiny" --cases "$folder/cases.jsonl" --key tiny; has out "1 cases as 'tiny', 0 failed"
echo '{"id": "two", "text": "ab", "ids": {"tiny": [97, 99]}}' >>"$folder/cases.jsonl"
expect 1 "$freehold" tokenize "$tiny" --cases "$folder/cases.jsonl" --key tiny; has out "two"; has err "check failed"
echo '{"id": ' >>"$folder/cases.jsonl"
expect 3 "$freehold" tokenize "$tiny" --cases "$folder/cases.jsonl" --key tiny
