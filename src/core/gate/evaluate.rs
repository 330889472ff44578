//! SBOM, scan and exceptions → a measurement, and all that no limit could excuse.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Database, Excepted, Found, Measurement, Packages, Shortfall, measurement};
use crate::scan::{Exception, Exceptions, Finding, Sbom, Scan, Scanner, Severity};

/// What is evaluated.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// What is on the image.
    pub sbom: &'a Sbom,
    /// What the scanner found.
    pub scan: &'a Scan,
    /// What was accepted.
    pub exceptions: &'a Exceptions,
    /// The Packer run that the SBOM must name, when there is a manifest.
    pub run: Option<&'a str>,
    /// Findings of this severity and above fail.
    pub fail_on: Severity,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// What limits are held against.
    pub measurement: Measurement,
    /// What fails whatever the limits are.
    pub shortfalls: Vec<Shortfall>,
    /// Every exception and what became of it, in the order of the file.
    pub exceptions: Vec<StandingException>,
    /// Findings that the scanner's built-in rules about kernel headers hide.
    pub hidden_by_default: usize,
}

/// What became of an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StandingException {
    /// The line of the file.
    pub line: usize,
    /// The vulnerability.
    pub id: String,
    /// The package as it was written.
    pub package: String,
    /// Who answers for it.
    pub owner: String,
    /// First instant at which it no longer holds.
    pub expires: Timestamp,
    /// What became of it.
    pub standing: Standing,
}

/// What became of an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// A finding needed it.
    Used,
    /// What it covers is covered by another entry that lasts longer.
    Overlapped,
    /// What it covers is below the threshold.
    NotNeeded,
    /// It covers no finding: fixed, or a typing error.
    Unused,
    /// It has ended.
    Expired,
}

/// Evaluates. Time is only asked whether an exception has ended; everything else that ages is left to the limits.
pub fn evaluate(given: &Given<'_>, now: Timestamp) -> Evaluation {
    let Given { sbom, scan, exceptions, run, fail_on } = *given;
    let mut sorting = Sorting::new(exceptions, fail_on, now);
    for finding in &scan.findings {
        sorting.add(finding);
    }
    let mut shortfalls = sources(sbom, scan, run);
    shortfalls.extend(scan.filters.iter().map(|setting| Shortfall::ScannerFilter { setting: setting.clone() }));
    shortfalls.append(&mut sorting.shortfalls);
    shortfalls.sort();
    shortfalls.dedup();
    let database = scan.database.as_ref();
    let measurement = Measurement {
        fail_on,
        scanner: measurement::Scanner {
            uri: scan.scanner.uri().to_owned(),
            version: scan.version.clone(),
            finished: scan.finished,
            database: database.map(|database| Database { built: database.built, captured: database.captured }),
        },
        packages: Packages {
            source: sbom.name.clone(),
            count: sbom.packages.len(),
            distribution: scan.distro.as_ref().map(|distro| format!("{} {}", distro.name, distro.version)),
            end_of_life: scan.distro.as_ref().and_then(|distro| distro.end_of_life),
        },
        findings: sorting.below.iter().cloned().collect(),
        exceptions: sorting.excepted(),
    };
    Evaluation { measurement, shortfalls, exceptions: sorting.standings(), hidden_by_default: scan.hidden_by_default }
}

/// Findings on their way to where they belong.
struct Sorting<'a> {
    by_id: BTreeMap<&'a str, Vec<(usize, &'a Exception)>>,
    order: &'a [Exception],
    fail_on: Severity,
    now: Timestamp,
    below: BTreeSet<Found>,
    /// By the place of the exception in the file.
    covered: BTreeMap<usize, BTreeSet<Found>>,
    matched: BTreeMap<usize, Standing>,
    shortfalls: Vec<Shortfall>,
}

impl<'a> Sorting<'a> {
    fn new(exceptions: &'a Exceptions, fail_on: Severity, now: Timestamp) -> Self {
        let order = exceptions.entries();
        let mut by_id: BTreeMap<&str, Vec<(usize, &Exception)>> = BTreeMap::new();
        for (place, exception) in order.iter().enumerate() {
            by_id.entry(&exception.id).or_default().push((place, exception));
        }
        let (covered, matched) = (BTreeMap::new(), BTreeMap::new());
        Self { by_id, order, fail_on, now, below: BTreeSet::new(), covered, matched, shortfalls: Vec::new() }
    }

    fn add(&mut self, finding: &Finding) {
        let (id, package, version) = (finding.id.clone(), finding.package.clone(), finding.version.clone());
        if let Some(by) = &finding.hidden {
            self.shortfalls.push(Shortfall::FindingHidden { id, package, version, by: by.clone() });
            return;
        }
        let found = Found { severity: finding.severity, id, package, version };
        let candidates = self.by_id.get(finding.id.as_str()).into_iter().flatten();
        let candidates: Vec<(usize, &Exception)> =
            candidates.filter(|(_, one)| one.package.matches(finding)).copied().collect();
        if finding.severity < self.fail_on {
            candidates.iter().for_each(|(place, _)| self.mark(*place, Standing::NotNeeded));
            self.below.insert(found);
            return;
        }
        // The one that lasts longest holds, so that a finding is covered for as long as any entry covers it.
        let standing = candidates.iter().filter(|(_, one)| one.expires > self.now);
        let Some((longest, _)) = standing.max_by_key(|(place, one)| (one.expires, std::cmp::Reverse(*place))) else {
            candidates.iter().for_each(|(place, _)| self.mark(*place, Standing::Expired));
            let ended = candidates.iter().map(|(_, one)| Shortfall::ExceptionExpired {
                id: one.id.clone(),
                package: one.package.to_string(),
                owner: one.owner.clone(),
                expires: one.expires,
            });
            self.shortfalls.extend(ended);
            self.shortfalls.push(Shortfall::of(&found, Some(finding), self.fail_on));
            return;
        };
        self.mark(*longest, Standing::Used);
        self.covered.entry(*longest).or_default().insert(found);
        let now = self.now;
        let others = candidates.iter().filter(|(place, one)| place != longest && one.expires > now);
        others.for_each(|(place, _)| self.mark(*place, Standing::Overlapped));
    }

