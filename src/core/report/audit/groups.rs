//! Instances, grouped by what is wrong and by image: what people read first.

use std::collections::BTreeMap;

use super::{AuditReport, AuditedImage, AuditedInstance, Class, ExceptionEnd};
use crate::{
    ids::{AccountId, Region},
    report::Cause,
};

/// The instances of one class that run one image.
#[derive(Debug, Clone)]
pub struct Group<'r> {
    /// The class.
    pub class: Class,
    /// The image.
    pub image: &'r AuditedImage,
    /// What stands against them first; nothing stands against those that are admitted.
    pub cause: Option<&'r Cause>,
    /// How many there are.
    pub instances: u64,
    /// How many there are where.
    pub places: BTreeMap<(&'r AccountId, &'r Region), u64>,
    /// One of them.
    pub first: &'r AuditedInstance,
}

impl Group<'_> {
    /// Returns the code that stands for it: the first cause's, or else the class.
    pub fn code(&self) -> &str {
        self.cause.map_or(self.class.as_str(), |cause| &cause.code)
    }

    /// Says why it is what it is.
    pub fn message(&self) -> &str {
        self.cause.map_or(self.class.meaning(), |cause| &cause.message)
    }

    /// Says what to do, where something is to be done.
    pub fn remedy(&self) -> &'static str {
        self.cause.map_or("", |cause| cause.remedy)
    }
}

/// An exception, and what stands on it.
#[derive(Debug, Clone)]
pub struct Ending<'r> {
    /// The exception.
    pub exception: &'r ExceptionEnd,
    /// How many images.
    pub images: u64,
    /// How many instances.
    pub instances: u64,
}

impl AuditReport {
    /// Returns every exception once, the first to run out first.
    pub fn endings(&self) -> Vec<Ending<'_>> {
        let mut endings: BTreeMap<_, Ending<'_>> = BTreeMap::new();
        for image in &self.images {
            for exception in &image.exceptions {
                let ExceptionEnd { id, package, owner, expires } = exception;
                let fresh = Ending { exception, images: 0, instances: 0 };
                let ending = endings.entry((expires, id, package, owner)).or_insert(fresh);
                ending.images += 1;
                ending.instances += image.classes.values().sum::<u64>();
            }
        }
        endings.into_values().collect()
    }

    /// Returns the groups, the worst first, and of one class the largest first.
    pub fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: BTreeMap<(Class, usize), Group<'_>> = BTreeMap::new();
        for instance in &self.instances {
            let Some(image) = self.image_of(instance) else { continue };
            let group = groups.entry((instance.class, instance.image)).or_insert_with(|| Group {
                class: instance.class,
                image,
                cause: self.causes(instance).next(),
                instances: 0,
                places: BTreeMap::new(),
                first: instance,
            });
            group.instances += 1;
            *group.places.entry((&instance.account, &instance.region)).or_default() += 1;
        }
        let mut groups: Vec<Group<'_>> = groups.into_values().collect();
        groups.sort_by_key(|group| (group.class, std::cmp::Reverse(group.instances)));
        groups
    }
}
