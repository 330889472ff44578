//! Packer's artifact id → the images that it names.
//!
//! The amazon builders and the amazon-import post-processor write `REGION:ami-ID`, joined by commas; others write
//! anything: a number, a path, a word, nothing.

use std::collections::BTreeSet;

use crate::ids::ImageRef;

/// Reads the images of an artifact id: none where it is not of that form at all.
///
/// # Errors
/// What is wrong with an id that speaks of images, but not in that form.
pub(super) fn images(id: &str) -> Result<Option<BTreeSet<ImageRef>>, String> {
    if !id.split(',').any(|part| part.split_once(':').is_some_and(|(_, id)| id.starts_with("ami-"))) {
        return Ok(None);
    }
    let images = id.split(',').map(|part| {
        let (region, id) = part.split_once(':').ok_or_else(|| format!("{:?} is not REGION:ami-ID", cut(part)))?;
        let region = region.parse().map_err(|fault| format!("{fault}"))?;
        Ok(ImageRef { region, id: id.parse().map_err(|fault| format!("{fault}"))? })
    });
    images.collect::<Result<_, String>>().map(Some)
}

/// Cuts a text of others' to what fits a message.
pub(super) fn cut(text: &str) -> String {
    const LONGEST: usize = 120;
    let cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(id: &str) -> Option<Vec<String>> {
        images(id).unwrap().map(|found| found.iter().map(|image| format!("{}:{}", image.region, image.id)).collect())
    }

    #[test]
    fn images_of_one_and_of_many_regions_are_read() {
        for id in [
            "eu-west-1:ami-0123456789abcdef0",
            "eu-west-1:ami-0123abcd",
            "ap-south-1:ami-00000001,eu-west-1:ami-0123456789abcdef0,us-gov-west-1:ami-00000003",
        ] {
            assert_eq!(read(id).unwrap().join(","), id);
        }
        assert_eq!(read("us-east-1:ami-00000002,eu-west-1:ami-00000001").unwrap()[0], "eu-west-1:ami-00000001");
    }

    #[test]
    fn artifacts_of_others_are_no_images() {
        for id in
            ["", "900", "File", "Null", "/srv/out/disk.raw", "eu-west-1:vol-0123abcd", "sha256:00", "ami-0123abcd"]
        {
            assert_eq!(read(id), None, "{id}");
        }
    }

    #[test]
    fn what_speaks_of_images_must_name_them_well() {
        for id in [
            "eu-west-1:ami-",
            "eu-west-1:ami-0123456789",
            "eu-west-1:ami-0123ABCD",
            "Ireland:ami-0123abcd",
            "eu-west-1:ami-0123abcd,",
            "eu-west-1:ami-0123abcd, us-east-1:ami-0123abcd",
            "eu-west-1:ami-0123abcd,ami-0123abcd",
            "eu-west-1:ami-0123abcd,us-east-1:vol-0123abcd",
        ] {
            assert!(images(id).is_err(), "{id}");
        }
    }
}
