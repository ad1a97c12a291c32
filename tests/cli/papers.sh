# A folder of papers in, a question out, with the rows it was counted from; and what must be refused or named.
. "$(dirname "$0")/common.sh"

papers=samples/plant/papers
expect 0 "$freehold" ingest "$papers" --library plant; has out "merged by their key"
expect 0 "$freehold" ingest "$papers" --library plant --json
[ "$(field '["removed"]')" = 0 ] && [ "$(field '["files"][0]["status"]')" = unchanged ] || fail unchanged
[ "$(stat -c %a "$FREEHOLD_HOME/libraries/plant.sqlite")" = 600 ] || fail mode

conveyor="Based on all past logs, what's the most common point of failure for the Model X conveyor belt installed after 2018?"
expect 0 "$freehold" ask "$conveyor" --library plant --why; has out "sources:"; has out "installed from 2019-01-01"; has out "SELECT"
expect 0 "$freehold" ask "$conveyor" --library plant --json
expected=$(python3 -c 'import json; print(next(q["value"] for q in map(json.loads, open("samples/plant/questions.jsonl")) if "conveyor belt installed" in q["question"]))')
[ "$(field '["value"]')" = "$expected" ] || fail "conveyor: expected $expected"
expect 0 "$freehold" ask "$conveyor" --library plant --export "$folder/rows.csv"
python3 -c 'import csv, sys; rows = list(csv.DictReader(open(sys.argv[1]))); assert len(rows) > 5 and all(r["file"] and r["place"] and r["row"] for r in rows), rows' "$folder/rows.csv" || fail export
expect 0 "$freehold" ask "How many failures did BC-99 have?" --library plant --json
[ "$(field '["status"]')" = no_answer ] || fail "invented"

# A word for a kind of thing narrows to things of that kind; parts of a sum make up the whole.
expect 0 "$freehold" ask "How many pumps are there?" --library plant; has out "class is slurry pump"; has out "1 asset."
expect 0 "$freehold" ask "How many conveyors are there?" --library plant; has out "class is belt conveyor"; has out "9 assets."
expect 0 "$freehold" ask "total downtime of pumps in 2021" --library plant --json; whole=$(field '["value"]')
expect 0 "$freehold" ask "total downtime of pumps in 2021 by month" --library plant --json
[ "$(python3 -c 'import json, sys; print(sum(v for _, v in json.load(open(sys.argv[1]))["value"]))' "$folder/out")" = "$whole" ] || fail "pumps by month: not $whole"
expect 0 "$freehold" ask "total downtime by machine in 2021" --library plant; has out "By asset:"
expect 0 "$freehold" ask "average downtime of BC-02 in 2021" --library plant --json; one=$(field '["value"]')
expect 0 "$freehold" ask "average downtime by machine in 2021" --library plant --json
[ "$(python3 -c 'import json, sys; print(dict(json.load(open(sys.argv[1]))["value"])["BC-02"])' "$folder/out")" = "$one" ] || fail "mean of BC-02: not $one"

expect 5 "$freehold" ask "How many?" --library none; has err "no such library"
expect 2 "$freehold" ask "How many?" --library ../none
expect 5 "$freehold" ingest no/such/folder --library plant
expect 2 "$freehold" ask "$(printf '%5000s' x)" --library plant

# Forgotten for good: counts change, no byte is left, and the folder's copy is not read again.
mkdir "$folder/notes"
printf 'Pump,Day,Fitter\nPU-01,2020-01-02,Zyx Canaryman\nPU-02,2020-01-03,Tom Other\n' >"$folder/notes/rounds a.csv"
printf 'Pump,Day,Fitter\nPU-01,2020-02-02,Tom Other\nPU-02,2020-02-03,Tom Other\nPU-03,2020-02-04,Tom Other\n' >"$folder/notes/rounds b.csv"
expect 0 "$freehold" ingest "$folder/notes" --library rounds
expect 0 "$freehold" ask "How many rounds were there in 2020?" --library rounds --json
[ "$(field '["value"]')" = 5 ] || fail "rounds before"
grep -aq Canaryman "$FREEHOLD_HOME/libraries/rounds.sqlite" || fail "the canary was never there"
expect 0 "$freehold" library forget "rounds a.csv" --library rounds; has out ": 0 found"; lacks out "looked for: 0"
! grep -aq Canaryman "$FREEHOLD_HOME"/libraries/rounds.sqlite* || fail "the canary is left"
expect 0 "$freehold" ask "How many rounds were there in 2020?" --library rounds --json
[ "$(field '["value"]')" = 3 ] || fail "rounds after"
expect 0 "$freehold" ingest "$folder/notes" --library rounds; has out "was forgotten"
! grep -aq Canaryman "$FREEHOLD_HOME"/libraries/rounds.sqlite* || fail "the canary came back"
expect 3 "$freehold" library forget "rounds a.csv" --library rounds; has err "no such paper"
expect 0 "$freehold" ingest "$folder/notes" --library rounds --again; has out "1 files read"
expect 5 "$freehold" library forget x --library none

# Hostile papers: each is named, none is followed, the others are read.
mkdir "$folder/hostile"
printf 'Asset,Model\n=HYPERLINK("http://example.invalid"),"=1+1"\n@SUM(A1),x\n' >"$folder/hostile/formulas.csv"
ln -s /etc/passwd "$folder/hostile/link.txt"
mkfifo "$folder/hostile/pipe.csv"
printf 'PK\003\004 broken' >"$folder/hostile/broken.xlsx"
head -c 60000 /dev/zero | tr '\0' ',' >"$folder/hostile/wide.csv"
head -c 5000 /dev/urandom >"$folder/hostile/noise.txt"
python3 - "$folder/hostile" <<'END'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("xl/workbook.xml", b" " * 50_000_000)
with zipfile.ZipFile(sys.argv[1] + "/laughs.docx", "w") as z:
    z.writestr("word/document.xml", '<!DOCTYPE d [<!ENTITY a "ha">' + "".join(f'<!ENTITY b{i} "&{"a" if i == 0 else f"b{i-1}"};&{"a" if i == 0 else f"b{i-1}"};">' for i in range(40)) + "]><d>&b39;</d>")
open(sys.argv[1] + "/deep.json", "w").write("[" * 100_000)
END
expect 0 timeout 20 "$freehold" ingest "$folder/hostile" --library hostile
for name in link.txt pipe.csv broken.xlsx wide.csv noise.txt bomb.xlsx laughs.docx deep.json; do
  grep -q "^$name  not read: " "$folder/out" || { cat "$folder/out" >&2; fail "$name is not named"; }
done
lacks out "root:"; has out "1 files read"

head -c 4096 /dev/urandom >"$FREEHOLD_HOME/libraries/damaged.sqlite"
expect 6 "$freehold" ask "How many?" --library damaged
