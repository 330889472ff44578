#!/usr/bin/env bash
# What deny.toml says of everything that is built in: bans, licences, sources. Advisories change without us: `--advisories`
# asks for them too, over the network. Ends with `N passed, N failed, N skipped`.
set -uo pipefail
cd "$(dirname "$0")/.."
checks=(bans licenses sources)
[ "${1-}" != --advisories ] || checks+=(advisories)
tool=$(tests/tools/cargo.sh cargo-deny) || {
    echo 'skipped: cargo deny: it could not be built'
    echo '0 passed, 0 failed, 1 skipped'
    exit 0
}
failed=0
for check in "${checks[@]}"; do
    "${tool#* }" --locked --log-level error check "$check" || failed=$((failed + 1))
done
echo "$((${#checks[@]} - failed)) passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
