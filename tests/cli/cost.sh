# What use costs: a machine beside APIs; wrong files. Usage: cost.sh FREEHOLD TINY_MODEL.
. "$(dirname "$0")/common.sh"

machine() { cat >"$folder/machine.json" <<END
{"name": "workstation", "currency": "EUR", "price": $1, "months": 48, "upkeep_per_month": 10, "watts_idle": 60, "watts_busy": 260,
 "per_kwh": 0.30, "prompt_tokens_per_second": 500, "output_tokens_per_second": 50}
END
}
cat >"$folder/apis.json" <<'END'
{"currency": "EUR", "models": [{"name": "dear", "per_million_prompt": 3, "per_million_output": 15},
                               {"name": "cheap", "per_million_prompt": 0.1, "per_million_cached": 0.01, "per_million_output": 0.2}]}
END
plan=("$freehold" cost plan --machine "$folder/machine.json" --apis "$folder/apis.json")

# 50 a month for the machine, 10 upkeep, 60 W through 730.5 h at 0.30: 13.149. Use: 100e6/500 + 10e6/50 s at 200 W.
machine 2400
expect 0 "${plan[@]}" --prompt-tokens 100e6 --output-tokens 10e6 --json
python3 - "$folder/out" <<'END'
import json, sys
plan = json.load(open(sys.argv[1]))
near = lambda a, b: abs(a - b) < 1e-6 * abs(b)
assert near(plan["fixed"], 50 + 10 + 0.06 * 730.5 * 0.30), plan
assert near(plan["busy_share"], (100e6 / 500 + 10e6 / 50) / (730.5 * 3600)), plan
dear, cheap = plan["apis"]
use = (100e6 / 500 + 10e6 / 50) * 200 / 3.6e6 * 0.30
assert near(dear["own_cost"], plan["fixed"] + use) and near(dear["api_cost"], 450), dear
assert dear["cheaper"] == "own" and near(dear["break_even_factor"], plan["fixed"] / (450 - use)), dear
assert near(cheap["api_cost"], 12) and cheap["cheaper"] == "api", cheap
assert near(cheap["break_even_factor"], plan["fixed"] / (12 - use)) and cheap["within_capacity"] is False, cheap
END
expect 0 "${plan[@]}" --prompt-tokens 100e6 --output-tokens 10e6
has out "the machine is cheaper"
has out "the API is cheaper; they are even at"
expect 0 "${plan[@]}" --prompt-tokens 100e6 --cached-tokens 90e6 --output-tokens 1e3
has out "the API is cheaper"
expect 0 "${plan[@]}" --prompt-tokens 1e12 --output-tokens 1
has out "the machine cannot do that"

expect 2 "${plan[@]}"
has err "expected --month of the ledger"
expect 2 "${plan[@]}" --prompt-tokens 1 --cached-tokens 2
expect 2 "${plan[@]}" --month 2026-11 --prompt-tokens 1
expect 5 "${plan[@]}" --month 2026-11
sed -i 's/"EUR"/"USD"/' "$folder/apis.json"
expect 3 "${plan[@]}" --prompt-tokens 1
has err "prices are in USD"
for bad in '' '[]' '{}' '{"currency": "EUR", "models": []}' '{"currency": "EUR", "models": [1]}' \
  '{"currency": "EUR", "models": [{"name": "x", "per_million_prompt": -1}]}' '{"currency": "EUR", "models": [{"name": "x", "more": 1}]}'; do
  echo "$bad" >"$folder/apis.json"
  expect 3 "${plan[@]}" --prompt-tokens 1
done
machine '"much"'
expect 3 "${plan[@]}" --prompt-tokens 1
has err "machine.json: price"
expect 5 "$freehold" usage
has err "there is no ledger"
