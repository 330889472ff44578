//! What a publication is asked for: with whom to share, which parameters to set, how long to lock. Parsed once and valid
//! from then on, so that nothing is changed before EC2 or Parameter Store could refuse a name.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

use crate::ids::{AccountId, Region};

/// Who may launch an image beside its owner. There is no word for everybody: an image is never made public.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Audience {
    kind: AudienceKind,
    text: String,
}

/// What an [`Audience`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AudienceKind {
    /// An account.
    Account,
    /// An organization of accounts.
    Organization,
    /// A unit of an organization.
    Unit,
}

impl Audience {
    /// Returns what it is.
    pub const fn kind(&self) -> AudienceKind {
        self.kind
    }

    /// Returns it as EC2 writes it: 12 digits, or an ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Says whether an image of this region could be shared with it: an ARN names a partition, an account does not.
    pub fn reaches(&self, region: &Region) -> bool {
        self.kind == AudienceKind::Account || self.text.starts_with(&format!("arn:{}:", region.partition()))
    }
}

impl FromStr for Audience {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kind = if text.parse::<AccountId>().is_ok() {
            AudienceKind::Account
        } else {
            kind_of_arn(text).ok_or_else(|| {
                let shown: String = text.chars().take(80).collect();
                format!(
                    "{shown:?} is not somebody to share with: expected an account id of 12 digits, \
                     arn:PARTITION:organizations::ACCOUNT:organization/o-ID or \
                     arn:PARTITION:organizations::ACCOUNT:ou/o-ID/ou-ID"
                )
            })?
        };
        Ok(Self { kind, text: text.to_owned() })
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The forms are those of the Organizations API reference.
fn kind_of_arn(text: &str) -> Option<AudienceKind> {
    let parts: Vec<&str> = text.split(':').collect();
    let ["arn", partition, "organizations", "", account, resource] = parts.as_slice() else { return None };
    let word = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let organization = |id: &str| id.strip_prefix("o-").is_some_and(|id| word(id, 10..=32));
    let unit = |id: &str| {
        let (root, own) = id.strip_prefix("ou-")?.split_once('-')?;
        Some(word(root, 4..=32) && word(own, 8..=32))
    };
    let partition = partition.starts_with("aws") && partition.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    if !partition || account.parse::<AccountId>().is_err() {
        return None;
    }
    match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["organization", id] if organization(id) => Some(AudienceKind::Organization),
        ["ou", parent, id] if organization(parent) && unit(id) == Some(true) => Some(AudienceKind::Unit),
        _ => None,
    }
}

/// The name of an SSM parameter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParameterName(String);

/// What Parameter Store leaves of 2048 characters for a name.
const LONGEST_NAME: usize = 1011;
const DEEPEST_NAME: usize = 15;

impl ParameterName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ParameterName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix('/');
        let levels: Vec<&str> = path.unwrap_or(text).split('/').collect();
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        let fits = text.len() <= LONGEST_NAME
            && levels.len() <= DEEPEST_NAME
            && (path.is_some() || levels.len() == 1)
            && levels.iter().all(|level| !level.is_empty() && level.bytes().all(legal));
        let first = levels.first().map(|level| level.to_ascii_lowercase()).unwrap_or_default();
        if fits && !["aws", "ssm"].iter().any(|reserved| first.starts_with(reserved)) {
            return Ok(Self(text.to_owned()));
        }
        let shown: String = text.chars().take(80).collect();
        Err(format!(
            "{shown:?} is not the name of a parameter: expected /NAME/…/NAME or NAME, with letters, digits, '_', '.' and \
             '-', at most {DEEPEST_NAME} levels, and not beginning with aws or ssm"
        ))
    }
}

impl fmt::Display for ParameterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// For how many days to lock snapshots, from 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockDays(u16);

/// EC2 takes 36,500 days; the rest of today comes on top.
const MOST_DAYS: u16 = 36_499;
const DAY: i64 = 24 * 60 * 60;

impl LockDays {
    /// Returns when such a lock ends: so many whole days (UTC) after today's, so that two runs of one day mean the same.
    pub fn until(self, now: Timestamp) -> Timestamp {
        let today = now.as_second().div_euclid(DAY);
        Timestamp::from_second((today + i64::from(self.0) + 1) * DAY).unwrap_or(Timestamp::MAX)
    }
}

