//! What `sbom query` found: which images have a package, and which instances run them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Note, PlaceReport};
use crate::{
    digest::Sha256Digest,
    ids::{AccountId, ImageRef, InstanceId, Region},
    query::{Doubt, Found, Listed},
};

/// The schema of [`SbomQueryReport`].
pub const SBOM_QUERY_SCHEMA: &str = "goldseal/sbom-query/v1";

/// Which images and instances have what was asked for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SbomQueryReport {
    /// `goldseal/sbom-query/v1`.
    pub schema: &'static str,
    /// The question.
    pub query: String,
    /// The answer to all of it.
    pub answer: Answer,
    /// The instant at which the evidence was verified; none where there was none to verify.
    pub at: Option<Timestamp>,
    /// SHA-256 of the policy document, and of the files that it names.
    pub policy: Option<Sha256Digest>,
    /// When what runs was looked at; none when images were named.
    pub audited: Option<Timestamp>,
    /// Every image, those that have it first, and of these the one that most instances run.
    pub images: Vec<QueriedImage>,
    /// Accounts and regions that were not wholly seen: what runs there may have it.
    pub missed: Vec<PlaceReport>,
    /// What a reader should know beside it.
    pub notes: Vec<Note>,
}

/// What is known of one image, or of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It has what was asked for.
    Found,
    /// It has something of which nobody knows whether it was asked for.
    Undetermined,
    /// Nobody looked into it.
    NotSearched,
    /// Its SBOM does not list it.
    Absent,
}

/// An image that was asked about.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueriedImage {
    /// What is known of it.
    pub answer: Answer,
    /// The image; none when a bare SBOM was searched.
    pub image: Option<ImageRef>,
    /// The file, when a bare SBOM was searched.
    pub file: Option<String>,
    /// The image's name, when it is known.
    pub name: Option<String>,
    /// SHA-256 of the signed statement that holds the SBOM, or of the file.
    pub sbom: Option<Sha256Digest>,
    /// How many entries the SBOM has.
    pub entries: usize,
    /// What was asked for.
    pub found: Vec<FoundPackage>,
    /// What may be.
    pub undetermined: Vec<UndeterminedPackage>,
    /// Why nobody looked into it.
    pub not_searched: Vec<Note>,
    /// What runs it; empty when nobody looked at what runs.
    pub instances: Vec<QueriedInstance>,
}

/// A package as the SBOM lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueriedPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its package URL.
    pub purl: Option<String>,
    /// The source package that it was built of, when it was found by that and not by its own name.
    pub source: Option<String>,
}

/// A package that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundPackage {
    /// The package.
    #[serde(flatten)]
    pub package: QueriedPackage,
    /// The versions were compared wholly. Else without epoch, revision or local part where the question has none.
    pub whole: bool,
}

/// A package of which nobody knows whether it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UndeterminedPackage {
    /// The package.
    #[serde(flatten)]
    pub package: QueriedPackage,
    /// Why.
    pub why: String,
}

/// An instance that runs an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueriedInstance {
    /// The account that runs it.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// The instance.
    pub instance: InstanceId,
    /// Its `Name` tag.
    pub name: Option<String>,
    /// Why the SBOM of its image does not speak for it: its root volume is another, or nobody knows.
    pub apart: Option<String>,
}

impl QueriedImage {
    /// Starts with an image into which nobody looked yet.
    pub fn unsearched(image: Option<ImageRef>, file: Option<String>, why: Vec<Note>) -> Self {
        Self {
            answer: Answer::NotSearched,
            image,
            file,
            name: None,
            sbom: None,
            entries: 0,
            found: Vec::new(),
            undetermined: Vec::new(),
            not_searched: why,
            instances: Vec::new(),
        }
    }

    /// Says what is known of an instance that runs it.
    pub fn answer_of(&self, instance: &QueriedInstance) -> Answer {
        match (&instance.apart, self.answer) {
            (Some(_), Answer::Found | Answer::Undetermined | Answer::Absent) => Answer::Undetermined,
            (_, answer) => answer,
        }
    }

    /// Returns how many instances of it are of an answer.
    pub fn count(&self, answer: Answer) -> usize {
        self.instances.iter().filter(|one| self.answer_of(one) == answer).count()
    }
}

