#!/bin/sh
# The command in a cron job: a whole export on Sundays, because increments cannot see members who were deleted for good, and what
# changed since on other days. A run that failed is resumed by the next one.
#
#   15 2 * * *  MAILCHIMP_EXPORT_URL=https://export.example.com nightly.sh /var/lib/members /run/secrets/token
set -eu
cd "$1"

since='--since last'
if [ "$(date +%u)" = 7 ]; then since=; fi
# Not quoted, because nothing must be no argument.
mailchimp-export pull --out contacts.ndjson $since --resume --token-file "$2"
