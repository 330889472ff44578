use super::*;
use crate::attestation::{Bundle, Content, Statement};

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/vectors/", $name))
    };
}

/// What a witness says of a bundle that another program made, asked for a log entry, a timestamp, or both.
fn heard(line: &str, testimony: &[Testimony]) -> Result<Vec<Timestamp>, String> {
    let line = line.trim_ascii_end().as_bytes();
    let key = PublicKey::from_pem(vector!("keys/p256.pem"), None).unwrap();
    let witness = Witness::new(vector!("witness/trusted_root.json"), testimony.to_vec()).unwrap();
    let bundle = Bundle::parse(line).unwrap();
    let Content::Envelope(envelope) = bundle.content else { panic!("an envelope") };
    let subject = Statement::parse(envelope.payload).unwrap().subject();
    witness.hear(line, bundle.witness, &key, subject)
}

#[test]
fn what_is_asked_for_is_heard_and_what_is_not_there_is_refused() {
    let (log, timestamp) = (&[Testimony::Log][..], &[Testimony::Timestamp][..]);
    let both = &[Testimony::Log, Testimony::Timestamp][..];
    for (what, line, [by_log, by_timestamp, by_both]) in [
        ("both", vector!("accept/witness-both.jsonl"), [true, true, true]),
        ("a log entry", vector!("accept/witness-log.jsonl"), [true, false, false]),
        ("a timestamp", vector!("accept/witness-timestamp.jsonl"), [false, true, false]),
        ("neither", vector!("accept/scheme-ecdsa-p256-sha256.jsonl"), [false, false, false]),
        ("of a stranger", vector!("reject/witness-timestamp-by-a-stranger.jsonl"), [false, false, false]),
        ("no timestamp", vector!("reject/witness-timestamp-junk.jsonl"), [false, false, false]),
        ("also junk", vector!("reject/witness-timestamp-good-and-junk.jsonl"), [false, false, false]),
    ] {
        for (testimony, expected) in [(log, by_log), (timestamp, by_timestamp), (both, by_both)] {
            let heard = heard(line, testimony);
            assert_eq!(heard.is_ok(), expected, "{what}, asked for {testimony:?}: {heard:?}");
        }
    }
}

#[test]
fn times_are_in_order_and_each_is_there_once() {
    let both = vector!("accept/witness-both.jsonl");
    let [log, timestamp] = [Testimony::Log, Testimony::Timestamp].map(|one| heard(both, &[one]).unwrap());
    assert_eq!((log.len(), timestamp.len()), (1, 1));
    let times = heard(both, &[Testimony::Timestamp, Testimony::Log, Testimony::Log]).unwrap();
    let mut expected = [log, timestamp].concat();
    expected.sort();
    expected.dedup();
    assert_eq!(times, expected);
}
