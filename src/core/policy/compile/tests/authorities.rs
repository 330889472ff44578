//! `[[authority]]`.

use super::*;

/// An authority by PEM.
fn pem(name: &str, number: usize, more: &str) -> String {
    format!("[[authority]]\nname = \"{name}\"\nkey = \"\"\"\n{}\"\"\"\n{more}", LocalKey::p256(number).pem())
}

/// An authority in KMS.
fn kms(more: &str) -> String {
    format!("[[authority]]\nname = \"more\"\n{more}")
}

fn pin(number: usize) -> String {
    format!("spki_sha256 = \"{}\"\n", LocalKey::p256(number).public().digest())
}

const KMS: &str = "kms = \"awskms:///alias/k\"\n";
const SCHEME: &str = "scheme = \"ecdsa-p256-sha256\"\n";

#[test]
fn authorities_are_distinct_in_name_and_key_however_the_key_is_given() {
    let table = "[[authority]]";
    // Without the three of the good document there is a fourth key: the pin of nobody.
    let other = format!("spki_sha256 = \"{}\"\n", Sha256Digest::of(b"other"));
    one_problem_in(&format!("[[authority]]\nname = \"ci\"\n{KMS}{SCHEME}{other}"), table, "authority[7]", "called ci");
    one_problem_in(&pem("more", 1, ""), table, "authority[7]", "ci and more are one key");
    one_problem_in(&pem("more", 2, ""), table, "authority[7]", "risk and more are one key");
    one_problem_in(&pem("more", 3, ""), table, "authority[7]", "vault and more are one key");
    one_problem_in(&kms(&format!("{KMS}{SCHEME}{}", pin(1))), table, "authority[7]", "ci and more are one key");
    one_problem_in(&kms(&format!("{KMS}{SCHEME}{}", pin(3))), table, "authority[7]", "vault and more are one key");
    assert_eq!(problems(&(whole() + &kms(&format!("{KMS}{SCHEME}{other}")))), []);
    let [one, other] = rsa_in_two_encodings().map(|pem| format!("key = \"\"\"\n{pem}\"\"\"\n"));
    let both = format!("{}[[authority]]\nname = \"twin\"\n{other}", kms(&one));
    one_problem_in(&both, "[[authority]]\nname = \"twin\"", "authority[8]", "more and twin are one key");
}

#[test]
fn exactly_one_of_three_says_which_key_it_is() {
    let message = "exactly one of key, key_file and kms";
    let file = "key_file = \"risk.pem\"\n";
    for key in [String::new(), format!("{KMS}{file}"), format!("key = \"x\"\n{file}"), format!("key = 3\n{KMS}")] {
        one_problem_in(&kms(&key), "[[authority]]", "authority[7]", message);
    }
    one_problem_in(&kms("key = \"x\"\n"), "\"x\"", "authority[7].key", "expected one PEM block");
    one_problem_in(&kms("key = 3\n"), "3\n", "authority[7].key", "expected a string");
    one_problem_in(&kms("key_file = \"gone.pem\"\n"), "\"gone", "authority[7].key_file", "gone.pem: No such file");
    one_problem_in(&kms("key_file = \"unread.pem\"\n"), "\"unread", "authority[7].key_file", "unread.pem was not read");
    one_problem_in(&kms("key_file = \"root.json\"\n"), "\"root", "authority[7].key_file", "expected one PEM block");
    let wrong = pem("more", 1, "scheme = \"rsa-pss-sha256\"\n");
    one_problem_in(&wrong, "\"\"\"", "authority[7].key", "not a usable public key");
    let (_, told) = after("valid_from", &format!("{}valid_from", pin(2)));
    assert_eq!((told[0].0.as_str(), told.len()), ("13:15 authority[0].spki_sha256", 1), "{told:?}");
    assert!(told[0].1.contains(&format!("sha256 {}", LocalKey::p256(1).public().digest())));
    assert_eq!(after("valid_from", &format!("{}valid_from", pin(1))).1, []);
}

#[test]
fn a_kms_key_has_a_pin_and_a_scheme() {
    let other = format!("spki_sha256 = \"{}\"\n", Sha256Digest::of(b"other"));
    let table = "[[authority]]";
    one_problem_in(&kms(&format!("{KMS}{SCHEME}")), table, "authority[7].spki_sha256", "required with kms");
    one_problem_in(&kms(&format!("{KMS}{other}")), table, "authority[7].scheme", "required with kms");
    let alias = kms(&format!("kms = \"alias/seal\"\n{SCHEME}{other}"));
    one_problem_in(&alias, "\"alias", "authority[7].kms", "is not the URI of a KMS key");
    let upper = kms(&format!("{KMS}{SCHEME}spki_sha256 = \"{}\"\n", pin(1)[15..79].to_uppercase()));
    one_problem_in(&upper, "\"3A", "authority[7].spki_sha256", "64 lowercase hexadecimal digits");
}

#[test]
fn windows_are_instants_in_order() {
    let place = "authority[0].valid_until";
    for until in ["2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", "2026-01-01T00:30:00+01:00"] {
        one_problem("2027-01-01T00:00:00+01:00", until, &format!("{until}\n\n"), place, "not after valid_from");
    }
    for (local, message) in [
        ("2027-01-01T00:00:00", "is not an instant"),
        ("2027-01-01", "is not an instant"),
        ("00:00:00", "is not an instant"),
        ("\"2027-01-01T00:00:00Z\"", "expected a TOML datetime"),
        ("1800000000", "expected a TOML datetime"),
    ] {
        let from = "valid_until = 2027-01-01T00:00:00+01:00";
        let (_, told) = after(from, &format!("valid_until = {local}"));
        assert_eq!((told[0].0.as_str(), told.len()), (format!("14:15 {place}").as_str(), 1), "{told:?}");
        assert!(told[0].1.contains(message), "{told:?}");
    }
    assert_eq!(after("2027-01-01T00:00:00+01:00", "2026-01-01T00:00:00.001Z").1, []);
    for (retired, message) in [
        ("2026-01-01T00:00:00Z", "not after valid_from: it would never count"),
        ("2026-12-31T23:00:00Z", "not before valid_until: nothing counts any more when it retires"),
    ] {
        let from = "valid_until = 2027-01-01T00:00:00+01:00\n";
        let (_, told) = after(from, &format!("{from}retired = {retired}\n"));
        assert_eq!((told[0].0.as_str(), told[0].1.as_str()), ("15:11 authority[0].retired", message), "{told:?}");
    }
}

#[test]
fn a_witness_needs_its_root_and_a_scheme_it_can_hear_of() {
    one_problem("trusted_root = \"root.json\"\n", "", "[\"log\"]", "authority[2].witness", "go together");
    one_problem("witness = [\"log\"]\n", "", "\"root.json\"", "authority[2].witness", "go together");
    let place = "authority[2].trusted_root";
    one_problem("\"root.json\"", "\"gone.pem\"", "\"gone", place, "gone.pem: No such file");
    one_problem("\"root.json\"", "\"risk.pem\" ", "\"risk.pem\" ", place, "not a Sigstore trusted root");
    let scheme = "scheme = \"rsa-pss-sha256\"";
    one_problem("scheme = \"ecdsa-p256-sha256\"", scheme, "\"root.json\"", place, "cannot be checked against a log");
}
