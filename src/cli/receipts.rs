//! `goldseal receipts`: what was decided, as it was written down and signed.

mod read;

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::{Context as _, Result};
use goldseal_core::{
    flow::{Wrote, keys, show_receipts, verify_receipts},
    ports::PortErrorKind,
    report::{ReceiptsReport, WROTE_RECEIPTS_SCHEMA, WroteReceiptsReport},
};
use jiff::Timestamp;

use self::read::{InFiles, Wanted, listed};
use super::{
    exit::{Code, Failure},
    image::ImageArg,
    policy,
    receipt_key::{ReceiptKey, Signing, variable},
    session::Session,
};
use crate::{
    adapters::{records::Records, store::StoreUrl},
    render::{self, Format},
};

/// So many boots are looked at: those of a day of a large fleet.
const MOST_BOOTS: usize = 1_000_000;

const VERIFY: &str = "\
What a receipt proves has two parts: which signatures were good stays so; the verdict was so at its instant, and holds until it \
says. docs/receipts.md says more.

Examples:
  goldseal receipts verify receipt.sigstore.json --policy policy.toml
  goldseal receipts verify *.sigstore.json --at 2026-12-24T00:00:00Z --output json

Exit codes: 0 all are proven, 1 one is not, 3 nobody knows, or a file could not be read. Whether a verdict still holds is said, and changes no exit code.";

const SHOW: &str = "\
Nobody is asked who signed it: what it says is not proven.

Example:
  goldseal receipts show receipt.sigstore.json

Exit codes: 0 shown, 1 one is no receipt, 3 a file could not be read.";

const LIST: &str = "\
Examples:
  goldseal receipts list --receipts s3://receipts/prod
  goldseal receipts list ami-0123456789abcdef0 --receipts s3://receipts/prod --output json
  goldseal receipts list --since 2026-12-01T00:00:00Z --until 2026-12-24T00:00:00Z

What is listed is not proven: `goldseal receipts verify` asks who signed it. Of more than 1000 the newest are listed, and it is \
said that there are more.

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

const STATE: &str = "Where the hook keeps its state: file:///dir or s3://bucket/prefix [env: GOLDSEAL_STATE=]";

/// `receipts`.
#[derive(Debug, clap::Subcommand)]
pub enum Receipts {
    /// Say what receipts prove, by the policy's authorities, and until when
    #[command(after_help = VERIFY)]
    Verify {
        /// The receipts
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// Judge at this instant instead of now, such as 2027-12-01T00:00:00Z
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
        /// Those of this instant and later
        #[arg(long, value_name = "TIME")]
        since: Option<Timestamp>,
        /// Those of this instant and earlier
        #[arg(long, value_name = "TIME")]
        until: Option<Timestamp>,
    },
    /// Make the receipts that are missing of what a launch hook recorded, or boot guards
    #[command(after_help = WRITE)]
    Write {
        /// Also of the environment, which clap must not read: what it finds there would conflict with --boot-records.
        #[arg(long, value_name = "URL", help = STATE)]
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
                let found = InFiles::read(&files)?;
                let policy = policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
                let keys = keys(&policy, &session.keys()).await;
                let now = at.unwrap_or_else(Timestamp::now);
                shown(format, &found.report(|found| verify_receipts(&policy, &keys, found, now)))
            }
            Self::Show { files } => {
                let found = InFiles::read(&files)?;
                shown(format, &found.report(|found| show_receipts(found, Timestamp::now())))
            }
            Self::List { image, since, until } => {
                let wanted = Wanted { image, since, until };
                shown(format, &listed(session, wanted, Timestamp::now()).await?)
            }
            Self::Write { state, boot_records, key } => write(session, state, boot_records, &key, format).await,
        }
    }
}

fn shown(format: Format, report: &ReceiptsReport) -> Result<Code, Failure> {
    render::receipts(format, report)?;
    Ok(Code::from(report.outcome()))
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
    let (source, wrote, signing) = match boot_records {
        Some(url) => {
            if keeping.is_signed() {
                let failure = Failure::new(Code::Usage, "what instances recorded about themselves is not signed");
                return Err(failure.hint("give --unsigned-receipts: they say what was decided, and prove nothing"));
            }
            let signing = keeping.sign().await?;
            (url.to_string(), boots(session, &url, &signing).await?, signing)
        }
        None => {
            // The flag goes before the environment, and --boot-records before both.
            let state = state.map_or_else(|| variable("GOLDSEAL_STATE"), |state| Ok(Some(state)))?;
            let url = session.settings.state(state).map_err(anyhow::Error::from)?;
            let state = session.state(&url).await?;
            let signing = keeping.sign().await?;
            let wrote = signing.receipting(&state).write(&mut BTreeSet::new(), true, Timestamp::now()).await;
            let wrote = wrote.map_err(anyhow::Error::from).context("writing receipts")?;
            (url.to_string(), wrote, signing)
        }
    };
    let report = WroteReceiptsReport {
        schema: WROTE_RECEIPTS_SCHEMA,
        place: signing.place(),
        source,
        signed: signing.is_signed(),
        receipts: wrote.receipts,
        already: wrote.already,
        decisions: wrote.decisions,
        unreadable: wrote.unreadable,
        problems: wrote.problems,
    };
    render::wrote_receipts(format, &report)?;
    Ok(if report.unreadable > 0 { Code::Unknown } else { Code::Good })
}

/// Writes the receipts of boots. Whoever owns an instance says what its records hold: one that is too large, or that may not
/// be read, is named, and does not keep the others back.
async fn boots(session: &Session, url: &StoreUrl, signing: &Signing) -> Result<Wrote, Failure> {
    let records = Records::open(url, session.bucket(url).await?).context("--boot-records")?;
    let mut wrote = Wrote::default();
    let paths = records.all(MOST_BOOTS).await.context("listing the records of boots")?;
    if paths.len() == MOST_BOOTS {
        let failure = Failure::from(anyhow::anyhow!("{url} has {MOST_BOOTS} records or more"));
        return Err(failure.hint("copy those that you want into a directory, and name it: file:///dir"));
    }
    for path in paths {
        let record = match records.read(&path).await {
            Ok(Some(record)) => record,
            // It was removed in between.
            Ok(None) => continue,
            Err(error) if is_of_one(error.kind) => {
                wrote.problem(error.chain());
                continue;
            }
            Err(error) => return Err(anyhow::Error::from(error).context("reading the records of boots").into()),
        };
        let added = signing.receipting(&()).add_boot(&path, &record, &mut wrote, Timestamp::now()).await;
        match added {
            Ok(()) => {}
            Err(error) if error.is_of_one_place() => wrote.problem(format!("{:#}", anyhow::Error::from(error))),
            Err(error) => return Err(anyhow::Error::from(error).context("writing receipts").into()),
        }
    }
    Ok(wrote)
}

/// Says whether a failure is about one record, and not about all of them.
const fn is_of_one(kind: PortErrorKind) -> bool {
    match kind {
        PortErrorKind::NotFound | PortErrorKind::Denied | PortErrorKind::Malformed | PortErrorKind::Refused => true,
        PortErrorKind::Throttled | PortErrorKind::Unavailable => false,
    }
}
