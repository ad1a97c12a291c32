# Keys: made, shown once, listed, revoked; wrong words. Usage: keys.sh FREEHOLD TINY_MODEL.
. "$(dirname "$0")/common.sh"

expect 0 "$freehold" keys list
has out "no keys"
expect 0 "$freehold" keys add "front desk" --department reception --scopes inference,papers --models a,b --json
secret=$(field '["key"]') id=$(field '["id"]')
[ ${#secret} = 67 ] || fail "the key is '$secret'"
[ "$(stat -c %a "$FREEHOLD_HOME/keys.json")" = 600 ] || fail "others can read the keys"
! grep -rqF -- "${secret#fh-}" "$FREEHOLD_HOME" || fail "the key is kept"
expect 0 "$freehold" keys list
has out "$id"
has out "inference,papers"
lacks out "${secret#fh-}"
expect 0 "$freehold" keys list --json
[ "$(field '["keys"][0]["models"]')" = "['a', 'b']" ] || fail "models"

expect 2 "$freehold" keys add "front desk"
has err "there is a valid key"
expect 2 "$freehold" keys add x --scopes everything
has err "expected inference, metrics, admin or papers"
expect 2 "$freehold" keys add "a,b"
expect 2 "$freehold" keys add ""
expect 2 "$freehold" keys add x --requests-per-minute -1
expect 2 "$freehold" keys add
expect 2 "$freehold" keys
expect 2 "$freehold" keys revoke nobody
has err "no valid key"

expect 0 "$freehold" keys revoke "$id"
expect 0 "$freehold" keys list
has out revoked
expect 2 "$freehold" keys revoke "$id"
expect 0 "$freehold" keys add "front desk"  # the name is free again

# Many at once: none is lost.
for i in 1 2 3 4 5 6 7 8; do "$freehold" keys add "k$i" >/dev/null & done
wait
expect 0 "$freehold" keys list --json
[ "$(field '["keys"].__len__()')" = 10 ] || fail "keys were lost"

echo '{' >"$FREEHOLD_HOME/keys.json"
expect 3 "$freehold" keys list
expect 3 "$freehold" serve "$tiny" --port 0
has err "keys.json"
