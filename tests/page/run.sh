#!/usr/bin/env bash
# The HTML page of an audit in headless Chromium: run.sh [PICTURES], a directory for screenshots.
set -uo pipefail
cd "$(dirname "$0")/../.."
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

skip() { echo "skipped: the page in a browser: $1"; echo '0 passed, 0 failed, 1 skipped'; exit 0; }
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)} ||
    skip 'there is no Chromium (Debian: apt-get install chromium), and $CHROMIUM names none'
export CHROMIUM
tests/tools/build.sh page >"$log/tool"
case $? in
    0) read -r _ tool <"$log/tool" ;;
    3) skip 'Node or npm is missing' ;;
    *) exit 1 ;;
esac

cargo build --locked -j"${JOBS:-2}" --test it || exit 1
fleet() { cargo run --quiet --locked -j"${JOBS:-2}" -p goldseal-core --features testing --example fleet -- "$1" >"$log/$1.json"; }
target=${CARGO_TARGET_DIR:-target}
for size in 10000 100000 hostile 0; do
    fleet $size && "$target/debug/goldseal" audit render "$log/$size.json" --output html >"$log/$size.html" || exit 1
done
node "$tool" "$log/10000.html" "$log/100000.html" "$log/hostile.html" "$log/0.html" ${1:+"$1"} | tee "$log/said"
status=${PIPESTATUS[0]}
passed=$(grep -c '^ok: ' "$log/said")
failed=$(grep -c '^not ok: ' "$log/said")
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
