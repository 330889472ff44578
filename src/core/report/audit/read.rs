//! A saved report → [`AuditReport`]: one audit, many outputs later.
//!
//! Fields that this version does not know are passed over: a later one may have written them under the same schema.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize as _, Deserializer, de::Error as _};

use super::{AUDIT_SCHEMA, AuditReport, AuditedImage, Class};
use crate::bounded::{self, JsonFault, Limits, Object};

/// A hundred thousand instances, written for people to read, have about a hundred MiB.
const LIMITS: Limits = Limits { bytes: 512 << 20, depth: 64 };

/// Why a file is nothing that could be shown.
#[derive(Debug, thiserror::Error)]
pub enum AuditFileFault {
    /// It does not read as an audit report.
    #[error("not a report of `goldseal audit --output json`")]
    Json(#[source] JsonFault),
    /// It contradicts itself.
    #[error("the report contradicts itself: {0}")]
    Contradiction(String),
}

impl AuditReport {
    /// The size of the largest report that is read, in bytes.
    pub const LARGEST: usize = LIMITS.bytes;

    /// Reads a saved report.
    ///
    /// # Errors
    /// See [`AuditFileFault`].
    pub fn read(bytes: &[u8]) -> Result<Self, AuditFileFault> {
        let Object(report): Object<Self> = bounded::json(bytes, LIMITS).map_err(AuditFileFault::Json)?;
        let mut classes: BTreeMap<Class, u64> = BTreeMap::new();
        let mut images: BTreeMap<usize, BTreeMap<Class, u64>> = BTreeMap::new();
        for one in &report.instances {
            if report.image_of(one).is_none() {
                let (instance, image) = (&one.instance, one.image);
                return Err(AuditFileFault::Contradiction(format!(
                    "{instance} runs image {image}, which is not there"
                )));
            }
            *classes.entry(one.class).or_default() += 1;
            *images.entry(one.image).or_default().entry(one.class).or_default() += 1;
        }
        for class in Class::ALL {
            let (said, found) = (report.count(class), classes.get(&class).copied().unwrap_or(0));
            if said != found {
                let why = format!("{said} instances are said to be {}, {found} are", class.as_str());
                return Err(AuditFileFault::Contradiction(why));
            }
        }
        // What is added up for people must be what was counted, and no sum can be too large.
        let lies =
            |(index, image): &(usize, &AuditedImage)| image.classes != images.get(index).cloned().unwrap_or_default();
        match report.images.iter().enumerate().find(lies) {
            None => Ok(report),
            Some((_, AuditedImage { report: image, .. })) => Err(AuditFileFault::Contradiction(format!(
                "the instances of {} are not of the classes that it says",
                image.image
            ))),
        }
    }
}

/// Reads the name of the schema, which must be ours.
pub(super) fn schema<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, str>, D::Error> {
    let found = String::deserialize(deserializer)?;
    match found == AUDIT_SCHEMA {
        true => Ok(AUDIT_SCHEMA.into()),
        false => Err(D::Error::custom(format!("the schema is {found:?}, not {AUDIT_SCHEMA:?}"))),
    }
}