impl SbomQueryReport {
    /// Puts a report together. `whole` says that everything that was to be seen was.
    pub fn new(query: String, mut images: Vec<QueriedImage>, missed: Vec<PlaceReport>, whole: bool) -> Self {
        let weight = |image: &QueriedImage| (image.answer, std::cmp::Reverse(image.instances.len()));
        images.sort_by(|a, b| (weight(a), &a.image, &a.file).cmp(&(weight(b), &b.image, &b.file)));
        let all = |image: &QueriedImage| {
            image.answer == Answer::Absent && image.count(Answer::Absent) == image.instances.len()
        };
        let answer = match images.first().map(|image| image.answer) {
            Some(Answer::Found) => Answer::Found,
            _ if whole && missed.is_empty() && images.iter().all(all) => Answer::Absent,
            _ => Answer::Undetermined,
        };
        let (at, policy, audited, notes) = (None, None, None, Vec::new());
        Self { schema: SBOM_QUERY_SCHEMA, query, answer, at, policy, audited, images, missed, notes }
    }

    /// Returns how many instances are of an answer.
    pub fn count(&self, answer: Answer) -> usize {
        self.images.iter().map(|image| image.count(answer)).sum()
    }

    /// Returns how many instances there are.
    pub fn total(&self) -> usize {
        self.images.iter().map(|image| image.instances.len()).sum()
    }
}

impl From<Listed> for QueriedPackage {
    fn from(listed: Listed) -> Self {
        let Listed { name, version, purl, source } = listed;
        Self { name, version, purl, source }
    }
}

impl From<Found> for FoundPackage {
    fn from(found: Found) -> Self {
        Self { package: found.package.into(), whole: found.whole }
    }
}

impl From<Doubt> for UndeterminedPackage {
    fn from(doubt: Doubt) -> Self {
        Self { package: doubt.package.into(), why: doubt.why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(number: u8, answer: Answer, instances: &[bool]) -> QueriedImage {
        let image = format!("ami-{number:017x}").parse().unwrap();
        let image = ImageRef { region: "eu-west-1".parse().unwrap(), id: image };
        let instance = |(at, apart): (usize, &bool)| QueriedInstance {
            account: "123456789012".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            instance: format!("i-{at:017x}").parse().unwrap(),
            name: None,
            apart: apart.then(|| "its root volume is another".to_owned()),
        };
        let instances = instances.iter().enumerate().map(instance).collect();
        QueriedImage { answer, instances, ..QueriedImage::unsearched(Some(image), None, Vec::new()) }
    }

    fn answer(images: Vec<QueriedImage>, whole: bool) -> Answer {
        SbomQueryReport::new("x".into(), images, Vec::new(), whole).answer
    }

    #[test]
    fn what_was_found_comes_first_and_only_all_that_was_searched_is_an_absence() {
        use Answer::{Absent, Found, NotSearched, Undetermined};
        for (answers, whole, expected) in [
            (&[][..], true, Absent),
            (&[], false, Undetermined),
            (&[Absent], true, Absent),
            (&[Absent], false, Undetermined),
            (&[Absent, NotSearched], true, Undetermined),
            (&[Undetermined, Absent], true, Undetermined),
            (&[NotSearched], true, Undetermined),
            (&[Absent, NotSearched, Found], true, Found),
            (&[Found], false, Found),
        ] {
            let images = (0..).zip(answers).map(|(number, one)| image(number, *one, &[false])).collect();
            assert_eq!(answer(images, whole), expected, "{answers:?} {whole}");
        }
    }

    #[test]
    fn an_instance_with_another_root_volume_has_what_nobody_knows() {
        assert_eq!(answer(vec![image(1, Answer::Absent, &[false, true])], true), Answer::Undetermined);
        let images = vec![image(1, Answer::Found, &[false, true]), image(2, Answer::NotSearched, &[false, true])];
        let report = SbomQueryReport::new("x".into(), images, Vec::new(), true);
        let counts = [Answer::Found, Answer::Undetermined, Answer::NotSearched, Answer::Absent];
        assert_eq!(counts.map(|one| report.count(one)), [1, 1, 2, 0]);
        assert_eq!(report.total(), 4);
    }

    #[test]
    fn the_image_that_most_instances_run_is_first() {
        let images = vec![
            image(1, Answer::Absent, &[false; 9]),
            image(2, Answer::Found, &[false]),
            image(3, Answer::NotSearched, &[false; 5]),
            image(4, Answer::Found, &[false; 3]),
        ];
        let report = SbomQueryReport::new("x".into(), images, Vec::new(), true);
        let order: Vec<usize> = report.images.iter().map(|image| image.instances.len()).collect();
        assert_eq!(order, [3, 1, 5, 9]);
    }
}
