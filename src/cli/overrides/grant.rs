//! `goldseal override grant`: the first of two signatures.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::Result;
use goldseal_core::{
    attestation::predicate::{self, GrantScope},
    flow::{
        keys,
        overrides::{self, InTheWay, in_the_way, read, report},
    },
    gate::Period,
    ids::{AccountId, GroupArn, ImageRef},
    policy::{Context, Policy},
    ports::Signer as _,
    report::{KeyReport, Note, OverrideStep},
};
use jiff::Timestamp;

use super::{keys_of, policy_of, put};
use crate::{
    adapters::aws::Ec2,
    cli::{
        exit::{Code, Failure},
        image::ImageArg,
        session::Session,
        signer::KeyArgs,
    },
    files,
    render::{self, Format},
};

/// A saved verdict names every reason with its detail.
const LARGEST: usize = 64 << 20;

const AFTER: &str = "\
One signature lets nothing pass: another person has to countersign, with another key. What is let pass is shown as \
overridden by everything that tells of it, until the instance is gone. docs/override.md says how to do it while KMS and \
the store are out.

Examples:
  goldseal override grant --image ami-0123456789abcdef0 --from-verdict ami-0123456789abcdef0 \\
    --for 8h --reason 'KMS is out in eu-west-1' --ticket INC-4711 --by alice@example.com \\
    --key awskms:///alias/break-glass-1
  goldseal override grant --image ami-0123456789abcdef0 --cause key-unavailable \\
    --cause evidence-unavailable --for 4h --reason 'KMS is out' --ticket INC-4711 \\
    --by alice@example.com --dangerous-local-key alice.pem --out override.jsonl
  goldseal override grant --account 123456789012 --cause revocations-unavailable …

Exit codes: 0 signed, 1 the policy would let nothing pass by it, 2 usage, 3 something could not be asked.";

/// Arguments of `override grant`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
#[command(group = clap::ArgGroup::new("scope").required(true).multiple(false))]
pub struct Grant {
    /// For this image: ami-ID, REGION:ami-ID or ARN
    #[arg(long, value_name = "AMI", group = "scope")]
    image: Option<ImageArg>,
    /// For the launches of this Auto Scaling group, where the policy lets overrides be for groups
    #[arg(long, value_name = "ARN", group = "scope")]
    group: Option<GroupArn>,
    /// For everything that launches in this account, where the policy lets overrides be for accounts
    #[arg(long, value_name = "ACCOUNT", group = "scope")]
    account: Option<AccountId>,
    /// Let this reason or fault pass, by its code in docs/reasons.md; all that stand in the way must be named
    #[arg(long, value_name = "CODE", required_unless_present = "from_verdict")]
    cause: Vec<String>,
    /// Name the causes that stand in the way of an image now, or did in a saved `verify --output json`
    #[arg(long, value_name = "AMI|FILE")]
    from_verdict: Option<String>,
    /// Go against this entry of the revocation list
    #[arg(long, value_name = "NUMBER")]
    revocation: Vec<u64>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The ticket of the incident
    #[arg(long, value_name = "TICKET")]
    ticket: String,
    /// Who grants it: a name or an address that people know
    #[arg(long, value_name = "NAME")]
    by: String,
    /// How long it holds, at most as long as the policy's max_life
    #[arg(long = "for", value_name = "TIME")]
    life: Period,
    /// When it begins [default: now]
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    #[command(flatten)]
    key: KeyArgs,
    /// Write it to this file, instead of adding it to the overrides of the store
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Add it to the overrides of the store, beside the file of --out
    #[arg(long, requires = "out")]
    publish: bool,
}

