#!/usr/bin/env bash
# Builds the pinned real programs once and prints "TOOL PATH" for each.
# Usage: build.sh [TOOL…]   (default: all)
# Exit: 0 all there, 1 a build failed, 2 no such tool, 3 a language is missing (count it as skipped).
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/goldseal/tools
# In the order in which they share most.
default='registry cosign syft grype grypedb packer packer-plugin-amazon goss second-opinion'

# An outer go.work or VCS state must not change what is built.
export GOWORK=off CGO_ENABLED=0

say() { printf '%s\n' "$*" >&2; }
key() { sha256sum | cut -c1-16; }

need() {
    command -v "$1" >/dev/null && return
    say "$tool: skipped, '$1' is not installed"
    return 3
}

go_key() {
    local version
    version=$(cd "$here/$tool" && go version) || return 1
    # A program of our own has its source beside its pins.
    {
        cat "$here/$tool/go.mod" "$here/$tool/go.sum" &&
            find "$here/$tool" -name '*.go' -print0 | sort -z | xargs -0r cat && echo "$version"
    } | key
}

go_build() { # DIR
    local package ldflags
    package=$(sed -n 's/^tool //p' "$here/$tool/go.mod")
    ldflags=$(sed -n 's|^// ldflags: ||p' "$here/$tool/go.mod")
    (cd "$here/$tool" &&
        go build -mod=readonly -trimpath -buildvcs=false -ldflags "$ldflags" -o "$1/$tool" "$package")
}

npm_key() {
    { (cd "$here/$tool" && cat package.json package-lock.json "$file") && node --version; } | key
}

npm_build() { # DIR
    (cd "$here/$tool" && cp package.json package-lock.json "$file" "$1") &&
        (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
}

# The caller holds the tool's lock. Renamed last, so a build that was cut off is never taken for a whole one.
build_into() { # KIND DIR
    local start=$SECONDS temp old
    rm -rf "$2" "$cache/.$tool".tmp.*
    temp=$(mktemp -d "$cache/.$tool.tmp.XXXXXX") && chmod 755 "$temp" || return 1
    say "$tool: building …"
    if ! "$1_build" "$temp" || ! mv -T "$temp" "$2"; then
        rm -rf "$temp"
        say "$tool: failed after $((SECONDS - start)) s"
        return 1
    fi
    say "$tool: built in $((SECONDS - start)) s, $(du -sh "$2" | cut -f1)"
    # Exactly 16 hex digits: "packer" must not sweep away "packer-plugin-amazon".
    for old in "$cache/$tool"-*; do
        [[ $old == "$2" || ! ${old#"$cache/$tool-"} =~ ^[0-9a-f]{16}$ ]] || rm -rf "$old"
    done
}

one() {
    local kind file digest dir
    if [[ -f $here/$tool/go.mod ]]; then
        need go || return
        kind=go file=$tool
    elif [[ -f $here/$tool/package.json ]]; then
        need node && need npm || return
        kind=npm file=$(cd "$here/$tool" && echo *.mjs)
    else
        say "$tool: no such tool"
        return 2
    fi
    digest=$("${kind}_key") || { say "$tool: cannot compute its key"; return 1; }
    dir=$cache/$tool-$digest
    mkdir -p "$cache" || return 1
    (
        flock 9 || exit 1
        [[ -x $dir/$file ]] || build_into "$kind" "$dir"
    ) 9>"$cache/.$tool.lock" || return 1
    printf '%s %s\n' "$tool" "$dir/$file"
}

if (($# == 0)); then
    read -ra tools <<<"$default"
    set -- "${tools[@]}"
fi

# One missing tool does not keep the others from being built; a failure outranks a skip.
worst=0
for tool; do
    one
    case $? in
        0) ;;
        3) ((worst)) || worst=3 ;;
        2) worst=2 ;;
        *) ((worst == 2)) || worst=1 ;;
    esac
done
exit "$worst"
