//! Documents signed by OpenSSL and in the layout of EC2; `tests/vectors/README.md` says how they were made.

use std::sync::LazyLock;

use super::*;
use crate::{
    digest::Sha256Digest,
    testing::identity::{CERTIFICATE, SIGNED, certificates, identity},
    verdict::{Fault, Reason, Verdict},
};

mod pinned;

macro_rules! vectors {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../tests/vectors/identity/", $name, ".p7")))),*]
    };
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-20T09:00:30Z")
}

fn read(text: impl AsRef<[u8]>) -> Result<InstanceIdentity, NotIdentified> {
    static PINNED: LazyLock<Certificates> = LazyLock::new(certificates);
    identify(text.as_ref(), &PINNED, now())
}

/// The name of the variant.
fn refusal(text: impl AsRef<[u8]>) -> String {
    let found = format!("{:?}", read(text).unwrap_err());
    found.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()
}

fn der(text: &str) -> Vec<u8> {
    STANDARD.decode(text.replace('\n', "")).unwrap()
}

fn packed(der: &[u8]) -> String {
    STANDARD.encode(der)
}

/// Replaces the last occurrence of some bytes: what is last is in the SignerInfo.
fn with(der: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let place = der.windows(old.len()).rposition(|window| window == old).expect("it is there");
    [&der[..place], new, &der[place + old.len()..]].concat()
}

const SHA_256: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00";
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
const RSA_WITH_SHA_256: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00";

#[test]
fn an_identity_is_what_the_document_says() {
    let identity = read(SIGNED).unwrap();
    assert_eq!(identity.account().as_str(), "123456789012");
    assert_eq!(identity.image().to_string(), "ami-0123456789abcdef0 in eu-west-1");
    assert_eq!(identity.instance().as_str(), "i-0123456789abcdef0");
    assert_eq!(identity.pending(), at("2026-11-20T09:00:00Z"));
    assert_eq!(identity.availability_zone(), "eu-west-1a");
    assert_eq!(identity.architecture(), "x86_64");
    assert_eq!(identity.instance_type(), "m7i.large");
    assert_eq!(Some(identity.certificate()), certificates().digests().next());
}

#[test]
fn every_form_of_one_signature_says_the_same() {
    for (name, text) in vectors![
        "attributes",
        "plain",
        "armoured",
        "stream",
        "stream-plain",
        "certificate-inside",
        "ec2",
        "ec2-pieces",
        "document-unknown-field",
    ] {
        assert_eq!(read(text), Ok(identity()), "{name}");
    }
    // RSA has two names in CMS; EC2 uses the one and OpenSSL the other.
    let [(_, plain)] = vectors!["plain"];
    assert_eq!(read(packed(&with(&der(plain), RSA, RSA_WITH_SHA_256))), Ok(identity()));
    assert_eq!(read(packed(&with(&der(SIGNED), RSA_WITH_SHA_256, RSA))), Ok(identity()));
}

#[test]
fn what_ec2_does_not_write_is_refused() {
    let refused = [
        ("SignatureInvalid", &vectors!["imposter", "imposter-inside"][..]),
        ("SignerUnknown", &vectors!["stranger", "stranger-inside", "namesake", "weak"]),
        ("SignerCount", &vectors!["two-signers", "no-signer"]),
        ("SignerName", &vectors!["key-id"]),
        ("Algorithm", &vectors!["sha1", "sha512", "pss", "dsa"]),
        ("Detached", &vectors!["detached"]),
        ("ContentType", &vectors!["other-content-type"]),
        ("NotSigned", &vectors!["digested"]),
        (
            "Attributes",
            &vectors![
                "attribute-digest-absent",
                "attribute-digest-twice",
                "attribute-digest-of-two-values",
                "attribute-digest-of-another",
                "attribute-type-absent",
                "attribute-type-twice",
                "attribute-type-other",
                "attributes-empty",
            ],
        ),
        (
            "Document",
            &vectors![
                "document-not-json",
                "document-twice-a-key",
                "document-not-an-object",
                "document-without-image",
                "document-image-null",
                "document-bad-account",
                "document-bad-time",
                "document-escape-in-type",
                "document-empty-type",
                "document-long-type",
                "document-deep",
            ],
        ),
        ("TooLarge", &vectors!["document-large"]),
    ];
    for (expected, vectors) in refused {
        for (name, text) in vectors {
            assert_eq!(refusal(text), expected, "{name}");
        }
    }
}

