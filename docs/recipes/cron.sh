#!/bin/sh
# Exports what changed since the last run into a new file; everything at the first run.
#
#   0 * * * *  API=https://export.example.com/v1/integrations/mailchimp TOKEN_FILE=/run/secrets/token cron.sh /var/lib/members
set -eu
cd "${1:?is missing: the folder for the files}"

# As configuration on the standard input, because other users can see the arguments of a process.
request() {
  printf 'header = "Authorization: Bearer %s"\n' "$(cat "$TOKEN_FILE")"
  if [ -s cursor ]; then printf 'header = "Export-Cursor: %s"\n' "$(cat cursor)"; fi
}

# curl fails if the transfer breaks. Then the next run begins where this one did.
if ! request | curl -sS --fail-with-body --config - "$API/export?events=true" >members.part; then
  # The last line says why: it is the service's error, or the event line `error`.
  tail -n 1 members.part | grep -o '"detail":"[^"]*"' >&2 || true
  exit 1
fi
end=$(tail -n 1 members.part)
case $end in
'{"$export":"end","status":"complete"'*) ;;
'{"$export":"end","status":"short"'*)
  short=$(printf '%s\n' "$end" | grep -o '"id":"[^"]*","rows":[0-9]*,"short":true' | cut -d '"' -f 4)
  echo "Members may be missing, which the next run delivers, of the lists" $short >&2
  ;;
*) exit 1 ;;
esac

grep -v '^{"$export":' members.part >members.new || true
# The number of the process distinguishes two runs of one second.
mv members.new "members-$(date -u +%Y%m%dT%H%M%SZ)-$$.ndjson"
# Last, so that a crash before this line repeats members instead of losing them.
printf '%s\n' "$end" | sed 's/.*"cursor":"\([^"]*\)".*/\1/' >cursor.new
mv cursor.new cursor
rm members.part
