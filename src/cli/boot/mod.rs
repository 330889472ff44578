//! `goldseal boot`: the boot guard. What it says and does about this boot is in `crate::boot`.

mod install;
mod record;
mod role;

use std::path::Path;

use anyhow::{Context as _, Result};
use futures::FutureExt as _;
use goldseal_core::{
    attestation::Kind,
    enforcement::{BootEnd, BootStep},
    identity::{Certificates, InstanceIdentity},
    policy::{KeySource, Policy},
    report::BootReport,
};
use jiff::Timestamp;
use tokio::time::Instant;

use self::{
    install::{Check, Install, Uninstall},
    record::Record,
};
use super::{
    exit::{Code, Failure},
    policy,
    session::Session,
    wait,
};
use crate::{
    adapters::{
        aws::Ec2,
        imds::{self, Imds},
        store::Store,
    },
    boot::{Guard, Sources, end, say},
    files,
    render::Format,
    settings::{BootSettings, DescribeImages},
    telemetry,
};

const AFTER: &str = "\
Judges the boot of this EC2 instance: who it is by what EC2 signed, its image by the evidence in the store and the policy \
of the image. As a person runs it, it says what it would do. Its unit gives --enforce, and then a boot that is not \
admitted is ended as the policy says. docs/boot.md says how to set it up, and what it does not promise.

Examples:
  goldseal boot
  goldseal boot --output json
  goldseal boot install --root /mnt/image
  goldseal boot check --root /mnt/image

Exit codes: 0 the boot goes on, 1 rejected, 2 settings or policy, 3 undetermined, 70 internal error. With --enforce, \
everything but 0 is a boot that does not go on.";

/// AWS has some twenty certificates a partition.
const CERTIFICATES_LIMIT: usize = 1 << 20;

/// Arguments of `boot`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER, args_conflicts_with_subcommands = true)]
pub struct Boot {
    #[command(subcommand)]
    command: Option<BootCommand>,
    /// Remember and record what was decided, and end a boot that is not admitted; for the unit
    #[arg(long)]
    enforce: bool,
}

#[derive(Debug, clap::Subcommand)]
enum BootCommand {
    /// Put the guard before every boot of an image
    Install(Install),
    /// Take the guard out of an image, and leave nothing behind
    Uninstall(Uninstall),
    /// Look at the guard in an image: whether it holds, and what goes around it
    Check(Check),
    /// Record the report that comes in, for the guard itself
    #[command(hide = true)]
    Record(Record),
}

impl Boot {
    /// Does what is about images, for which nothing of this machine is read.
    pub fn of_image(self, format: Format) -> Result<Result<Code, Failure>, Self> {
        match self.command {
            Some(BootCommand::Install(command)) => Ok(command.run(format)),
            Some(BootCommand::Uninstall(command)) => Ok(command.run(format)),
            Some(BootCommand::Check(command)) => Ok(command.run(format)),
            Some(BootCommand::Record(_)) | None => Err(self),
        }
    }

    pub fn run(self, session: Session, format: Format) -> Result<Code, Failure> {
        if let Some(BootCommand::Record(command)) = self.command {
            return wait(command.run(session))?;
        }
        if self.enforce {
            // systemd gives it to everything that it starts.
            if std::env::var_os("INVOCATION_ID").is_none() {
                let failure = Failure::new(Code::Usage, "--enforce may power this machine off: it is for the unit");
                return Err(failure.hint("without it, `goldseal boot` says what it would do"));
            }
            telemetry::daemon();
        }
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from)?;
        let done = runtime.block_on(self.guard(session, format).boxed_local());
        // A disk or a resolver that hangs must not hold what follows.
        runtime.shutdown_background();
        let (report, code) = done?;
        if let (Some(how), true) = (report.action, report.enforced) {
            let problems = end::end(how);
            if !problems.is_empty() {
                say::problems(problems);
            }
        }
        Ok(code)
    }

    async fn guard(&self, mut session: Session, format: Format) -> Result<(BootReport, Code), Failure> {
        let started = Instant::now();
        let settings = session.settings.boot().map_err(anyhow::Error::from)?;
        let deadline = started + settings.deadline;
        let policy = policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
        bootable(&policy, &settings)?;
        let certificates = certificates(settings.certificates.as_deref())?;
        let guard = Guard { policy, certificates, deadline, clock: Timestamp::now };
        let imds = Imds::new(imds::ADDRESS, deadline).map_err(anyhow::Error::from)?;
        let state = session.state(&settings.state).await?;
        let session = &mut session;
        let ec2 = settings.describe_images == DescribeImages::Try;
        let mut judged = guard.judge(&imds, &state, |identity| open(session, ec2, identity)).await?;
        let mut code = code(judged.decision.step, &judged.decision.report);
        judged.decision.report.enforced = self.enforce;
        if self.enforce {
            judged.remember(&guard.policy, &state).await;
        }
        let said = say::say(format, &judged.decision.report);
        if self.enforce {
            match judged.decision.step {
                BootStep::GoOn => record::beside(&settings, &judged.decision.report),
                BootStep::End(_) | BootStep::AskAgain => {
                    record::before_the_end(&settings, session, &judged.decision.report).await;
                }
            }
        } else if said.is_err() && code == Code::Good {
            // A boot does not depend on who reads; a person's answer that was not printed is none.
            code = Code::Internal;
        }
        Ok((judged.decision.report, code))
    }
}

/// What a policy must be like to be judged by on an instance that may ask nobody.
fn bootable(policy: &Policy, settings: &BootSettings) -> Result<(), Failure> {
    let in_kms = policy.signatories().iter().find(|one| matches!(one.key, KeySource::Kms { .. }));
    if let Some(one) = in_kms {
        let message = format!("{} is a KMS key, and nobody asks KMS at boot", one.name);
        let failure = Failure::new(Code::Usage, message);
        return Err(failure.hint("give its public key, as `key` or `key_file`, in the policy of the image"));
    }
    if settings.describe_images == DescribeImages::Never && policy.requirement(Kind::Provenance).is_none() {
        let message = "the policy requires no provenance, and EC2 is not asked: nothing says what the image is";
        let failure = Failure::new(Code::Usage, message);
        return Err(failure.hint("require provenance, or set describe_images = \"try\" below [boot]"));
    }
    Ok(())
}

fn certificates(file: Option<&Path>) -> Result<Certificates> {
    let Some(path) = file else { return Ok(Certificates::of_aws()?) };
    let pem = files::read(path, CERTIFICATES_LIMIT)?;
    Certificates::from_pem(&pem).with_context(|| format!("reading the certificates in {}", path.display()))
}

async fn open(session: &mut Session, ec2: bool, identity: InstanceIdentity) -> Result<Sources<Ec2, Store>> {
    // The bucket's region is the one of the settings, or ours.
    session.settings.region.get_or_insert_with(|| identity.image().region.clone());
    let store = session.store().await?;
    let ec2 = if ec2 { Some(Ec2::new(session.aws().await)) } else { None };
    let carrying = session.carrying(&session.settings.overrides).await;
    Ok(Sources { ec2, store, carrying })
}

fn code(step: BootStep, report: &BootReport) -> Code {
    match step {
        BootStep::GoOn => Code::Good,
        BootStep::End(BootEnd::Poweroff | BootEnd::Halt | BootEnd::Emergency) => {
            match Code::from(report.judged.verdict) {
                // An admission is never ended.
                Code::Good => Code::Internal,
                code @ (Code::No | Code::Usage | Code::Unknown | Code::Internal) => code,
            }
        }
        BootStep::AskAgain => Code::Internal,
    }
}
