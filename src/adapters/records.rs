//! Where instances leave a record of what was not admitted: an S3 bucket, a folder for each instance.
//!
//! The folder is the ARN of the instance as IAM has it in `${ec2:SourceInstanceARN}`, so one statement gives every
//! instance its own. A record is made, never changed and never read here: `s3:PutObject` is all that it takes.

use goldseal_core::{
    ports::{Expected, PortError, PortErrorKind, Written},
    report::{BootIdentity, BootReport},
};
use jiff::{Timestamp, tz::TimeZone};

use super::{
    documents::objects::Objects,
    store::{StoreUrl, s3::Connection, url::Place},
};

/// A report names what was wrong, at most some hundred lines of it.
const LIMIT: usize = 1 << 20;

/// A place for records.
#[derive(Debug, Clone)]
pub struct Records(Objects);

impl Records {
    /// Opens the records of a URL, which is one of S3.
    pub fn open(url: &StoreUrl, s3: Connection) -> Option<Self> {
        match url.0.clone() {
            Place::S3 { bucket, prefix } => Some(Self(Objects::new(s3, bucket, prefix, LIMIT))),
            Place::Directory(_) | Place::Oci { .. } | Place::Https { .. } => None,
        }
    }

    /// Adds the record of a boot, and returns where it is.
    ///
    /// # Errors
    /// Those of S3, and a record that is there already.
    pub async fn add(&self, instance: &BootIdentity, report: &BootReport) -> Result<String, PortError> {
        let path = path(instance, report.at);
        let place = self.0.locate(&path);
        let refused = |why: String| PortError::new(PortErrorKind::Refused, "s3:PutObject", &place).because(why);
        let bytes = serde_json::to_vec(report).map_err(|error| refused(error.to_string()))?;
        match self.0.write(&path, &bytes, Expected::Absent).await? {
            Written::Stored => Ok(place),
            Written::Conflict => Err(refused("there is one of this instant already".to_owned())),
        }
    }
}

fn path(instance: &BootIdentity, at: Timestamp) -> String {
    format!("v1/boot/{}/{}.json", instance.arn(), at.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%S.%3fZ"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_below_the_arn_of_its_instance() {
        let identity = goldseal_core::testing::identity::identity();
        let at = "2026-11-24T04:05:06.789012Z".parse().unwrap();
        assert_eq!(
            path(&BootIdentity::from(&identity), at),
            "v1/boot/arn:aws:ec2:eu-west-1:123456789012:instance/i-0123456789abcdef0/20261124T040506.789Z.json"
        );
    }
}
