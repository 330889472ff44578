//! `goldseal revoke`: a list of what is withdrawn, signed by an authority of its own, in the store.

mod what;

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use goldseal_core::{
    attestation::{EVIDENCE_LIMITS, predicate::Revocations},
    flow::{Change, Keeping, falls, keys},
    ids::ImageRef,
    policy::{Policy, Source},
    ports::{Inventory as _, Listing, StateName, StateStore as _},
    report::{AuditReport, Falls, Note, RevokeAction, RevokeReport},
};
use jiff::Timestamp;

use self::what::What;
use super::{
    exit::{Code, Failure},
    policy,
    session::Session,
    signer::KeyArgs,
    trace::saved,
};
use crate::{
    adapters::store::Store,
    files,
    render::{self, Bar, Format},
};

/// More evidence than this is not looked through before somebody is asked.
const MOST_IMAGES: usize = 20_000;

const AFTER: &str = "\
Examples:
  goldseal revoke renew --first --key awskms:///alias/image-revocation
  goldseal revoke image eu-west-1:ami-0123456789abcdef0 --reason 'backdoor in liblzma, INC-42' \\
    --by alice@example.com --key awskms:///alias/image-revocation
  goldseal revoke key ci --since 2027-01-01T00:00:00Z --reason 'leaked, INC-43' \\
    --by alice@example.com --key awskms:///alias/image-revocation
  goldseal revoke lift 3 --reason 'the wrong image' --by bob@example.com \\
    --key awskms:///alias/image-revocation
  goldseal revoke list

The policy says whose signatures count, [revocation]. docs/revocation.md tells the whole story. Exit codes: 0 done, or the \
list says it already; 1 not done; 3 the list could not be asked for.";

/// Revocations: what they are about.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = AFTER)]
pub enum Revoke {
    /// Withdraw an image, and its copies by what is on them
    #[command(
        after_help = "Example:\n  goldseal revoke image ami-0123456789abcdef0 --reason 'poisoned, INC-42' --by alice@example.com \\\n    --key awskms:///alias/image-revocation"
    )]
    Image(what::ImageArgs),
    /// Withdraw a key: what it signed counts no more
    #[command(
        after_help = "Example:\n  goldseal revoke key ci --reason 'leaked, INC-43' --by alice@example.com \\\n    --key awskms:///alias/image-revocation"
    )]
    Key(what::KeyToRevoke),
    /// Withdraw a builder: what it built counts no more
    #[command(
        after_help = "Example:\n  goldseal revoke builder https://ci.example.com/golden --reason 'taken over' \\\n    --by alice@example.com --key awskms:///alias/image-revocation"
    )]
    Builder(what::Builder),
    /// Withdraw all evidence of an image, or one statement, by its SHA-256
    #[command(
        after_help = "Example:\n  goldseal revoke evidence 3f5a… --reason 'wrong scan' --by alice@example.com \\\n    --key awskms:///alias/image-revocation"
    )]
    Evidence(what::Evidence),
    /// Lift an earlier entry, which was a mistake
    #[command(
        after_help = "Example:\n  goldseal revoke lift 3 --reason 'the wrong image' --by bob@example.com \\\n    --key awskms:///alias/image-revocation"
    )]
    Lift(what::Lift),
    /// Sign the list anew, before it is too old; and begin it
    #[command(after_help = "Example:\n  goldseal revoke renew --key awskms:///alias/image-revocation")]
    Renew(Renew),
    /// Add the signature of another authority to a list that waits for it
    #[command(after_help = "Example:\n  goldseal revoke countersign --key awskms:///alias/second-revocation")]
    Countersign(Countersign),
    /// Show the list that counts
    #[command(after_help = "Example:\n  goldseal revoke list --output json")]
    List(ListArgs),
    /// Show one entry of it
    #[command(after_help = "Example:\n  goldseal revoke show 3")]
    Show(Show),
}

/// Which list, and from where.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Where an enforcement point keeps what it has seen: an older list that was put back in the store is found out by it
    #[arg(long, value_name = "URL")]
    state: Option<String>,
    /// Go on from this copy of the list, where the store's was rolled back or damaged
    #[arg(long, value_name = "FILE")]
    go_on_from: Option<PathBuf>,
}

/// What every change takes.
#[derive(Debug, clap::Args)]
pub struct ChangeArgs {
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    list: ListArgs,
    /// There is no list yet: begin it
    #[arg(long)]
    first: bool,
}

