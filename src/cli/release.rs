//! `goldseal release`: the file with the checksums of a release → its seal. For whoever releases goldseal.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use goldseal_core::flow::{Checksums, release};

use super::{
    exit::{Code, Failure},
    session::Session,
    signer::KeyArgs,
};
use crate::{
    files,
    render::{self, Format},
};

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
    /// The file with the checksums, as sha256sum writes it
    checksums: PathBuf,
    #[command(flatten)]
    key: KeyArgs,
    /// Where the bundle is written (`-`: standard output, and nothing else)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Release {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        let Self { checksums: path, key, out } = &self;
        key.given()?;
        let whole = |path: &PathBuf| path.canonicalize().ok();
        if whole(path).is_some_and(|input| whole(out) == Some(input)) {
            return Err(anyhow!("--out {} is the file with the checksums", out.display()).into());
        }
        let bytes = files::read(path, LARGEST).map_err(anyhow::Error::from)?;
        let checksums = Checksums::parse(&bytes).with_context(|| format!("reading {}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let signer = key.open(session).await?;
        let sealed = release(&name, checksums, env!("CARGO_PKG_VERSION"), &signer).await;
        let (bundle, mut report) = sealed.with_context(|| format!("signing {}", path.display()))?;
        files::write(out, &bundle).map_err(anyhow::Error::from)?;
        if out.as_os_str() == "-" {
            return Ok(Code::Good);
        }
        report.written = Some(out.display().to_string());
        report.notes.extend(signer.note());
        render::release(format, &report)?;
        Ok(Code::Good)
    }
}
