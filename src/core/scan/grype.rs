//! Grype's JSON report, of every database generation: flat status (schema 5 and before, and early 6) and nested status.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

use super::{Database, Finding, Scan, ScanFault, Scanner, Severity, instant, setting::Setting};
use crate::bounded::stream::fold;

#[derive(Deserialize)]
struct Match {
    vulnerability: Vulnerability,
    artifact: Artifact,
    #[serde(rename = "appliedIgnoreRules")]
    rules: Option<Vec<Setting>>,
}

#[derive(Deserialize)]
struct Vulnerability {
    id: String,
    severity: Option<String>,
    fix: Option<Fix>,
    /// Before there was `fix`.
    #[serde(rename = "fixedInVersion")]
    fixed: Option<String>,
}

#[derive(Deserialize)]
struct Fix {
    versions: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Artifact {
    name: String,
    version: Option<String>,
    purl: Option<String>,
}

impl Artifact {
    /// What Grype's own rules are about: nothing else can be hidden under their name.
    fn is_kernel_headers(&self) -> bool {
        let name = self.name.as_str();
        let headers = name.strip_prefix("linux").is_some_and(|rest| rest.contains("-headers-"));
        headers || name == "kernel-headers" || name == "linux-libc-dev" || name.starts_with("linux-kbuild-")
    }
}

impl Match {
    fn finding(self, hidden: Option<String>) -> Finding {
        let Vulnerability { id, severity, fix, fixed } = self.vulnerability;
        let said = severity.filter(|said| !said.is_empty());
        let fixed = fix.and_then(|fix| fix.versions).into_iter().flatten().chain(fixed).find(|one| !one.is_empty());
        Finding {
            id,
            severity: Severity::of(said.as_deref()),
            said,
            package: self.artifact.name,
            version: self.artifact.version.unwrap_or_default(),
            purl: self.artifact.purl.filter(|purl| !purl.is_empty()),
            fixed,
            hidden,
        }
    }

    /// Returns what hid the match; none when it was nothing but rules that Grype brings along.
    fn hidden_by(&self) -> Option<String> {
        let rules = self.rules.as_deref().unwrap_or_default();
        let by_default = |rule: &&Setting| built_in(rule) && self.artifact.is_kernel_headers();
        let own: Vec<String> = rules.iter().filter(|rule| !by_default(rule)).map(rule_words).collect();
        match (rules, own.as_slice()) {
            ([], _) => Some("an ignore rule that the report does not name".to_owned()),
            (_, []) => None,
            (_, own) => Some(own.join("; ")),
        }
    }
}

/// Grype hides matches of the kernel in packages of its headers, unless it is told not to. These rules, and no others.
fn built_in(rule: &Setting) -> bool {
    const RULES: [[&str; 3]; 4] = [
        ["kernel-headers", "rpm", "kernel"],
        ["linux(-.*)?-headers-.*", "deb", "linux.*"],
        ["linux-libc-dev", "deb", "linux"],
        ["linux-kbuild-.*", "deb", "linux.*"],
    ];
    RULES.iter().any(|[name, kind, upstream]| {
        rule.is(&[
            ("package.name", name),
            ("package.type", kind),
            ("package.upstream-name", upstream),
            ("match-type", "exact-indirect-match"),
        ])
    })
}

fn rule_words(rule: &Setting) -> String {
    if rule.is_set() { rule.to_string() } else { "a rule without conditions".to_owned() }
}

/// Takes `matches`.
pub(super) fn matches<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Finding>>, D::Error> {
    fold(deserializer, Vec::new(), |findings, one: Match| findings.push(one.finding(None)))
}

/// What stands in `ignoredMatches`.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    findings: Vec<Finding>,
    by_default: usize,
}

/// Takes `ignoredMatches`.
pub(super) fn ignored<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Ignored>, D::Error> {
    fold(deserializer, Ignored::default(), |ignored, one: Match| match one.hidden_by() {
        None => ignored.by_default += 1,
        hidden => ignored.findings.push(one.finding(hidden)),
    })
}

/// Which distribution Grype calls dead.
#[derive(Debug)]
pub(super) struct EndOfLife {
    name: String,
    version: String,
}

