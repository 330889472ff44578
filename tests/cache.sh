#!/usr/bin/env bash
# cache.sh target: prints Cargo's target directory for this lock file and compiler. A new key takes over the directory
# of the last one, since Cargo itself knows what of it still holds.
# cache.sh sweep: removes what no build of the last 14 days used.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/goldseal
mkdir -p "$cache"
case ${1-} in
    target)
        key=$({ cat Cargo.lock; rustc -vV; } | sha256sum | cut -c1-16)
        exec 9>"$cache/target.lock"
        flock 9
        if [ ! -d "$cache/target-$key" ]; then
            last=$(find "$cache" -maxdepth 1 -name 'target-*' -type d -printf '%T@ %p\n' | sort -rn | head -n1 | cut -d' ' -f2-)
            if [ -n "$last" ]; then mv "$last" "$cache/target-$key"; else mkdir "$cache/target-$key"; fi
        fi
        touch "$cache/target-$key"
        echo "$cache/target-$key"
        ;;
    sweep)
        find "$cache" -maxdepth 1 -name 'target-*' -type d -mtime +14 -exec rm -rf {} +
        # Binaries of earlier commits pile up beside the libraries, which are what is expensive.
        find "$cache"/target-*/debug/deps -maxdepth 1 -type f \( -name 'goldseal*' -o -name 'it-*' -o -name 'vectors-*' \) -mtime +2 -delete 2>/dev/null || true
        ;;
    *) echo 'usage: cache.sh target|sweep' >&2; exit 2 ;;
esac
