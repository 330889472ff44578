//! Images as people name them: `ami-…`, `REGION:ami-…` (as in a Packer manifest) or an ARN.

use std::str::FromStr;

use goldseal_core::ids::{AmiId, ImageRef, Region};

/// An image, perhaps with its region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageArg {
    region: Option<Region>,
    id: AmiId,
}

impl ImageArg {
    /// Completes it with the region of images that are named without one.
    pub fn in_region(&self, default: Option<&Region>) -> Option<ImageRef> {
        let region = self.region.as_ref().or(default)?;
        Some(ImageRef { region: region.clone(), id: self.id.clone() })
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

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let (region, id) = match parts.as_slice() {
            [id] => (None, *id),
            [region, id] => (Some(*region), *id),
            ["arn", _, "ec2", region, _, resource] => {
                (Some(*region), resource.strip_prefix("image/").unwrap_or(resource))
            }
            _ => return Err("expected ami-ID, REGION:ami-ID or an image ARN".to_owned()),
        };
        let region = region.map(str::parse::<Region>).transpose().map_err(|error| error.to_string())?;
        Ok(Self { region, id: id.parse().map_err(|error: goldseal_core::ids::NotAnId| error.to_string())? })
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
        for bad in ["", "i-0123456789abcdef0", "x:ami-0123abcd", "arn:aws:ec2:eu-west-1:1:instance/i-1", "a:b:c"] {
            assert!(bad.parse::<ImageArg>().is_err(), "{bad}");
        }
    }
}
