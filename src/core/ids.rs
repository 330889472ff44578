//! AWS identifiers, parsed once and valid from then on.
//!
//! The forms are those of the AWS API references. An identifier that does not have the form of its kind cannot be
//! built, so paths, tags and reports made of identifiers need no escaping.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text is not an identifier of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {kind}: expected {form}")]
pub struct NotAnId {
    text: String,
    kind: &'static str,
    form: &'static str,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $form:literal, $pattern:literal, $longest:expr, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String", extend("pattern" = $pattern, "maxLength" = $longest))]
        pub struct $name(String);

        impl $name {
            /// Returns the identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(NotAnId { text: text.chars().take(80).collect(), kind: $kind, form: $form })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;

            fn try_from(text: String) -> Result<Self, NotAnId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

identifier!(
    /// The id of a machine image: `ami-` and 8 or 17 hexadecimal digits.
    AmiId, "an AMI id", "ami- and 8 or 17 lowercase hexadecimal digits", "^ami-([0-9a-f]{8}|[0-9a-f]{17})$", LONGEST,
    |text| resource_id(text, "ami-")
);
identifier!(
    /// The id of an EBS snapshot: `snap-` and 8 or 17 hexadecimal digits.
    SnapshotId, "a snapshot id", "snap- and 8 or 17 lowercase hexadecimal digits", "^snap-([0-9a-f]{8}|[0-9a-f]{17})$", LONGEST,
    |text| resource_id(text, "snap-")
);
identifier!(
    /// An AWS account: 12 digits.
    AccountId, "an account id", "12 digits", "^[0-9]{12}$", LONGEST,
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
);
identifier!(
    /// A region code such as `eu-west-1`, of any partition.
    Region, "a region", "a code such as eu-west-1", "^[a-z]{2,5}(-[a-z]+)+-[0-9]{1,2}$", LONGEST,
    region_code
);

identifier!(
    /// The ARN of an Auto Scaling group, whole: a bare name or a pattern would match no launch, silently.
    GroupArn, "the ARN of an Auto Scaling group",
    "arn:PARTITION:autoscaling:REGION:ACCOUNT:autoScalingGroup:UUID:autoScalingGroupName/NAME",
    "^arn:aws[a-z-]*:autoscaling:[a-z0-9-]+:[0-9]{12}:autoScalingGroup:[0-9a-fA-F-]{36}:autoScalingGroupName/.+$", 512,
    group_arn
);
identifier!(
    /// The id of an instance: `i-` and 8 or 17 hexadecimal digits.
    InstanceId, "an instance id", "i- and 8 or 17 lowercase hexadecimal digits", "^i-([0-9a-f]{8}|[0-9a-f]{17})$",
    LONGEST, |text| resource_id(text, "i-")
);
identifier!(
    /// The id of an EBS volume: `vol-` and 8 or 17 hexadecimal digits.
    VolumeId, "a volume id", "vol- and 8 or 17 lowercase hexadecimal digits", "^vol-([0-9a-f]{8}|[0-9a-f]{17})$",
    LONGEST, |text| resource_id(text, "vol-")
);
identifier!(
    /// The name of an Auto Scaling group, unique in one account and region.
    GroupName, "the name of an Auto Scaling group", "1 to 255 characters without control characters and colons",
    "^[^:\\u0000-\\u001f\\u007f-\\u009f]{1,255}$", 255,
    |text| (1..=255).contains(&text.chars().count()) && !text.chars().any(|c| c.is_control() || c == ':')
);
identifier!(
    /// The name of a lifecycle hook, unique in one group.
    HookName, "the name of a lifecycle hook", "1 to 255 letters, digits, '-', '_' and '/'", "^[A-Za-z0-9_/-]{1,255}$",
    255, |text| {
        (1..=255).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/'))
    }
);
identifier!(
    /// The token of one lifecycle action: a UUID, new for every wait.
    ActionToken, "a lifecycle action token", "36 hexadecimal digits and '-'", "^[0-9a-fA-F-]{36}$", 36,
    |text| text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
);

fn group_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(8, ':').collect();
    let [arn, partition, service, region, account, kind, id, name] = parts.as_slice() else { return false };
    *arn == "arn"
        && region.parse().is_ok_and(|region: Region| region.partition().to_string() == *partition)
        && [*service, *kind] == ["autoscaling", "autoScalingGroup"]
        && account.parse::<AccountId>().is_ok()
        && id.len() == 36
        && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        && name.strip_prefix("autoScalingGroupName/").is_some_and(|name| !name.is_empty())
}

fn resource_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|hex| {
        matches!(hex.len(), 8 | 17) && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// No resource id is longer, and a region code has no other bound.
const LONGEST: usize = 32;

fn region_code(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [first, middle @ .., number] = parts.as_slice() else { return false };
    text.len() <= LONGEST
        && (2..=5).contains(&first.len())
        && !middle.is_empty()
        && std::iter::once(first).chain(middle).all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase()))
        && matches!(number.len(), 1 | 2)
        && number.bytes().all(|b| b.is_ascii_digit())
}

