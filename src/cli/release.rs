//! `goldseal release`: the file with the checksums of a release → its seal. For whoever releases goldseal.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use goldseal_core::flow::release;

use super::{exit::Code, session::Session, signer::KeyArgs};
use crate::files;

const LARGEST: usize = 1 << 20;

const AFTER: &str = "\
Example:
  goldseal release SHA256SUMS --key awskms:///alias/goldseal-release \\
    --out SHA256SUMS.sigstore.json

Check it with cosign 3:
  cosign verify-blob-attestation --key release.pub --insecure-ignore-tlog \\
    --type https://goldseal.dev/release/v1 --bundle SHA256SUMS.sigstore.json SHA256SUMS";

/// Arguments of `release`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Release {
    /// The file with the checksums
    checksums: PathBuf,
    #[command(flatten)]
    key: KeyArgs,
    /// Where the bundle is written
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Release {
    pub async fn run(self, session: &Session) -> Result<Code> {
        let checksums = files::read(&self.checksums, LARGEST)?;
        let name = self.checksums.file_name().unwrap_or_default().to_string_lossy();
        let signer = self.key.open(session).await?;
        let bundle = release(&name, &checksums, env!("CARGO_PKG_VERSION"), &signer).await;
        files::write(&self.out, &bundle.with_context(|| format!("signing {}", self.checksums.display()))?)?;
        Ok(Code::Good)
    }
}
