//! The file of Packer's `manifest` post-processor → the images of one run.
//!
//! The file accumulates: every run of every template that writes to it adds its builds, in no order that could be relied
//! on. So builds are taken by their run id, and never because they stand last. Fields that Packer adds are not looked at.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use super::artifact::{self, cut};
use crate::{
    bounded::{self, JsonFault, Limits, Object},
    ids::ImageRef,
};

/// Years of runs fit.
const LIMITS: Limits = Limits { bytes: 16 << 20, depth: 8 };

/// How many runs a message names.
const RUNS_TOLD: usize = 8;

/// One run of Packer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its id: `packer_run_uuid`.
    pub run: String,
    /// Its machine images, by region.
    pub images: Vec<BuiltImage>,
    /// What else it built, for people.
    pub others: Vec<String>,
}

/// An image that Packer built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// The image.
    pub image: ImageRef,
    /// The build's name.
    pub build: String,
    /// The builder's type, such as `amazon-ebs`.
    pub builder_type: String,
    /// When it was done; a manifest with `strip_time` does not say.
    pub built: Option<Timestamp>,
    /// The build's `custom_data`.
    pub data: BTreeMap<String, String>,
}

/// Why a file does not tell which images a run built.
#[derive(Debug, thiserror::Error)]
pub enum ManifestFault {
    /// Not the file of the `manifest` post-processor.
    #[error("reading the Packer manifest")]
    Json(#[source] JsonFault),
    /// The run id that was asked for is empty.
    #[error("the run id is empty: PACKER_RUN_UUID is set for post-processors of Packer only; leave it out elsewhere")]
    EmptyRun,
    /// No run was asked for and the file does not say which was the last.
    #[error("the Packer manifest has no last_run_uuid; name the run (its packer_run_uuid)")]
    NoLastRun,
    /// The file has no build of the run.
    #[error("the Packer manifest has no build of run {run}; {found}")]
    NoBuild {
        /// The run.
        run: String,
        /// The runs it has.
        found: String,
    },
    /// The run built something, but no machine image.
    #[error("run {run} built no AMI, but {}; name the manifest of a build that makes one", .others.join(", "))]
    NoImage {
        /// The run.
        run: String,
        /// What it built.
        others: Vec<String>,
    },
    /// An artifact id does not name images well.
    #[error("build {build:?} (builds[{index}] of the Packer manifest): artifact_id {id:?}: {problem}")]
    Artifact {
        /// The build's name.
        build: String,
        /// Its place, from 0.
        index: usize,
        /// The id.
        id: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A time is out of all range.
    #[error("build {build:?} (builds[{index}] of the Packer manifest): build_time {seconds} is no time in seconds")]
    Time {
        /// The build's name.
        build: String,
        /// Its place, from 0.
        index: usize,
        /// The number.
        seconds: i64,
    },
    /// One image has two builds that do not say the same.
    #[error(
        "{image} stands twice in the Packer manifest, as build {first:?} and, with other data, as build {second:?} \
         (builds[{index}]) of the same run; write each build to the manifest once"
    )]
    Twice {
        /// The image.
        image: ImageRef,
        /// The one build.
        first: String,
        /// The other.
        second: String,
        /// The place of the other, from 0.
        index: usize,
    },
}

#[derive(Deserialize)]
struct ManifestWire {
    builds: Vec<Object<BuildWire>>,
    last_run_uuid: Option<String>,
}

#[derive(Deserialize)]
struct BuildWire {
    name: String,
    builder_type: String,
    build_time: Option<i64>,
    artifact_id: Option<String>,
    packer_run_uuid: Option<String>,
    custom_data: Option<BTreeMap<String, String>>,
}

