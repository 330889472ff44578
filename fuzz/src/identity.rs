//! Who an instance is, and whose keys are believed.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use goldseal_core::{
    identity::{Certificates, InstanceIdentity, LIMIT, identify},
    testing::identity::{self, CERTIFICATE},
    trust::{PublicKey, Scheme, Testimony, Witness},
};
use jiff::Timestamp;

static PINNED: LazyLock<Certificates> = LazyLock::new(|| Certificates::from_pem(CERTIFICATE.as_bytes()).unwrap());

/// The documents that the test certificate signed, as far as they are read.
static SIGNED: LazyLock<Vec<InstanceIdentity>> = LazyLock::new(|| {
    let texts =
        [identity::SIGNED, identity::OF_ANOTHER_IMAGE, include_str!("../../tests/vectors/identity/ec2-pieces.p7")];
    texts.iter().map(|text| identify(text.as_bytes(), &PINNED, at()).unwrap()).collect()
});

fn at() -> Timestamp {
    "2026-11-20T09:00:30Z".parse().unwrap()
}

/// Nobody is identified but by what the certificate signed, whatever surrounds it.
pub fn identity_text(bytes: &[u8]) -> bool {
    let identified = identify(bytes, &PINNED, at());
    match &identified {
        Ok(identity) => assert!(SIGNED.contains(identity), "nobody signed {identity:?}"),
        Err(why) => assert!(!why.to_string().is_empty()),
    }
    identified.is_ok()
}

/// The same of the bytes within the base64.
pub fn identity_cms(bytes: &[u8]) -> bool {
    let text = STANDARD.encode(bytes);
    text.len() <= LIMIT && identity_text(text.as_bytes())
}

/// A list of certificates that is taken has some, and each of them once.
pub fn certificates(bytes: &[u8]) -> bool {
    let Ok(list) = Certificates::from_pem(bytes) else { return false };
    let digests: Vec<_> = list.digests().collect();
    assert!(!digests.is_empty() && digests.len() <= bytes.len());
    let twice = [bytes, b"\n", bytes].concat();
    if let Ok(again) = Certificates::from_pem(&twice) {
        assert!(again.digests().eq(digests));
    }
    true
}

/// A key that is read is the key that is read of what it says that it is, under the same scheme; and it signed nothing here.
pub fn public_key(bytes: &[u8]) -> bool {
    let schemes = || Scheme::ALL.into_iter().map(Some).chain([None]);
    let texts = std::str::from_utf8(bytes).ok().into_iter();
    let by_text = texts.flat_map(|text| schemes().map(|scheme| PublicKey::from_pem(text, scheme)));
    let mut taken = false;
    for key in schemes().map(|scheme| PublicKey::from_spki(bytes, scheme)).chain(by_text).flatten() {
        let again = PublicKey::from_spki(key.spki(), Some(key.scheme())).unwrap();
        assert!(again.same_key(&key) && (again.digest(), again.scheme()) == (key.digest(), key.scheme()));
        assert!(!key.signed_message(b"a message", bytes));
        taken = true;
    }
    taken
}

/// A trusted root is taken or not.
pub fn trusted_root(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let taken = Witness::new(text, vec![Testimony::Log]).is_ok();
    assert_eq!(taken, Witness::new(text, vec![Testimony::Timestamp]).is_ok());
    taken
}