/// What every entry takes.
#[derive(Debug, clap::Args)]
pub struct EntryArgs {
    /// Why: one line, which every verdict that stands on this shows
    #[arg(long, value_name = "TEXT", value_parser = line)]
    reason: String,
    /// Who revokes: a name or an address that people know
    #[arg(long, value_name = "NAME", value_parser = line)]
    by: String,
    #[command(flatten)]
    change: ChangeArgs,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Look which images fall among those of this audit, of `goldseal audit --output json` [default: all of the store]
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
}

/// Arguments of `revoke renew`.
#[derive(Debug, clap::Args)]
pub struct Renew {
    #[command(flatten)]
    change: ChangeArgs,
}

/// Arguments of `revoke countersign`.
#[derive(Debug, clap::Args)]
pub struct Countersign {
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    list: ListArgs,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Arguments of `revoke show`.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// The number of the entry
    #[arg(value_name = "NUMBER")]
    number: u64,
    #[command(flatten)]
    list: ListArgs,
}

fn line(text: &str) -> Result<String, String> {
    match goldseal_core::attestation::predicate::is_line(text, 500) {
        true => Ok(text.to_owned()),
        false => Err("write one visible line of at most 500 characters".to_owned()),
    }
}

/// What all of them stand on.
struct Opened {
    policy: Policy,
    keys: goldseal_core::policy::Keys,
    store: Store,
    kept: Option<(String, Vec<u8>)>,
    chosen: Option<(String, Vec<u8>)>,
}

impl Revoke {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        match self {
            Self::Image(args) => add(What::Image(args.what), &args.entry, session, format).await,
            Self::Key(args) => add(What::Key(args.what), &args.entry, session, format).await,
            Self::Builder(args) => add(What::Builder(args.what), &args.entry, session, format).await,
            Self::Evidence(args) => add(What::Evidence(args.what), &args.entry, session, format).await,
            Self::Lift(args) => add(What::Lift(args.number), &args.entry, session, format).await,
            Self::Renew(args) => {
                args.change.key.given()?;
                let opened = Opened::open(session, &args.change.list).await?;
                let signer = args.change.key.open(session).await?;
                let keeping = opened.keeping(args.change.first);
                let mut report = keeping.change(&Change::Renew, &signer, &opened.store).await.map_err(failed)?;
                report.notes.extend(signer.note());
                told(format, &report)
            }
            Self::Countersign(args) => countersign(&args, session, format).await,
            Self::List(args) => shown(&args, None, session, format).await,
            Self::Show(args) => shown(&args.list, Some(args.number), session, format).await,
        }
    }
}

async fn shown(args: &ListArgs, only: Option<u64>, session: &Session, format: Format) -> Result<Code, Failure> {
    let opened = Opened::open(session, args).await?;
    let report = opened.keeping(false).show(only, &opened.store).await.map_err(failed)?;
    told(format, &report)
}

/// Adds an entry: plans, says what falls, asks, signs.
async fn add(what: What, args: &EntryArgs, session: &Session, format: Format) -> Result<Code, Failure> {
    args.change.key.given()?;
    let opened = Opened::open(session, &args.change.list).await?;
    let audit = args.audit.as_deref().map(saved).transpose()?;
    let (revokes, mut notes) = what.resolve(session, &opened.policy, &opened.keys, &opened.store).await?;
    let change = Change::Add { by: args.by.clone(), reason: args.reason.clone(), revokes };
    let keeping = opened.keeping(args.change.first);
    let (before, after) = keeping.plan(&change, &opened.store).await.map_err(failed)?;
    // Whoever cannot sign is told so before anybody is asked.
    let signer = args.change.key.open(session).await?;
    keeping.authority(goldseal_core::ports::Signer::key(&signer)).map_err(failed)?;
    let mut found = None;
    if before != after && !matches!(what, What::Lift(_)) && (!args.yes || audit.is_some()) {
        match opened.falls(session, (&before, &after), audit.as_ref()).await {
            Ok(falls) => found = Some(falls),
            Err(error) => {
                let text = format!("nobody looked which images fall: {error:#}; an audit tells (--audit FILE)");
                notes.push(Note::new("falls-not-told", text));
            }
        }
    }
    if before != after && !args.yes {
        let planned = keeping.planned((&before, &after), &opened.store).map_err(failed)?;
        let planned = RevokeReport { falls: found.clone(), notes: notes.clone(), ..planned };
        if !agreed(format, &planned, "revoke")? {
            return Ok(Code::No);
        }
    }
    let mut report = keeping.change(&change, &signer, &opened.store).await.map_err(failed)?;
    report.falls = found;
    report.notes.extend(signer.note());
    report.notes.extend(notes);
    told(format, &report)
}

