//! A payload ⇄ an in-toto Statement ([v1], and v0.1 as cosign still writes it).
//!
//! The predicate stays the bytes that were signed, inside the payload that was verified; typed views of it are made
//! on demand. Exactly one subject with a sha256 digest: anything that matches by "one of many" invites confusion.
//!
//! [v1]: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Defect, evidence::EVIDENCE_LIMITS, predicate};
use crate::{
    bounded::{self, JsonFault, Limits, Object},
    digest::Sha256Digest,
    ids::ImageRef,
    image::Descriptor,
};

/// The `_type` that goldseal writes.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
const STATEMENT_TYPE_V01: &str = "https://in-toto.io/Statement/v0.1";

/// SBOMs nest: SPDX and CycloneDX stay below 20 levels, VEX and licence trees a little above.
const LIMITS: Limits = Limits { bytes: EVIDENCE_LIMITS.line, depth: 64 };

/// What an attestation says, by its predicate type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Who built the image, from what.
    Provenance,
    /// What is on it.
    Sbom,
    /// What a scanner found.
    Scan,
    /// The gate's result.
    Gate,
    /// A person's approval.
    Approval,
    /// Results of tests.
    Tests,
}

impl Kind {
    /// Every kind, in report order.
    pub const ALL: [Self; 6] = [Self::Provenance, Self::Sbom, Self::Scan, Self::Gate, Self::Approval, Self::Tests];

    /// Returns its name in policies and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provenance => "provenance",
            Self::Sbom => "sbom",
            Self::Scan => "scan",
            Self::Gate => "gate",
            Self::Approval => "approval",
            Self::Tests => "tests",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A statement whose form is right, with the payload that it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    payload: Vec<u8>,
    digest: Sha256Digest,
    predicate: Range<usize>,
    predicate_type: String,
    subject: Sha256Digest,
    kind: Option<Kind>,
    dangerous_local_key: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StatementWire<'a> {
    #[serde(rename = "_type", borrow)]
    statement_type: Cow<'a, str>,
    #[serde(borrow)]
    subject: Vec<Object<SubjectWire<'a>>>,
    predicate_type: String,
    #[serde(borrow)]
    predicate: &'a RawValue,
}

/// A ResourceDescriptor; only the digest is looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are named so that any other is refused")]
struct SubjectWire<'a> {
    name: Option<String>,
    uri: Option<String>,
    digest: Option<BTreeMap<String, String>>,
    content: Option<String>,
    download_location: Option<String>,
    media_type: Option<String>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
}

impl Statement {
    /// Reads a statement from a payload.
    ///
    /// # Errors
    /// The [`Defect`] that makes it no statement about one subject.
    pub fn parse(payload: Vec<u8>) -> Result<Self, Defect> {
        let Object(wire): Object<StatementWire<'_>> = bounded::json(&payload, LIMITS)?;
        if wire.statement_type != STATEMENT_TYPE && wire.statement_type != STATEMENT_TYPE_V01 {
            return Err(Defect::StatementType { found: wire.statement_type.chars().take(120).collect() });
        }
        let [Object(subject)] = wire.subject.as_slice() else {
            return Err(Defect::SubjectCount { found: wire.subject.len() });
        };
        let digest = subject.digest.as_ref().and_then(|digests| digests.get("sha256"));
        let notes = subject.annotations;
        let subject = digest.and_then(|text| text.parse().ok()).ok_or(Defect::SubjectDigest)?;
        let notes = notes.and_then(|notes| serde_json::from_str::<Annotations>(notes.get()).ok()).unwrap_or_default();
        // Whatever stands there but a plain false is taken for the danger that it might mean.
        let dangerous_local_key = notes.dangerous_local_key.is_some_and(|said| said != serde_json::Value::Bool(false));
        let raw = wire.predicate.get();
        let kind = predicate::kind(&wire.predicate_type, raw);
        // The raw value borrows from the payload, so its place there is the distance of the two addresses.
        let start = raw.as_ptr().addr().wrapping_sub(payload.as_ptr().addr());
        let predicate = start..start.wrapping_add(raw.len());
        let predicate_type = wire.predicate_type;
        if payload.get(predicate.clone()).is_none() {
            return Err(JsonFault::Shape("the predicate is not inside the payload".to_owned()).into());
        }
        let digest = Sha256Digest::of(&payload);
        Ok(Self { payload, digest, predicate, predicate_type, subject, kind, dangerous_local_key })
    }