/// Takes `alertsByPackage`: the first alert about a distribution's end of life, if there is one.
pub(super) fn end_of_life<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<EndOfLife>>, D::Error> {
    #[derive(Deserialize)]
    struct Package {
        alerts: Option<Vec<Alert>>,
    }
    #[derive(Deserialize)]
    struct Alert {
        #[serde(rename = "type")]
        kind: Option<String>,
        metadata: Option<Setting>,
    }
    fold(deserializer, None, |found: &mut Option<EndOfLife>, package: Package| {
        let mut alerts = package.alerts.into_iter().flatten();
        let dead = alerts.find(|alert| alert.kind.as_deref() == Some("distro-eol"));
        let said =
            |alert: &Alert, key| alert.metadata.as_ref().and_then(|said| said.at(key)).unwrap_or_default().into();
        let dead = dead.map(|alert| EndOfLife { name: said(&alert, "name"), version: said(&alert, "version") });
        *found = found.take().or(dead);
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct Distro {
    name: Option<String>,
    version: Option<String>,
}

/// Returns the distribution of the report, or the one that an alert is about when the report names none.
///
/// Alerts are left out where there are none, so their absence says something only if Grype was set to look.
pub(super) fn distro(said: Option<Distro>, dead: Option<EndOfLife>, looked: bool) -> Option<super::Distro> {
    let end_of_life = if dead.is_some() { Some(true) } else { looked.then_some(false) };
    let said = said.map(|Distro { name, version }| (name.unwrap_or_default(), version.unwrap_or_default()));
    let named = said.filter(|(name, _)| !name.is_empty()).or(dead.map(|EndOfLife { name, version }| (name, version)));
    named.map(|(name, version)| super::Distro { name, version, end_of_life })
}

#[derive(Debug, Deserialize)]
pub(super) struct Source {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    target: Target,
}

/// A name, or for images an object that has it.
#[derive(Debug, Default)]
struct Target(String);

impl Source {
    pub(super) fn named(self) -> super::Source {
        super::Source { kind: self.kind.unwrap_or_default(), name: self.target.0 }
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Target;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("what was scanned")
            }

            fn visit_unit<E>(self) -> Result<Target, E> {
                Ok(Target::default())
            }

            fn visit_str<E>(self, name: &str) -> Result<Target, E> {
                Ok(Target(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Target, A::Error> {
                let mut target = Target::default();
                while let Some(key) = map.next_key::<String>()? {
                    if key == "userInput" {
                        target = Target(map.next_value::<Option<String>>()?.unwrap_or_default());
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(target)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Descriptor {
    name: Option<String>,
    version: Option<String>,
    configuration: Option<Configuration>,
    db: Option<Status>,
    #[serde(default, deserialize_with = "instant::said")]
    timestamp: Option<Timestamp>,
}

/// The settings that hide findings. `ignore-states` is written under its old name.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Configuration {
    ignore: Option<Vec<Setting>>,
    only_fixed: Setting,
    #[serde(rename = "only-notfixed")]
    only_not_fixed: Setting,
    #[serde(rename = "ignore-wontfix")]
    ignore_wont_fix: Setting,
    ignore_states: Setting,
    vex_documents: Setting,
    vex_add: Setting,
    exclude: Setting,
    alerts: Option<Alerts>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Alerts {
    enable_eol_distro_warnings: Option<bool>,
}

impl Descriptor {
    /// Says whether Grype was set to look for distributions that are no longer maintained.
    pub(super) fn looked_for_end_of_life(&self) -> bool {
        let alerts = self.configuration.as_ref().and_then(|configuration| configuration.alerts.as_ref());
        alerts.is_some_and(|alerts| alerts.enable_eol_distro_warnings == Some(true))
    }
}

impl Configuration {
    fn filters(&self) -> Vec<String> {
        let rules = self.ignore.iter().flatten().filter(|rule| !built_in(rule));
        let rules = rules.map(|rule| format!("ignore {}", rule_words(rule)));
        let settings = [
            ("only-fixed", &self.only_fixed),
            ("only-notfixed", &self.only_not_fixed),
            ("ignore-wontfix", &self.ignore_wont_fix),
            ("ignore-states", &self.ignore_states),
            ("vex-documents", &self.vex_documents),
            ("vex-add", &self.vex_add),
            ("exclude", &self.exclude),
        ];
        let settings = settings.into_iter().filter(|(_, setting)| setting.is_set());
        rules.chain(settings.map(|(name, setting)| format!("{name} {setting}"))).collect()
    }
}

/// Flat, or one level down under `status`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    status: Option<Box<Self>>,
    #[serde(default, deserialize_with = "instant::said")]
    built: Option<Timestamp>,
    schema_version: Option<Setting>,
    valid: Option<bool>,
    error: Option<Complaint>,
    providers: Option<BTreeMap<String, Provider>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Complaint {
    Text(String),
    /// What Go makes of an error that it does not know how to write: `{}`.
    Other(IgnoredAny),
}

#[derive(Debug, Deserialize)]
struct Provider {
    #[serde(default, deserialize_with = "instant::said")]
    captured: Option<Timestamp>,
}

impl Status {
    fn database(self) -> Option<Database> {
        let Self { status, providers, .. } = self;
        let nested = status.is_some();
        let status = match status {
            Some(status) => *status,
            None => Self { status, providers: None, ..self },
        };
        let complaint = status.error.and_then(|error| match error {
            Complaint::Text(text) => Some(text).filter(|text| !text.is_empty()),
            Complaint::Other(_) => Some("an error that it does not spell out".to_owned()),
        });
        let invalid = Some("the scanner calls it not valid".to_owned())
            .filter(|_| status.valid == Some(false) || nested && status.valid.is_none());
        let providers = providers.unwrap_or_default();
        let undated = nested && providers.is_empty() || providers.values().any(|one| one.captured.is_none());
        let undated = Some("it does not say when all of its data was taken".to_owned()).filter(|_| undated);
        Some(Database {
            schema: status.schema_version.as_ref().and_then(Setting::text).map(str::to_owned),
            built: status.built?,
            captured: providers.values().filter_map(|provider| provider.captured).min(),
            problem: complaint.or(invalid).or(undated),
        })
    }
}

/// Makes what a descriptor says and what was found a scan, of nothing that has a name yet.
pub(super) fn scan(descriptor: Descriptor, mut findings: Vec<Finding>, ignored: Ignored) -> Result<Scan, ScanFault> {
    let name = descriptor.name.unwrap_or_default();
    if name != "grype" {
        return Err(ScanFault::OtherProgram(name));
    }
    findings.extend(ignored.findings);
    Ok(Scan {
        scanner: Scanner::Grype,
        version: descriptor.version.unwrap_or_default(),
        finished: descriptor.timestamp,
        database: descriptor.db.and_then(Status::database),
        source: None,
        distro: None,
        findings,
        filters: descriptor.configuration.map_or_else(
            || vec!["the report has no descriptor.configuration, so nothing says what was hidden".to_owned()],
            |configuration| configuration.filters(),
        ),
        hidden_by_default: ignored.by_default,
    })
}
