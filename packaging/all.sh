#!/usr/bin/env bash
# all.sh [EXECUTABLE…]: everything of a release, in target/package: for each architecture the executable, .deb, .rpm and the
# Lambda zip; one SBOM; SHA256SUMS and its seal. Without executables it builds the portable ones. The first must run on this machine: it
# writes completions and manual pages for all.
# GOLDSEAL_RELEASE_KEY (awskms:///…) seals SHA256SUMS; GOLDSEAL_DANGEROUS_RELEASE_KEY_FILE does so where there is no KMS.
# Exit: 0 all there but what is said to be skipped, 1 something failed, 3 no executable could be built.
set -euo pipefail
cd "$(dirname "$0")/.."
out=target/package
rm -rf "$out"
mkdir -p "$out"

executables=("$@")
if [ $# -eq 0 ]; then
    for arch in x86_64 aarch64; do
        status=0
        built=$(packaging/build-portable.sh "$arch") || status=$?
        case $status in
            0) executables+=("$built") ;;
            3) echo "skipped: $arch: its tools are missing, see above" ;;
            *) exit 1 ;;
        esac
    done
    [ ${#executables[@]} -gt 0 ] || exit 3
fi

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
for executable in "${executables[@]}"; do
    arch=$(python3 packaging/executable.py machine "$executable")
    install -m 0755 "$executable" "$out/goldseal-$arch"
    packaging/package.py "$executable" --pages-from "${executables[0]}" --out "$out"
    packaging/lambda/zip.py "$executable" "$out/goldseal-lambda-$arch.zip"
done

# What goldseal is made of, by the lock file, with what its tests use: crates leave no trace in a stripped executable.
if syft=$(tests/tools/build.sh syft | sed -n 's/^syft //p') && [ -n "$syft" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cp Cargo.lock "$work"
    version=$("${executables[0]}" --version | cut -d' ' -f2)
    SYFT_CHECK_FOR_APP_UPDATE=false "$syft" scan "dir:$work" --source-name goldseal --source-version "$version" \
        -o "spdx-json=$out/goldseal.spdx.json" --quiet
    echo "$out/goldseal.spdx.json"
else
    echo 'skipped: sbom: Syft could not be built (make tools)'
fi

(cd "$out" && sha256sum -- * >../SHA256SUMS && mv ../SHA256SUMS .)
echo "$out/SHA256SUMS"

if [ -n "${GOLDSEAL_RELEASE_KEY-}" ]; then
    key=(--key "$GOLDSEAL_RELEASE_KEY")
elif [ -n "${GOLDSEAL_DANGEROUS_RELEASE_KEY_FILE-}" ]; then
    key=(--dangerous-local-key "$GOLDSEAL_DANGEROUS_RELEASE_KEY_FILE")
else
    echo 'skipped: seal: GOLDSEAL_RELEASE_KEY names no key'
    exit
fi
"${executables[0]}" release "$out/SHA256SUMS" "${key[@]}" --out "$out/SHA256SUMS.sigstore.json"
echo "$out/SHA256SUMS.sigstore.json"
