//! What an image is, and who says so: EC2, or the provenance that an authority signed.

use crate::{
    attestation::Kind,
    ids::ImageRef,
    image::{DescribedImage, Descriptor, ImageFacts},
    policy::{Policy, Survey},
    ports::chain,
    report::{FactsFrom, Note},
    trust::Discounted,
    verdict::{Fault, Reason},
};

/// What is known of the image itself.
#[derive(Debug)]
pub(in crate::flow) enum Facts {
    Known {
        facts: Box<ImageFacts>,
        from: FactsFrom,
    },
    /// Nobody has said yet: the evidence will, once there is some.
    InEvidence,
    Refused(Vec<Reason>),
    Unknown(Fault),
}

impl Facts {
    /// Takes what EC2 says of the image that it was asked for.
    pub(in crate::flow) fn of_ec2(image: &ImageRef, described: DescribedImage) -> Self {
        match ImageFacts::from_described(image, described) {
            Ok(facts) => Self::Known { facts: Box::new(facts), from: FactsFrom::Ec2 },
            Err(fault) => Self::Unknown(Fault::ImageUnavailable { problem: chain(&fault) }),
        }
    }

    /// Lets its signed provenance say what an image is that EC2 did not describe, where the policy asks for one.
    /// `witness` is what the caller holds it against; it hears of the image from EC2 by another way.
    pub(in crate::flow) fn in_provenance(policy: &Policy, why: &str, witness: &str) -> (Self, Option<Note>) {
        if policy.requirement(Kind::Provenance).is_none() {
            let missing = "the policy asks for no provenance, whose descriptor would stand in for it";
            return (Self::Unknown(Fault::ImageUnavailable { problem: format!("{why}; and {missing}") }), None);
        }
        let message = format!(
            "{why}: what the image is was taken from its signed provenance and held against {witness}; tags of the image \
             were not seen"
        );
        (Self::InEvidence, Some(Note::new("facts-from-provenance", message)))
    }
}

/// Finds the descriptor of an image in what authorities signed.
pub(super) fn sealed(survey: &Survey<'_>, image: &ImageRef) -> Result<Descriptor, Vec<Reason>> {
    let found = survey.descriptors().map_err(|(line, defect)| vec![Reason::defect(line, &defect)])?;
    let (own, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|one| one.image() == *image);
    match <[Descriptor; 1]>::try_from(own) {
        Ok([one]) => Ok(one),
        Err(own) if own.len() > 1 => {
            Err(vec![Reason::AttestationAmbiguous { kind: Kind::Provenance, found: own.len() }])
        }
        Err(_) if !others.is_empty() => {
            Err(others.iter().flat_map(|other| differences(image, &other.image())).collect())
        }
        Err(_) => {
            let cause =
                |one: &Discounted| Reason::EvidenceDiscounted { line: one.line, discount: one.discount.clone() };
            let missing = Reason::AttestationMissing { kind: Kind::Provenance };
            Err(std::iter::once(missing).chain(survey.discounted().map(cause)).collect())
        }
    }
}

fn differences(document: &ImageRef, descriptor: &ImageRef) -> Vec<Reason> {
    let parts = [
        ("region", document.region.as_str(), descriptor.region.as_str()),
        ("image", document.id.as_str(), descriptor.id.as_str()),
    ];
    let different = parts.into_iter().filter(|(_, one, other)| one != other);
    different
        .map(|(what, document, descriptor)| {
            let (document, descriptor) = (document.to_owned(), descriptor.to_owned());
            Reason::IdentityMismatch { what, document, descriptor }
        })
        .collect()
}
