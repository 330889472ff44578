#!/usr/bin/env bash
# tally.sh STATUS… -- LOG…: adds up what test runners said in their logs, and prints one plain closing line.
# A runner that failed without counting a failure counts as one. `skipped: WHAT: WHY` lines are counted and repeated.
set -uo pipefail
broken=0
while [ "$1" != -- ]; do [ "$1" -eq 0 ] || broken=$((broken + 1)); shift; done
shift
sum() { awk -v pattern="$1" '{ while (match($0, "[0-9]+ " pattern)) { n += substr($0, RSTART, RLENGTH) + 0; $0 = substr($0, RSTART + RLENGTH) } } END { print n + 0 }'; }
counts=$(grep -hE '^test result:|^[0-9]+ passed, [0-9]+ failed' "$@" || true)
passed=$(sum passed <<<"$counts")
failed=$(sum failed <<<"$counts")
[ "$broken" -gt 0 ] && [ "$failed" -eq 0 ] && failed=$broken
reasons=$(grep -hE '^skipped: ' "$@" | sort -u || true)
skipped=0
if [ -n "$reasons" ]; then
    skipped=$(wc -l <<<"$reasons")
    printf '%s\n' "$reasons"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$broken" -eq 0 ] && [ "$passed" -gt 0 ]
