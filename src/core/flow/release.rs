//! The file with the checksums of a release → the bundle that seals it.

use super::sign::{SignError, bundles::of_subject};
use crate::{
    attestation::{
        predicate::{RELEASE_TYPE, Release},
        write_file,
    },
    digest::Sha256Digest,
    ports::Signer,
    report::{KeyReport, RELEASE_SCHEMA, ReleaseReport},
};

/// The checksums of a release, as `sha256sum` writes them.
#[derive(Debug, Clone, Copy)]
pub struct Checksums<'a> {
    bytes: &'a [u8],
    files: usize,
}

/// A file is not one of checksums.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChecksumsFault {
    /// Nothing is in it.
    #[error("no checksum is in it")]
    Empty,
    /// A line is something else.
    #[error("line {0} is no checksum as sha256sum writes it: 64 lowercase hexadecimal digits, two spaces, a name")]
    Line(usize),
}

impl<'a> Checksums<'a> {
    /// Reads a file of checksums.
    ///
    /// # Errors
    /// [`ChecksumsFault`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ChecksumsFault> {
        let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if lines.is_empty() {
            return Err(ChecksumsFault::Empty);
        }
        let mut files = 0;
        for line in lines.split(|byte| *byte == b'\n') {
            files += 1;
            if !is_checksum(line) {
                return Err(ChecksumsFault::Line(files));
            }
        }
        Ok(Self { bytes, files })
    }
}

fn is_checksum(line: &[u8]) -> bool {
    let parts = str::from_utf8(line).ok().and_then(|line| line.split_once("  "));
    parts.is_some_and(|(digest, name)| {
        digest.parse::<Sha256Digest>().is_ok() && !name.is_empty() && !name.contains(char::is_control)
    })
}

/// Signs that a file of checksums is that of a release of goldseal; returns the bundle, and what is to be said of it.
///
/// # Errors
/// [`SignError::Sign`], and [`SignError::SelfCheck`] when the bundle would not be believed.
pub async fn release(
    name: &str,
    checksums: Checksums<'_>,
    version: &str,
    signer: &(impl Signer + Sync),
) -> Result<(Vec<u8>, ReleaseReport), SignError> {
    let (subject, key) = (Sha256Digest::of(checksums.bytes), signer.key());
    let payload = write_file(name, subject, RELEASE_TYPE, Release { version }, key.dangerous_local)
        .map_err(|error| SignError::SelfCheck { key: key.name.clone(), problem: error.to_string() })?;
    let bundle = of_subject(subject, &[&payload], signer).await?;
    let report = ReleaseReport {
        schema: RELEASE_SCHEMA,
        name: name.to_owned(),
        subject,
        files: checksums.files,
        version: version.to_owned(),
        key: KeyReport::from(key),
        written: None,
        notes: Vec::new(),
    };
    Ok((bundle, report))
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        attestation::{Bundle, Content, Statement},
        testing::{keys::LocalKey, ports::FakeSigner},
    };

    const SUMS: &[u8] = b"0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9  goldseal\n";

    fn signed(signer: &FakeSigner) -> Result<(Vec<u8>, ReleaseReport), SignError> {
        block_on(release("SHA256SUMS", Checksums::parse(SUMS).unwrap(), "1.2.3", signer))
    }

    fn sealed(signer: &FakeSigner) -> Statement {
        let (bundle, _) = signed(signer).unwrap();
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
    fn that_a_key_file_signed_is_in_the_seal_and_in_the_report() {
        let mut signer = FakeSigner::new(1);
        signer.key.dangerous_local = true;
        assert!(sealed(&signer).by_dangerous_local_key());
        let (_, report) = signed(&signer).unwrap();
        assert!(report.key.dangerous_local);
        assert_eq!((report.subject, report.files), (Sha256Digest::of(SUMS), 1));
    }

    #[test]
    fn what_would_not_be_believed_is_not_handed_on() {
        let mut signer = FakeSigner::new(1);
        signer.local = LocalKey::p256(2);
        let refused = signed(&signer);
        assert!(matches!(refused, Err(SignError::SelfCheck { .. })), "{refused:?}");
    }

    #[test]
    fn what_is_no_file_of_checksums_is_not_sealed() {
        let good = str::from_utf8(SUMS).unwrap();
        let digest = good.split_once(' ').unwrap().0;
        for (text, fault) in [
            (String::new(), ChecksumsFault::Empty),
            ("\n".to_owned(), ChecksumsFault::Empty),
            ("zz  foo\n".to_owned(), ChecksumsFault::Line(1)),
            (format!("{good}\n"), ChecksumsFault::Line(2)),
            (format!("{good}\n{good}"), ChecksumsFault::Line(2)),
            (format!("{good}{digest}  \n"), ChecksumsFault::Line(2)),
            (format!("{good}{digest}\n"), ChecksumsFault::Line(2)),
            (format!("{good}{good}{digest} *binary\n"), ChecksumsFault::Line(3)),
            (format!("{digest}  a\r\n"), ChecksumsFault::Line(1)),
            (format!("{}  a\n", digest.to_uppercase()), ChecksumsFault::Line(1)),
            (format!("\\{digest}  a\\nb\n"), ChecksumsFault::Line(1)),
        ] {
            assert_eq!(Checksums::parse(text.as_bytes()).unwrap_err(), fault, "{text:?}");
        }
        assert_eq!(Checksums::parse(b"\xff  a\n").unwrap_err(), ChecksumsFault::Line(1));
        assert_eq!(Checksums::parse(good.trim_end().as_bytes()).unwrap().files, 1);
    }

    proptest! {
        #[test]
        fn what_sha256sum_writes_is_read(files in prop::collection::vec((any::<[u8; 32]>(), "[ -~]{1,40}"), 1..20)) {
            let line = |(digest, name): &([u8; 32], String)| format!("{}  {name}\n", Sha256Digest::from_bytes(*digest));
            let text: String = files.iter().map(line).collect();
            prop_assert_eq!(Checksums::parse(text.as_bytes()).unwrap().files, files.len());
        }
    }
}