#[test]
fn a_refusal_says_what_and_what_to_do() {
    let says = |text: &str, parts: &[&str]| {
        let message = read(text).unwrap_err().chain();
        for part in parts {
            assert!(message.contains(part), "{message}");
        }
    };
    let [(_, stranger), (_, two), (_, none), (_, sha1), (_, document)] =
        vectors!["stranger", "two-signers", "no-signer", "sha1", "document-without-image"];
    says(stranger, &["B6:4B:DE:5A:D0:09:24:02", "none of the 1 that are pinned", "give certificates that have it"]);
    says(two, &["by 2 signers"]);
    says(none, &["by 0 signers"]);
    says(sha1, &["the digest is 1.3.14.3.2.26", "instance-identity/rsa2048"]);
    says(document, &["no identity document", "missing field `imageId`"]);
}

#[test]
fn algorithms_have_no_parameters() {
    let changed = |bytes: &[u8]| [&bytes[..bytes.len() - 2], b"\x04\x00"].concat();
    for (algorithm, message) in [(SHA_256, "the digest is 2.16"), (RSA_WITH_SHA_256, "the signature is 1.2.840")] {
        let text = packed(&with(&der(SIGNED), algorithm, &changed(algorithm)));
        let said = read(text).unwrap_err().to_string();
        assert!(said.contains(message) && said.contains(" with parameters"), "{said}");
    }
    // Not there, they say the same as NULL: the whole is four bytes shorter, and so says a SET and a SEQUENCE.
    let [(_, plain)] = vectors!["plain"];
    let absent = der(plain).windows(SHA_256.len()).filter(|window| *window == SHA_256).count();
    assert_eq!((absent, read(plain)), (0, Ok(identity())), "OpenSSL leaves those of SHA-256 out");
}

#[test]
fn the_text_is_base64_in_one_block_or_bare() {
    let body = SIGNED.trim_end();
    let (begin, end) = ("-----BEGIN PKCS7-----", "-----END PKCS7-----");
    for good in [
        body.to_owned(),
        body.replace('\n', ""),
        body.replace('\n', "\r\n"),
        format!("\n{body}\n\n"),
        format!("{begin}\n{body}\n{end}\n"),
        format!("{begin}\r\n{body}\r\n{end}"),
    ] {
        assert_eq!(read(&good), Ok(identity()), "{good}");
    }
    for bad in [
        String::new(),
        "<html>".to_owned(),
        format!("{begin}\n{body}\n"),
        format!("{body}\n{end}\n"),
        format!("{begin}\n{body}\n{end}\n{begin}\n{body}\n{end}\n"),
        format!("x{begin}\n{body}\n{end}"),
        begin.to_owned(),
        body.replacen('\n', " ", 1),
        body.trim_end_matches('=').to_owned(),
        format!("{body}="),
    ] {
        let refused = refusal(&bad);
        assert!(refused == "Base64" || bad.is_empty() && refused == "Malformed", "{refused}: {bad}");
    }
}

#[test]
fn nothing_large_is_looked_at() {
    let padded = |length: usize| format!("{SIGNED}{}", "\n".repeat(length - SIGNED.len()));
    assert_eq!(read(padded(LIMIT)), Ok(identity()));
    assert_eq!(read(padded(LIMIT + 1)), Err(NotIdentified::TooLarge { found: LIMIT + 1, limit: LIMIT }));
}

#[test]
fn a_part_or_more_than_the_whole_is_refused() {
    let whole = der(SIGNED);
    for end in 0..whole.len() {
        assert_eq!(refusal(packed(&whole[..end])), "Malformed", "cut at {end}");
    }
    for more in [&b"\0"[..], b"\0\0", b"\x05\0", &whole] {
        assert_eq!(refusal(packed(&[&whole, more].concat())), "Malformed", "{more:?}");
    }
}

#[test]
fn a_changed_document_is_refused() {
    let whole = der(SIGNED);
    let other = with(&whole, b"ami-0123456789abcdef0", b"ami-0fedcba9876543210");
    assert_eq!(refusal(packed(&other)), "Attributes");
    let [(_, plain)] = vectors!["stream-plain"];
    let other = with(&der(plain), b"ami-0123456789abcdef0", b"ami-0fedcba9876543210");
    assert_eq!(refusal(packed(&other)), "SignatureInvalid");
    // The digest changed with it: then the attributes are not what was signed.
    let [(_, another)] = vectors!["document-other-image"];
    assert_eq!(read(another).unwrap().image().id.as_str(), "ami-0fedcba9876543210");
    let (digest, changed) = (Sha256Digest::of(&content(&whole)), Sha256Digest::of(&content(&der(another))));
    let other = with(&whole, b"ami-0123456789abcdef0", b"ami-0fedcba9876543210");
    assert_eq!(refusal(packed(&with(&other, digest.as_bytes(), changed.as_bytes()))), "SignatureInvalid");
}

