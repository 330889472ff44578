#!/usr/bin/env bash
# run.sh shard K/N: one of N parts of all mutants of what decides; FILES='a.rs b.rs' takes files of src/core instead.
# run.sh at-once [PATTERN…]: all of them in one build (at_once.py), those of files whose path has a pattern; goes on where it
# was stopped. Fails where one lives on that survivors.tsv does not explain.
# run.sh changed: mutants of what was changed since BASE (default: where this branch left origin/main), for at most
# MINUTES (default 5). What lives on is named in a `skipped:` line: kill it by a test, or explain it in survivors.tsv.
# Ends with `N passed, N failed, N skipped`; shards and what was changed leave their results in target/mutants/.
set -uo pipefail
cd "$(dirname "$0")/../.."
skip() { echo "skipped: mutants: $1"; echo '0 passed, 0 failed, 1 skipped'; exit 0; }
broken() { echo "mutants: $1" >&2; echo '0 passed, 1 failed, 0 skipped'; exit 1; }
usage() { echo 'usage: run.sh shard K/N | at-once [PATTERN…] | changed' >&2; exit 2; }
case ${1-} in
    shard) [ $# -eq 2 ] || { [ $# -eq 1 ] && [ -n "${FILES-}" ]; } || usage ;;
    at-once) ;;
    changed) [ $# -eq 1 ] || usage ;;
    *) usage ;;
esac
tool=$(tests/tools/cargo.sh cargo-mutants) || skip 'cargo-mutants could not be built'
export PATH=$(dirname "${tool#* }"):$PATH
cache=${XDG_CACHE_HOME:-$HOME/.cache}/goldseal
# Mutants are built one after the other, each a little different: of its own directory, and incremental.
export CARGO_TARGET_DIR=${MUTANTS_TARGET_DIR:-$cache/mutants-target} CARGO_INCREMENTAL=1 CARGO_PROFILE_DEV_DEBUG=0
export PROPTEST_CASES=${PROPTEST_CASES:-32} PROPTEST_FAILURE_PERSISTENCE=off RUST_BACKTRACE=0
out=target/mutants
rm -rf "$out/mutants.out"
mkdir -p "$out"
# What lives on and is not explained: FILE<TAB>WORDS<TAB>WHY, whatever the line.
unexplained() {
    awk -F'\t' 'FILENAME != "-" { if (!/^#/) why[$1 ": " $2]; next } { name = $0; sub(/:[0-9]+:[0-9]+: /, ": ", name) } !(name in why)' \
        tests/mutants/survivors.tsv -
}
options=(--package goldseal-core --output "$out" --colors never)

case ${1-} in
    shard)
        for file in ${FILES-}; do options+=(--file "src/core/$file"); done
        [ $# -eq 1 ] || options+=(--shard "$2")
        nice -n 19 cargo mutants "${options[@]}"
        status=$?
        ;;
    at-once)
        shift
        python=$(tests/cloud/venv.sh tests/mutants) || skip 'there is no Python with venv'
        # One tree for all checkouts, with what came of it.
        tree=$cache/mutants-tree results=$cache/mutants-results.tsv head=$(git rev-parse HEAD)
        exec 9>"$tree.lock"
        flock --nonblock 9 || broken 'another run is at it'
        export CARGO_INCREMENTAL=0
        if [ "$(cat "$tree/built" 2>/dev/null)" != "$head" ]; then
            rm -rf "$tree" "$results"
            git clone --quiet . "$tree"
            cargo mutants --list --json --package goldseal-core >"$out/list.json" &&
                "$python" tests/mutants/at_once.py build --list "$out/list.json" --tree "$tree" &&
                echo "$head" >"$tree/built" || broken 'not built, see above'
        fi
        for which in '' '--slow tests/mutants/survivors.tsv'; do
            nice -n 19 "$python" tests/mutants/at_once.py run $which --tree "$tree" --results "$results" "$@" || broken 'not run, see above'
        done
        # The last word on each.
        awk -F'\t' '{ what[$2] = $1 } END { for (one in what) print what[one] "\t" one }' "$results" | sort -t$'\t' -k1,1 -k2,2V >"$out/last.tsv"
        echo "in $out/last.tsv:"
        cut -f1 "$out/last.tsv" | sort | uniq -c
        caught=$(grep -cE '^(caught|timeout)' "$out/last.tsv")
        lives=$(grep -E '^(missed|unreached)' "$out/last.tsv" | cut -f2 | unexplained)
        [ -z "$lives" ] || printf 'lives on, unexplained: %s\n' "$lives"
        strange=$(grep -c . <<<"$lives")
        echo "$caught passed, $strange failed, 0 skipped"
        [ "$strange" -eq 0 ]
        exit
        ;;
    changed)
        head=$(git rev-parse HEAD)
        base=${BASE:-$(git merge-base HEAD origin/main 2>/dev/null || true)}
        # A clone of what is to land is level with its own main: the last commits stand for what changed.
        [ -n "$base" ] && [ "$base" != "$head" ] || base=$(git rev-list --max-count=20 HEAD | tail -n1)
        git diff "$base" HEAD -- src/core ':!src/core/**/tests.rs' ':!src/core/**/tests/**' >"$out/changed.diff" ||
            broken "there is no $base to compare with"
        [ -s "$out/changed.diff" ] || skip 'nothing that decides was changed'
        timeout --signal=INT "$((${MINUTES:-5} * 60))" cargo mutants "${options[@]}" --shuffle --baseline skip --timeout 240 --in-diff "$out/changed.diff"
        status=$?
        ;;
esac

result=$out/mutants.out
count() { cat "$@" 2>/dev/null | wc -l; }
caught=$(count "$result/caught.txt" "$result/timeout.txt")
if [ ! -f "$result/missed.txt" ]; then
    [ "$status" -ne 0 ] || skip 'nothing in the change can be changed that way'
    broken 'cargo-mutants left no result, see above'
fi
lived=$(count "$result/missed.txt") strange=$(unexplained <"$result/missed.txt" | wc -l)
unexplained <"$result/missed.txt" | sed 's/^/skipped: mutants: lives on: /'
tried=$((caught + lived + $(count "$result/unviable.txt"))) all=$(grep -c '^ *"name":' "$result/mutants.json")
echo "mutants: $tried of $all tried: $caught caught, $lived live on, $strange of them unexplained, the others do not compile"
# 0: all caught, 2: some live on, 3: some ran out of time; a baseline that fails or a usage that is wrong is an error.
case $status in 0 | 2 | 3 | 124 | 130) failed=0 ;; *) failed=1 ;; esac
[ "$tried" -gt 0 ] || [ "$failed" -ne 0 ] || skip 'there was no time to try one'
echo "$caught passed, $failed failed, $strange skipped"
exit "$failed"
