//! A private key in a file → signatures: for trying goldseal out, and dangerous by name everywhere it can be given.
//!
//! The file is one unencrypted PKCS #8 block. Encrypted keys are refused with what to do instead, since a passphrase
//! beside the key in a pipeline protects nothing. The kinds are those that `aws-lc-rs` reads and `trust` verifies.

use std::{fmt, fs, io, io::Read as _, os::unix::fs::MetadataExt as _, path::Path};

use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    error::Unspecified,
    rand::SystemRandom,
    rsa,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use goldseal_core::{
    attestation::Pae,
    ports::{PortError, PortErrorKind, Signer, SigningKey},
    trust::PublicKey,
};

const OPEN: &str = "key:Open";
const SIGN: &str = "key:Sign";

/// An RSA key of 16,384 bits has 13 KB.
const LONGEST_FILE: u64 = 64 << 10;

/// A key in a file.
pub struct LocalKey {
    pair: Pair,
    key: SigningKey,
    hint: Option<String>,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(rsa::KeyPair),
    Ed25519(Ed25519KeyPair),
}

impl LocalKey {
    /// Reads a private key: P-256, P-384, RSA (which then signs PKCS #1 with SHA-256) or Ed25519.
    ///
    /// # Errors
    /// [`PortErrorKind::NotFound`] and [`PortErrorKind::Denied`] say so of the file, [`PortErrorKind::Refused`] says
    /// that goldseal does not sign with what is in it, and why.
    pub fn open(path: &Path) -> Result<Self, PortError> {
        let fault = |kind| PortError::new(kind, OPEN, path.display());
        let (text, mode) = read(path).map_err(|error| {
            let kind = match error.kind() {
                io::ErrorKind::NotFound => PortErrorKind::NotFound,
                io::ErrorKind::PermissionDenied => PortErrorKind::Denied,
                io::ErrorKind::InvalidData | _ => PortErrorKind::Malformed,
            };
            fault(kind).because(error)
        })?;
        let der = pkcs8_of_pem(&text, path).map_err(|why| fault(PortErrorKind::Refused).because(why))?;
        let (pair, spki) = pair_of(&der).ok_or_else(|| {
            fault(PortErrorKind::Refused).because("not a P-256, P-384, RSA (2048 bits or more) or Ed25519 key")
        })?;
        let public = PublicKey::from_spki(&spki, None).map_err(|error| fault(PortErrorKind::Refused).because(error))?;
        let key = SigningKey { public, name: path.display().to_string(), dangerous_local: true };
        Ok(Self { pair, key, hint: hint_of(path, mode) })
    }

    /// Returns what the user should change about the file, if others may read it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl Signer for LocalKey {
    fn key(&self) -> &SigningKey {
        &self.key
    }

    async fn sign(&self, pae: Pae<'_>) -> Result<Vec<u8>, PortError> {
        let message = pae.to_vec();
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Ecdsa(pair) => pair.sign(&random, &message).map(|signature| signature.as_ref().to_vec()),
            Pair::Ed25519(pair) => pair.try_sign(&message).map(|signature| signature.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, &message, &mut signature).map(|()| signature)
            }
        };
        signature.map_err(|error| PortError::new(PortErrorKind::Refused, SIGN, &self.key.name).because(error))
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Returns the text of a file and its mode.
fn read(path: &Path) -> io::Result<(String, u32)> {
    let file = fs::File::open(path)?;
    let mode = file.metadata()?.mode() & 0o7777;
    let mut text = String::new();
    file.take(LONGEST_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST_FILE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "more than 64 KiB is no key"));
    }
    Ok((text, mode))
}

fn hint_of(path: &Path, mode: u32) -> Option<String> {
    let wider = mode & 0o077 != 0;
    wider.then(|| format!("others may read the key (mode {mode:04o}): chmod 600 {}", path.display()))
}

/// Takes the one block out of a file, or says what the file is instead and what to do about it.
fn pkcs8_of_pem(text: &str, path: &Path) -> Result<Vec<u8>, String> {
    const BEGIN: &str = "-----BEGIN ";
    const DASHES: &str = "-----";
    let file = path.display();
    let no_pem = || "not PEM: expected one block -----BEGIN PRIVATE KEY----- (PKCS #8, unencrypted)".to_owned();
    let begin = text.find(BEGIN).ok_or_else(no_pem)?;
    let (label, rest) = text.get(begin + BEGIN.len()..).and_then(|rest| rest.split_once(DASHES)).ok_or_else(no_pem)?;
    match label {
        "PRIVATE KEY" => {
            let (body, after) = rest.split_once("-----END PRIVATE KEY-----").ok_or_else(no_pem)?;
            if after.contains(BEGIN) {
                return Err("more than one PEM block: expected one -----BEGIN PRIVATE KEY-----".to_owned());
            }
            let body: String = body.split_ascii_whitespace().collect();
            STANDARD.decode(body).map_err(|error| format!("the PEM block is not base64: {error}"))
        }
        "ENCRYPTED PRIVATE KEY" => {
            Err(format!("the key is encrypted; decrypt it into another file: openssl pkcs8 -in {file} -out NEW"))
        }
        "ENCRYPTED COSIGN PRIVATE KEY" | "ENCRYPTED SIGSTORE PRIVATE KEY" => {
            Err("the key is encrypted by cosign, and only cosign opens it; make one that both read: openssl genpkey \
             -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out NEW, then cosign import-key-pair --key NEW"
                .to_owned())
        }
        "EC PARAMETERS" | "EC PRIVATE KEY" | "RSA PRIVATE KEY" => {
            Err(format!("the key is not PKCS #8; convert it: openssl pkcs8 -topk8 -nocrypt -in {file} -out NEW"))
        }
        "PUBLIC KEY" => Err("a public key does not sign".to_owned()),
        other => {
            let other: String = other.chars().take(40).collect();
            Err(format!("a PEM block {other:?}: expected PRIVATE KEY (PKCS #8, unencrypted)"))
        }
    }
}

