//! What a pipeline says about a build: the file behind `goldseal sign --provenance`, and what `build` assembles.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    digest::Sha256Digest,
    ids::{AccountId, ImageRef, Region},
};

/// Facts of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuildFacts {
    /// Who built it, as a URI: the identity that a policy can name.
    pub builder: String,
    /// Which run of the builder.
    pub invocation: Option<String>,
    /// Packer's run id.
    pub packer_run: Option<String>,
    /// The source that described the build.
    pub source: Option<Source>,
    /// The image it started from.
    pub base_image: Option<BaseImage>,
    /// The images that it comes from in EC2's words, the nearest first. They prove nothing about content.
    #[serde(default)]
    pub ancestry: Vec<Ancestor>,
    /// Tools and their versions, such as `packer`.
    #[serde(default)]
    pub tools: BTreeMap<String, String>,
    /// When the build began.
    pub started_on: Option<Timestamp>,
    /// When it ended.
    pub finished_on: Option<Timestamp>,
    /// Tags that the image must bear with exactly these values, where they are visible.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A commit of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// Its URL, where it has one.
    pub repository: Option<String>,
    /// The commit, in full.
    pub commit: String,
    /// The working tree had changes that are in no commit.
    #[serde(default)]
    pub dirty: bool,
}

/// An image that another one started from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BaseImage {
    /// Its ARN.
    pub arn: String,
    /// The account that owns it.
    pub owner: Option<AccountId>,
    /// The SHA-256 of its descriptor, when it was described.
    pub descriptor: Option<Sha256Digest>,
    /// When it was created.
    pub created: Option<Timestamp>,
}

/// An image that another one comes from, as EC2's GetImageAncestry tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ancestor {
    /// The image; an ARN in the file.
    #[serde(rename = "arn", with = "arn")]
    #[schemars(with = "String")]
    pub image: ImageRef,
    /// `amazon`, `aws-marketplace`, … where its owner has an alias.
    pub owner_alias: Option<String>,
    /// When it was created; none when EC2 only names it and does not show it.
    pub created: Option<Timestamp>,
}

/// Returns the ARN of an image. EC2 leaves the account of an image ARN empty; an owner that is known is named.
pub fn image_arn(image: &ImageRef, owner: Option<&AccountId>) -> String {
    let ImageRef { region, id } = image;
    format!("arn:{}:ec2:{region}:{}:image/{id}", region.partition(), owner.map_or("", AccountId::as_str))
}

/// Reads the ARN of an image: which image, and whose if it says so.
pub fn image_of_arn(arn: &str) -> Option<(ImageRef, Option<AccountId>)> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", partition, "ec2", region, account, resource] = parts.as_slice() else { return None };
    let region: Region = region.parse().ok()?;
    if region.partition().to_string() != *partition {
        return None;
    }
    let owner = if account.is_empty() { None } else { Some(account.parse().ok()?) };
    Some((ImageRef { region, id: resource.strip_prefix("image/")?.parse().ok()? }, owner))
}

/// An image as its ARN, whoever owns it.
mod arn {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::ids::ImageRef;

    pub(super) fn serialize<S: Serializer>(image: &ImageRef, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::image_arn(image, None))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ImageRef, D::Error> {
        let text = String::deserialize(deserializer)?;
        let found = super::image_of_arn(&text).map(|(image, _)| image);
        found.ok_or_else(|| D::Error::custom(format!("{text:?} is not the ARN of an image")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_first_version_are_still_read() {
        let facts: BuildFacts = serde_json::from_str(
            r#"{"builder":"x","source":{"repository":"https://git.example/images","commit":"0a1b"},
                "baseImage":{"arn":"arn:aws:ec2:eu-west-1::image/ami-0123abcd"}}"#,
        )
        .unwrap();
        assert_eq!(facts.source.unwrap().repository.as_deref(), Some("https://git.example/images"));
        assert_eq!(facts.base_image.unwrap().owner, None);
        assert!(facts.ancestry.is_empty() && facts.packer_run.is_none());
    }

    #[test]
    fn what_is_written_is_read_and_no_other_field() {
        let text = r#"{"builder":"x","packerRun":"r","source":{"commit":"0a1b","dirty":true},
            "baseImage":{"arn":"a","owner":"123456789012","created":"2026-11-01T00:00:00Z"},
            "ancestry":[{"arn":"arn:aws:ec2:eu-west-1::image/ami-0123abcd","ownerAlias":"amazon"}]}"#;
        let facts: BuildFacts = serde_json::from_str(text).unwrap();
        let again: BuildFacts = serde_json::from_str(&serde_json::to_string(&facts).unwrap()).unwrap();
        assert_eq!(again, facts);
        for (from, to) in [
            ("packerRun", "packerrun"),
            ("\"commit\"", "\"comit\":0,\"commit\""),
            ("\"owner\"", "\"account\""),
            ("123456789012", "amazon"),
            ("ownerAlias", "alias"),
            ("ami-0123abcd", "ami-1"),
        ] {
            let other = text.replacen(from, to, 1);
            assert_ne!(other, text, "{from}");
            assert!(serde_json::from_str::<BuildFacts>(&other).is_err(), "{to}");
        }
    }

    #[test]
    fn an_arn_names_one_image() {
        for (arn, owner) in [
            ("arn:aws:ec2:eu-west-1:123456789012:image/ami-0123456789abcdef0", Some("123456789012")),
            ("arn:aws-cn:ec2:cn-north-1::image/ami-0123abcd", None),
        ] {
            let (image, found) = image_of_arn(arn).unwrap();
            assert_eq!(found.as_ref().map(AccountId::as_str), owner);
            assert_eq!(image_arn(&image, found.as_ref()), arn);
        }
        for bad in [
            "",
            "ami-0123abcd",
            "arn:aws:ec2:eu-west-1::ami-0123abcd",
            "arn:aws-cn:ec2:eu-west-1::image/ami-0123abcd",
            "arn:aws:ec2:eu-west-1:1:image/ami-0123abcd",
            "arn:aws:ec2:eu-west-1::image/ami-0123abcd:x",
            "arn:aws:ec2::123456789012:image/ami-0123abcd",
            "arn:aws:ec2:eu-west-1::instance/i-0123abcd",
        ] {
            assert_eq!(image_of_arn(bad), None, "{bad}");
        }
    }
}
