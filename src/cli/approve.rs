//! `goldseal approve`: a gate result → what was accepted, shown to a person; and their signature, if they say yes.

use std::{
    collections::BTreeSet,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use goldseal_core::{
    attestation::predicate::is_approver,
    digest::Sha256Digest,
    flow::{Approving, GateFile, accepted_before, approve},
    ids::ImageRef,
    image::Descriptor,
    policy::Policy,
    ports::Signer as _,
    report::{APPROVE_SCHEMA, ApproveReport, ApprovedImage, Note, Risks},
};
use jiff::Timestamp;

use super::{
    describe,
    exit::{Code, Failure},
    gate::demand,
    image::ImageArg,
    policy,
    session::Session,
    signer::KeyArgs,
};
use crate::{
    adapters::aws::Ec2,
    files,
    render::{self, Format},
};

const LARGEST: usize = 64 << 20;

const AFTER: &str = "\
Examples:
  goldseal approve gate.json --key awskms:///alias/image-approval --approver alice@example.com \\
    --policy policy.toml --out approval.jsonl
  goldseal approve gate.json ami-0123456789abcdef0 --since ami-0fedcba9876543210 …
  goldseal approve gate.json --show --output json
  goldseal approve gate.json … --yes --accept-digest 3f5a…

gate.json is what `goldseal gate --output json` wrote. Exit codes: 0 approved, or nothing to approve; 1 not approved.";

/// Arguments of `approve`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Approve {
    /// The gate result in JSON
    gate: PathBuf,
    /// The images: ami-ID, REGION:ami-ID or ARN [default: those of the Packer manifest that the gate was given]
    #[arg(value_name = "AMI")]
    amis: Vec<ImageArg>,
    #[command(flatten)]
    key: KeyArgs,
    /// Who approves: a name or an address that people know
    #[arg(long, value_name = "NAME", env = "GOLDSEAL_APPROVER", required_unless_present = "show", value_parser = approver)]
    approver: Option<String>,
    /// Where the approval is written, for `sign --approval` and `seal --approval`
    #[arg(long, value_name = "FILE", required_unless_present = "show")]
    out: Option<PathBuf>,
    /// Show what is accepted, and the digest of it for each image; sign nothing
    #[arg(long, conflicts_with_all = ["yes", "out"])]
    show: bool,
    /// The last image that was approved: what it did not accept is shown as new
    #[arg(long, value_name = "AMI")]
    since: Option<ImageArg>,
    /// Read the image from a saved `aws ec2 describe-images` answer, or a descriptor, instead of asking EC2
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Do not ask; only with the digests of what is accepted
    #[arg(long, requires = "accept_digest")]
    yes: bool,
    /// What is accepted, one digest an image; anything else is refused
    #[arg(long, value_name = "DIGEST", requires = "yes")]
    accept_digest: Vec<Sha256Digest>,
}

fn approver(name: &str) -> Result<String, String> {
    match is_approver(name) {
        true => Ok(name.to_owned()),
        false => Err("name somebody, in one line of at most 200 characters".to_owned()),
    }
}

