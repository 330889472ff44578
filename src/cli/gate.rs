//! `goldseal gate`: SBOM, scan, exceptions and policy → whether the image may be sealed, and why not.

use goldseal_core::{flow::gate, policy::Policy, report::GateReport};
use jiff::Timestamp;

use super::{
    exit::{Code, Failure},
    inputs::InputArgs,
    policy,
    session::Session,
    target::{self, Target},
};
use crate::{
    files,
    render::{self, Format, Printed},
};

const AFTER: &str = "\
Examples:
  goldseal gate --sbom sbom.spdx.json --scan grype.json --exceptions exceptions.toml \\
    --policy policy.toml
  goldseal gate --sbom sbom.spdx.json --scan grype.json --fail-on high
  goldseal gate --sbom sbom.spdx.json --scan grype.json --policy policy.toml \\
    --write json=gate.json --write sarif=gate.sarif --write markdown=comment.md

Exit codes: 0 it passes, 1 it does not, 2 an input cannot be read.";

/// Arguments of `gate`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Gate {
    #[command(flatten)]
    inputs: InputArgs,
    /// Evaluate at this instant instead of now, such as 2027-12-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Also write the result to a file, in this format; may be given several times
    #[arg(long, value_name = "FORMAT=FILE", value_parser = target::of(Printed::Gate))]
    write: Vec<Target>,
}

impl Gate {
    pub fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        let path = session.settings.policy().ok();
        let policy = path.map(policy::load).transpose()?;
        if policy.is_none() && self.inputs.fail_on.is_none() {
            let hint = "without a policy the built-in limits hold, and the result cannot be signed";
            return Err(Failure::new(Code::Usage, "give --policy FILE or --fail-on SEVERITY").hint(hint));
        }
        let now = self.at.unwrap_or_else(Timestamp::now);
        let material = self.inputs.read(path)?;
        let (report, _) = gate(&material, policy.as_ref(), self.inputs.fail_on, now);
        for Target { format, path } in &self.write {
            files::write(path, &render::gate_bytes(*format, &report)?).map_err(anyhow::Error::from)?;
        }
        show(format, &report)
    }
}

/// Prints a result; returns the code that goes with it. A failure that could not be printed is one all the same.
pub fn show(format: Format, report: &GateReport) -> Result<Code, Failure> {
    let code = if report.passed { Code::Good } else { Code::No };
    render::gate(format, report).or_else(|error| if report.passed { Err(error) } else { Ok(()) })?;
    Ok(code)
}

/// Says that a policy goes without a gate, for those that cannot.
pub fn demand(policy: &Policy) -> Result<(), Failure> {
    if policy.dangerous_without_gate() {
        let hint =
            "require gate, sbom and approval, and take dangerous_without_gate out; docs/policy.md has an example";
        return Err(Failure::new(
            Code::Usage,
            "the policy goes without a gate, so there is nothing to approve or seal",
        )
        .hint(hint));
    }
    Ok(())
}
