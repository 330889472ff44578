//! Packer's own signed provenance (1.16 and later) → what it says, believed.
//!
//! The file is a bare DSSE envelope whose key id is the SHA-256 of a PEM text, a hint that is not followed. Its subject
//! is no image but an identity: the digest of `{builderId, id, state?}` as Packer writes it, which stands in the byproduct
//! `cloud-artifact-identity`, and whose `id` names the images. So it says that Packer made something of that name, and
//! nothing about what is in it: it is carried on, marked as identity only, and replaces nothing.
//!
//! Its `invocationId` is the CI's own run number or else a random id, never `PACKER_RUN_UUID`: it binds no manifest.

use std::collections::BTreeMap;

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::Deserialize;

use super::artifact::{self, cut};
use crate::{
    attestation::{
        Defect, Envelope, IN_TOTO_PAYLOAD_TYPE, Statement,
        predicate::{Carried, PROVENANCE_TYPE, repository},
    },
    bounded::{self, JsonFault, Limits, Object},
    digest::Sha256Digest,
    ids::ImageRef,
    trust::PublicKey,
};

/// Packer writes a few KiB, and the variables of the template.
const LIMITS: Limits = Limits { bytes: 1 << 20, depth: 32 };

const IDENTITY: &str = "cloud-artifact-identity";

/// What Packer signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackerProvenance {
    /// Who Packer says that built: its own words, which are no builder of ours.
    pub builder: String,
    /// Which run: see the module.
    pub invocation: Option<String>,
    /// The build's name in the template.
    pub build: Option<String>,
    /// Packer's version.
    pub packer: Option<String>,
    /// The repository, in its one spelling.
    pub repository: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// Every image of the artifact: one a region.
    pub images: Vec<ImageRef>,
    /// SHA-256 of the SubjectPublicKeyInfo of the key that signed.
    pub signed_by: Sha256Digest,
    /// SHA-256 of the file.
    pub sha256: Sha256Digest,
    envelope: Vec<u8>,
}