impl Region {
    /// Returns the partition that the region belongs to, by its prefix.
    pub fn partition(&self) -> Partition {
        const PREFIXES: [(&str, &str); 7] = [
            ("cn-", "aws-cn"),
            ("us-gov-", "aws-us-gov"),
            ("us-isob-", "aws-iso-b"),
            ("us-isof-", "aws-iso-f"),
            ("us-iso-", "aws-iso"),
            ("eu-isoe-", "aws-iso-e"),
            ("eusc-", "aws-eusc"),
        ];
        let found = PREFIXES.iter().find(|(prefix, _)| self.0.starts_with(prefix));
        Partition(found.map_or("aws", |(_, partition)| partition))
    }
}

/// An AWS partition such as `aws` or `aws-cn`; made from a region only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Partition(&'static str);

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Where an image is: image ids are unique in one region only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageRef {
    /// The region that holds it.
    pub region: Region,
    /// Its id there.
    pub id: AmiId,
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.id, self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_exact() {
        for good in ["ami-0123abcd", "ami-0123456789abcdef0"] {
            assert_eq!(good.parse::<AmiId>().unwrap().as_str(), good);
        }
        for bad in
            ["", "ami-", "ami-0123ABCD", "ami-0123456789abcdef", "snap-0123abcd", " ami-0123abcd", "ami-0123abcg"]
        {
            assert!(bad.parse::<AmiId>().is_err(), "{bad}");
        }
        for bad in ["12345678901", "1234567890123", "12345678901a", "١23456789012"] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad}");
        }
        for bad in ["eu", "eu-west", "eu--1", "EU-west-1", "eu-west-1a", "../eu-west-1", "eu-west-123"] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }

    #[test]
    fn partitions_follow_the_region() {
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("us-gov-west-1", "aws-us-gov"),
            ("cn-north-1", "aws-cn"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
            ("mx-central-1", "aws"),
        ] {
            assert_eq!(region.parse::<Region>().unwrap().partition().to_string(), partition);
        }
    }

    fn agrees<T: FromStr + fmt::Display + Serialize + serde::de::DeserializeOwned + JsonSchema + PartialEq>(
        schema: &jsonschema::Validator,
        text: &str,
    ) -> bool {
        let json = serde_json::Value::from(text);
        let read = text.parse::<T>().ok();
        let round = read.as_ref().is_none_or(|id| {
            id.to_string() == text
                && serde_json::to_value(id).unwrap() == json
                && serde_json::from_value::<T>(json.clone()).unwrap() == *id
        });
        round
            && read.is_some() == schema.is_valid(&json)
            && read.is_none() == serde_json::from_value::<T>(json).is_err()
    }

    fn schema<T: JsonSchema>() -> jsonschema::Validator {
        jsonschema::validator_for(schemars::schema_for!(T).as_value()).unwrap()
    }

    #[test]
    fn what_is_an_identifier_comes_back_as_it_was_and_the_schema_agrees() {
        let schemas = (schema::<AmiId>(), schema::<SnapshotId>(), schema::<AccountId>(), schema::<Region>());
        let near = "(ami|snap|am)-?[0-9a-g]{7,9}|(ami|snap)-[0-9a-fA-F]{16,18}|[0-9]{11,13}|\\PC{0,30}\
                    |[a-z]{1,6}(-[a-z]{0,9}){0,4}-[0-9]{0,3}|[a-z]{2,5}-[a-z]{20,30}-[0-9]\n?";
        proptest::proptest!(|(text in near)| {
            proptest::prop_assert!(agrees::<AmiId>(&schemas.0, &text));
            proptest::prop_assert!(agrees::<SnapshotId>(&schemas.1, &text));
            proptest::prop_assert!(agrees::<AccountId>(&schemas.2, &text));
            proptest::prop_assert!(agrees::<Region>(&schemas.3, &text));
        });
    }
}
