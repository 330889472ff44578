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
    # packer-plugin-amazon is GOLDSEAL_PACKER_PLUGIN_AMAZON.
    tool=${tool^^}
    export "GOLDSEAL_${tool//-/_}=$path"
done <"$log/tools"
# Packer looks for its plugins in a folder of a form of its own.
export GOLDSEAL_PACKER_PLUGINS=$log/plugins
CHECKPOINT_DISABLE=1 PACKER_CONFIG_DIR=$log PACKER_PLUGIN_PATH=$log/plugins "$GOLDSEAL_PACKER" plugins install \
    --path "$GOLDSEAL_PACKER_PLUGIN_AMAZON" github.com/hashicorp/amazon >"$log/plugin" 2>&1 || { cat "$log/plugin" >&2; exit 1; }
# What needs it says that it was skipped.
root=$(tests/tools/debian-root.sh)
case $? in
    0) export GOLDSEAL_DEBIAN_ROOT=$root ;;
    3) ;;
    *) exit 1 ;;
esac
tests/cloud/venv.sh >/dev/null || exit 1
cargo test --locked -j"${JOBS:-2}" --test it e2e:: -- --show-output 2>&1 | tee "$log/e2e" |
    grep -vE '^(successes:|---- .* stdout ----|    [a-z_:0-9]+|)$'
exec tests/tally.sh "${PIPESTATUS[0]}" -- "$log/e2e"
