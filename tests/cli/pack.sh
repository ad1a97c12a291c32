# Packed files: made when asked for, used from then on, the same logits; stale, damaged, foreign and half ones refused.
. "$(dirname "$0")/common.sh"

model=$folder/tiny.gguf
cp "$tiny" "$model"
bench() { expect 0 "$freehold" bench "$model" --prompt 32 --decode 4 --runs 1 --json "$@"; field '["logits_hash"]'; }
hash=$(bench)
exact=$(bench --exact)
[ "$(field '["packed_file"]')" = False ] || fail "a packed file that nobody made"
expect 5 "$freehold" pack "$model" --remove; has err "no packed file"

expect 0 "$freehold" pack "$model"; has out ".fhpack"
pack=$(ls "$FREEHOLD_HOME"/packed/*.fhpack)
[ "$(bench)" = "$hash" ] || fail "other logits"
[ "$(field '["packed_file"]')" = True ] || fail "not used"
[ "$(bench --exact)" = "$exact" ] || fail "other exact logits"
[ "$(bench --threads 1 --cpu plain)" = "$hash" ] || fail "other logits with plain kernels"
[ ! -s "$folder/err" ] || fail "a note where all is well"

# refused WORD: the file is named with the reason, and the answer is as before.
refused() { [ "$(bench)" = "$hash" ] || fail "$1: other logits"; has err "note: "; has err "$1"; has err "in memory"; [ "$(field '["packed_file"]')" = False ]; }
cp "$pack" "$folder/whole"
touch -d '2001-01-01' "$model"; refused "stale"
expect 0 "$freehold" pack "$model" --json; [ "$(bench)" = "$hash" ] && [ ! -s "$folder/err" ] || fail "packed anew"
cp "$pack" "$folder/whole"
head -c -1 "$folder/whole" >"$pack"; refused "cut off"
: >"$pack"; refused "magic"
cp "$tiny" "$pack"; refused "expected a packed file"
cp "$folder/whole" "$pack"; printf X | dd of="$pack" bs=1 seek=100 conv=notrunc status=none; refused "checksum of its header"
cp "$folder/whole" "$pack"; printf XYZ | dd of="$pack" bs=1 seek=2097200 conv=notrunc status=none; refused "checksum of matrix"
rm "$pack"; mkdir "$pack"; refused "a folder"; rmdir "$pack"

# A limit stands for a full disk: nothing is left behind, the old file stays.
cp "$folder/whole" "$pack"
(ulimit -f 100; expect 4 "$freehold" pack "$model"; has err "resources: $(basename "$pack")")
cmp -s "$folder/whole" "$pack" || fail "the old file has changed"
[ "$(ls "$FREEHOLD_HOME/packed" | wc -l)" = 1 ] || fail "left behind: $(ls "$FREEHOLD_HOME/packed")"
# Two packing at once: one of them says so, or both come one after the other; the file is whole.
"$freehold" pack "$model" >/dev/null 2>&1 & "$freehold" pack "$model" >/dev/null 2>&1 || true
wait
[ "$(bench)" = "$hash" ] && [ ! -s "$folder/err" ] || fail "after two at once"

# A dense model needs all of its weights for every token.
[ "$(bench --memory 1G)" = "$hash" ] || fail "room enough"
expect 4 "$freehold" bench "$model" --memory 100K; has err "every token reads them all"
expect 2 "$freehold" bench "$model" --memory much
expect 0 "$freehold" pack "$model" --remove; has out removed
expect 4 "$freehold" bench "$model" --memory 100K; has err "freehold pack makes one"
[ "$(bench)" = "$hash" ] && [ "$(field '["packed_file"]')" = False ] || fail removed
expect 5 "$freehold" pack "$folder/nothing.gguf"
