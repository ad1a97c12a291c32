# One line on standard error, the class and the exit code of docs/errors.md, and JSON when asked for.
. "$(dirname "$0")/common.sh"

one_line() { [ "$(wc -l <"$folder/err")" = 1 ] && has err "freehold: error: $1: "; }
expect 0 "$freehold" --help; has out "freehold pull"
for command in run inspect tokenize bench ingest ask library; do expect 0 "$freehold" $command --help; has out "examples:"; done
expect 0 "$freehold" --version; has out "avx2"
expect 0 "$freehold" --limits --json; [ "$(field '["gguf_keys"]')" = 65536 ] || fail limits
expect 2 "$freehold" frobnicate; one_line usage
expect 2 "$freehold" run; one_line usage
expect 2 "$freehold" run "$tiny"; one_line usage
expect 2 "$freehold" run "$tiny" hi --temperature -1; one_line usage; has err "temperature: expected"
expect 2 "$freehold" run "$tiny" hi --logit-bias 7; one_line usage
expect 2 "$freehold" run "$tiny" hi --cpu neon; one_line usage
expect 2 "$freehold" run "$tiny" hi --think on; one_line usage; has err "does not let thinking be switched"
expect 2 "$freehold" run "$tiny" hi --effort high; one_line usage
expect 2 "$freehold" run "$tiny" hi --effort hard; one_line usage
expect 2 "$freehold" run "$tiny" hi --context 65537; one_line usage; has err 65536
expect 3 "$freehold" run "$0" hi; one_line malformed
expect 4 "$freehold" run "$tiny" "$(printf '%600s' x)" --context 512; one_line resources; has err "619 tokens"
expect 5 "$freehold" run no-such-model hi; one_line io; has err "freehold pull no-such-model"
expect 5 "$freehold" run no/such/file.gguf hi; one_line io
expect 5 "$freehold" inspect missing.gguf --json
[ "$(field '["error"]["exit"]')" = 5 ] && [ "$(field '["error"]["class"]')" = io ] || fail json
mkdir -p "$FREEHOLD_HOME/models" && cp "$tiny" "$FREEHOLD_HOME/models/tiny.gguf"
expect 0 "$freehold" inspect tiny
