//! The file with the checksums of a release → the bundle that seals it.

use super::sign::{SignError, bundles::of_subject};
use crate::{
    attestation::{
        predicate::{RELEASE_TYPE, Release},
        write_file,
    },
    digest::Sha256Digest,
    ports::Signer,
};

/// Signs that a file of checksums is that of a release of goldseal; returns the bundle.
///
/// # Errors
/// [`SignError::Sign`], and [`SignError::SelfCheck`] when the bundle would not be believed.
pub async fn release(
    name: &str,
    checksums: &[u8],
    version: &str,
    signer: &(impl Signer + Sync),
) -> Result<Vec<u8>, SignError> {
    let (subject, key) = (Sha256Digest::of(checksums), signer.key());
    let payload = write_file(name, subject, RELEASE_TYPE, Release { version }, key.dangerous_local)
        .map_err(|error| SignError::SelfCheck { key: key.name.clone(), problem: error.to_string() })?;
    of_subject(subject, &[&payload], signer).await
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;

    use super::*;
    use crate::{
        attestation::{Bundle, Content, Statement},
        testing::{keys::LocalKey, ports::FakeSigner},
    };

    const SUMS: &[u8] = b"0a1b  goldseal\n";

    fn sealed(signer: &FakeSigner) -> Statement {
        let bundle = block_on(release("SHA256SUMS", SUMS, "1.2.3", signer)).unwrap();
        let Content::Envelope(envelope) = Bundle::parse(bundle.trim_ascii_end()).unwrap().content else { panic!() };
        Statement::parse(envelope.payload).unwrap()
    }

    #[test]
    fn a_seal_is_about_the_checksums_and_counts_for_no_requirement_of_images() {
        let statement = sealed(&FakeSigner::new(1));
        assert_eq!(statement.subject(), Sha256Digest::of(SUMS));
        assert_eq!((statement.predicate_type(), statement.kind()), (RELEASE_TYPE, None));
        assert_eq!(statement.predicate_bytes(), br#"{"version":"1.2.3"}"#);
        assert!(!statement.by_dangerous_local_key());
    }

    #[test]
    fn that_a_key_file_signed_is_in_the_seal() {
        let mut signer = FakeSigner::new(1);
        signer.key.dangerous_local = true;
        assert!(sealed(&signer).by_dangerous_local_key());
    }

    #[test]
    fn what_would_not_be_believed_is_not_handed_on() {
        let mut signer = FakeSigner::new(1);
        signer.local = LocalKey::p256(2);
        let refused = block_on(release("SHA256SUMS", SUMS, "1.2.3", &signer));
        assert!(matches!(refused, Err(SignError::SelfCheck { .. })), "{refused:?}");
    }
}
