# Sourced by the scripts: $freehold, $tiny, a folder of their own, and words to check with.
set -euo pipefail
freehold=$1 tiny=${2:-}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export FREEHOLD_HOME=$folder/home NO_COLOR=1

fail() { echo "FAILED: $*" >&2; exit 1; }
# expect CODE COMMAND...: runs it; its output is in $folder/out and $folder/err.
expect() {
  local code=$1 found=0
  shift
  "$@" >"$folder/out" 2>"$folder/err" </dev/null || found=$?
  [ "$found" = "$code" ] || { cat "$folder/err" >&2; fail "$*: exit $found, expected $code"; }
}
# has FILE TEXT / lacks FILE TEXT: in $folder.
has() { grep -qF -- "$2" "$folder/$1" || { cat "$folder/$1" >&2; fail "no '$2' in $1"; }; }
lacks() { if grep -qF -- "$2" "$folder/$1"; then cat "$folder/$1" >&2; fail "'$2' in $1"; fi; }
# field NAME: of the JSON object in $folder/out.
field() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))'"$1"')' "$folder/out"; }