impl FromStr for LockDays {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let days = text.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
        days.map(Self).ok_or_else(|| format!("expected a number of days from 1 to {MOST_DAYS}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORGANIZATION: &str = "arn:aws:organizations::123456789012:organization/o-a1b2c3d4e5";
    const UNIT: &str = "arn:aws:organizations::123456789012:ou/o-a1b2c3d4e5/ou-ab12-c3d4e5f6";

    #[test]
    fn an_image_is_shared_with_accounts_units_and_organizations_and_nobody_else() {
        for (good, kind) in [
            ("123456789012", AudienceKind::Account),
            (ORGANIZATION, AudienceKind::Organization),
            (UNIT, AudienceKind::Unit),
            ("arn:aws-cn:organizations::123456789012:organization/o-a1b2c3d4e5", AudienceKind::Organization),
        ] {
            let audience: Audience = good.parse().unwrap();
            assert_eq!((audience.kind(), audience.as_str()), (kind, good));
        }
        for bad in [
            "",
            "all",
            "*",
            "12345678901",
            "o-a1b2c3d4e5",
            "arn:aws:organizations::123456789012:organization/*",
            "arn:aws:organizations::123456789012:organization/o-short",
            "arn:aws:organizations::123456789012:organization/o-A1B2C3D4E5",
            "arn:aws:organizations::1234:organization/o-a1b2c3d4e5",
            "arn:aws:organizations:eu-west-1:123456789012:organization/o-a1b2c3d4e5",
            "arn:AWS:organizations::123456789012:organization/o-a1b2c3d4e5",
            "arn:azure:organizations::123456789012:organization/o-a1b2c3d4e5",
            "arn:aws_cn:organizations::123456789012:organization/o-a1b2c3d4e5",
            "arn:aws:organizations::123456789012:account/o-a1b2c3d4e5/123456789012",
            "arn:aws:organizations::123456789012:ou/o-a1b2c3d4e5",
            "arn:aws:organizations::123456789012:ou/o-a1b2c3d4e5/ou-ab12",
            "arn:aws:organizations::123456789012:ou/o-a1b2c3d4e5/ou-ab1-c3d4e5f6",
            "arn:aws:organizations::123456789012:ou/o-a1b2c3d4e5/ou-ab12-c3d4e5f",
            "arn:aws:organizations::123456789012:ou/o-a1b2c3d4e5/ou-ab12-c3d4e5f6/x",
            "arn:aws:iam::123456789012:root",
        ] {
            assert!(bad.parse::<Audience>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_organization_reaches_the_regions_of_its_partition() {
        let reaches = |who: &str, region: &str| who.parse::<Audience>().unwrap().reaches(&region.parse().unwrap());
        assert!(reaches(ORGANIZATION, "eu-west-1") && reaches(UNIT, "us-east-1"));
        assert!(!reaches(ORGANIZATION, "cn-north-1") && !reaches(UNIT, "us-gov-west-1"));
        assert!(reaches("123456789012", "cn-north-1"), "an account says nothing of its partition");
    }

    #[test]
    fn parameter_names_are_those_that_parameter_store_takes() {
        let deep = "/a".repeat(DEEPEST_NAME);
        for good in ["golden", "/golden/base", "/a/b_c/D.e-1", "my-aws", &deep] {
            assert_eq!(good.parse::<ParameterName>().unwrap().as_str(), good);
        }
        let too_deep = "/a".repeat(DEEPEST_NAME + 1);
        let long = "a".repeat(LONGEST_NAME + 1);
        for bad in [
            "",
            "/",
            "golden/base",
            "/golden//base",
            "/golden/",
            "golden base",
            "/aws/service/x",
            "AWSx",
            "/ssm/x",
            "arn:aws:ssm:eu-west-1:123456789012:parameter/golden",
            "/golden:1",
            "gölden",
            &too_deep,
            &long,
        ] {
            assert!(bad.parse::<ParameterName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_lock_ends_with_a_day_and_is_never_shorter_than_asked() {
        let until = |days: &str, now: &str| days.parse::<LockDays>().unwrap().until(now.parse().unwrap()).to_string();
        assert_eq!(until("1", "2026-11-24T00:00:00Z"), "2026-11-26T00:00:00Z");
        assert_eq!(until("1", "2026-11-24T23:59:59.999Z"), "2026-11-26T00:00:00Z");
        assert_eq!(until("30", "2026-11-24T12:00:00Z"), "2026-12-25T00:00:00Z");
        assert_eq!(until("1", "1969-12-31T12:00:00Z"), "1970-01-02T00:00:00Z");
        for bad in ["", "0", "-1", "36500", "1.5", "1d"] {
            assert!(bad.parse::<LockDays>().is_err(), "{bad}");
        }
    }
}