/// Why a file is not Packer's signed provenance of an image.
#[derive(Debug, thiserror::Error)]
pub enum PackerProvenanceFault {
    /// No key was given.
    #[error("no key is given that Packer's provenance could be verified with")]
    NoKey,
    /// Not a DSSE envelope.
    #[error("reading Packer's provenance: not a signed one (signing_mode \"key\" or \"kms\")")]
    Envelope(#[source] JsonFault),
    /// There must be one signature.
    #[error("Packer's provenance has {0} signatures, and one is read")]
    Signatures(usize),
    /// It was signed with a certificate.
    #[error("Packer's provenance was signed keyless; sign it with signing_mode \"key\" or \"kms\"")]
    Keyless,
    /// A field is not base64.
    #[error("Packer's provenance: {0} is not base64")]
    Base64(&'static str),
    /// Not an in-toto statement.
    #[error("Packer's provenance: payload type {0:?} is not {IN_TOTO_PAYLOAD_TYPE}")]
    PayloadType(String),
    /// None of the keys signed it.
    #[error("none of the {0} keys given signed Packer's provenance")]
    Signature(usize),
    /// The payload is no statement.
    #[error("Packer's provenance is no in-toto statement")]
    Statement(#[source] Defect),
    /// It is a statement of another kind.
    #[error("Packer's provenance: predicate type {0:?} is not {PROVENANCE_TYPE}")]
    PredicateType(String),
    /// The predicate is not the one that Packer writes.
    #[error("Packer's provenance: the predicate is not the one that Packer 1.16 writes")]
    Predicate(#[source] JsonFault),
    /// The identity is not there, or there are several.
    #[error("Packer's provenance has {0} byproducts {IDENTITY}, and one is read: it is not of a machine image")]
    NoIdentity(usize),
    /// The identity does not read as one.
    #[error("Packer's provenance: the {IDENTITY} is not the one that Packer 1.16 writes")]
    Identity(#[source] JsonFault),
    /// The subject is another identity.
    #[error("Packer's provenance: its subject {subject} is not the digest of its {IDENTITY}, {identity}")]
    Subject {
        /// What was signed.
        subject: Sha256Digest,
        /// What the identity has.
        identity: Sha256Digest,
    },
    /// The artifact id does not name images well.
    #[error("Packer's provenance: artifact id {id:?}: {problem}")]
    Artifact {
        /// The id.
        id: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It is about another image.
    #[error("Packer's provenance is about {id:?}, not about {image}")]
    OtherImage {
        /// The artifact id.
        id: String,
        /// The image that was asked for.
        image: ImageRef,
    },
    /// It is of another run.
    #[error("Packer's provenance is of run {found:?}, not of {asked:?}")]
    OtherRun {
        /// Its invocation id.
        found: String,
        /// The one asked for.
        asked: String,
    },
    /// A URL in it holds a user or a password.
    #[error(
        "Packer's provenance holds credentials in the URL of its source, and evidence is for others to read: set \
         source_uri in the provenance post-processor"
    )]
    Credentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EnvelopeWire {
    payload_type: String,
    payload: String,
    signatures: Vec<Object<SignatureWire>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureWire {
    #[expect(dead_code, reason = "read so that it is a string; a key id is a hint that nothing here follows")]
    keyid: Option<String>,
    sig: String,
    cert: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PredicateWire {
    build_definition: DefinitionWire,
    run_details: RunWire,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DefinitionWire {
    #[serde(default)]
    internal_parameters: ParametersWire,
    #[serde(default)]
    resolved_dependencies: Vec<DependencyWire>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ParametersWire {
    packer_version: Option<String>,
    packer_build_name: Option<String>,
}

#[derive(Deserialize)]
struct DependencyWire {
    uri: String,
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct RunWire {
    builder: BuilderWire,
    #[serde(default)]
    metadata: MetadataWire,
    #[serde(default)]
    byproducts: Vec<ByproductWire>,
}

#[derive(Deserialize)]
struct BuilderWire {
    id: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataWire {
    invocation_id: Option<String>,
}

#[derive(Deserialize)]
struct ByproductWire {
    name: String,
    content: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are named so that any other is refused; all of them are in the digest")]
struct IdentityWire {
    builder_id: String,
    id: String,
    state: Option<serde_json::Value>,
}

/// Verifies Packer's signed provenance, with any of the keys, and that it is about an image; with an invocation, also
/// that it is of that run (see [`packer_invocation`]).
///
/// 1. one envelope with one signature; 2. a key that is given signed it; 3. those bytes are a statement of provenance;
/// 4. its subject is the digest of the identity in it; 5. the identity names the image.
///
/// # Errors
/// See [`PackerProvenanceFault`].
pub fn verify(
    bytes: &[u8],
    keys: &[PublicKey],
    image: &ImageRef,
    invocation: Option<&str>,
) -> Result<PackerProvenance, PackerProvenanceFault> {
    use PackerProvenanceFault as Fault;
    if keys.is_empty() {
        return Err(Fault::NoKey);
    }

    // 1
    let Object(wire): Object<EnvelopeWire> = bounded::json(bytes, LIMITS).map_err(Fault::Envelope)?;
    let [Object(signature)] = wire.signatures.as_slice() else { return Err(Fault::Signatures(wire.signatures.len())) };
    if signature.cert.is_some() {
        return Err(Fault::Keyless);
    }
    let payload = decode(&wire.payload, "the payload")?;
    let signature = decode(&signature.sig, "the signature")?;
    let envelope = Envelope { payload_type: wire.payload_type, payload, signature };
    if envelope.payload_type != IN_TOTO_PAYLOAD_TYPE {
        return Err(Fault::PayloadType(cut(&envelope.payload_type)));
    }

    // 2
    let signer = keys.iter().find(|key| key.signed(&envelope.pae(), &envelope.signature));
    let signed_by = signer.ok_or(Fault::Signature(keys.len()))?.digest();

    // 3
    let statement = Statement::parse(envelope.payload).map_err(Fault::Statement)?;
    if statement.predicate_type() != PROVENANCE_TYPE {
        return Err(Fault::PredicateType(cut(statement.predicate_type())));
    }
    let PredicateWire { build_definition, run_details } = statement.predicate().map_err(Fault::Predicate)?;

    // 4
    let identities: Vec<&ByproductWire> = run_details.byproducts.iter().filter(|one| one.name == IDENTITY).collect();
    let [identity] = identities.as_slice() else { return Err(Fault::NoIdentity(identities.len())) };
    let identity = decode(identity.content.as_deref().unwrap_or_default(), IDENTITY)?;
    let (subject, found) = (statement.subject(), Sha256Digest::of(&identity));
    if subject != found {
        return Err(Fault::Subject { subject, identity: found });
    }

    // 5
    let Object(IdentityWire { id, .. }) = bounded::json(&identity, LIMITS).map_err(Fault::Identity)?;
    let images = artifact::images(&id).map_err(|problem| Fault::Artifact { id: cut(&id), problem })?;
    let images = images.filter(|images| images.contains(image));
    let images = images.ok_or_else(|| Fault::OtherImage { id: cut(&id), image: image.clone() })?;
    let run = run_details.metadata.invocation_id;
    if let Some(asked) = invocation.filter(|asked| run.as_deref() != Some(*asked)) {
        return Err(Fault::OtherRun { found: cut(&run.unwrap_or_default()), asked: cut(asked) });
    }

    let sources = build_definition.resolved_dependencies;
    if sources.iter().any(|source| has_credentials(&source.uri)) {
        return Err(Fault::Credentials);
    }
    let source = if let [source] = sources.as_slice() { Some(source) } else { None };
    Ok(PackerProvenance {
        builder: run_details.builder.id,
        invocation: run,
        build: build_definition.internal_parameters.packer_build_name,
        packer: build_definition.internal_parameters.packer_version,
        repository: source.and_then(|source| repository(&source.uri)),
        commit: source.and_then(|source| source.digest.get("gitCommit")).cloned(),
        images: images.into_iter().collect(),
        signed_by,
        sha256: Sha256Digest::of(bytes),
        envelope: bytes.to_vec(),
    })
}

impl PackerProvenance {
    /// Returns the file as it goes into our provenance: whole, and marked for what it is.
    pub fn carried(&self) -> Carried {
        Carried {
            name: "packer-provenance",
            content: self.envelope.clone(),
            media_type: "application/vnd.dsse.envelope.v1+json",
            annotations: BTreeMap::from([
                ("identityOnly".to_owned(), true.into()),
                ("signedBy".to_owned(), self.signed_by.to_string().into()),
            ]),
        }
    }
}

/// Returns the invocation id that Packer takes from the environment of a CI job; outside of CI it makes one up.
pub fn packer_invocation(env: &BTreeMap<String, String>) -> Option<&str> {
    let variables = ["GITHUB_RUN_ID", "CI_PIPELINE_ID", "CI_JOB_ID", "BUILD_ID"].into_iter();
    variables.filter_map(|name| Some(env.get(name)?.trim())).find(|value| !value.is_empty())
}

/// DSSE: "Standard and URL-safe base64 MUST both be accepted".
fn decode(text: &str, field: &'static str) -> Result<Vec<u8>, PackerProvenanceFault> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, CONFIG);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, CONFIG);
    let decoded = STANDARD.decode(text).or_else(|_place| URL_SAFE.decode(text));
    decoded.map_err(|_place| PackerProvenanceFault::Base64(field))
}

/// Packer takes the URL of a local checkout's remote as it is. A bare user is only harmless with ssh.
fn has_credentials(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| !scheme.ends_with("ssh") || user.contains(':'))
}

#[cfg(test)]
pub(super) mod tests;
