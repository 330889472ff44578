#!/usr/bin/env bash
# What no compiler checks: file sizes, names that say nothing, paths of a machine, what must be equal, workflows.
set -uo pipefail
cd "$(dirname "$0")/.."
bad=0
complain() { echo "$1" >&2; bad=1; }
while read -r file; do
    lines=$(wc -l <"$file")
    [ "$lines" -le 600 ] || complain "$file: $lines lines; 600 is the limit"
    case "$(basename "$file")" in
        util*.* | helper*.* | manager*.* | common*.*) complain "$file: a name that says nothing" ;;
    esac
done < <(git ls-files -co --exclude-standard '*.rs' '*.py' '*.sh')
if git grep -nE '(/home/|/root/)[a-z]' -- ':!tests/lint.sh' ':!tests/vectors' ':!tests/fixtures' >&2; then
    complain 'paths of a machine, see above'
fi
for manifest in fuzz/Cargo.toml; do
    for key in rust-version edition; do
        [ "$(grep "^$key" "$manifest")" = "$(grep -m1 "^$key" Cargo.toml)" ] || complain "$manifest: another $key than Cargo.toml"
    done
done
# Pins are what they say: forty digits, and the version beside them.
if grep -nE 'uses:' .github/workflows/*.yml | grep -vE '@[0-9a-f]{40} # v[0-9.]+$' >&2; then
    complain 'actions that are not pinned by commit, see above'
fi
if command -v go >/dev/null && actionlint=$(tests/tools/build.sh actionlint 2>/dev/null); then
    "${actionlint#* }" .github/workflows/*.yml packaging/pipelines/github-actions.yml >&2 || complain 'workflows, see above'
fi
exit $bad
