//! `goldseal receipts`: what was decided, as it was written down and signed.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::{Context as _, Result};
use goldseal_core::{
    flow::{Wrote, keys, show_receipts, verify_receipts},
    policy::FoundReceipt,
    ports::{LARGEST_RECEIPT, RECEIPTS_FOLDER, ReceiptStore as _, receipts_folder, unsigned_folder},
    report::{ReceiptsReport, WROTE_RECEIPTS_SCHEMA, WroteReceiptsReport},
};
use jiff::Timestamp;

use super::{
    exit::{Code, Failure},
    image::ImageArg,
    policy,
    receipt_key::{Keeping, ReceiptKey},
    session::Session,
};
use crate::{
    adapters::{records::Records, store::StoreUrl},
    files,
    render::{self, Format},
};

/// So many receipts are listed at most.
const MOST: usize = 1_000;
/// So many boots are looked at: those of a day of a large fleet.
const MOST_BOOTS: usize = 1_000_000;

const VERIFY: &str = "\
What a receipt proves has two parts: which signatures were good stays so; the verdict was so at its instant, and holds until it \
says. docs/receipts.md says more.

Examples:
  goldseal receipts verify receipt.sigstore.json --policy policy.toml
  goldseal receipts verify *.sigstore.json --at 2026-12-24T00:00:00Z --output json

Exit codes: 0 all are proven, 1 one is not, 3 nobody knows. Whether a verdict still holds is said, and changes no exit code.";

const SHOW: &str = "\
Nobody is asked who signed it: what it says is not proven.

Example:
  goldseal receipts show receipt.sigstore.json

Exit codes: 0 shown, 1 one is no receipt.";

const LIST: &str = "\
Examples:
  goldseal receipts list --receipts s3://receipts/prod
  goldseal receipts list ami-0123456789abcdef0 --receipts s3://receipts/prod --output json

What is listed is not proven: `goldseal receipts verify` asks who signed it. The first 1000 are listed.

Exit codes: 0 listed, 1 there is none, or one is no receipt, 3 the place could not be read.";

const WRITE: &str = "\
The launch hook does it by itself, with `--receipt-key`. The Lambda function does not: run this beside it, every minute or every \
day. It can be cut off and started again at any time, and by several at once: every decision is in exactly one receipt.

What a boot guard recorded, its instance wrote: such receipts are not signed.

Examples:
  goldseal receipts write --state s3://state/hook --receipts s3://receipts/prod \\
    --receipt-key awskms:///alias/goldseal-receipts
  goldseal receipts write --boot-records s3://boot-records/prod --receipts s3://receipts/prod \\
    --unsigned-receipts

Exit codes: 0 nothing is missing, 3 some could not be read or written.";

/// `receipts`.
#[derive(Debug, clap::Subcommand)]
pub enum Receipts {
    /// Say what receipts prove, by the policy's authorities, and until when
    #[command(after_help = VERIFY)]
    Verify {
        /// The receipts
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// Judge at this instant instead of now
        #[arg(long, value_name = "TIME")]
        at: Option<Timestamp>,
    },
    /// Show what receipts say
    #[command(after_help = SHOW)]
    Show {
        /// The receipts
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// List the receipts that are kept, of an image or of all
    #[command(after_help = LIST)]
    List {
        /// The image: ami-ID, REGION:ami-ID or ARN
        #[arg(value_name = "AMI")]
        image: Option<ImageArg>,
    },
    /// Make the receipts that are missing of what a launch hook recorded, or boot guards
    #[command(after_help = WRITE)]
    Write {
        /// Where the hook keeps its state: file:///dir or s3://bucket/prefix
        #[arg(long, value_name = "URL", env = "GOLDSEAL_STATE")]
        state: Option<String>,
        /// Of boots instead, by what boot guards recorded here: s3://bucket/prefix, or file:///dir that is a copy of it
        #[arg(long, value_name = "URL", conflicts_with = "state")]
        boot_records: Option<StoreUrl>,
        #[command(flatten)]
        key: ReceiptKey,
    },
}

impl Receipts {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        match self {
            Self::Verify { files, at } => {
                let found = of_files(&files)?;
                let policy = policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
                let keys = keys(&policy, &session.keys()).await;
                shown(format, &verify_receipts(&policy, &keys, &found, at.unwrap_or_else(Timestamp::now)))
            }
            Self::Show { files } => shown(format, &show_receipts(&of_files(&files)?, Timestamp::now())),
            Self::List { image } => {
                let found = listed(session, image).await?;
                shown(format, &show_receipts(&found, Timestamp::now()))
            }
            Self::Write { state, boot_records, key } => write(session, state, boot_records, &key, format).await,
        }
    }
}

