//! Project Wycheproof against `trust::PublicKey`: each valid signature is taken, each invalid one refused.
//!
//! "Acceptable" is what Wycheproof leaves to the library; each is printed with what goldseal does. A group whose key
//! goldseal does not take counts as refused, and must not hold a valid signature, unless its scheme is not goldseal's.

use std::collections::BTreeMap;

use goldseal_core::{
    attestation::Hash,
    trust::{PublicKey, Scheme},
};
use wycheproof::{TestResult, ecdsa, eddsa, mldsa_verify, rsa_pkcs1_verify, rsa_pss_verify};

/// How many signatures were taken and refused, by what Wycheproof says of them.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<(&'static str, bool), usize>,
    acceptable: Vec<String>,
    wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, what: String, said: TestResult, taken: bool) {
        let word = match said {
            TestResult::Valid => "valid",
            TestResult::Invalid => "invalid",
            TestResult::Acceptable => "acceptable",
        };
        *self.counts.entry((word, taken)).or_default() += 1;
        match (said, taken) {
            (TestResult::Valid, false) | (TestResult::Invalid, true) => self.wrong.push(format!("{word}: {what}")),
            (TestResult::Acceptable, _) => {
                self.acceptable.push(format!("{}: {what}", if taken { "taken" } else { "refused" }));
            }
            (TestResult::Valid | TestResult::Invalid, _) => {}
        }
    }

    fn finish(self, scheme: Scheme, set: &str) {
        let count = |word, taken| self.counts.get(&(word, taken)).copied().unwrap_or_default();
        println!(
            "wycheproof/{set} as {scheme}: {} valid taken, {} invalid refused, {} acceptable refused, {} acceptable taken",
            count("valid", true),
            count("invalid", false),
            count("acceptable", false),
            count("acceptable", true),
        );
        for case in &self.acceptable {
            println!("  acceptable, {case}");
        }
        assert!(self.wrong.is_empty(), "{set} as {scheme}:\n{}", self.wrong.join("\n"));
        assert!(count("valid", true) > 0 && count("invalid", false) > 0, "{set} holds nothing");
    }
}

/// Says whether the key's signature stands, by the message and, where the scheme hashes, by the digest: they must agree.
fn stands(key: Option<&PublicKey>, message: &[u8], signature: &[u8]) -> bool {
    let Some(key) = key else { return false };
    let whole = key.signed_message(message, signature);
    if let Some(hash) = key.scheme().hash() {
        assert_eq!(whole, key.signed_digest(&digest(hash, message), signature), "message and digest disagree");
    }
    whole
}

fn digest(hash: Hash, message: &[u8]) -> Vec<u8> {
    match hash {
        Hash::Sha256 => sigstore_crypto::sha256(message).as_bytes().to_vec(),
        Hash::Sha384 => sigstore_crypto::sha384(message).as_bytes().to_vec(),
        Hash::Sha512 => sigstore_crypto::sha512(message).as_bytes().to_vec(),
    }
}

macro_rules! run {
    ($module:ident, $set:ident, $scheme:expr) => {{
        let set = $module::TestSet::load($module::TestName::$set).unwrap();
        let (scheme, mut tally) = ($scheme, Tally::default());
        for group in &set.test_groups {
            let key = PublicKey::from_spki(&group.der, Some(scheme)).ok();
            for test in &group.tests {
                let what = format!("{} {:?} {}", test.tc_id, test.flags, test.comment);
                tally.add(what, test.result, stands(key.as_ref(), &test.msg, &test.sig));
            }
        }
        tally.finish(scheme, stringify!($set));
    }};
}

#[test]
fn ecdsa_in_der() {
    run!(ecdsa, EcdsaSecp256r1Sha256, Scheme::EcdsaP256Sha256);
    run!(ecdsa, EcdsaSecp384r1Sha384, Scheme::EcdsaP384Sha384);
}

#[test]
fn ecdsa_keys_go_as_pem_too() {
    for name in [ecdsa::TestName::EcdsaSecp256r1Sha256, ecdsa::TestName::EcdsaSecp384r1Sha384] {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let pem = PublicKey::from_pem(&group.pem, None).unwrap();
            assert_eq!(pem.spki(), group.der.as_slice());
        }
    }
}

