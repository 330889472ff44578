//! Which image an image started from.
//!
//! The build says it (`custom_data.source_ami`), and EC2 says where the image itself came from. The two differ without
//! a lie: a copy in another region comes from the first region's image of the same run, and an encrypted image from one
//! that the build made in between and took away again. So the base image must be somewhere in EC2's chain, and what EC2
//! shows in its place contradicts; what it only names leaves the lineage unclear.

use super::{
    facts::Known,
    manifest::BuiltImage,
    said::{FILE, FactsFault, agreed, custom_parsed, custom_says, says},
};
use crate::{
    attestation::predicate::image_of_arn,
    ids::{AmiId, ImageRef, Region},
    image::DescribedImage,
};

/// What could be found out.
pub(super) struct Base {
    /// The base image.
    pub(super) image: Option<ImageRef>,
    /// What EC2 names in its place, but does not show.
    pub(super) unclear: Option<ImageRef>,
}

/// Returns the base image of an image, to be described before the facts are assembled.
///
/// # Errors
/// See [`FactsFault`].
pub fn base(known: &Known<'_>) -> Result<Option<ImageRef>, FactsFault> {
    Ok(found(known, known.built()?)?.image)
}

/// Returns the image that DescribeImages names as the source of one.
pub fn source_image(described: &DescribedImage) -> Option<ImageRef> {
    let region = described.source_image_region.as_deref()?.parse().ok()?;
    Some(ImageRef { region, id: described.source_image_id.as_deref()?.parse().ok()? })
}

pub(super) fn found(known: &Known<'_>, built: Option<&BuiltImage>) -> Result<Base, FactsFault> {
    let chain = chain(known);
    let of_this_run = |image: &ImageRef| known.manifest.is_some_and(|manifest| manifest.built(image).is_some());
    let foreign = chain.iter().find(|link| !of_this_run(link.image));

    let in_file = known.given.and_then(|given| given.base_image.as_ref());
    let in_file = in_file.map(|base| image_of_arn(&base.arn).ok_or_else(|| FactsFault::BaseArn(base.arn.clone())));
    let in_file = in_file.transpose()?.map(|(image, _)| image);
    let in_data: Option<AmiId> = custom_parsed(built, "source_ami")?;
    let named = [says(FILE, in_file.as_ref().map(|image| &image.id)), custom_says(built, "source_ami")];
    agreed("base image", named)?;
    let Some(id) = in_file.as_ref().map(|image| image.id.clone()).or(in_data) else {
        return Ok(Base { image: foreign.map(|link| link.image.clone()), unclear: None });
    };

    let in_chain = chain.iter().find(|link| match &in_file {
        Some(image) => link.image == image,
        None => link.image.id == id,
    });
    let unclear = match (in_chain, foreign) {
        (Some(_), _) | (None, None) => None,
        (None, Some(link)) if link.shown => {
            let named = match &in_file {
                Some(image) => says(FILE, Some(image)),
                None => custom_says(built, "source_ami"),
            };
            agreed("base image", [named, says("EC2", Some(link.image))])?;
            None
        }
        (None, Some(link)) => Some(link.image.clone()),
    };
    let image = match (in_file, in_chain) {
        (Some(image), _) => Some(image),
        (None, Some(link)) => Some(link.image.clone()),
        (None, None) => {
            // The image of this run that the others were copied from was built where the base image is.
            let first = chain.iter().rev().map(|link| link.image).find(|image| of_this_run(image));
            let said: Option<Region> = custom_parsed(built, "build_region")?;
            let region = said.or_else(|| first.map(|image| image.region.clone()));
            region.or_else(|| only_region(known, built)).map(|region| ImageRef { region, id })
        }
    };
    Ok(Base { image, unclear })
}

/// An image that EC2 names in the lineage of one.
struct Link<'a> {
    image: &'a ImageRef,
    /// EC2 shows it, and does not only name it.
    shown: bool,
}

fn chain<'a>(known: &Known<'a>) -> Vec<Link<'a>> {
    let ancestors = known.ancestry.iter();
    let mut chain: Vec<Link<'a>> =
        ancestors.map(|ancestor| Link { image: &ancestor.image, shown: ancestor.created.is_some() }).collect();
    if chain.is_empty() {
        chain.extend(known.source_image.map(|image| Link { image, shown: false }));
    }
    chain
}

/// Returns the region of a build that has images in no other.
fn only_region(known: &Known<'_>, built: Option<&BuiltImage>) -> Option<Region> {
    let images = || known.manifest.into_iter().flat_map(|manifest| &manifest.images);
    let mut regions = images().filter(|image| image.build == built.map_or("", |built| &built.build));
    let first = &regions.next()?.image.region;
    regions.all(|other| other.image.region == *first).then(|| first.clone())
}

#[cfg(test)]
mod tests;