/// The document inside, from brace to brace.
fn content(der: &[u8]) -> Vec<u8> {
    let begin = der.iter().position(|byte| *byte == b'{').unwrap();
    let end = der.windows(2).position(|pair| pair == b"\n}").unwrap();
    der[begin..end + 2].to_vec()
}

#[test]
fn no_changed_bit_makes_another_identity() {
    let mut refused = 0;
    for (name, text) in vectors!["ec2", "plain"] {
        let whole = der(text);
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[place] ^= 1 << bit;
                match read(packed(&changed)) {
                    Ok(found) => assert_eq!(found, identity(), "{name}: byte {place}, bit {bit}"),
                    Err(_) => refused += 1,
                }
            }
        }
    }
    assert!(refused > 10_000, "{refused}");
}

proptest::proptest! {
    #[test]
    fn no_changed_byte_makes_another_identity(place in 0..2_000_usize, byte: u8, in_text: bool) {
        let mut changed = if in_text { SIGNED.as_bytes().to_vec() } else { der(SIGNED) };
        let place = place % changed.len();
        changed[place] = byte;
        let text = if in_text { changed } else { packed(&changed).into_bytes() };
        proptest::prop_assert!(read(&text).map_or(true, |found| found == identity()));
    }

    #[test]
    fn no_other_bytes_are_an_identity(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        proptest::prop_assert!(read(&bytes).is_err());
        proptest::prop_assert!(read(packed(&bytes)).is_err());
    }
}

#[test]
fn the_clock_may_be_a_minute_behind_the_launch() {
    let identity = identity();
    for now in ["2026-11-20T08:59:00Z", "2026-11-20T09:00:00Z", "2031-11-20T09:00:00Z"] {
        assert_eq!(freshness(&identity, at(now)), Ok(()), "{now}");
    }
    for now in ["2026-11-20T08:58:59.999999999Z", "1970-01-01T00:00:00Z", "-009999-01-02T01:59:59Z"] {
        let behind = freshness(&identity, at(now)).unwrap_err();
        assert_eq!(behind.at, identity.pending());
        assert_eq!(Fault::from(behind).code(), "clock-behind", "{now}");
    }
}

#[test]
fn a_forgery_rejects_and_a_clock_that_is_behind_leaves_it_open() {
    let judged = |text: &str, now: &str| {
        let why = identify(text.as_bytes(), &certificates(), at(now)).unwrap_err();
        let say = |code: &str, message: String| {
            assert!(message.contains(&why.chain()), "{message}");
            code.to_owned()
        };
        match Verdict::unidentified(&why) {
            Verdict::Reject(reasons) => {
                reasons.as_slice().iter().map(|one: &Reason| say(one.code(), one.to_string())).collect()
            }
            Verdict::Undetermined(faults) => {
                faults.as_slice().iter().map(|one: &Fault| format!("? {}", say(one.code(), one.to_string()))).collect()
            }
            Verdict::Admit(_) => vec!["admit".to_owned()],
        }
    };
    let [(_, imposter), (_, stranger), (_, document)] = vectors!["imposter", "stranger", "document-not-json"];
    let now = "2026-11-20T09:00:30Z";
    for (text, now, expected) in [
        (imposter, now, "identity-not-verified"),
        (document, now, "identity-not-verified"),
        ("junk", now, "identity-not-verified"),
        (SIGNED, "2200-01-01T00:00:00Z", "identity-not-verified"),
        (stranger, now, "identity-signer-unknown"),
        (SIGNED, "1970-01-01T00:00:10Z", "? clock-behind"),
    ] {
        assert_eq!(judged(text, now), [expected]);
    }
}

#[test]
fn the_fixture_of_other_tests_is_a_list_of_one_certificate() {
    assert_eq!(certificates().digests().count(), 1);
    assert_eq!(CERTIFICATE.matches("BEGIN").count(), 1);
}
