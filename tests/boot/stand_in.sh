#!/bin/sh
# Stands where goldseal will: `goldseal boot`, as the units start it. It asks IMDS as the guard does, judges nothing, and
# does what /etc/goldseal/stand-in says. What the units make of it is what is tested.
imds=http://169.254.169.254/latest
mode=$(cat /etc/goldseal/stand-in)
say() { echo "goldseal: $*"; }
refuse() { say "refused: $1"; exit 1; }

ask() {
    curl -sf -m 1.5 -H "X-aws-ec2-metadata-token: $token" "$imds/$1"
}

identify() {
    end=$(($(date +%s) + 6))
    until token=$(curl -sf -m 1.5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $imds/api/token); do
        [ "$(date +%s)" -lt $end ] || { say 'undetermined: no token from IMDS'; exit 3; }
        sleep 0.2
    done
    until ask dynamic/instance-identity/rsa2048 >/dev/null; do
        [ "$(date +%s)" -lt $end ] || { say 'undetermined: no identity document'; exit 3; }
        sleep 0.2
    done
    say "this is $(ask meta-data/instance-id)"
    # What the unit must allow.
    date +%s >/var/lib/goldseal/stand-in || { say 'state cannot be written'; exit 70; }
}

case $mode in
hang) while :; do sleep 1; done ;;
deaf) trap '' TERM INT HUP; while :; do sleep 1; done ;;
crash) kill -SEGV $$ ;;
esac
identify
case $mode in
admit) say admitted ;;
slow) sleep 3; say admitted ;;
# What is left of the guard, once it has succeeded, says so.
beside) (while kill -0 $$ 2>/dev/null; do sleep 0.1; done; say 'recorded beside the boot') & say admitted ;;
refuse) refuse 'the stand-in was told to' ;;
slow-refuse) sleep 3; refuse 'the stand-in was told to' ;;
acts) say 'refused: and powers off'; systemctl poweroff --force; sleep 60 ;;
emergency) touch /run/goldseal/held; say 'refused: and keeps the machine'; systemctl --no-block emergency; exit 1 ;;
report) say 'refused: and reports'; exit 0 ;;
*) say "no such mode: $mode"; exit 70 ;;
esac
