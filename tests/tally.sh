#!/usr/bin/env bash
# tally.sh [--suites] STATUS… -- LOG…: adds up what was said in logs, and prints one plain closing line.
# Of runners (cargo test, check.sh) it reads their own closing lines; with --suites, the closing lines of this script.
# As many failed as were counted, and at least as many as there are runners that failed. `skipped: WHAT: WHY` lines are counted and repeated.
set -uo pipefail
closing='^test result:|^[0-9]+ passed, [0-9]+ failed$'
if [ "$1" = --suites ]; then closing='^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$'; shift; fi
broken=0
while [ "$1" != -- ]; do [ "$1" -eq 0 ] || broken=$((broken + 1)); shift; done
shift
sum() { awk -v pattern="$1" '{ while (match($0, "[0-9]+ " pattern)) { n += substr($0, RSTART, RLENGTH) + 0; $0 = substr($0, RSTART + RLENGTH) } } END { print n + 0 }'; }
counts=$(grep -hE "$closing" "$@" || true)
passed=$(sum passed <<<"$counts")
failed=$(sum failed <<<"$counts")
[ "$broken" -le "$failed" ] || failed=$broken
reasons=$(grep -hE '^skipped: ' "$@" | sort -u || true)
skipped=0
if [ -n "$reasons" ]; then
    skipped=$(wc -l <<<"$reasons")
    printf '%s\n' "$reasons"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$broken" -eq 0 ] && [ "$passed" -gt 0 ]
