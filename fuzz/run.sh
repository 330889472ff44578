#!/usr/bin/env bash
# run.sh smoke|long [TARGET…]: builds the fuzz targets and runs them, two at a time, from copies of their seeds.
# smoke: some seconds a target, the same inputs each time. long: ten minutes. SECONDS_EACH says otherwise; SANITIZER=address
# looks into C as well.
# What broke a target is left in fuzz/artifacts/TARGET. Ends with `N passed, N failed, N skipped`.
set -uo pipefail
cd "$(dirname "$0")/.."
case ${1-} in
    smoke) each=${SECONDS_EACH:-3} seed=1 ;;
    long) each=${SECONDS_EACH:-600} seed=0 ;;
    *) echo 'usage: run.sh smoke|long [TARGET…]' >&2; exit 2 ;;
esac
shift
[ $# -gt 0 ] || set -- $(ls fuzz/corpus)
for target; do
    [ -f "fuzz/targets/$target.rs" ] || { echo "fuzz: there is no target $target, see fuzz/targets" >&2; exit 2; }
done
skip() { echo "skipped: fuzz: $1"; echo '0 passed, 0 failed, 1 skipped'; exit 0; }

triple=$(rustc -vV | sed -n 's/^host: //p')
# The rest of goldseal is built by the stable compiler; libFuzzer's hooks are the nightly one's.
nightly=${NIGHTLY:-nightly}
rustup run "$nightly" rustc --version >/dev/null 2>&1 ||
    rustup toolchain install "$nightly" --profile minimal >/dev/null 2>&1 ||
    skip "there is no nightly compiler, and none could be installed; the seeds were run by the tests of the core"
fuzz=$(tests/tools/cargo.sh cargo-fuzz) || skip 'cargo-fuzz could not be built'

cache=${XDG_CACHE_HOME:-$HOME/.cache}/goldseal
export CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$cache/fuzz-target} CARGO_INCREMENTAL=0
fuzz=${fuzz#* }
export PATH=${fuzz%/*}:$PATH
cargo "+$nightly" fuzz build --sanitizer "${SANITIZER:-none}" ||
    { echo '0 passed, 1 failed, 0 skipped'; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
one() { # TARGET SECONDS BINARY WORK SEED
    mkdir -p "$4/$1/found" "fuzz/artifacts/$1"
    "$3" -seed="$5" -max_total_time="$2" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="fuzz/artifacts/$1/" "$4/$1/found" "fuzz/corpus/$1" >"$4/$1/log" 2>&1
    local status=$? runs
    # One that runs nothing holds nothing.
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$4/$1/log")
    [ "${runs:-0}" -gt 0 ] || [ "$status" -ne 0 ] || status=1
    echo "$1 $status ${runs:-0} $(ls "$4/$1/found" | wc -l)" >"$4/$1/result"
    if [ "$status" -eq 0 ]; then
        printf '%-18s %9d runs, %4d inputs beside the seeds\n' "$1" "${runs:-0}" "$(ls "$4/$1/found" | wc -l)"
    else
        printf '%-18s FAILED, see fuzz/artifacts/%s\n' "$1" "$1"
        grep -vE '^(#|INFO|stat::)' "$4/$1/log" | tail -n 25
    fi
}
export -f one
printf '%s\n' "$@" | xargs -P "${JOBS:-2}" -I{} bash -c 'one "$@"' _ {} "$each" "$CARGO_TARGET_DIR/$triple/release/{}" "$work" "$seed"
find fuzz/artifacts -type d -empty -delete 2>/dev/null

[ -z "${KEEP_FOUND-}" ] || cp -r "$work/." "$KEEP_FOUND"
# A target that left no result failed too.
cat "$work"/*/result | awk -v targets=$# '
    { if ($2 == 0) passed++; runs += $3 }
    END { failed = targets - passed; printf "%d runs\n%d passed, %d failed, 0 skipped\n", runs, passed, failed; exit failed > 0 }'