impl Grant {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        self.key.given()?;
        let policy = policy_of(session)?;
        let now = Timestamp::now();
        let scope = self.scope(session).await?;
        let mut notes = Vec::new();
        let found = match &self.from_verdict {
            None => InTheWay::default(),
            Some(named) => self.verdict(session, &policy, named, now).await?,
        };
        if !found.revocations.is_subset(&self.revocation.iter().copied().collect()) {
            let numbers: Vec<String> = found.revocations.iter().map(ToString::to_string).collect();
            let message = format!("what stands in the way was revoked, by entry {}", numbers.join(" and "));
            let hint = "a revocation is overridden by nobody who does not name it: read the entry, and give --revocation NUMBER";
            return Err(Failure::new(Code::No, message).hint(hint));
        }
        if self.revocation.is_empty() && found.causes.iter().any(|code| code.ends_with("-revoked")) {
            let message = "what stands in the way was revoked; --revocation NUMBER names the entry to go against";
            return Err(Failure::new(Code::No, message));
        }
        if self.group.is_some() || self.account.is_some() {
            notes.push(Note::new(
                "wide",
                "it is for more than one image: everything that is launched there while it holds",
            ));
        }
        let from = self.from.unwrap_or(now);
        let grant = predicate::Grant {
            scope,
            causes: self.cause.iter().cloned().chain(found.causes).collect(),
            revocations: self.revocation.iter().copied().collect(),
            reason: self.reason.clone(),
            ticket: self.ticket.clone(),
            granted_by: self.by.clone(),
            granted_at: now,
            from,
            until: self.life.after(from),
        };
        let signer = self.key.open(session).await?;
        let line = overrides::grant(&policy, &grant, &signer).await.map_err(anyhow::Error::from)?;
        let written =
            put(session, self.out.as_deref(), self.publish || self.out.is_none(), (&line, &line), now).await?;
        let keys = keys_of(&policy);
        let place = written.first().cloned().unwrap_or_default();
        let granted = read(&policy, &keys, &place, &line, now);
        let mut report = report(&policy, &keys, &granted, OverrideStep::Granted, now);
        report.key = Some(KeyReport::from(signer.key()));
        report.written = written;
        report.commands = granted
            .iter()
            .map(|one| {
                let what = self.out.as_ref().map_or_else(|| one.statement.to_string(), |out| out.display().to_string());
                format!("goldseal override countersign {what} --key KEY")
            })
            .collect();
        report.notes.extend(notes);
        report.notes.extend(signer.note());
        render::overrides(format, &report)?;
        Ok(Code::Good)
    }

    async fn scope(&self, session: &Session) -> Result<GrantScope, Failure> {
        if let Some(image) = &self.image {
            return Ok(GrantScope::Image(session.images(std::slice::from_ref(image)).await?.remove(0)));
        }
        let group = self.group.clone().map(GrantScope::Group);
        let scope = group.or_else(|| self.account.clone().map(GrantScope::Account));
        scope.ok_or_else(|| Failure::new(Code::Usage, "--image, --group or --account says for what it is"))
    }

    /// Returns what stands in the way, of an image now or of a saved verdict.
    async fn verdict(
        &self,
        session: &Session,
        policy: &Policy,
        named: &str,
        now: Timestamp,
    ) -> Result<InTheWay, Failure> {
        let found = match named.parse::<ImageArg>() {
            Ok(image) => {
                let image = session.images(&[image]).await?.remove(0);
                let group = self.group.clone().map(String::from);
                let context = Context { account: self.account.clone(), region: None, group };
                let keys = keys(policy, &session.keys()).await;
                let (store, ec2) = (session.store().await?, Ec2::new(session.aws().await));
                in_the_way(policy, &image, (&context, keys), &ec2, &store, now).await.0
            }
            Err(_) => saved(named, self.image.as_ref())?,
        };
        if found.causes.is_empty() {
            return Err(Failure::new(Code::No, format!("nothing stands in the way of {named}: it is admitted")));
        }
        let never: BTreeSet<&str> = found.never().into_iter().collect();
        if !never.is_empty() {
            let never: Vec<&str> = never.into_iter().collect();
            let message = format!("{} stands in the way of {named}, and cannot be overridden", never.join(" and "));
            return Err(Failure::new(Code::No, message));
        }
        Ok(found)
    }
}

/// Reads a saved verdict: of the image that is named, or the only one in it.
fn saved(path: &str, image: Option<&ImageArg>) -> Result<InTheWay, Failure> {
    let bytes = files::read(path.as_ref(), LARGEST).map_err(anyhow::Error::from)?;
    let is = |found: &ImageRef| {
        image.is_none_or(|image| *image.id() == found.id && image.region().is_none_or(|region| *region == found.region))
    };
    overrides::in_saved(&bytes, is).map_err(|problem| {
        let failure = Failure::new(Code::Usage, format!("{path}: {problem}"));
        failure.hint("give an image, or what `goldseal verify AMI --output json` wrote")
    })
}
