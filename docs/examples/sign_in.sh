#!/bin/bash
# Signs in at a running sandbox with curl and a soft card, as a browser and a relying party would, and prints the tokens.
# From the environment, when they are not the defaults: HUB, CARD, PIN, MUSUBI_DATA_FOLDER.
set -euo pipefail
cd "$(dirname "$0")/../.."

hub=${HUB:-http://localhost:3000} card=${CARD:-taro} back=http://localhost:5005/callback jar=$(mktemp)
visit() { curl -sSL -b "$jar" -c "$jar" "$@"; }
field() { sed -n "s/.* name=\"$1\" value=\"\([^\"]*\)\".*/\1/p" <<<"$page" | uniq; }
action() { sed -n "s/.* action=\"\([^\"]*\/$1\)\".*/\1/p" <<<"$page"; }
json() { node -p "JSON.parse(require('fs').readFileSync(0))['$1']"; }

# Register a relying party. Its redirect address need not exist: the code is read from where the hub sends the browser.
client=$(npx musubi client add - <<<"{\"redirect_uris\":[\"$back\"],\"scope\":\"openid card_status\"}")
id=$(json client_id <<<"$client") secret=$(json client_secret <<<"$client")
# Ask for a sign-in (PKCE, RFC 7636), sign the page's challenge with the card, agree to what the relying party asks for.
verifier=$(node -p "crypto.randomBytes(32).toString('base64url')")
challenge=$(node -p "crypto.createHash('sha256').update('$verifier').digest('base64url')")
page=$(visit "$hub/authorize?response_type=code&scope=openid+card_status&client_id=$id&redirect_uri=$back&code_challenge=$challenge&code_challenge_method=S256")
token=$(MUSUBI_CARD_PIN=${PIN:-1234} npx musubi card sign --card "$card" --origin "$hub" --nonce "$(field nonce)")
page=$(visit "$hub$(action sign-in)" -d "csrf=$(field csrf)" --data-urlencode "nonce=$(field nonce)" --data-urlencode "token=$token")
answer=$(visit -o /dev/null -w '%{url_effective}' "$hub$(action consent)" -d "csrf=$(field csrf)" -d claims=card_status -d decision=agree 2>/dev/null || true)
# Spend the code (one minute, once) for tokens, and ask what was agreed to.
code=$(sed -n 's/.*[?&]code=\([^&]*\).*/\1/p' <<<"$answer")
if [ -z "$code" ]; then
  sed -n '/banner-title/{s/.*"banner-title">\([^<]*\)<.*/The hub says: \1/p;q}' <<<"$page" >&2
  exit 1
fi
tokens=$(curl -sS -u "$id:$secret" "$hub/token" -d grant_type=authorization_code -d "code=$code" -d "redirect_uri=$back" -d "code_verifier=$verifier")
echo "$tokens"
curl -sS "$hub/userinfo" -H "Authorization: Bearer $(json access_token <<<"$tokens")"