async fn countersign(args: &Countersign, session: &Session, format: Format) -> Result<Code, Failure> {
    args.key.given()?;
    let opened = Opened::open(session, &args.list).await?;
    let keeping = opened.keeping(false);
    let (before, waiting, statement) = keeping.waiting(&opened.store).await.map_err(failed)?;
    let signer = args.key.open(session).await?;
    keeping.authority(goldseal_core::ports::Signer::key(&signer)).map_err(failed)?;
    if !args.yes {
        let planned = keeping.planned((&before, &waiting), &opened.store).map_err(failed)?;
        if !agreed(format, &planned, "countersign")? {
            return Ok(Code::No);
        }
    }
    let mut report = keeping.countersign(statement, &signer, &opened.store).await.map_err(failed)?;
    report.notes.extend(signer.note());
    told(format, &report)
}

impl Opened {
    async fn open(session: &Session, args: &ListArgs) -> Result<Self, Failure> {
        let policy = policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
        let store = session.store().await?;
        let keys = keys(&policy, &session.keys()).await;
        let kept = match (&args.state, policy.revocation()) {
            (Some(url), Some(rule)) => {
                let state = session.settings.state(Some(url.clone())).map_err(anyhow::Error::from)?;
                let state = session.state(&state).await?;
                let name = StateName::new(Listing::Revocations(rule.list.clone()).path());
                let name = name.map_err(|error| anyhow::anyhow!("naming the list in the state: {error}"))?;
                let found = state.read(&name).await.context("asking for the list that was kept")?;
                found.map(|found| (format!("kept in {name}"), found.bytes))
            }
            _ => None,
        };
        let chosen = match &args.go_on_from {
            Some(path) => {
                let bytes = files::read(path, EVIDENCE_LIMITS.bytes).map_err(anyhow::Error::from)?;
                Some((path.display().to_string(), bytes))
            }
            None => None,
        };
        Ok(Self { policy, keys, store, kept, chosen })
    }

    fn keeping(&self, first: bool) -> Keeping<'_> {
        Keeping {
            policy: &self.policy,
            keys: &self.keys,
            clock: Timestamp::now,
            kept: source(self.kept.as_ref(), true),
            chosen: source(self.chosen.as_ref(), false),
            first,
        }
    }

    /// Looks which images fall: those of an audit, else all of the store.
    async fn falls(
        &self,
        session: &Session,
        lists: (&Revocations, &Revocations),
        audit: Option<&AuditReport>,
    ) -> Result<Falls> {
        let running: BTreeMap<ImageRef, u64> = audit.map(running).unwrap_or_default();
        let images: Vec<ImageRef> = match audit {
            Some(_) => running.keys().cloned().collect(),
            None => self.store.images(MOST_IMAGES + 1).await?,
        };
        anyhow::ensure!(images.len() <= MOST_IMAGES, "there are more than {MOST_IMAGES} images");
        let keys = keys(&self.policy, &session.keys()).await;
        let bar = Bar::calls("looking which images fall");
        let found = falls(&self.policy, keys, lists, &images, &self.store, Timestamp::now(), &bar).await;
        bar.finish();
        let mut found = found.map_err(anyhow::Error::msg)?;
        if audit.is_some() {
            for fall in &mut found.images {
                fall.instances = running.get(&fall.image).copied();
            }
        }
        Ok(found)
    }
}

/// A list that was brought along.
fn source(from: Option<&(String, Vec<u8>)>, kept: bool) -> Option<Source<'_>> {
    let (place, bytes) = from?;
    Some(Source { place: place.clone(), answer: Ok(Some(bytes.as_slice())), kept })
}

/// Returns the images that ran, and how many instances of each.
fn running(audit: &AuditReport) -> BTreeMap<ImageRef, u64> {
    let count = |image: &goldseal_core::report::AuditedImage| image.classes.values().sum();
    audit.images.iter().map(|image| (image.report.image.clone(), count(image))).collect()
}

/// Asks the person.
fn agreed(format: Format, planned: &RevokeReport, word: &str) -> Result<bool, Failure> {
    render::revoke(format, planned)?;
    if format != Format::Human {
        return Ok(false);
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(
            Failure::new(Code::No, "not done: there is nobody to ask").hint("on a terminal it asks; else --yes")
        );
    }
    let mut terminal = io::stderr();
    terminal.write_all(format!("Type `{word}` to sign list {}: ", planned.serial).as_bytes())?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == word)
}

fn told(format: Format, report: &RevokeReport) -> Result<Code, Failure> {
    render::revoke(format, report)?;
    Ok(if report.action == RevokeAction::Planned { Code::No } else { Code::Good })
}

fn failed(error: goldseal_core::flow::RevokeError) -> Failure {
    anyhow::Error::from(error).into()
}
