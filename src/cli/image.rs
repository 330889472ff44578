//! Images as people name them: `ami-…`, `REGION:ami-…` (as in a Packer manifest) or an ARN.

use std::str::FromStr;

use anyhow::{Result, bail};
use goldseal_core::ids::{AccountId, AmiId, ImageRef, NotAnId, Region};

/// An image, perhaps with its region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageArg {
    region: Option<Region>,
    owner: Option<AccountId>,
    id: AmiId,
}

impl ImageArg {
    /// Completes it with the region of images that are named without one.
    pub fn in_region(&self, default: Option<&Region>) -> Option<ImageRef> {
        let region = self.region.as_ref().or(default)?;
        Some(ImageRef { region: region.clone(), id: self.id.clone() })
    }

    /// Checks that an image belongs to the account that its ARN names, if it names one.
    pub fn check_owner(&self, found: Option<&AccountId>) -> Result<()> {
        match (&self.owner, found) {
            (Some(named), Some(found)) if named != found => {
                bail!("{} belongs to {found}, not to {named} as its ARN says", self.id)
            }
            _ => Ok(()),
        }
    }

    /// Returns the account that its ARN names, if it names one.
    pub fn owner(&self) -> Option<&AccountId> {
        self.owner.as_ref()
    }

    /// Returns the id.
    pub fn id(&self) -> &AmiId {
        &self.id
    }

    /// Returns the region, when it was named.
    pub fn region(&self) -> Option<&Region> {
        self.region.as_ref()
    }
}

impl FromStr for ImageArg {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let mut owner = None;
        let (region, id) = match parts.as_slice() {
            [id] => (None, *id),
            [region, id] => (Some(*region), *id),
            ["arn", partition, "ec2", region, account, resource] => {
                let id = resource.strip_prefix("image/").ok_or("the ARN is not one of an image")?;
                let known: Region = region.parse().map_err(|error: NotAnId| error.to_string())?;
                if known.partition().to_string() != *partition {
                    return Err(format!("{region} is not in the partition {partition}"));
                }
                if !account.is_empty() {
                    owner = Some(account.parse().map_err(|error: NotAnId| error.to_string())?);
                }
                (Some(*region), id)
            }
            _ => return Err("expected ami-ID, REGION:ami-ID or an image ARN".to_owned()),
        };
        let region = region.map(str::parse::<Region>).transpose().map_err(|error| error.to_string())?;
        Ok(Self { region, owner, id: id.parse().map_err(|error: NotAnId| error.to_string())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_ways_to_name_an_image() {
        let region: Region = "eu-west-1".parse().unwrap();
        let expected = ImageRef { region: region.clone(), id: "ami-0123456789abcdef0".parse().unwrap() };
        for text in [
            "ami-0123456789abcdef0",
            "eu-west-1:ami-0123456789abcdef0",
            "arn:aws:ec2:eu-west-1:123456789012:image/ami-0123456789abcdef0",
            "arn:aws:ec2:eu-west-1::image/ami-0123456789abcdef0",
        ] {
            let image: ImageArg = text.parse().unwrap();
            assert_eq!(image.in_region(Some(&region)), Some(expected.clone()), "{text}");
            assert_eq!(image.in_region(None).is_some(), image.region().is_some(), "{text}");
        }
        for bad in [
            "",
            "i-0123456789abcdef0",
            "x:ami-0123abcd",
            "arn:aws:ec2:eu-west-1:1:instance/i-1",
            "a:b:c",
            "arn:aws-cn:ec2:eu-west-1:123456789012:image/ami-0123abcd",
            "arn:aws:ec2:eu-west-1:zz:image/ami-0123abcd",
            "arn:aws:ec2:eu-west-1:123456789012:ami-0123abcd",
        ] {
            assert!(bad.parse::<ImageArg>().is_err(), "{bad}");
        }
    }
}
