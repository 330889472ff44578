//! The story of an image on one screen: the word, the instance, how it was built and on what, what is on it, what was
//! accepted and by whom, what held then and holds now, and where it runs.

use std::{collections::BTreeMap, fmt::Write as _};

use anstyle::Style;
use goldseal_core::report::{
    BaseStanding, BaseTrace, BuildTrace, Cause, Class, GateTrace, Outcome, SbomTrace, SeenBy, ThenTrace, TraceReport,
    TracedInstance,
};
use jiff::Timestamp;

use super::{super::wrap::wrapped, causes, counts, gate::several, notes, overrides::overridden, plain, word};

/// Where a fact begins.
const INDENT: usize = 12;
/// What stands before what to do.
const ARROW: &str = "→ ";
/// More instances than this are not on one screen.
const MOST: usize = 6;

pub(in crate::render) fn trace(report: &TraceReport, columns: usize) -> String {
    let mut text = String::new();
    head(&mut text, report);
    match &report.build {
        Some(build) => built(&mut text, build),
        None => line!(text, "  story     none: nothing that was signed about it counts"),
    }
    bases(&mut text, report);
    if let Some(sbom) = &report.sbom {
        self::sbom(&mut text, sbom, report.gate.as_ref());
    }
    if let Some(gate) = &report.gate {
        self::gate(&mut text, gate, report.at);
    }
    approvals(&mut text, report);
    signatures(&mut text, report);
    standing(&mut text, report);
    running(&mut text, report);
    for one in &report.image.discounted {
        line!(text, "  ignored   line {}: {} ({})", one.line, one.message, one.code);
    }
    notes(&mut text, &report.image.notes);
    text.lines().map(|line| narrow(line, columns)).collect()
}

/// Goes on under the fact where a line is too wide.
fn narrow(line: &str, columns: usize) -> String {
    let at = line.char_indices().nth(INDENT).map(|(at, _)| at);
    match at.and_then(|at| line.split_at_checked(at)).filter(|_| line.starts_with("  ")) {
        Some((lead, fact)) => match fact.strip_prefix(ARROW) {
            Some(fact) => wrapped(&format!("{lead}{ARROW}"), fact, columns),
            None => wrapped(lead, fact, columns),
        },
        None => format!("{line}\n"),
    }
}

fn head(text: &mut String, report: &TraceReport) {
    let by_override = report.image.overridden.is_some() || report.asked().is_some_and(|one| one.overridden.is_some());
    let (word, color) = word(report.outcome(), by_override);
    let style = Style::new().bold().fg_color(Some(color.into()));
    let of = report.instance.as_ref().map(|instance| format!("{instance} of ")).unwrap_or_default();
    let _ = writeln!(text, "{style}{word}{style:#}  {}", plain(&format!("{of}{}", report.image.image)));
    let asked_by = report.asked().and_then(|one| one.overridden.as_deref());
    match (asked_by, &report.image.overridden) {
        (Some(one), _) => overridden(text, &one.told, one.ended),
        (None, Some(one)) => overridden(text, one, None),
        (None, None) => {}
    }
    causes(text, &report.image.reasons);
    causes(text, &report.image.faults);
    if let Some(asked) = report.asked() {
        causes(text, &asked.reasons);
        causes(text, &asked.faults);
        line!(text, "  instance  {}", instance(asked, report));
    }
    if let Some(seen) = &report.running.seen {
        let told = [seen.name.as_deref(), seen.state.as_deref()].into_iter().flatten().collect::<Vec<_>>();
        line!(text, "  image     {}", told.join(", "));
    }
}

fn built(text: &mut String, build: &BuildTrace) {
    let commit = build.commit.as_deref().unwrap_or("not named by its provenance");
    let dirty = if build.dirty { ", with changes that are in no commit" } else { "" };
    line!(text, "  commit    {commit}{dirty}");
    if let Some(repository) = &build.repository {
        line!(text, "            of {repository}");
    }
    let at = build.finished.or(build.started).map(|at| format!("{at:.0} ")).unwrap_or_default();
    line!(text, "  built     {at}by {}", build.builder);
    if let Some(run) = &build.invocation {
        line!(text, "            run {run}");
    }
    let packer = build.packer.as_deref().unwrap_or("of an unknown version");
    let run = build.packer_run.as_ref().map(|run| format!(", run {run}")).unwrap_or_default();
    let others = build.tools.iter().filter(|(name, _)| *name != "packer");
    let others: Vec<String> = others.map(|(name, version)| format!("{name} {version}")).collect();
    let others = if others.is_empty() { String::new() } else { format!("; {}", others.join(", ")) };
    line!(text, "  packer    {packer}{run}{others}");
}

