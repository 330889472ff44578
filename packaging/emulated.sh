#!/usr/bin/env bash
# emulated.sh EXECUTABLE: runs an executable of another architecture under qemu-user: its version, and a seal and a verdict
# from files alone. LIBRARIES is the folder with its glibc (Debian: libc6-arm64-cross, libgcc-s1-arm64-cross).
# Ends with `N passed, N failed, N skipped`.
set -uo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 1 ] || { echo 'usage: packaging/emulated.sh EXECUTABLE' >&2; exit 2; }
repository=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log
passed=0 failed=0

skip() {
    printf 'skipped: emulated: %s\n' "$1" >"$log"
    echo '0 passed, 0 failed' >>"$log"
    tests/tally.sh 0 -- "$log"
    exit 0
}
check() { # NAME EXIT COMMAND…
    local name=$1 expected=$2 status=0
    shift 2
    "$@" >"$work/said" 2>&1 || status=$?
    if [ "$status" -eq "$expected" ]; then
        passed=$((passed + 1))
        echo "ok    $name"
    else
        failed=$((failed + 1))
        echo "FAIL  $name: exit $status instead of $expected"
        sed 's/^/      /' "$work/said"
    fi
}

[ -e "$1" ] || skip "there is no $1"
executable=$(realpath "$1")
machine=$(python3 packaging/executable.py machine "$executable") || exit 2
libraries=${LIBRARIES:-/usr/$machine-linux-gnu}
command -v "qemu-$machine" >/dev/null || skip "qemu-$machine is not installed (qemu-user)"
[ -e "$libraries/lib" ] || skip "$libraries has no glibc for $machine: LIBRARIES names another folder"
command -v openssl >/dev/null || skip 'openssl is not installed'
goldseal() { "qemu-$machine" -L "$libraries" "$executable" "$@"; }
speaks() { goldseal --version | grep -qx "goldseal $(sed -n 's/^version = "\(.*\)"/\1/p' "$repository/Cargo.toml" | head -n 1)"; }

fixtures=$repository/tests/fixtures
cd "$work" || exit 1
export GOLDSEAL_CONFIG=$work/settings.toml HOME=$work AWS_EC2_METADATA_DISABLED=true
touch settings.toml
mkdir store
(umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem)
openssl pkey -in key.pem -pubout -out key.pub
cat >image.json <<'JSON'
{"Images": [{"ImageId": "ami-0123456789abcdef0", "OwnerId": "123456789012", "Name": "golden", "State": "available",
 "CreationDate": "2026-11-20T09:20:31.000Z", "Public": false, "Architecture": "arm64", "RootDeviceType": "ebs",
 "RootDeviceName": "/dev/xvda", "Hypervisor": "xen", "VirtualizationType": "hvm", "BootMode": "uefi", "BlockDeviceMappings": [
 {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": "snap-0123456789abcdef0", "VolumeSize": 8}}]}]}
JSON
cat >policy.toml <<'TOML'
version = 1
no_match = "enforce"
dangerous_without_gate = true
authority = [{name = "test", key_file = "key.pub"}]
require = [{attestation = "provenance", authorities = ["test"]}, {attestation = "sbom", authorities = ["test"]}]
TOML
# No time in it: the clock of this machine does not matter.
python3 -c 'import json, sys; build = json.load(open(sys.argv[1])); build.pop("finishedOn"); json.dump(build, open("build.json", "w"))' \
    "$fixtures/build.json"

check "$machine: it says its version" 0 speaks
check "$machine: it seals" 0 goldseal sign ami-0123456789abcdef0 --region eu-west-1 --image image.json \
    --dangerous-local-key key.pem --store "file://$work/store" --provenance build.json --sbom "$fixtures/golden.spdx.json" \
    --scan "$fixtures/golden.grype.json" --policy "$fixtures/ungated.toml" --without-content
find store -name '*.jsonl' -exec cat {} + >evidence.jsonl
judged=(ami-0123456789abcdef0 --region eu-west-1 --evidence evidence.jsonl --policy policy.toml)
check "$machine: it admits what is sealed" 0 goldseal verify "${judged[@]}" --image image.json
sed 's/"VolumeSize": 8/"VolumeSize": 9/' image.json >other.json
check "$machine: it refuses another image" 1 goldseal verify "${judged[@]}" --image other.json

cd "$repository" || exit 1
echo "$passed passed, $failed failed" >>"$log"
tests/tally.sh 0 -- "$log"
