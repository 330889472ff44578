#!/usr/bin/env bash
# all.sh [EXECUTABLE…]: everything of a release, in target/package: for each architecture the executable, .deb, .rpm and the
# Lambda zip; one SBOM; SHA256SUMS and its seal. Without executables it builds the portable ones. The first must run on this machine: it
# writes completions and manual pages for all.
# GOLDSEAL_RELEASE_KEY (awskms:///…) seals SHA256SUMS; GOLDSEAL_DANGEROUS_RELEASE_KEY_FILE does so where there is no KMS.
# Exit: 0 all there but what is said to be skipped, 1 something failed, 3 no executable could be built.
set -euo pipefail
# Relative to where the caller is.
executables=()
for executable; do
    [ -f "$executable" ] && [ -x "$executable" ] ||
        { echo "all: $executable is no executable; usage: packaging/all.sh [EXECUTABLE…]" >&2; exit 2; }
    executables+=("$(realpath "$executable")")
done
cd "$(dirname "$0")/.."

if [ ${#executables[@]} -eq 0 ]; then
    # What runs on this machine first.
    here=$(uname -m)
    for arch in "$here" $(printf '%s\n' x86_64 aarch64 | grep -vx "$here"); do
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

# An earlier release stays until this one is whole.
out=target/package
mkdir -p target
new=$(mktemp -d target/package.XXXXXX) work=$(mktemp -d)
trap 'rm -rf "$new" "$work"' EXIT
chmod 0755 "$new"

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
for executable in "${executables[@]}"; do
    arch=$(python3 packaging/executable.py machine "$executable")
    install -m 0755 "$executable" "$new/goldseal-$arch"
    packaging/package.py "$executable" --pages-from "${executables[0]}" --out "$new"
    packaging/lambda/zip.py "$executable" "$new/goldseal-lambda-$arch.zip"
done

# What goldseal is made of, by the lock file, with what its tests use: crates leave no trace in a stripped executable.
if syft=$(tests/tools/build.sh syft | sed -n 's/^syft //p') && [ -n "$syft" ]; then
    cp Cargo.lock "$work"
    version=$("${executables[0]}" --version | cut -d' ' -f2)
    SYFT_CHECK_FOR_APP_UPDATE=false "$syft" scan "dir:$work" --source-name goldseal --source-version "$version" \
        -o "spdx-json=$new/goldseal.spdx.json" --quiet
else
    echo 'skipped: sbom: Syft could not be built (make tools)'
fi

(cd "$new" && sha256sum -- * >"$work/SHA256SUMS")
mv "$work/SHA256SUMS" "$new"
if [ -n "${GOLDSEAL_RELEASE_KEY-}" ]; then
    key=(--key "$GOLDSEAL_RELEASE_KEY")
elif [ -n "${GOLDSEAL_DANGEROUS_RELEASE_KEY_FILE-}" ]; then
    key=(--dangerous-local-key "$GOLDSEAL_DANGEROUS_RELEASE_KEY_FILE")
else
    key=()
    echo 'skipped: seal: GOLDSEAL_RELEASE_KEY names no key'
fi
[ ${#key[@]} -eq 0 ] || "${executables[0]}" release "$new/SHA256SUMS" "${key[@]}" --out "$new/SHA256SUMS.sigstore.json"
rm -rf "$out"
mv -T "$new" "$out"
ls -l "$out"