fn bases(text: &mut String, report: &TraceReport) {
    if report.bases.is_empty() && report.build.is_some() {
        line!(text, "  base      not named by its provenance");
    }
    for (index, base) in report.bases.iter().enumerate() {
        let lead = if index == 0 { "base" } else { "  on" };
        let name = base.image().map_or_else(|| base.arn.clone(), |image| image.to_string());
        let owner = base.owner.as_ref().map(|owner| format!(" of {owner}")).unwrap_or_default();
        let created = base.created.map(|at| format!(", made {at:.0}")).unwrap_or_default();
        line!(text, "  {lead:<9} {name}{owner}{created}: {}", self::base(base));
    }
    if let Some(build) = report.build.as_ref().filter(|build| build.ancestry.len() > report.bases.len()) {
        let names: Vec<String> = build.ancestry.iter().map(|one| one.image.id.to_string()).collect();
        line!(text, "            EC2 said {}, which proves nothing", names.join(" from "));
    }
}

fn base(base: &BaseTrace) -> String {
    let told = match base.standing {
        BaseStanding::Verified => {
            let sealed = base.sealed.map(|at| format!(", sealed {at:.0}")).unwrap_or_default();
            let commit = base.commit.as_ref().map(|commit| format!(", commit {commit}")).unwrap_or_default();
            let bound = if base.descriptor.is_none() { ", by its id alone" } else { "" };
            format!("verified{bound}{sealed}{commit}")
        }
        BaseStanding::Mismatch => "NOT VERIFIED: its evidence is of another image than was built from".to_owned(),
        BaseStanding::Unverified => "NOT VERIFIED: its evidence does not count".to_owned(),
        BaseStanding::Absent => "not verified: no evidence of it".to_owned(),
        BaseStanding::Unknown => "not known".to_owned(),
        BaseStanding::Repeated => "it is in the chain already".to_owned(),
        BaseStanding::TooFar => "not followed any further".to_owned(),
        BaseStanding::NotAsked => "not looked for".to_owned(),
        BaseStanding::Unreadable => "not verified: not the ARN of an image".to_owned(),
    };
    let verdict = match base.verdict {
        Some(verdict) => format!("; {}{}", verdict.as_str(), because(&base.causes)),
        None => String::new(),
    };
    format!("{told}{verdict}")
}

fn sbom(text: &mut String, sbom: &SbomTrace, gate: Option<&GateTrace>) {
    let told = match (sbom.packages, &sbom.problem) {
        (Some(packages), _) => several(packages, "package"),
        (None, None) => format!("by reference{}", gated(gate)),
        (None, Some(problem)) => format!("not read: {problem}{}", gated(gate)),
    };
    let distribution = gate.and_then(|gate| gate.packages.distribution.as_ref());
    let distribution = distribution.map(|name| format!(" of {name}")).unwrap_or_default();
    let format = sbom.format.map(|format| format!(", {format}")).unwrap_or_default();
    let created = sbom.created.map(|at| format!(", made {at:.0}")).unwrap_or_default();
    line!(text, "  sbom      {told}{distribution}{format}{created}");
    if let Some(sha256) = sbom.sha256 {
        line!(text, "            sha256:{sha256}");
    }
    if let Some(location) = &sbom.location {
        line!(text, "            at {location}");
    }
}

/// Says how many packages there are by the gate result, which is signed as well.
fn gated(gate: Option<&GateTrace>) -> String {
    gate.map(|gate| format!("; the gate counted {}", several(gate.packages.count, "package"))).unwrap_or_default()
}

