//! Everything that is known of a build, by who says it → the facts that its provenance states.
//!
//! Who says the same is heard once; two that contradict each other are an error that names both, for nobody could tell
//! which of them is of this build. What nobody says is left out, and listed. Exempt are the words for people: the
//! invocation and the times, for which the file of build facts goes first.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    base::{self, Base},
    ci::Ci,
    manifest::{BuiltImage, Manifest},
    missing::{Missing, missing},
    packer_provenance::PackerProvenance,
    said::{FILE, FactsFault, Said, agreed, agreed_commit, custom_parsed, custom_says, says},
};
use crate::{
    attestation::predicate::{Ancestor, BaseImage, BuildFacts, Source, image_arn, image_of_arn, repository},
    ids::{AccountId, ImageRef},
    image::Descriptor,
};

const PACKER: &str = "Packer's provenance";
const GIT: &str = "git";

/// What a working directory holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The commit that is checked out, in full.
    pub commit: String,
    /// The URL of its remote `origin`, as git keeps it.
    pub remote: Option<String>,
    /// Files that git tracks were changed since.
    pub dirty: bool,
}

/// What is known of the build of an image; each part but the image may be absent.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The image.
    pub image: &'a ImageRef,
    /// The file of build facts.
    pub given: Option<&'a BuildFacts>,
    /// The run of Packer that built it.
    pub manifest: Option<&'a Manifest>,
    /// What Packer signed.
    pub packer: Option<&'a PackerProvenance>,
    /// The CI job that seals it.
    pub ci: Option<&'a Ci>,
    /// The working directory that it was built from.
    pub git: Option<&'a Checkout>,
    /// The image that DescribeImages names as its source: it stands in for an ancestry that cannot be had.
    pub source_image: Option<&'a ImageRef>,
    /// The images that it comes from in EC2's words, the nearest first.
    pub ancestry: &'a [Ancestor],
    /// The base image, where it could be described: ask [`base()`](super::base()) which one it is.
    pub base: Option<&'a Descriptor>,
}

impl<'a> Known<'a> {
    /// Nothing is known but the image.
    pub fn of(image: &'a ImageRef) -> Self {
        Self {
            image,
            given: None,
            manifest: None,
            packer: None,
            ci: None,
            git: None,
            source_image: None,
            ancestry: &[],
            base: None,
        }
    }

    pub(super) fn built(&self) -> Result<Option<&'a BuiltImage>, FactsFault> {
        let Some(manifest) = self.manifest else { return Ok(None) };
        let found = manifest.built(self.image).ok_or_else(|| FactsFault::NotBuilt {
            image: self.image.clone(),
            run: manifest.run.clone(),
            built: manifest.images.iter().map(|built| built.image.to_string()).collect::<Vec<_>>().join(", "),
        });
        found.map(Some)
    }

    fn ci_says(&self, what: fn(&Ci) -> Option<&String>) -> Option<Said> {
        let ci = self.ci?;
        says(ci.system, what(ci))
    }
}

/// The facts of a build, and what could not be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembled {
    /// The facts, the [`tags`] among them.
    pub facts: BuildFacts,
    /// What is left out of them.
    pub missing: Vec<Missing>,
}

/// Assembles the facts of a build.
///
/// # Errors
/// See [`FactsFault`].
pub fn assemble(known: &Known<'_>) -> Result<Assembled, FactsFault> {
    let Known { given, manifest, packer, ci, .. } = *known;
    let built = known.built()?;
    let in_manifest = says("the Packer manifest", built.map(|built| &built.build));
    agreed("name of the build", [in_manifest, says(PACKER, packer.and_then(|packer| packer.build.as_ref()))])?;

    let builder = agreed(
        "builder",
        [
            says(FILE, given.map(|given| &given.builder)),
            custom_says(built, "builder"),
            known.ci_says(|ci| ci.builder.as_ref()),
        ],
    )?;
    let packer_run = agreed(
        "run of Packer",
        [
            says(FILE, given.and_then(|given| given.packer_run.as_ref())),
            says("the Packer manifest", manifest.map(|manifest| &manifest.run)),
        ],
    )?;
    let version = agreed(
        "version of Packer",
        [
            says(FILE, given.and_then(|given| given.tools.get("packer"))),
            custom_says(built, "packer_version"),
            says(PACKER, packer.and_then(|packer| packer.packer.as_ref())),
        ],
    )?;
    let source = source(known, built)?;
    let (base_image, unclear) = base_image(known, built)?;

    let mut tools = given.map(|given| given.tools.clone()).unwrap_or_default();
    tools.extend(version.map(|version| ("packer".to_owned(), version)));
    let ancestry = given.map(|given| given.ancestry.as_slice()).filter(|ancestry| !ancestry.is_empty());
    let mut ancestry = ancestry.unwrap_or(known.ancestry).to_vec();
    if ancestry.is_empty() {
        let named = |image: &ImageRef| Ancestor { image: image.clone(), owner_alias: None, created: None };
        ancestry.extend(known.source_image.map(named));
    }
    let mut facts = BuildFacts {
        builder: builder.ok_or(FactsFault::NoBuilder)?,
        invocation: given.and_then(|given| given.invocation.clone()).or(ci.and_then(|ci| ci.invocation.clone())),
        packer_run,
        source,
        base_image,
        ancestry,
        tools,
        started_on: given.and_then(|given| given.started_on),
        finished_on: given.and_then(|given| given.finished_on).or(built.and_then(|built| built.built)),
        tags: given.map(|given| given.tags.clone()).unwrap_or_default(),
    };
    facts.tags = tags(&facts);
    let missing = missing(&facts).into_iter().chain(unclear.map(Missing::Lineage)).collect();
    Ok(Assembled { facts, missing })
}

