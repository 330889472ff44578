#!/usr/bin/env bash
# The suite that uses the real tools: builds them if they are not there yet, then runs the e2e module of tests/it.
set -uo pipefail
cd "$(dirname "$0")/../.."
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
tests/tools/build.sh >"$log/tools"
case $? in
    0) ;;
    3) echo 'skipped: e2e: a language of the real tools is missing, see above' | tee "$log/e2e"; tests/tally.sh 0 -- "$log/e2e"; exit 0 ;;
    *) exit 1 ;;
esac
while read -r tool path; do
    case $tool in
        cosign) export GOLDSEAL_COSIGN=$path ;;
        registry) export GOLDSEAL_REGISTRY=$path ;;
        second-opinion) export GOLDSEAL_SECOND_OPINION=$path ;;
    esac
done <"$log/tools"
tests/cloud/venv.sh >/dev/null || exit 1
cargo test --locked -j"${JOBS:-2}" --test it e2e:: -- --show-output 2>&1 | tee "$log/e2e" |
    grep -vE '^(successes:|---- .* stdout ----|    [a-z_:0-9]+|)$'
exec tests/tally.sh "${PIPESTATUS[0]}" -- "$log/e2e"