fn gate(text: &mut String, gate: &GateTrace, now: Timestamp) {
    let name = gate.scanner.uri.rsplit('/').next().unwrap_or_default();
    let scanned = gate.scanner.finished.map_or_else(|| "at an unknown time".to_owned(), |at| format!("{at:.0}"));
    let old = gate.scanner.finished.map(|at| format!(": {}", ages(at, gate.at, now))).unwrap_or_default();
    line!(text, "  scan      {name} {}, {scanned}{old}", gate.scanner.version);
    if let Some(database) = &gate.scanner.database {
        line!(text, "            database of {:.0}: {}", database.built, ages(database.built, gate.at, now));
    }
    let below = counts(&gate.findings);
    let below = if below.is_empty() { "no finding".to_owned() } else { below };
    line!(text, "  accepted  {}; below {}: {below}", several(gate.exceptions.len(), "exception"), gate.fail_on);
    for one in &gate.exceptions {
        let what = &one.exception;
        let stands = match one.in_force {
            true => format!("in force, {} left", days(now, what.expires)),
            false => "ENDED".to_owned(),
        };
        line!(
            text,
            "            {} in {}, until {:.0} ({stands}), {}: {}",
            what.id,
            what.package,
            what.expires,
            what.owner,
            what.justification
        );
    }
}

/// Says how old something was, and is.
fn ages(of: Timestamp, then: Timestamp, now: Timestamp) -> String {
    format!("{} old then, {} now", days(of, then), days(of, now))
}

fn days(from: Timestamp, to: Timestamp) -> String {
    let days = to.duration_since(from).as_hours() / 24;
    format!("{days} day{}", if days == 1 { "" } else { "s" })
}

fn approvals(text: &mut String, report: &TraceReport) {
    let (counting, others): (Vec<_>, Vec<_>) = report.approvals.iter().partition(|one| one.counts);
    for one in &counting {
        line!(text, "  approved  {:.0} by {}, signed by {}", one.at, one.approver, one.by);
    }
    if let Some(gate) = report.gate.as_ref().filter(|_| counting.is_empty()) {
        let accepted = !gate.exceptions.is_empty() || !gate.findings.is_empty();
        let why = if accepted { "no approval of it counts" } else { "nothing was accepted" };
        line!(text, "  approved  by nobody: {why}");
    }
    for one in &others {
        let (at, approver, by) = (one.at, &one.approver, &one.by);
        line!(text, "  approval  {at:.0} by {approver}, signed by {by}: it does not count");
    }
}

fn signatures(text: &mut String, report: &TraceReport) {
    if let Some(gate) = &report.gate {
        line!(text, "  sealed    {:.0}", gate.at);
    }
    let mut signed: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for one in &report.signatures {
        let kind = one.kind.map_or(one.predicate_type.as_str(), |kind| kind.as_str());
        let seen = one.seen.map(|at| format!(" (seen {at:.0})")).unwrap_or_default();
        let weight = if one.required { "" } else { " (not required)" };
        signed.entry((&one.by, one.key, &one.kms)).or_default().push(format!("{kind}{seen}{weight}"));
    }
    for ((by, key, kms), what) in signed {
        line!(text, "  signed    {} by {by}", what.join(", "));
        let key = key.map(|key| format!("key sha256:{key}")).unwrap_or_default();
        let kms = kms.as_ref().map(|uri| format!(", {uri}")).unwrap_or_default();
        line!(text, "            {key}{kms}");
    }
}

fn standing(text: &mut String, report: &TraceReport) {
    match &report.then {
        Some(ThenTrace { at, verdict, reasons, faults }) => {
            let because = because(reasons.iter().chain(faults));
            line!(text, "  then      {} at {at:.0}{because}", verdict.as_str());
        }
        None => line!(text, "  then      unknown: no gate result that counts says when it was sealed"),
    }
    let image = &report.image;
    let until = match (image.verdict, image.until) {
        (Outcome::Admit, Some(until)) => format!(", holds until {until:.0}"),
        (Outcome::Admit, None) => ", nothing in it expires".to_owned(),
        (Outcome::Reject | Outcome::Undetermined, _) => because(image.reasons.iter().chain(&image.faults)),
    };
    let mode = format!("{:?}", image.mode).to_lowercase();
    line!(text, "  now       {} at {:.0}{until}; mode {mode}", image.verdict.as_str(), report.at);
    line!(text, "  policy    sha256:{}, then and now", report.policy);
    if let Some(gate) = report.gate.as_ref().filter(|gate| gate.policy != report.policy) {
        line!(text, "            its pipeline's was sha256:{}", gate.policy);
    }
    let digest = image.evidence_sha256.map(|digest| format!(" sha256:{digest}")).unwrap_or_default();
    line!(text, "  evidence  {}{digest}", image.evidence);
}

