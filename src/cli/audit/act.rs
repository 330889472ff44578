//! What an audit does beside looking, and only if it is asked to: telling Security Hub, and acting on what must not run.

use std::collections::BTreeMap;

use goldseal_core::{
    fleet::{
        Place,
        quarantine::{ActOn, Acting, Means},
    },
    flow::{Resolve, contain, tell},
    ids::{AccountId, Region},
    policy::Policy,
    ports::{Containment, Finding, Findings},
    report::{AuditReport, Note},
};
use serde_json::Value;

use crate::render::{self, Bar};

/// Arguments of whatever is done beside looking.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Doing something about it")]
pub struct Act {
    /// Send findings to Security Hub, from each account's own session in each region, and archive those that are no more
    #[arg(long, conflicts_with = "at")]
    security_hub: bool,
    /// Put instances that must not run, and that bear the tag goldseal:quarantine=allow, into the security group of this name
    /// in their VPC, and into no other
    #[arg(long, value_name = "NAME", group = "means", conflicts_with_all = ["at", "terminate"], requires = "act_on")]
    quarantine_group: Option<String>,
    /// Terminate them instead
    #[arg(long, group = "means", conflicts_with = "at", requires = "act_on")]
    terminate: bool,
    /// Act on these, where the policy enforces: refused, root-replaced, unsealed
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "means")]
    act_on: Vec<ActOn>,
    /// Act on none if there are more than so many
    #[arg(long, value_name = "N", default_value_t = 5)]
    act_limit: usize,
    /// Say what would be sent and acted on, and do neither
    #[arg(long)]
    dry_run: bool,
}

impl Act {
    /// Does what was asked for, and adds to the report what became of it. Returns whether all of it was done.
    pub async fn act(&self, fleet: &(impl Containment + Findings), policy: &Policy, report: &mut AuditReport) -> bool {
        let mut whole = true;
        if let Some(acting) = self.acting() {
            let resolve = if self.dry_run { Resolve::Say } else { Resolve::Act };
            let contained = contain(fleet, report, policy, &acting, resolve).await;
            report.notes.extend(contained.notes);
            whole &= contained.whole;
        }
        if self.security_hub {
            let findings = findings(report);
            if self.dry_run {
                let count: usize = findings.values().map(Vec::len).sum();
                report.notes.push(Note::new("would-send", format!("findings: {count}, places: {}", findings.len())));
            } else {
                let bar = Bar::calls("telling Security Hub");
                let told = tell(fleet, report, findings, &bar).await;
                bar.finish();
                report.notes.extend(told.notes);
                whole &= told.whole;
            }
        }
        whole
    }

    fn acting(&self) -> Option<Acting> {
        let means = match (&self.quarantine_group, self.terminate) {
            (Some(group), _) => Means::Isolate(group.clone()),
            (None, true) => Means::Terminate,
            (None, false) => return None,
        };
        Some(Acting { on: self.act_on.iter().copied().collect(), means, limit: self.act_limit })
    }
}

fn findings(report: &AuditReport) -> BTreeMap<Place, Vec<Finding>> {
    let finding = |body: Value| {
        let id = body.get("Id").and_then(Value::as_str).unwrap_or_default().to_owned();
        Finding { id, body }
    };
    let place = |((account, region), bodies): ((&AccountId, &Region), Vec<_>)| {
        let place = Place { account: account.clone(), region: region.clone() };
        (place, bodies.into_iter().map(finding).collect())
    };
    render::audit_findings(report).into_iter().map(place).collect()
}
