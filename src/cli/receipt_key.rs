//! Whether receipts are written, and who signs them.

use anyhow::{Context as _, Result};
use goldseal_core::{flow::Receipting, ports::ReceiptStore as _, trust::KeyUri};

use super::{exit::Failure, session::Session};
use crate::adapters::{aws::KmsSigner, receipts::Receipts};

/// Whether receipts are written.
#[derive(Debug, Clone, clap::Args)]
pub struct ReceiptKey {
    /// Write receipts to `--receipts`, signed by this KMS key: awskms:///KEY. It must sign nothing else
    #[arg(long, value_name = "URI", env = "GOLDSEAL_RECEIPT_KEY")]
    receipt_key: Option<KeyUri>,
    /// Write receipts that nobody signed: they say what was decided, and prove nothing
    #[arg(long, conflicts_with = "receipt_key")]
    unsigned_receipts: bool,
}

/// Where receipts are written, and by whom they are signed.
#[derive(Debug)]
pub struct Keeping {
    place: Receipts,
    signer: Option<KmsSigner>,
}

impl ReceiptKey {
    /// Opens place and key, where receipts are to be written.
    ///
    /// # Errors
    /// When one of them cannot be opened, or there is a key and no place.
    pub async fn open(&self, session: &Session) -> Result<Option<Keeping>, Failure> {
        let written = session.settings.receipt_key.as_deref().filter(|_| !self.unsigned_receipts);
        let written = written.map(str::parse::<KeyUri>).transpose();
        let written = written.map_err(|fault| anyhow::anyhow!("the setting `receipt_key`: {fault}"))?;
        let key = self.receipt_key.clone().or(written);
        if key.is_none() && !self.unsigned_receipts {
            return Ok(None);
        }
        let Some(place) = session.receipts().await? else {
            let failure = Failure::from(anyhow::anyhow!("receipts are to be written, and no place for them is set"));
            return Err(failure
                .hint("give --receipts URL, or write `receipts = \"s3://bucket/prefix\"` into the settings file"));
        };
        let signer = match key {
            Some(uri) => {
                let opened = KmsSigner::open(session.aws().await, &uri, None).await;
                Some(opened.with_context(|| format!("opening {uri}"))?)
            }
            None => None,
        };
        Ok(Some(Keeping { place, signer }))
    }
}

impl Keeping {
    /// Returns where they are written, for people.
    pub fn place(&self) -> String {
        self.place.locate()
    }

    /// Says whether somebody signs them.
    pub const fn is_signed(&self) -> bool {
        self.signer.is_some()
    }

    /// Takes it apart for who goes on writing.
    pub fn into_parts(self) -> (Receipts, Option<KmsSigner>) {
        (self.place, self.signer)
    }

    /// Returns who makes receipts of what is in a state.
    pub fn receipting<'a, T>(&'a self, state: &'a T) -> Receipting<'a, T, Receipts, KmsSigner> {
        Receipting { state, receipts: &self.place, signer: self.signer.as_ref() }
    }
}
