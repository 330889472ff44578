//! A transparency log in the manner of Rekor v1: it promises that it saw a signature at a time of our choice.
//!
//! Its times are long past, because sigstore-verify asks the real clock that none of them is to come.

#![expect(clippy::unwrap_used, reason = "fixtures that cannot be made should stop the test")]

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::keys::LocalKey;
use crate::{
    attestation::{Bundle, Content},
    digest::Sha256Digest,
};

/// See the module.
#[derive(Debug)]
pub struct FakeLog(LocalKey);

impl FakeLog {
    /// Returns a log whose key is key 1, 2 or 3.
    pub fn new(number: usize) -> Self {
        Self(LocalKey::p256(number))
    }

    /// Returns the Sigstore trusted root that holds this log and nothing else.
    pub fn trusted_root(&self) -> String {
        let key = self.0.public();
        format!(
            r#"{{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1","certificateAuthorities":[],
                "ctlogs":[],"timestampAuthorities":[],"tlogs":[{{"baseUrl":"https://log.example",
                "hashAlgorithm":"SHA2_256","logId":{{"keyId":"{}"}},"publicKey":{{"rawBytes":"{}",
                "keyDetails":"PKIX_ECDSA_P256_SHA_256","validFor":{{"start":"2020-01-01T00:00:00Z"}}}}}}]}}"#,
            key.hint(),
            STANDARD.encode(key.spki())
        )
    }

    /// Returns the bundle of `signer` with the log's promise that it saw it at `second`.
    pub fn seen(&self, bundle: &[u8], signer: &LocalKey, second: i64) -> Vec<u8> {
        let Content::Envelope(envelope) = Bundle::parse(bundle).unwrap().content else { return Vec::new() };
        let body = format!(
            r#"{{"apiVersion":"0.0.1","kind":"dsse","spec":{{"envelopeHash":{{"algorithm":"sha256","value":"{0}"}},
                "payloadHash":{{"algorithm":"sha256","value":"{0}"}},"signatures":[{{"signature":"{1}",
                "verifier":"{2}"}}]}}}}"#,
            Sha256Digest::of(&envelope.payload),
            STANDARD.encode(&envelope.signature),
            STANDARD.encode(signer.pem()),
        );
        let (body, id) = (STANDARD.encode(body), self.0.public().digest());
        let promised = format!(r#"{{"body":"{body}","integratedTime":{second},"logID":"{id}","logIndex":7}}"#);
        let entry = format!(
            r#""tlogEntries":[{{"logIndex":"7","logId":{{"keyId":"{}"}},"integratedTime":"{second}",
                "kindVersion":{{"kind":"dsse","version":"0.0.1"}},"canonicalizedBody":"{body}",
                "inclusionPromise":{{"signedEntryTimestamp":"{}"}}}}]"#,
            self.0.public().hint(),
            STANDARD.encode(self.0.sign(promised.as_bytes())),
        );
        // Only version 0.1 holds a promise without a proof.
        let text = std::str::from_utf8(bundle).unwrap().replace(r#""tlogEntries":[]"#, &entry.replace('\n', ""));
        text.replace("bundle.v0.3+json", "bundle+json;version=0.1").into_bytes()
    }
}