/// Returns the tags of a build: its own, and of SourceAMI, GitCommit, PackerVersion, BuiltAt and Builder those that are
/// known and that it does not name itself.
pub fn tags(facts: &BuildFacts) -> BTreeMap<String, String> {
    /// EC2's limit.
    const LONGEST: usize = 256;
    let base = facts.base_image.as_ref().and_then(|base| image_of_arn(&base.arn));
    let known = [
        ("SourceAMI", base.map(|(image, _)| image.id.to_string())),
        ("GitCommit", facts.source.as_ref().map(|source| source.commit.clone())),
        ("PackerVersion", facts.tools.get("packer").cloned()),
        ("BuiltAt", facts.finished_on.map(|at| at.to_string())),
        ("Builder", Some(facts.builder.clone())),
    ];
    let mut tags = facts.tags.clone();
    for (name, value) in known {
        if let Some(value) = value.filter(|value| value.chars().count() <= LONGEST) {
            tags.entry(name.to_owned()).or_insert(value);
        }
    }
    tags
}

fn source(known: &Known<'_>, built: Option<&BuiltImage>) -> Result<Option<Source>, FactsFault> {
    let Known { given, packer, git, .. } = *known;
    let in_file = given.and_then(|given| given.source.as_ref());
    let one_spelling = |url: &String| repository(url).unwrap_or_else(|| url.clone());
    let url = agreed(
        "repository",
        [
            says(FILE, in_file.and_then(|source| source.repository.as_ref()).map(one_spelling)),
            says(PACKER, packer.and_then(|packer| packer.repository.as_ref())),
            known.ci_says(|ci| ci.repository.as_ref()),
            says(GIT, git.and_then(|git| repository(git.remote.as_deref()?))),
        ],
    )?;
    let commit = agreed_commit([
        says(FILE, in_file.map(|source| &source.commit)),
        custom_says(built, "git_commit"),
        says(PACKER, packer.and_then(|packer| packer.commit.as_ref())),
        known.ci_says(|ci| ci.commit.as_ref()),
        says(GIT, git.map(|git| &git.commit)),
    ])?;
    let dirty = in_file.is_some_and(|source| source.dirty) || git.is_some_and(|git| git.dirty);
    Ok(commit.map(|commit| Source { repository: url, commit, dirty }))
}

/// Returns the base image, and the source that EC2 names in its place but does not show.
fn base_image(
    known: &Known<'_>,
    built: Option<&BuiltImage>,
) -> Result<(Option<BaseImage>, Option<ImageRef>), FactsFault> {
    let Base { image, unclear } = base::found(known, built)?;
    let Some(image) = image else { return Ok((None, unclear)) };
    let described = says("what was described", known.base.map(Descriptor::image));
    agreed("base image", [says("the build", Some(&image)), described])?;

    let in_file = known.given.and_then(|given| given.base_image.as_ref());
    let in_arn = in_file.and_then(|base| image_of_arn(&base.arn)).and_then(|(_, owner)| owner);
    custom_parsed::<AccountId>(built, "source_ami_owner")?;
    let owner = agreed(
        "owner of the base image",
        [
            says(FILE, in_file.and_then(|base| base.owner.as_ref())),
            says("the ARN in the file of build facts", in_arn),
            custom_says(built, "source_ami_owner"),
            says("EC2", known.base.map(Descriptor::owner)),
        ],
    )?;
    let descriptor = agreed(
        "descriptor of the base image",
        [says(FILE, in_file.and_then(|base| base.descriptor)), says("EC2", known.base.map(Descriptor::digest))],
    )?;
    let owner: Option<AccountId> = owner.and_then(|owner| owner.parse().ok());
    let described: Option<Timestamp> = known.base.and_then(|base| base.identity().creation_date.parse().ok());
    let in_ancestry = || known.ancestry.iter().find(|ancestor| ancestor.image == image).and_then(|one| one.created);
    let base = BaseImage {
        arn: in_file.map_or_else(|| image_arn(&image, owner.as_ref()), |base| base.arn.clone()),
        owner,
        descriptor: descriptor.and_then(|digest| digest.parse().ok()),
        created: in_file.and_then(|base| base.created).or(described).or_else(in_ancestry),
    };
    Ok((Some(base), unclear))
}

#[cfg(test)]
mod tests;