    /// Returns the digest of the subject.
    pub fn subject(&self) -> Sha256Digest {
        self.subject
    }

    /// Returns the predicate type, a URI.
    pub fn predicate_type(&self) -> &str {
        &self.predicate_type
    }

    /// Returns what the statement says, if goldseal knows the predicate type.
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// Says whether the signer recorded that its key is a file on disk.
    pub fn by_dangerous_local_key(&self) -> bool {
        self.dangerous_local_key
    }

    /// Returns the payload as it was signed: what another signer signs too.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Says whether it is a receipt, or pretends to be one.
    pub fn is_receipt(&self) -> bool {
        self.kind.is_none() && self.predicate_type == predicate::SUMMARY_TYPE
    }

    /// Returns the predicate as it was signed.
    pub fn predicate_bytes(&self) -> &[u8] {
        self.payload.get(self.predicate.clone()).unwrap_or_default()
    }

    /// Reads the predicate as a type; the strict checks ran when the statement was read.
    ///
    /// # Errors
    /// [`JsonFault::Shape`] when it is not of that type.
    pub fn predicate<'s, T: Deserialize<'s>>(&'s self) -> Result<T, JsonFault> {
        let read = serde_json::from_slice(self.predicate_bytes());
        read.map(|Object(predicate)| predicate).map_err(|e| JsonFault::Shape(e.to_string()))
    }

