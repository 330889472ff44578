"""What an authority signed and still does not count: windows and witnesses."""

import base64

from . import keys, witness
from .bundle import authority, b64, bundle, reject, statement
from .good import entry, seen, token, witnessed

NOT_YET, OVER = {"from": "2025-07-01T00:00:01Z"}, {"until": "2025-07-01T00:00:00Z"}


def windows():
    reject(
        "window-not-begun",
        "authority-not-yet-valid",
        "the window opens a second later",
        bundle(),
        [authority(**NOT_YET)],
    )
    reject("window-ended", "authority-expired", "the window ends now", bundle(), [authority(**OVER)])
    reject(
        "window-ended-before-the-log",
        "authority-expired",
        "the log saw it after the window",
        seen(log=[entry]),
        witnessed(["log"], until="2025-06-02T00:00:00Z"),
    )
    reject(
        "window-not-begun-at-the-timestamp",
        "authority-not-yet-valid",
        "the timestamp is older than the window",
        seen(timestamps=[token]),
        witnessed(["timestamp"], **{"from": "2025-06-03T00:00:00Z"}),
    )
    without = seen(log=[entry])
    del without["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"]
    reject(
        "window-ended-log-without-promise",
        "authority-expired",
        "a proof alone tells no time: now is judged",
        without,
        witnessed(["log"], until="2025-06-03T00:00:00Z"),
    )
    reject(
        "witness-timestamp-in-future",
        "witness-in-future",
        "the timestamp is of tomorrow",
        seen(timestamps=[token]),
        witnessed(["timestamp"]),
        now="2025-06-01T12:00:00Z",
    )
    reject(
        "witness-log-in-future",
        "witness-in-future",
        "the log entry is of tomorrow",
        seen(log=[entry]),
        witnessed(["log"]),
        now="2025-06-01T12:00:00Z",
    )


def changed_entry(**changes):
    def made(payload, signature):
        one = entry(payload, signature)
        for field, change in changes.items():
            if change is None:
                del one[field]
            else:
                one[field] = change(one[field])
        return one

    return made


def flipped(text):
    data = bytearray(base64.b64decode(text))
    data[-1] ^= 1
    return b64(bytes(data))


def refused():
    def log(name, what, one, testimony=("log",)):
        reject(f"witness-log-{name}", "witness-refused", what, seen(log=[one]), witnessed(list(testimony)))

    def timestamps(name, what, list_, testimony=("timestamp",)):
        reject(f"witness-timestamp-{name}", "witness-refused", what, seen(timestamps=list_), witnessed(list(testimony)))

    reject(
        "witness-none",
        "witness-refused",
        "the policy asks for a log, the bundle has nothing",
        bundle(),
        witnessed(["log"]),
    )
    timestamps("instead-of-log", "the policy asks for a log, the bundle has a timestamp", [token], ["log"])
    log("instead-of-timestamp", "the policy asks for a timestamp, the bundle has a log entry", entry, ["timestamp"])
    log("alone", "the policy asks for both", entry, ["log", "timestamp"])
    other = keys.sign("p256", b"another message")
    timestamps("of-another-signature", "over another signature", [lambda *_: witness.timestamp(other)])
    timestamps(
        "by-a-stranger",
        "signed by another key",
        [lambda _, signature: witness.timestamp(signature, signer="p256.tsa-stranger")],
    )
    timestamps("junk", "not a timestamp at all", [lambda *_: {"signedTimestamp": b64(b"junk")}])
    timestamps(
        "good-and-junk",
        "a good one does not make up for a bad one",
        [token, lambda *_: {"signedTimestamp": b64(b"junk")}],
    )
    log(
        "by-a-stranger",
        "promise and checkpoint signed by another key",
        lambda payload, signature: witness.log_entry(payload, signature, signer="p256.log-stranger"),
    )
    log(
        "of-another-payload",
        "the entry of another payload",
        lambda _, signature: entry(statement(predicate={}), signature),
    )
    log("of-another-signature", "the entry of another signature", lambda payload, _: entry(payload, other))
    log(
        "of-another-key",
        "the entry names another key",
        lambda payload, signature: witness.log_entry(payload, signature, key="p256.other"),
    )
    log("without-proof", "a promise without a proof", changed_entry(inclusionProof=None))
    log("without-anything", "neither proof nor promise", changed_entry(inclusionProof=None, inclusionPromise=None))
    log(
        "promise-changed",
        "one bit of the promise",
        changed_entry(inclusionPromise=lambda was: {"signedEntryTimestamp": flipped(was["signedEntryTimestamp"])}),
    )
    log("time-changed", "a second earlier than promised", changed_entry(integratedTime=lambda was: str(int(was) - 1)))
    log(
        "root-changed",
        "another root than the checkpoint's",
        changed_entry(inclusionProof=lambda was: was | {"rootHash": flipped(was["rootHash"])}),
    )
    log(
        "path-changed",
        "another neighbour",
        changed_entry(inclusionProof=lambda was: was | {"hashes": [flipped(was["hashes"][0])]}),
    )
    log("body-changed", "one byte of the body", changed_entry(canonicalizedBody=flipped))


def make():
    windows()
    refused()
