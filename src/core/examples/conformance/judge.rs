//! One bundle, one key, one artifact → accepted or refused: goldseal's own trust code, put together for a command line
//! that knows no policy.
//!
//! What differs from `trust::believe`: the key is given, so hints are not compared; bundles that sign a file are taken
//! too; and every log entry and timestamp that is there must verify, though nobody asks for one.

use goldseal_core::{
    attestation::{Bundle, Content, Defect, Envelope, Hash, IN_TOTO_PAYLOAD_TYPE, Material, Statement},
    digest::Sha256Digest,
    trust::{PublicKey, Testimony, Witness},
};

/// What was signed.
pub(crate) enum Artifact {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// Its SHA-256 alone.
    Digest(Sha256Digest),
}

/// Why a bundle is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The code that goldseal has for it.
    pub(crate) code: &'static str,
    /// In words.
    pub(crate) message: String,
}

impl From<Defect> for Refusal {
    fn from(defect: Defect) -> Self {
        Self { code: defect.code(), message: defect.to_string() }
    }
}

fn refusal(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal { code, message: message.into() }
}

impl Artifact {
    fn digest(&self) -> Sha256Digest {
        match self {
            Self::Bytes(bytes) => Sha256Digest::of(bytes),
            Self::Digest(digest) => *digest,
        }
    }

    fn digest_by(&self, hash: Hash) -> Option<Vec<u8>> {
        match (self, hash) {
            (_, Hash::Sha256) => Some(self.digest().as_bytes().to_vec()),
            (Self::Bytes(bytes), Hash::Sha384) => Some(sigstore_crypto::sha384(bytes).as_bytes().to_vec()),
            (Self::Bytes(bytes), Hash::Sha512) => Some(sigstore_crypto::sha512(bytes).as_bytes().to_vec()),
            (Self::Digest(_), Hash::Sha384 | Hash::Sha512) => None,
        }
    }
}

/// Verifies a bundle.
pub(crate) fn judge(line: &[u8], key: &PublicKey, trusted_root: &str, artifact: &Artifact) -> Result<(), Refusal> {
    let bundle = Bundle::parse(line)?;
    if bundle.material == Material::Certificate {
        return Err(refusal("signer-unknown", "signed with a certificate, not with the key"));
    }
    match bundle.content {
        Content::Envelope(envelope) => statement(envelope, key, artifact)?,
        Content::Message { signature, digest } => file(&signature, digest, key, artifact)?,
    }
    let present = [(Testimony::Log, bundle.witness.log_entries), (Testimony::Timestamp, bundle.witness.timestamps)];
    let testimony: Vec<Testimony> = present.into_iter().filter(|(_, count)| *count > 0).map(|(kind, _)| kind).collect();
    if testimony.is_empty() {
        return Ok(());
    }
    Witness::takes(key.scheme()).map_err(|fault| refusal("witness-refused", fault.to_string()))?;
    let witness =
        Witness::new(trusted_root, testimony).map_err(|fault| refusal("witness-refused", fault.to_string()))?;
    match witness.hear(line, bundle.witness, key, artifact.digest()) {
        Ok(_times) => Ok(()),
        Err(problem) => Err(refusal("witness-refused", problem)),
    }
}

fn statement(envelope: Envelope, key: &PublicKey, artifact: &Artifact) -> Result<(), Refusal> {
    if !key.signed(&envelope.pae(), &envelope.signature) {
        return Err(refusal("signature-invalid", "the envelope does not bear the key's signature"));
    }
    if envelope.payload_type != IN_TOTO_PAYLOAD_TYPE {
        return Err(Defect::PayloadType { found: envelope.payload_type }.into());
    }
    let subject = Statement::parse(envelope.payload)?.subject();
    if subject != artifact.digest() {
        return Err(refusal("subject-mismatch", format!("about another artifact: sha256 {subject}")));
    }
    Ok(())
}

fn file(signature: &[u8], named: Option<(Hash, Vec<u8>)>, key: &PublicKey, artifact: &Artifact) -> Result<(), Refusal> {
    if let Some((hash, named)) = named
        && artifact.digest_by(hash).is_none_or(|digest| digest != named)
    {
        return Err(refusal("subject-mismatch", "the bundle names another digest than the artifact's"));
    }
    let signed = match (artifact, key.scheme().hash()) {
        (Artifact::Bytes(bytes), _) => key.signed_message(bytes, signature),
        (Artifact::Digest(digest), Some(Hash::Sha256)) => key.signed_digest(digest.as_bytes(), signature),
        (Artifact::Digest(_), Some(Hash::Sha384 | Hash::Sha512) | None) => {
            return Err(refusal("signature-invalid", format!("{} needs the artifact, not its SHA-256", key.scheme())));
        }
    };
    if signed { Ok(()) } else { Err(refusal("signature-invalid", "the artifact does not bear the key's signature")) }
}
