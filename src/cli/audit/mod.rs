//! `goldseal audit`: what runs that should not, in every account and region that is named.

mod act;
mod memory;
mod output;
mod render;
mod resume;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use goldseal_core::{
    flow::{Auditing, audit, boots, of_audit},
    gate::Period,
    ids::HookName,
    policy::Policy,
    report::{AuditReport, Condition, FailOn, Note, Outcome},
};
use jiff::Timestamp;

use self::{
    act::Act,
    memory::Memory,
    output::Output,
    resume::{Resume, Resuming},
};
use super::{
    exit::{Code, Failure},
    fleet::FleetArgs,
    policy,
    receipt_key::{Keeping, ReceiptKey},
    session::{Keys, Session},
    wait,
};
use crate::{
    adapters::{aws::Accounts, lake::Lake, records::Records, store::StoreUrl},
    files,
    render::{self as printed, Bar, Format},
    settings::DEADLINE,
};

const AFTER: &str = "\
Looks at every instance that runs, judges each image once by the policy, and says which doors are open beside the launch hook. \
Nothing that runs is touched unless --quarantine-group or --terminate asks for it. docs/audit.md says what is asked, and with \
which permissions.

Examples:
  goldseal audit
  goldseal audit --organization --role goldseal/audit --external-id 7f3c
  goldseal audit --accounts accounts.txt --role goldseal/audit --regions eu-west-1,us-east-1 \\
    --output json
  goldseal audit --at 2026-12-24T00:00:00Z
  goldseal audit --boot-records s3://boot-records/prod
  goldseal audit --write json=audit.json --write html=audit.html \\
    --lake s3://security-lake/goldseal --security-hub
  goldseal audit --state file:///var/lib/goldseal-audit --only-new \\
    --metrics /var/cache/goldseal-audit/audit.prom
  goldseal audit --state file:///var/lib/goldseal-audit --max-age 26h
  goldseal audit --organization --role goldseal/audit --resume /var/tmp/goldseal-audit
  goldseal audit --receipts s3://receipts/prod --receipt-key awskms:///alias/goldseal-receipts
  goldseal audit --act-on unsealed,refused --quarantine-group quarantine --dry-run

Exit codes: 0 as it should be, 1 something runs that should not, 3 something could not be judged, seen, written, sent or done, \
or was not kept. What is both ends with 1. With --max-age: 0 young enough, 1 too old or never, 3 nobody knows.";

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER, args_conflicts_with_subcommands = true)]
pub struct Audit {
    #[command(subcommand)]
    saved: Option<Saved>,
    #[command(flatten)]
    look: Look,
}

/// What is done with an audit that was saved.
#[derive(Debug, clap::Subcommand)]
enum Saved {
    /// Show a saved audit in another format
    Render(render::Render),
}

#[derive(Debug, clap::Args)]
struct Look {
    #[command(flatten)]
    fleet: FleetArgs,
    /// Judge at this instant instead of now (what expires next month?), such as 2027-12-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Name admissions that end within this time
    #[arg(long, value_name = "TIME", default_value = "14d")]
    soon: Period,
    /// Look at instances that are stopped too
    #[arg(long)]
    stopped: bool,
    /// The name of our lifecycle hook, which every group should have; may be several [default: goldseal]
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "goldseal", hide_default_value = true)]
    guard_hook: Vec<HookName>,
    /// The name of the queue, in each account and region, that those hooks should tell
    #[arg(long, value_name = "NAME")]
    guard_queue: Option<String>,
    /// Read what boot guards recorded, here: s3://bucket/prefix as their settings name it, or file:///absolute/directory
    #[arg(long, value_name = "URL")]
    boot_records: Option<StoreUrl>,
    /// What makes it fail: refused, root-replaced, unsealed, expired, undetermined, overridden, expiring, admitted, door,
    /// missed [default: refused,root-replaced,unsealed,expired,undetermined,missed]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    fail_on: Option<Vec<Condition>>,
    /// Compare with the last audit that was kept here, and keep this one: file:///dir or s3://bucket/prefix, not where the
    /// evidence is
    #[arg(long, value_name = "URL", conflicts_with = "at")]
    state: Option<String>,
    /// Apply --fail-on to what is new since the last audit only
    #[arg(long, requires = "state")]
    only_new: bool,
    /// Also write metrics for Prometheus: a file for the textfile collector of node_exporter
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// Look nowhere, and say whether everything was seen within this time
    #[arg(long, value_name = "TIME", requires = "state", conflicts_with_all = ["only_new", "metrics", "fail_on", "boot_records", "security_hub", "means", "dry_run", "write", "lake"])]
    max_age: Option<Period>,
    #[command(flatten)]
    resume: Resume,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    act: Act,
    #[command(flatten)]
    receipt_key: ReceiptKey,
}