/// Names causes by their codes, each once.
fn because<'c>(causes: impl IntoIterator<Item = &'c Cause>) -> String {
    let mut codes: Vec<&str> = causes.into_iter().map(|cause| cause.code.as_str()).collect();
    codes.dedup();
    if codes.is_empty() { String::new() } else { format!(": {}", codes.join(", ")) }
}

fn running(text: &mut String, report: &TraceReport) {
    let running = &report.running;
    let asked = running.places.iter().map(|place| place.account.to_string()).collect::<Vec<_>>().join(", ");
    let asked = match (running.places.is_empty(), &running.audit) {
        (false, _) => format!(" in {asked}"),
        (true, Some(_)) => " in the audit".to_owned(),
        (true, None) => String::new(),
    };
    if running.places.is_empty() && running.audit.is_none() && running.faults.is_empty() {
        line!(text, "  runs      not asked");
    } else {
        let counts = Class::ALL
            .into_iter()
            .map(|class| (class, running.instances.iter().filter(|one| one.class == class).count()));
        let counts: Vec<String> = counts
            .filter(|(_, count)| *count > 0)
            .map(|(class, count)| format!("{count} {}", class.as_str()))
            .collect();
        let counts = if counts.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) };
        let beside = if running.audit.is_some() && !running.places.is_empty() { " and in the audit" } else { "" };
        line!(text, "  runs      {}{asked}{beside}{counts}", several(running.instances.len(), "instance"));
    }
    for one in running.instances.iter().take(MOST) {
        line!(text, "            {}  {}", one.instance, instance(one, report));
    }
    if running.instances.len() > MOST {
        line!(text, "            … and {} more: --output json has them all", running.instances.len() - MOST);
    }
    for fault in running.places.iter().flat_map(|place| &place.faults).chain(&running.faults) {
        line!(text, "            NOT SEEN: {}: {}", fault.code, fault.message);
    }
    if let Some(audit) = &running.audit {
        let missed = if audit.missed > 0 { format!(", {} of them not whole", audit.missed) } else { String::new() };
        let places = usize::try_from(audit.places).unwrap_or(usize::MAX);
        line!(text, "            the audit is of {:.0}: {}{missed}", audit.started, several(places, "place"));
    }
}

fn instance(one: &TracedInstance, report: &TraceReport) -> String {
    let since = one.launched.map(|at| format!(" since {at:.0}")).unwrap_or_default();
    let name = one.name.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
    let launcher = one.launcher.name().map(|name| format!(", {} {name}", one.launcher.kind())).unwrap_or_default();
    let from = match (one.from, &report.running.audit) {
        (SeenBy::Audit, Some(audit)) => format!(", as the audit of {:.0} saw it", audit.started),
        (SeenBy::Audit, None) | (SeenBy::Ec2, _) => String::new(),
    };
    let (class, account) = (one.class.as_str(), &one.account);
    format!("{class}, {}{since}, {account}{name}{launcher}{from}", one.state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_wide_goes_on_under_its_fact() {
        for (line, columns, expected) in [
            ("  because   one two", 100, "  because   one two\n"),
            ("  because   one two", 16, "  because   one\n            two\n"),
            ("            → one two", 18, "            → one\n              two\n"),
            ("            → e\u{301}→ two", 18, "            → e\u{301}→\n              two\n"),
            ("ADMIT  i-1 of ami-1 in eu-west-1", 10, "ADMIT  i-1 of ami-1 in eu-west-1\n"),
            ("  a", 1, "  a\n"),
        ] {
            assert_eq!(narrow(line, columns), expected);
        }
    }
}