impl Approve {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        if !self.show {
            self.key.given()?;
        }
        let bytes = files::read(&self.gate, LARGEST).map_err(anyhow::Error::from)?;
        let gate = GateFile::parse(&bytes).with_context(|| format!("reading {}", self.gate.display()))?;
        let policy = policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
        demand(&policy)?;
        if gate.policy() != Some(policy.digest()) {
            let hint = "use the policy that the gate used, or run `goldseal gate` again";
            return Err(Failure::new(Code::Usage, "the gate was run under another policy").hint(hint));
        }
        let now = Timestamp::now();
        let images = self.images(session, &gate).await?;
        let before = match &self.since {
            None => None,
            Some(since) => Some(self.before(session, &policy, since, now).await?),
        };
        let risks = gate.risks(before.as_ref());
        let mut report = self.unsigned(&gate, &images, risks.clone(), now)?;
        if !gate.approval_needed() {
            let message = "nothing to approve: no risk was accepted that the policy asks a person about";
            report.notes.push(Note::new("nothing-to-approve", message));
            render::approve(format, &report)?;
            return Ok(Code::Good);
        }
        if self.show {
            render::approve(format, &report)?;
            return Ok(Code::Good);
        }
        let (Some(approver), Some(out)) = (&self.approver, &self.out) else {
            return Err(Failure::new(Code::Usage, "--approver and --out say who approves, and where it is written"));
        };
        // Nobody is asked for what could not be signed or written then.
        if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            return Err(Failure::new(Code::Usage, format!("--out: there is no directory {}", folder.display())));
        }
        let signer = self.key.open(session).await?;
        if !policy.approving_keys().contains(&signer.key().public.digest()) {
            let message = format!("{} is no key that approves under this policy", signer.key().name);
            let hint = "the [[require]] entry for approval names the authorities that may";
            return Err(Failure::new(Code::No, message).hint(hint));
        }
        if !self.agreed(format, &report, approver)? {
            return Ok(Code::No);
        }
        let approving = Approving { gate: &gate, images: &images, risks, approver, now };
        let (bundles, mut signed) = approve(&approving, &signer).await.context("signing the approval")?;
        files::write(out, &bundles).map_err(anyhow::Error::from)?;
        signed.written = Some(out.display().to_string());
        signed.notes.extend(signer.note());
        render::approve(format, &signed)?;
        Ok(Code::Good)
    }

    async fn images(&self, session: &Session, gate: &GateFile) -> Result<Vec<Descriptor>, Failure> {
        let named = session.images(&self.amis).await?;
        let images = if named.is_empty() { gate.images() } else { &named };
        let images: BTreeSet<&ImageRef> = images.iter().collect();
        if images.is_empty() {
            let hint = "name the image, or give the gate Packer's manifest";
            return Err(Failure::new(Code::Usage, "the gate result names no image").hint(hint));
        }
        let mut descriptors = Vec::new();
        for image in images {
            let facts = describe::facts(session, image, self.image.as_deref()).await?;
            if let Some(asked) = self.amis.iter().find(|asked| *asked.id() == image.id) {
                asked.check_owner(Some(facts.descriptor.owner()))?;
            }
            descriptors.push(facts.descriptor);
        }
        Ok(descriptors)
    }

    async fn before(
        &self,
        session: &Session,
        policy: &Policy,
        since: &ImageArg,
        now: Timestamp,
    ) -> Result<goldseal_core::gate::Measurement> {
        let image = session.images(std::slice::from_ref(since)).await?.remove(0);
        let (store, ec2) = (session.store().await?, Ec2::new(session.aws().await));
        let found = accepted_before(policy, &image, &ec2, &store, &session.keys(), now).await;
        found.with_context(|| format!("reading what was accepted for {image}"))
    }

    fn unsigned(&self, gate: &GateFile, images: &[Descriptor], risks: Risks, now: Timestamp) -> Result<ApproveReport> {
        let entry = |image: &Descriptor| {
            let accepted_risks = gate.accepted_risks(image)?;
            Ok(ApprovedImage { image: image.image(), accepted_risks, statement: None })
        };
        Ok(ApproveReport {
            schema: APPROVE_SCHEMA,
            at: now,
            signed: false,
            approver: None,
            key: None,
            images: images.iter().map(entry).collect::<Result<_>>()?,
            risks,
            written: None,
            notes: Vec::new(),
        })
    }

    /// Asks the person, or compares with the digests that they already accepted.
    fn agreed(&self, format: Format, report: &ApproveReport, approver: &str) -> Result<bool, Failure> {
        // A log keeps what was accepted, too.
        if format == Format::Human || !self.yes {
            render::approve(format, report)?;
        }
        if self.yes {
            let stranger = report.images.iter().find(|one| !self.accept_digest.contains(&one.accepted_risks));
            let Some(stranger) = stranger else { return Ok(true) };
            let message = format!(
                "what is accepted for {} is sha256 {}, which --accept-digest does not name",
                stranger.image, stranger.accepted_risks
            );
            let hint = "look at the list again: one of the inputs, the policy or the image is another";
            return Err(Failure::new(Code::No, message).hint(hint));
        }
        if format != Format::Human {
            return Ok(false);
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            let hint = "on a terminal it asks; else give --yes with --accept-digest DIGEST for each image";
            return Err(Failure::new(Code::No, "not approved: there is nobody to ask").hint(hint));
        }
        let mut terminal = io::stderr();
        // In one piece: what is typed ahead shows up between pieces.
        terminal.write_all(format!("Type `approve` to sign this list as {approver}: ").as_bytes())?;
        terminal.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(answer.trim() == "approve")
    }
}