    /// An exception may cover several findings; the use that needs it most is what is told.
    fn mark(&mut self, place: usize, standing: Standing) {
        let weight = |standing: Standing| match standing {
            Standing::Used => 4,
            Standing::Overlapped => 3,
            Standing::Expired => 2,
            Standing::NotNeeded => 1,
            Standing::Unused => 0,
        };
        let entry = self.matched.entry(place).or_insert(standing);
        if weight(standing) > weight(*entry) {
            *entry = standing;
        }
    }

    fn excepted(&self) -> Vec<Excepted> {
        let covered = self.order.iter().enumerate();
        let covered = covered.filter_map(|(place, one)| Some((one, self.covered.get(&place)?)));
        let mut excepted: Vec<Excepted> = covered
            .map(|(one, findings)| Excepted {
                id: one.id.clone(),
                package: one.package.to_string(),
                owner: one.owner.clone(),
                justification: one.justification.clone(),
                expires: one.expires,
                ticket: one.ticket.clone(),
                findings: findings.iter().cloned().collect(),
            })
            .collect();
        excepted.sort();
        excepted
    }

    fn standings(&self) -> Vec<StandingException> {
        let standing = |place: usize, one: &Exception| match self.matched.get(&place) {
            Some(standing) => *standing,
            None if one.expires <= self.now => Standing::Expired,
            None => Standing::Unused,
        };
        let entries = self.order.iter().enumerate().map(|(place, one)| StandingException {
            line: one.line,
            id: one.id.clone(),
            package: one.package.to_string(),
            owner: one.owner.clone(),
            expires: one.expires,
            standing: standing(place, one),
        });
        entries.collect()
    }
}

/// Whether the scan is of what the SBOM is of.
fn sources(sbom: &Sbom, scan: &Scan, run: Option<&str>) -> Vec<Shortfall> {
    let mut found = Vec::new();
    if let Some(run) = run {
        let names = [Some(&sbom.name), sbom.version.as_ref(), sbom.namespace.as_ref()];
        if !names.into_iter().flatten().any(|name| carries(name, run)) {
            found.push(Shortfall::SbomOfAnotherRun { run: run.to_owned(), found: sbom.name.clone() });
        }
    }
    if let Some(problem) = scan.database.as_ref().and_then(|database| database.problem.clone()) {
        found.push(Shortfall::DatabaseInvalid { problem });
    }
    match (sbom.created, scan.finished) {
        (None, _) => found.push(Shortfall::SbomTimeAbsent),
        (Some(sbom), Some(scan)) if scan < sbom => found.push(Shortfall::ScanBeforeSbom { scan, sbom }),
        (Some(_), _) => {}
    }
    let strangers = scan.findings.iter();
    let strangers = strangers.filter(|one| !sbom.packages.contains(&one.package, &one.version, one.purl.as_deref()));
    let strangers: BTreeSet<(&str, &str)> = strangers.map(|one| (one.package.as_str(), one.version.as_str())).collect();
    if let Some((package, version)) = strangers.first() {
        let example = format!("{package} {version}");
        found.push(Shortfall::PackagesNotInSbom { count: strangers.len(), example });
    }
    // A scanner that does not recognise the distribution matches none of its packages, and reports none.
    if scan.distro.is_none() && (sbom.packages.os_packages() || scan.findings.is_empty()) {
        let why = "it names no distribution, so no operating system package was looked up";
        found.push(Shortfall::ScanOfNothing { why: why.to_owned() });
    }
    // Only Grype takes its words for distributions from the SBOM.
    if let (Scanner::Grype, Some(scan), Some((name, version))) = (scan.scanner, &scan.distro, &sbom.distro)
        && (!scan.name.eq_ignore_ascii_case(name) || scan.version != *version)
    {
        let (scan, sbom) = (format!("{} {}", scan.name, scan.version), format!("{name} {version}"));
        found.push(Shortfall::ScanOfAnotherDistribution { scan, sbom });
    }
    // That findings are in the SBOM does not say that all of it was scanned. Grype calls its source as the SBOM does;
    // Trivy names a file, which says nothing once there are findings.
    match &scan.source {
        None => found.push(Shortfall::ScanOfNothing { why: "it names no source".to_owned() }),
        Some(source) if source.name != sbom.name && (scan.scanner == Scanner::Grype || scan.findings.is_empty()) => {
            let (scan, sbom) = (source.name.clone(), sbom.name.clone());
            found.push(Shortfall::ScanOfAnotherSource { scan, sbom });
        }
        Some(_) => {}
    }
    found
}

/// Says whether a text carries the id of a run as a word. This is against mistakes, not malice.
fn carries(text: &str, run: &str) -> bool {
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    text.match_indices(run).any(|(start, run)| {
        let (before, after) = (text.get(..start), text.get(start + run.len()..));
        !word(before.and_then(|text| text.chars().next_back())) && !word(after.and_then(|text| text.chars().next()))
    })
}

#[cfg(test)]
mod tests;
