//! Where boot guards leave their records, and where they are read.

use std::future::Future;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::PortError;

/// So many boots of one instance since its start are looked at. What writes more is no boot guard.
pub const MOST_RECORDS: usize = 1000;

const NAME: &str = "%Y%m%dT%H%M%S.%3fZ.json";

/// What boot guards left.
pub trait BootRecords {
    /// Returns the newest record of an instance, by its ARN, of those that say to be not older than `since`; none when
    /// there is none.
    ///
    /// It fails with [`PortErrorKind::Malformed`](super::PortErrorKind::Malformed) when a record is too large, or there
    /// are more than [`MOST_RECORDS`].
    fn newest(
        &self,
        instance: &str,
        since: Option<Timestamp>,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, PortError>> + Send;

    /// Returns where the records are, for people.
    fn locate(&self) -> String;
}

/// The folder of an instance, below the root of all records: its ARN as IAM has it in `${ec2:SourceInstanceARN}`, so that
/// one statement gives every instance its own.
pub fn records_folder(instance: &str) -> String {
    format!("{RECORDS_FOLDER}/{instance}")
}

/// The path of the record of one boot.
pub fn record_path(instance: &str, at: Timestamp) -> String {
    format!("{}/{}", records_folder(instance), at.to_zoned(TimeZone::UTC).strftime(NAME))
}

/// What every record from an instant on comes after, by its path.
pub fn records_from(instance: &str, since: Timestamp) -> String {
    format!("{}/{}", records_folder(instance), since.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%S"))
}

/// The folder of all records.
pub const RECORDS_FOLDER: &str = "v1/boot";

/// Returns the ARN of the instance in whose folder a path is that of a record, if it is one.
pub fn recorded_by(path: &str) -> Option<&str> {
    let (instance, _) = path.strip_prefix(RECORDS_FOLDER)?.strip_prefix('/')?.rsplit_once('/')?;
    is_record(instance, path).then_some(instance)
}

/// Says whether a path is that of a record of an instance. Others may have written beside them.
pub fn is_record(instance: &str, path: &str) -> bool {
    let named = path.strip_prefix(&records_folder(instance)).and_then(|rest| rest.strip_prefix('/'));
    let at = named.and_then(|name| DateTime::strptime("%Y%m%dT%H%M%S.%fZ.json", name).ok());
    let at = at.and_then(|at| at.to_zoned(TimeZone::UTC).ok()).map(|at| at.timestamp());
    at.is_some_and(|at| record_path(instance, at) == path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ARN: &str = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0123456789abcdef0";

    #[test]
    fn a_record_is_below_the_arn_of_its_instance() {
        let path = record_path(ARN, "2026-11-24T04:05:06.789012Z".parse().unwrap());
        assert_eq!(path, format!("v1/boot/{ARN}/20261124T040506.789Z.json"));
        assert!(is_record(ARN, &path));
    }

    #[test]
    fn what_has_another_name_is_no_record() {
        let folder = records_folder(ARN);
        for name in [
            "20261124T040506.7Z.json",
            "20261124T040506Z.json",
            "20261324T040506.789Z.json",
            "20261124T040506.789Z.json/x",
            "x/20261124T040506.789Z.json",
            "zzz.json",
            ".lock",
            "",
        ] {
            assert!(!is_record(ARN, &format!("{folder}/{name}")), "{name}");
        }
        assert!(!is_record(ARN, &record_path(&ARN.replace("cdef0", "cdef1"), Timestamp::UNIX_EPOCH)));
    }

    proptest! {
        /// The order of names is that of time, and no record of the second of a start is lost.
        #[test]
        fn records_are_in_the_order_of_their_time(one in 0_i64..4_000_000_000_000, other in 0_i64..4_000_000_000_000) {
            let at = |ms| Timestamp::from_millisecond(ms).unwrap();
            let (first, second) = (record_path(ARN, at(one)), record_path(ARN, at(other)));
            prop_assert!(is_record(ARN, &first));
            prop_assert_eq!(one.cmp(&other), first.cmp(&second));
            prop_assert_eq!(one.div_euclid(1000) >= other.div_euclid(1000), first > records_from(ARN, at(other)));
        }
    }
}
