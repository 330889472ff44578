//! A report → findings, one for an instance, an open door and a place that was not seen: what the formats of security
//! services are made of.

use std::fmt::Write as _;

use goldseal_core::{
    digest::Sha256Digest,
    ids::{AccountId, Partition, Region},
    report::{
        AuditReport, AuditedInstance, Change, Class, DOOR_FINDING, Door, INSTANCE_FINDING, PLACE_FINDING, PlaceReport,
        Severity, Sight,
    },
};

use super::{
    super::human::plain,
    changes::{self, News},
};

/// What services agree on about one thing.
#[derive(Debug)]
pub(super) struct Finding<'r> {
    /// The same in every run, so that a later one updates it.
    pub id: String,
    /// What it is about.
    pub about: About<'r>,
    /// The account.
    pub account: &'r AccountId,
    /// The region; none when the account's regions could not be asked for.
    pub region: Option<&'r Region>,
    /// How much it weighs.
    pub weight: Weight,
    /// Whether it is as it should be.
    pub standing: Standing,
    /// Where it is in its life.
    pub stage: Stage,
    /// What became of it since the last audit, in the word of the report; none where nobody compared, or nothing did.
    pub change: Option<&'static str>,
    /// The stable code.
    pub code: &'r str,
    /// What it is, in a line.
    pub title: String,
    /// What was found.
    pub description: String,
    /// What to do; empty when nothing is to be done.
    pub remedy: String,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum About<'r> {
    Instance(&'r AuditedInstance),
    Door(&'r Door),
    Place,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Informational,
    Low,
    Medium,
    High,
}

/// Whether something is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    Warning,
    Bad,
    Unknown,
}

/// Where a finding is in its life. Without an audit before, each begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    New,
    Known,
    Over,
}

impl About<'_> {
    /// Returns its kind.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Instance(_) => "instance",
            Self::Door(_) => "door",
            Self::Place => "place",
        }
    }
}

impl Weight {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "Informational",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        }
    }
}

/// Returns every finding: instances, those that are admitted too, then doors, then places.
pub(super) fn all<'r>(report: &'r AuditReport, news: &News<'r>) -> impl Iterator<Item = Finding<'r>> {
    let instances = report.instances.iter().map(|one| instance(report, one, news));
    let missed = report.places.iter().filter(|place| !place.faults.is_empty());
    instances.chain(report.doors().iter().map(|one| door(one, news))).chain(missed.map(|one| place(one, news)))
}

/// What is not told to have changed is known, if there was an audit before.
fn known(news: &News<'_>) -> Stage {
    if news.since.is_some() { Stage::Known } else { Stage::New }
}

fn instance<'r>(report: &'r AuditReport, one: &'r AuditedInstance, news: &News<'r>) -> Finding<'r> {
    let (weight, standing) = match one.class {
        Class::Refused | Class::RootReplaced | Class::Unsealed => (Weight::High, Standing::Bad),
        Class::Expired => (Weight::Medium, Standing::Bad),
        Class::Undetermined => (Weight::Medium, Standing::Unknown),
        Class::Overridden => (Weight::Low, Standing::Warning),
        Class::Expiring => (Weight::Low, Standing::Warning),
        Class::Admitted => (Weight::Informational, Standing::Good),
    };
    let name = one.name.as_deref().map(|name| format!(" ({})", plain(name))).unwrap_or_default();
    let mut description = format!("Instance {}{name} runs image {}: {}.", one.instance, one.ami, one.class.meaning());
    for cause in report.causes(one) {
        let _ = write!(description, " {}: {}.", cause.code, plain(&cause.message));
    }
    if let Some(by) = &one.overridden {
        let _ = write!(description, " {}", plain(&super::overridden(by)));
    }
    let mut remedies: Vec<&str> =
        report.causes(one).map(|cause| cause.remedy).filter(|text| !text.is_empty()).collect();
    remedies.dedup();
    let until = report.image_of(one).and_then(|image| image.report.until).filter(|_| one.class == Class::Expiring);
    if let Some(until) = until {
        let _ = write!(description, " That holds until {until:.0}.");
        remedies.push("Renew the exceptions with their owners, or replace the instance with one of a newer image.");
    }
    let change = news.instance(one).map(|change| change.change);
    Finding {
        id: format!("{INSTANCE_FINDING}{}", arn(&one.region, &one.account, "instance", one.instance.as_str())),
        about: About::Instance(one),
        account: &one.account,
        region: Some(&one.region),
        weight,
        standing,
        stage: match change {
            Some(Change::New) => Stage::New,
            Some(Change::Resolved | Change::Gone) => Stage::Over,
            Some(Change::Changed | Change::Again) | None => known(news),
        },
        change: change.map(Change::as_str),
        code: report
            .causes(one)
            .next()
            .filter(|_| one.class != Class::Overridden)
            .map_or(one.class.as_str(), |cause| &cause.code),
        title: format!("{} runs {}: {}", one.instance, one.ami, one.class.meaning()),
        description,
        remedy: remedies.join(" "),
    }
}

fn door<'r>(door: &'r Door, news: &News<'r>) -> Finding<'r> {
    let (weight, standing) = match door.severity {
        Severity::Problem => (Weight::High, Standing::Bad),
        Severity::Unknown => (Weight::Medium, Standing::Unknown),
        Severity::Warning => (Weight::Low, Standing::Warning),
        Severity::Note | Severity::Good => (Weight::Informational, Standing::Good),
    };
    // What a door is can be any text.
    let place = Sha256Digest::of(door.place.as_bytes()).to_string().chars().take(16).collect::<String>();
    let change = news.door(door);
    Finding {
        id: format!("{DOOR_FINDING}{}/{}/{}/{place}", door.account, door.region, door.code),
        about: About::Door(door),
        account: &door.account,
        region: Some(&door.region),
        weight,
        standing,
        stage: match change.map(|change| (change.from, change.to)) {
            Some((None, _)) => Stage::New,
            Some((_, None)) => Stage::Over,
            Some((Some(_), Some(_))) | None => known(news),
        },
        change: change.map(|change| changes::door(change).0),
        code: &door.code,
        title: format!("{}: {}", door.code, plain(&door.place)),
        description: format!("{}: {}.", plain(&door.place), plain(&door.message)),
        remedy: plain(&door.commands.join(" && ")),
    }
}

fn place<'r>(place: &'r PlaceReport, news: &News<'r>) -> Finding<'r> {
    let region = place.region.as_ref().map_or("all regions", |region| region.as_str());
    let mut description = format!("Account {} in {region} was not seen, or not all of it.", place.account);
    for fault in &place.faults {
        let _ = write!(description, " {}: {}.", fault.code, plain(&fault.message));
    }
    let change = news.place(place);
    Finding {
        id: format!("{PLACE_FINDING}{}/{}", place.account, region.replace(' ', "-")),
        about: About::Place,
        account: &place.account,
        region: place.region.as_ref(),
        weight: Weight::Medium,
        standing: Standing::Unknown,
        stage: if change == Some(Sight::Missed) { Stage::New } else { known(news) },
        change: change.map(Sight::as_str),
        code: "not-seen",
        title: format!("Account {} in {region} was not seen", place.account),
        description,
        remedy: "Let the audit's role do what was denied there, or look again.".to_owned(),
    }
}

/// Returns the ARN of something that EC2 keeps in an account.
pub(super) fn arn(region: &Region, account: &AccountId, kind: &str, id: &str) -> String {
    let partition: Partition = region.partition();
    format!("arn:{partition}:ec2:{region}:{account}:{kind}/{id}")
}

/// Cuts a text to so many characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