impl Audit {
    pub fn run(self, session: impl FnOnce() -> Result<Session>, format: Format) -> Result<Code, Failure> {
        match self.saved {
            Some(Saved::Render(saved)) => wait(saved.run(session, format))?,
            None => wait(self.look.run(&session()?, format))?,
        }
    }
}

impl Look {
    async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        let memory = match &self.state {
            Some(state) => Some(Memory::open(session, state).await?),
            None => None,
        };
        if let (Some(max_age), Some(memory)) = (self.max_age, &memory) {
            return memory.age(max_age, format);
        }
        let policy = policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
        let keeping = self.receipt_key.open(session).await?;
        if keeping.is_some() && self.at.is_some() {
            return Err(Failure::new(Code::Usage, "receipts say what was decided, and --at decides nothing"));
        }
        let lake = self.output.lake(async |place| session.lake(place).await).await?;
        let fleet = self.fleet.fleet(session).await?;
        let resuming = self.resume.open(&fleet, self.stopped)?;
        let keys = session.keys().keeping(memory.as_ref().map(Memory::state));
        let mut report = self.look(session, &policy, &fleet, resuming.as_ref(), &keys).await?;
        report.finished = Timestamp::now();
        let whole = self.act.act(&fleet, &policy, &mut report).await;
        let fail_on = self.fail_on.iter().flatten().copied().collect::<FailOn>();
        let fail_on = if self.fail_on.is_some() { fail_on } else { FailOn::default() };
        let put = async |report: &mut AuditReport| self.put(report, lake.as_ref()).await;
        let kept = match memory {
            Some(memory) => memory.keep(&mut report, &fail_on, put).await,
            None => put(&mut report).await,
        };
        let receipted = self.receipt(keeping, &mut report).await;
        let kept = kept && receipted;
        if let Some(resuming) = resuming.filter(|_| kept && report.is_whole()) {
            self.resume.end(&resuming, &mut report).await;
        }
        let outcome = if self.only_new { fail_on.outcome_of_new(&report) } else { fail_on.outcome(&report) };
        // What was not written, kept, sent or done is no alarm of its own, and nothing that went well either.
        let outcome = if kept && whole { outcome } else { outcome.max(Outcome::Undetermined) };
        Output::print(&report, format, outcome)
    }

    /// Writes the receipts of an audit; says whether nothing was left to write.
    async fn receipt(&self, keeping: Option<Keeping>, report: &mut AuditReport) -> bool {
        let Some(keeping) = keeping else { return true };
        let wrote = async {
            let signing = keeping.sign().await?;
            signing.receipting(&()).add(of_audit(report), Timestamp::now()).await.context("writing receipts")
        };
        match wrote.await {
            Ok(_) => true,
            Err(error) => {
                report.notes.push(Note::new("receipts-failed", format!("{error:#}")));
                false
            }
        }
    }

    /// Writes the report down, and says whether all of it was. What was seen and done is printed all the same, with a note
    /// of what could not be written.
    async fn put(&self, report: &mut AuditReport, lake: Option<&Lake>) -> bool {
        let mut failed = self.output.keep(report, lake).await;
        if let Some(path) = &self.metrics {
            let written = files::write(path, printed::audit_metrics(report).as_bytes());
            failed.extend(written.err().map(anyhow::Error::from));
        }
        report.notes.extend(failed.iter().map(|error| Note::new("not-written", format!("{error:#}"))));
        failed.is_empty()
    }

    async fn look(
        &self,
        session: &Session,
        policy: &Policy,
        fleet: &Accounts,
        resuming: Option<&Resuming>,
        keys: &Keys<'_>,
    ) -> Result<AuditReport> {
        let started = Timestamp::now();
        let store = session.store().await?;
        let records = self.records(session).await?;
        let auditing = Auditing {
            policy,
            at: self.at.unwrap_or(started),
            soon: self.soon,
            stopped: self.stopped,
            hooks: self.guard_hook.clone(),
            queue: self.guard_queue.clone(),
            deadline: DEADLINE,
        };
        let bar = Bar::calls("looking at accounts, regions and images");
        let mut report = match resuming {
            None => audit(&auditing, fleet, &store, keys, &bar, started).await,
            Some(resuming) => audit(&auditing, &resuming.over(fleet), &store, keys, &bar, started).await,
        };
        if let (Ok(report), Some(resuming)) = (&mut report, resuming) {
            resuming.tell(report);
        }
        if let (Ok(report), Some(records)) = (&mut report, &records) {
            boots(report, records, &bar).await;
        }
        bar.finish();
        report.context("finding the accounts of the fleet")
    }

    async fn records(&self, session: &Session) -> Result<Option<Records>> {
        let Some(url) = &self.boot_records else { return Ok(None) };
        Ok(Some(Records::open(url, session.bucket(url).await?).context("--boot-records")?))
    }
}
