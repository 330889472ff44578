//! Facts of a build → what nobody said of it, for people.

use std::fmt;

use crate::{attestation::predicate::BuildFacts, ids::ImageRef};

/// What nobody said of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the text of each says it")]
pub enum Missing {
    Invocation,
    PackerRun,
    PackerVersion,
    Repository,
    Commit,
    BaseImage,
    BaseOwner,
    BaseDescriptor,
    Ancestry,
    FinishedOn,
    /// EC2 names a source that is not the base image, and does not show it.
    Lineage(ImageRef),
}

impl Missing {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invocation => "no-invocation",
            Self::PackerRun => "no-packer-run",
            Self::PackerVersion => "no-packer-version",
            Self::Repository => "no-repository",
            Self::Commit => "no-commit",
            Self::BaseImage => "no-base-image",
            Self::BaseOwner => "no-base-owner",
            Self::BaseDescriptor => "no-base-descriptor",
            Self::Ancestry => "no-ancestry",
            Self::FinishedOn => "no-build-time",
            Self::Lineage(_) => "lineage-unclear",
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invocation => "nothing says which run of the builder it was",
            Self::PackerRun => "nothing says which run of Packer it was: give its manifest",
            Self::PackerVersion => "nothing says which Packer built it: custom_data.packer_version can",
            Self::Repository => "nothing says from which repository it was built",
            Self::Commit => "nothing says from which commit it was built",
            Self::BaseImage => "nothing says which image it started from: custom_data.source_ami can",
            Self::BaseOwner => "nothing says who owns the base image: custom_data.source_ami_owner can",
            Self::BaseDescriptor => "the base image could not be described, so its descriptor is not bound",
            Self::Ancestry => "EC2 shows none of the images that it comes from",
            Self::FinishedOn => "nothing says when it was built",
            Self::Lineage(source) => {
                return write!(
                    f,
                    "EC2 names {source} as the source, which it does not show: an image that the build made in between, \
                     or another base image"
                );
            }
        })
    }
}

/// Lists what is not in the facts.
pub(super) fn missing(facts: &BuildFacts) -> Vec<Missing> {
    let (source, base) = (facts.source.as_ref(), facts.base_image.as_ref());
    let absent = [
        (facts.invocation.is_none(), Missing::Invocation),
        (facts.packer_run.is_none(), Missing::PackerRun),
        (!facts.tools.contains_key("packer"), Missing::PackerVersion),
        (source.is_none_or(|source| source.repository.is_none()), Missing::Repository),
        (source.is_none(), Missing::Commit),
        (base.is_none(), Missing::BaseImage),
        (base.is_some_and(|base| base.owner.is_none()), Missing::BaseOwner),
        (base.is_some_and(|base| base.descriptor.is_none()), Missing::BaseDescriptor),
        (facts.ancestry.iter().all(|ancestor| ancestor.created.is_none()), Missing::Ancestry),
        (facts.finished_on.is_none(), Missing::FinishedOn),
    ];
    absent.into_iter().filter_map(|(absent, missing)| absent.then_some(missing)).collect()
}