fn shown(format: Format, report: &ReceiptsReport) -> Result<Code, Failure> {
    render::receipts(format, report)?;
    Ok(Code::from(report.outcome()))
}

fn of_files(paths: &[PathBuf]) -> Result<Vec<FoundReceipt>> {
    let read = paths.iter().map(|path| {
        let bytes = files::read(path, LARGEST_RECEIPT)?;
        Ok(FoundReceipt { place: path.display().to_string(), bytes })
    });
    read.collect()
}

async fn listed(session: &Session, image: Option<ImageArg>) -> Result<Vec<FoundReceipt>, Failure> {
    let Some(place) = session.receipts().await? else {
        let failure = Failure::from(anyhow::anyhow!("no place for receipts is set"));
        return Err(failure.hint("give --receipts URL, or set GOLDSEAL_RECEIPTS"));
    };
    let folder = match image {
        Some(image) => {
            let images = session.images(&[image]).await?;
            images.first().map(|image| receipts_folder(&image.region, Some(image)))
        }
        None => None,
    };
    let folder = folder.as_deref().unwrap_or(RECEIPTS_FOLDER);
    let mut found = Vec::new();
    for folder in [folder, &unsigned_folder(folder)] {
        for path in place.list(folder, None, MOST).await.context("listing receipts")? {
            let read = place.read(&path).await.context("reading receipts")?;
            let place = format!("{}/{path}", place.locate());
            found.extend(read.map(|bytes| FoundReceipt { place, bytes }));
        }
    }
    Ok(found)
}

async fn write(
    session: &Session,
    state: Option<String>,
    boot_records: Option<StoreUrl>,
    key: &ReceiptKey,
    format: Format,
) -> Result<Code, Failure> {
    let Some(keeping) = key.open(session).await? else {
        let failure = Failure::from(anyhow::anyhow!("no key signs the receipts"));
        return Err(failure.hint("give --receipt-key URI, or --unsigned-receipts for what proves nothing"));
    };
    let wrote = match boot_records {
        Some(url) => boots(session, &url, &keeping).await?,
        None => {
            let url = session.settings.state(state).map_err(anyhow::Error::from)?;
            let state = session.state(&url).await?;
            let wrote = keeping.receipting(&state).write(&mut BTreeSet::new(), true, Timestamp::now()).await;
            wrote.map_err(anyhow::Error::from).context("writing receipts")?
        }
    };
    let Wrote { receipts, already, decisions, problems } = wrote;
    let unreadable = problems.len();
    let (place, signed) = (keeping.place(), keeping.is_signed());
    let schema = WROTE_RECEIPTS_SCHEMA;
    let report = WroteReceiptsReport { schema, place, signed, receipts, already, decisions, unreadable };
    render::wrote_receipts(format, &report)?;
    Ok(if unreadable > 0 { Code::Unknown } else { Code::Good })
}

/// Writes the receipts of boots.
async fn boots(session: &Session, url: &StoreUrl, keeping: &Keeping) -> Result<Wrote, Failure> {
    if keeping.is_signed() {
        let failure = Failure::new(Code::Usage, "what instances recorded about themselves is not signed");
        return Err(failure.hint("give --unsigned-receipts: they say what was decided, and prove nothing"));
    }
    let records = Records::open(url, session.bucket(url).await?).context("--boot-records")?;
    let mut wrote = Wrote::default();
    let paths = records.all(MOST_BOOTS).await.context("listing the records of boots")?;
    if paths.len() == MOST_BOOTS {
        let failure = Failure::from(anyhow::anyhow!("{url} has {MOST_BOOTS} records or more"));
        return Err(failure.hint("copy those that you want into a directory, and name it: file:///dir"));
    }
    for path in paths {
        // It was removed in between.
        let Some(record) = records.read(&path).await.context("reading the records of boots")? else { continue };
        let added = keeping.receipting(&()).add_boot(&path, &record, &mut wrote, Timestamp::now()).await;
        added.map_err(anyhow::Error::from).context("writing receipts")?;
    }
    Ok(wrote)
}
