//! Who signs: a KMS key, or a key file under a dangerous name.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use goldseal_core::{
    attestation::Pae,
    ports::{PortError, Signer, SigningKey},
    report::Note,
    trust::{KeyUri, Scheme},
};

use super::session::Session;
use crate::adapters::{aws::KmsSigner, keys::LocalKey};

/// Which key signs.
#[derive(Debug, clap::Args)]
pub struct KeyArgs {
    /// The KMS key: awskms:///KEY, where KEY is a key id, a key ARN, alias/NAME or an alias ARN
    #[arg(long, value_name = "URI")]
    key: Option<KeyUri>,
    /// Sign with a key file on disk (PKCS #8, PEM) instead; every report will say so
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    dangerous_local_key: Option<PathBuf>,
    /// The signature scheme, where a key has several [default: rsa-pkcs1-sha256 for RSA]
    #[arg(long, value_name = "SCHEME")]
    scheme: Option<Scheme>,
}

/// What signs.
#[derive(Debug)]
pub enum AnySigner {
    /// A KMS key.
    Kms(KmsSigner),
    /// A key file.
    Local(LocalKey),
}

impl KeyArgs {
    /// Says that a key is given, before anything else is asked.
    pub fn given(&self) -> Result<()> {
        let given = self.key.is_some() || self.dangerous_local_key.is_some();
        ensure!(given, "no key to sign with: give --key <URI>, or --dangerous-local-key <FILE>");
        Ok(())
    }

    /// Opens the key; an alias is resolved once.
    pub async fn open(&self, session: &Session) -> Result<AnySigner> {
        if let Some(path) = &self.dangerous_local_key {
            let key = LocalKey::open(path)?;
            let only = key.key().public.scheme();
            if self.scheme.is_some_and(|scheme| scheme != only) {
                bail!("{} signs {only} only", path.display());
            }
            return Ok(AnySigner::Local(key));
        }
        self.given()?;
        let Some(uri) = &self.key else { bail!("no key to sign with") };
        let signer = KmsSigner::open(session.aws().await, uri, self.scheme).await;
        Ok(AnySigner::Kms(signer.with_context(|| format!("opening {uri}"))?))
    }
}

impl AnySigner {
    /// Returns what a reader should know of the key.
    pub fn note(&self) -> Option<Note> {
        match self {
            Self::Kms(_) => None,
            Self::Local(key) => key.hint().map(|hint| Note::new("key-file-readable", hint)),
        }
    }
}

impl Signer for AnySigner {
    fn key(&self) -> &SigningKey {
        match self {
            Self::Kms(signer) => signer.key(),
            Self::Local(signer) => signer.key(),
        }
    }

    async fn sign(&self, pae: Pae<'_>) -> Result<Vec<u8>, PortError> {
        match self {
            Self::Kms(signer) => signer.sign(pae).await,
            Self::Local(signer) => signer.sign(pae).await,
        }
    }
}