/// Returns the pair and its SubjectPublicKeyInfo. Each reader takes its own kind only, so their order means nothing.
fn pair_of(der: &[u8]) -> Option<(Pair, Vec<u8>)> {
    let spki = |der: Result<PublicKeyX509Der<'_>, Unspecified>| der.ok().map(|der| der.as_ref().to_vec());
    for curve in [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING] {
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(curve, der) {
            let spki = spki(pair.public_key().as_der())?;
            return Some((Pair::Ecdsa(pair), spki));
        }
    }
    if let Ok(pair) = rsa::KeyPair::from_pkcs8(der) {
        let spki = spki(pair.public_key().as_der())?;
        return Some((Pair::Rsa(pair), spki));
    }
    // OpenSSL writes the seed alone; aws-lc's stricter reader wants the public half beside it.
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()?;
    let spki = spki(pair.public_key().as_der())?;
    Some((Pair::Ed25519(pair), spki))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use aws_lc_rs::encoding::{Pkcs8V1Der, Pkcs8V2Der};
    use goldseal_core::trust::Scheme;

    use super::*;

    const PAE: Pae<'_> = Pae { payload_type: "application/vnd.in-toto+json", payload: b"{}" };

    fn pem(label: &str, der: &[u8]) -> String {
        let body = STANDARD.encode(der);
        let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    fn p256() -> Vec<u8> {
        let random = SystemRandom::new();
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap().as_ref().to_vec()
    }

    fn open(text: &str, mode: u32) -> Result<LocalKey, PortError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        LocalKey::open(&path)
    }

    #[tokio::test]
    async fn every_kind_signs_what_its_public_half_verifies() {
        let random = SystemRandom::new();
        let p384 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &random).unwrap();
        let rsa: Pkcs8V1Der<'_> = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap().as_der().unwrap();
        let ed25519: Pkcs8V2Der<'_> = Ed25519KeyPair::generate().unwrap().as_der().unwrap();
        // What `openssl genpkey -algorithm ed25519` writes: version 1, the seed alone.
        let seed_only = [&STANDARD.decode("MC4CAQAwBQYDK2VwBCIEIA==").unwrap()[..], &[7; 32]].concat();
        for (der, scheme) in [
            (p256().as_slice(), Scheme::EcdsaP256Sha256),
            (p384.as_ref(), Scheme::EcdsaP384Sha384),
            (rsa.as_ref(), Scheme::RsaPkcs1Sha256),
            (ed25519.as_ref(), Scheme::Ed25519),
            (&seed_only, Scheme::Ed25519),
        ] {
            let key = open(&pem("PRIVATE KEY", der), 0o600).unwrap();
            assert_eq!(key.key().public.scheme(), scheme);
            assert!(key.key().dangerous_local);
            assert!(key.key().public.signed(&PAE, &key.sign(PAE).await.unwrap()), "{scheme}");
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_reported() {
        let text = pem("PRIVATE KEY", &p256());
        assert_eq!(open(&text, 0o600).unwrap().hint(), None);
        assert_eq!(open(&text, 0o400).unwrap().hint(), None);
        for mode in [0o640, 0o604, 0o644, 0o666] {
            let key = open(&text, mode).unwrap();
            let hint = key.hint().unwrap();
            assert!(hint.contains(&format!("mode {mode:04o}")) && hint.contains("chmod 600"), "{hint}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_with_what_to_do() {
        let good = pem("PRIVATE KEY", &p256());
        for (text, kind, why) in [
            (String::new(), PortErrorKind::Refused, "not PEM"),
            ("hello".to_owned(), PortErrorKind::Refused, "not PEM"),
            (good.replace("-----END", "END"), PortErrorKind::Refused, "not PEM"),
            (format!("{good}{good}"), PortErrorKind::Refused, "more than one"),
            (good.replacen('M', "*", 1), PortErrorKind::Refused, "not base64"),
            (pem("PRIVATE KEY", b"nothing"), PortErrorKind::Refused, "not a P-256"),
            (pem("ENCRYPTED PRIVATE KEY", b"x"), PortErrorKind::Refused, "openssl pkcs8 -in"),
            (pem("ENCRYPTED COSIGN PRIVATE KEY", b"x"), PortErrorKind::Refused, "cosign import-key-pair"),
            (pem("ENCRYPTED SIGSTORE PRIVATE KEY", b"x"), PortErrorKind::Refused, "openssl genpkey"),
            (pem("EC PRIVATE KEY", b"x"), PortErrorKind::Refused, "-topk8"),
            (pem("RSA PRIVATE KEY", b"x"), PortErrorKind::Refused, "-topk8"),
            (pem("PUBLIC KEY", b"x"), PortErrorKind::Refused, "does not sign"),
            (pem("CERTIFICATE", b"x"), PortErrorKind::Refused, "\"CERTIFICATE\""),
            ("x".repeat(70_000), PortErrorKind::Malformed, "64 KiB"),
        ] {
            let error = open(&text, 0o600).unwrap_err();
            assert_eq!(error.kind, kind, "{}", error.chain());
            assert!(error.chain().contains(why), "{}", error.chain());
        }
        assert_eq!(LocalKey::open(Path::new("/nowhere/key.pem")).unwrap_err().kind, PortErrorKind::NotFound);
    }

    #[test]
    fn a_key_is_never_printed() {
        let key = open(&pem("PRIVATE KEY", &p256()), 0o600).unwrap();
        let text = format!("{key:?}");
        assert!(text.contains("dangerous_local: true") && !text.contains("pair"), "{text}");
    }
}