#[test]
fn rsa_pkcs1() {
    run!(rsa_pkcs1_verify, Rsa2048Sha256, Scheme::RsaPkcs1Sha256);
    run!(rsa_pkcs1_verify, Rsa2048Sha384, Scheme::RsaPkcs1Sha384);
    run!(rsa_pkcs1_verify, Rsa2048Sha512, Scheme::RsaPkcs1Sha512);
    run!(rsa_pkcs1_verify, Rsa3072Sha256, Scheme::RsaPkcs1Sha256);
    run!(rsa_pkcs1_verify, Rsa3072Sha384, Scheme::RsaPkcs1Sha384);
    run!(rsa_pkcs1_verify, Rsa3072Sha512, Scheme::RsaPkcs1Sha512);
    run!(rsa_pkcs1_verify, Rsa4096Sha256, Scheme::RsaPkcs1Sha256);
    run!(rsa_pkcs1_verify, Rsa4096Sha384, Scheme::RsaPkcs1Sha384);
    run!(rsa_pkcs1_verify, Rsa4096Sha512, Scheme::RsaPkcs1Sha512);
}

#[test]
fn rsa_pss() {
    run!(rsa_pss_verify, RsaPss2048Sha256Mgf1SaltLen32, Scheme::RsaPssSha256);
    run!(rsa_pss_verify, RsaPss2048Sha384Mgf1SaltLen48, Scheme::RsaPssSha384);
    run!(rsa_pss_verify, RsaPss3072Sha256Mgf1SaltLen32, Scheme::RsaPssSha256);
    run!(rsa_pss_verify, RsaPss4096Sha256Mgf1SaltLen32, Scheme::RsaPssSha256);
    run!(rsa_pss_verify, RsaPss4096Sha384Mgf1SaltLen48, Scheme::RsaPssSha384);
    run!(rsa_pss_verify, RsaPss4096Sha512Mgf1SaltLen64, Scheme::RsaPssSha512);
}

/// Signatures with other parameters than the scheme's, good as they are, are not the scheme's.
#[test]
fn rsa_pss_with_other_parameters_is_refused() {
    use rsa_pss_verify::TestName as Set;
    for (set, scheme) in [
        (Set::RsaPss2048Sha256Mgf1SaltLen0, Scheme::RsaPssSha256),
        (Set::RsaPss2048Sha256Mgf1Sha1_20, Scheme::RsaPssSha256),
        (Set::RsaPss2048Sha1Mgf1SaltLen20, Scheme::RsaPssSha256),
        (Set::RsaPss4096Sha512Mgf1SaltLen32, Scheme::RsaPssSha512),
        (Set::RsaPss2048Sha256Mgf1SaltLen32, Scheme::RsaPssSha384),
        (Set::RsaPss2048Sha256Mgf1SaltLen32, Scheme::RsaPkcs1Sha256),
    ] {
        let mut refused = 0;
        for group in rsa_pss_verify::TestSet::load(set).unwrap().test_groups {
            let key = PublicKey::from_spki(&group.der, Some(scheme)).unwrap();
            // What is invalid there may be right here: a salt of another length than the set's, for one.
            for test in group.tests.iter().filter(|test| test.result == TestResult::Valid) {
                assert!(!stands(Some(&key), &test.msg, &test.sig), "{set:?} as {scheme}: {}", test.tc_id);
                refused += 1;
            }
        }
        assert!(refused > 0, "{set:?} holds nothing");
        println!("wycheproof/{set:?} as {scheme}: {refused} refused");
    }
}

/// RFC 4055 lets a key say which PSS parameters it is for. goldseal takes plain RSA keys only.
#[test]
fn rsa_keys_with_parameters_are_refused() {
    let set = rsa_pss_verify::TestSet::load(rsa_pss_verify::TestName::RsaPss2048Sha256Mgf1SaltLen32WithParams).unwrap();
    for group in set.test_groups {
        assert!(PublicKey::from_spki(&group.der, Some(Scheme::RsaPssSha256)).is_err());
        assert!(PublicKey::from_spki(&group.der, None).is_err());
    }
}

#[test]
fn ed25519() {
    run!(eddsa, Ed25519, Scheme::Ed25519);
}

/// DSSE signs without a context, so a signature with one, good as it is, is not the scheme's.
#[test]
fn ml_dsa() {
    use mldsa_verify::{TestName, TestSet};
    for (name, scheme) in [
        (TestName::MlDsa44Verify, Scheme::MlDsa44),
        (TestName::MlDsa65Verify, Scheme::MlDsa65),
        (TestName::MlDsa87Verify, Scheme::MlDsa87),
    ] {
        let mut tally = Tally::default();
        for group in TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki(&group.der, Some(scheme)).ok();
            for test in group.tests {
                let context = test.ctx.is_some_and(|context| !context.is_empty());
                let said = if context { TestResult::Invalid } else { test.result };
                let what = format!("{} {:?} {}", test.tc_id, test.flags, test.comment);
                tally.add(what, said, stands(key.as_ref(), &test.msg, &test.sig));
            }
        }
        tally.finish(scheme, &format!("{name:?}"));
    }
}