    /// Returns the SHA-256 of the payload: what names this statement in reports and in a gate result.
    pub fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// Lets go of the payload: an SBOM has megabytes, and is named by its digest. The predicate then reads as none.
    #[must_use]
    pub fn without_payload(self) -> Self {
        Self { payload: Vec::new(), predicate: 0..0, ..self }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a, P> {
    #[serde(rename = "_type")]
    statement_type: &'a str,
    subject: [WrittenSubject<'a>; 1],
    predicate_type: &'a str,
    predicate: P,
}

#[derive(Serialize)]
struct WrittenSubject<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    digest: BTreeMap<&'a str, Sha256Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Annotations>,
}

/// What goldseal notes beside the subject. Foreign annotations are not looked at.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Annotations {
    #[serde(skip_serializing_if = "Option::is_none")]
    dangerous_local_key: Option<serde_json::Value>,
}

/// Writes a statement about an image. A predicate that is a [`RawValue`] goes in byte for byte. That a key file on disk
/// signs is recorded in every statement: no report can then miss it, and no other signer can join in.
///
/// # Errors
/// When the predicate cannot be written as JSON.
pub fn write_statement<P: Serialize>(
    image: &Descriptor,
    predicate_type: &str,
    predicate: P,
    dangerous_local_key: bool,
) -> Result<Vec<u8>, serde_json::Error> {
    let subject = (image.identity().image_id.as_str(), Some(image.arn()), image.digest());
    write(subject, predicate_type, predicate, dangerous_local_key)
}

/// Writes a statement about what has nothing but a name: its digest is that of the name.
///
/// # Errors
/// When the predicate cannot be written as JSON.
pub fn write_named<P: Serialize>(
    name: &str,
    predicate_type: &str,
    predicate: P,
    dangerous_local_key: bool,
) -> Result<Vec<u8>, serde_json::Error> {
    write((name, None, named(name)), predicate_type, predicate, dangerous_local_key)
}

/// Returns the subject of what has nothing but a name.
pub fn named(name: &str) -> Sha256Digest {
    Sha256Digest::of(name.as_bytes())
}

/// Writes a statement about a file.
///
/// # Errors
/// When the predicate cannot be written as JSON.
pub fn write_file<P: Serialize>(
    name: &str,
    digest: Sha256Digest,
    predicate_type: &str,
    predicate: P,
    dangerous_local_key: bool,
) -> Result<Vec<u8>, serde_json::Error> {
    write((name, None, digest), predicate_type, predicate, dangerous_local_key)
}

/// Writes a statement about an image of which the digest of its descriptor is known, and not the descriptor.
///
/// # Errors
/// When the predicate cannot be written as JSON.
pub fn write_about<P: Serialize>(
    image: &ImageRef,
    subject: Sha256Digest,
    predicate_type: &str,
    predicate: P,
) -> Result<Vec<u8>, serde_json::Error> {
    let subject = (image.id.as_str(), Some(predicate::image_arn(image, None)), subject);
    write(subject, predicate_type, predicate, false)
}

fn write<P: Serialize>(
    (name, uri, digest): (&str, Option<String>, Sha256Digest),
    predicate_type: &str,
    predicate: P,
    dangerous_local_key: bool,
) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Written {
        statement_type: STATEMENT_TYPE,
        subject: [WrittenSubject {
            name,
            uri,
            digest: BTreeMap::from([("sha256", digest)]),
            annotations: dangerous_local_key.then(|| Annotations { dangerous_local_key: Some(true.into()) }),
        }],
        predicate_type,
        predicate,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::images::descriptor;

    fn statement(change: (&str, &str)) -> Result<Statement, Defect> {
        let payload =
            write_statement(&descriptor(), "https://spdx.dev/Document", serde_json::json!({"a": [1.0, "é"]}), false)
                .unwrap();
        let text = String::from_utf8(payload).unwrap();
        Statement::parse(text.replacen(change.0, change.1, 1).into_bytes())
    }

    #[test]
    fn what_we_write_we_read() {
        let read = statement(("", "")).unwrap();
        assert_eq!(read.subject(), descriptor().digest());
        assert_eq!(read.kind(), Some(Kind::Sbom));
        assert_eq!(read.predicate_bytes(), r#"{"a":[1.0,"é"]}"#.as_bytes());
        assert_eq!(read.predicate::<serde_json::Value>().unwrap()["a"][1], "é");
    }

    #[test]
    fn both_versions_of_the_type_are_read_and_no_other() {
        assert!(statement(("Statement/v1", "Statement/v0.1")).is_ok());
        for other in ["Statement/v2", "Statement/v0.2", "statement/v1", "Statement/v1 "] {
            assert_eq!(statement(("Statement/v1", other)).unwrap_err().code(), "statement-type", "{other}");
        }
    }

    #[test]
    fn one_subject_with_a_sha256_is_asked_for() {
        let digest = descriptor().digest().to_string();
        for (from, to, code) in [
            (r#""subject":[{"#, r#""subject":[{"digest":{"sha256":"00"}},{"#, "statement-subject-count"),
            ("\"sha256\"", "\"sha512\"", "statement-subject-digest"),
            (digest.as_str(), &digest.to_uppercase(), "statement-subject-digest"),
            (digest.as_str(), "", "statement-subject-digest"),
            (r#""digest":{"#, r#""digest":{"sha256":"","#, "json-duplicate-key"),
            (r#""predicate":{"#, r#""predicate":{"a":0,"#, "json-duplicate-key"),
            (r#""predicate":"#, r#""extra":1,"predicate":"#, "json-unexpected-content"),
            (r#""predicate":"#, r#""predicates":"#, "json-unexpected-content"),
        ] {
            assert_eq!(statement((from, to)).unwrap_err().code(), code, "{to}");
        }
        let empty = format!(r#"{{"_type":"{STATEMENT_TYPE}","subject":[],"predicateType":"x","predicate":{{}}}}"#);
        assert_eq!(Statement::parse(empty.into_bytes()).unwrap_err().code(), "statement-subject-count");
        assert!(statement((r#""digest":{"#, r#""digest":{"arn":"arn:aws:ec2:x","#)).is_ok());
    }
}