impl Manifest {
    /// Reads the images of a run: of the one that is named (`PACKER_RUN_UUID`), else of the last one.
    ///
    /// # Errors
    /// See [`ManifestFault`].
    pub fn parse(bytes: &[u8], run: Option<&str>) -> Result<Self, ManifestFault> {
        let Object(wire): Object<ManifestWire> = bounded::json(bytes, LIMITS).map_err(ManifestFault::Json)?;
        let run = match run {
            Some(run) if run.trim().is_empty() => return Err(ManifestFault::EmptyRun),
            Some(run) => run.trim().to_owned(),
            None => wire.last_run_uuid.filter(|run| !run.is_empty()).ok_or(ManifestFault::NoLastRun)?,
        };
        let builds = || wire.builds.iter().map(|Object(build)| build).enumerate();
        if !builds().any(|(_, build)| build.packer_run_uuid.as_ref() == Some(&run)) {
            let found = found_runs(builds().filter_map(|(_, build)| build.packer_run_uuid.as_deref()));
            return Err(ManifestFault::NoBuild { run: cut(&run), found });
        }
        let (mut images, mut others) = (BTreeMap::<ImageRef, BuiltImage>::new(), Vec::new());
        for (index, build) in builds().filter(|(_, build)| build.packer_run_uuid.as_ref() == Some(&run)) {
            let id = build.artifact_id.as_deref().unwrap_or_default();
            let fault = |problem| ManifestFault::Artifact { build: cut(&build.name), index, id: cut(id), problem };
            let Some(found) = artifact::images(id).map_err(fault)? else {
                if makes_images(&build.builder_type) {
                    let problem = format!("{} builds images, and none is named", cut(&build.builder_type));
                    return Err(fault(problem));
                }
                others.push(format!("{:?} of {} ({})", cut(id), cut(&build.name), cut(&build.builder_type)));
                continue;
            };
            let out_of_range = |seconds| ManifestFault::Time { build: cut(&build.name), index, seconds };
            // Some versions write what strip_time takes away as 0.
            let built = build
                .build_time
                .filter(|at| *at != 0)
                .map(|at| Timestamp::from_second(at).map_err(|_range| out_of_range(at)));
            let built = built.transpose()?;
            for image in found {
                let built = BuiltImage {
                    image: image.clone(),
                    build: build.name.clone(),
                    builder_type: build.builder_type.clone(),
                    built,
                    data: build.custom_data.clone().unwrap_or_default(),
                };
                match images.get_mut(&image) {
                    None => drop(images.insert(image, built)),
                    Some(known) if known.says_the_same(&built) => known.built = earliest(known.built, built.built),
                    Some(known) => {
                        let (first, second) = (cut(&known.build), cut(&build.name));
                        return Err(ManifestFault::Twice { image, first, second, index });
                    }
                }
            }
        }
        if images.is_empty() {
            return Err(ManifestFault::NoImage { run: cut(&run), others });
        }
        Ok(Self { run, images: images.into_values().collect(), others })
    }

    /// Returns what the run says of an image.
    pub fn built(&self, image: &ImageRef) -> Option<&BuiltImage> {
        self.images.iter().find(|built| built.image == *image)
    }
}

impl BuiltImage {
    /// Two manifest post-processors of one build differ in the second at which they ran, and in nothing else.
    fn says_the_same(&self, other: &Self) -> bool {
        (&self.build, &self.builder_type, &self.data) == (&other.build, &other.builder_type, &other.data)
    }
}

/// The builders of the amazon plugin make images; `amazon-ebsvolume` makes volumes.
fn makes_images(builder_type: &str) -> bool {
    builder_type.starts_with("amazon-") && builder_type != "amazon-ebsvolume"
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

fn found_runs<'r>(runs: impl Iterator<Item = &'r str>) -> String {
    let runs: BTreeSet<&str> = runs.collect();
    let told: Vec<String> = runs.iter().take(RUNS_TOLD).map(|run| cut(run)).collect();
    match runs.len() {
        0 => "it has builds of no run".to_owned(),
        count if count > told.len() => format!("it has runs {} and {} more", told.join(", "), count - told.len()),
        _ => format!("it has runs {}", told.join(", ")),
    }
}

#[cfg(test)]
mod tests;
