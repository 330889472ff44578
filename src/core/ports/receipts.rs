//! Where receipts are kept.

use std::future::Future;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::{PortError, Written};
use crate::{
    digest::Sha256Digest,
    ids::{ImageRef, Region},
};

/// The largest receipt, in bytes.
pub const LARGEST_RECEIPT: usize = 4 << 20;
/// What is signed ends so.
const SIGNED: &str = ".sigstore.json";
/// What nobody signed ends so, and proves nothing.
const UNSIGNED: &str = ".unsigned.json";
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// A place for receipts.
pub trait ReceiptStore {
    /// Adds a receipt, if there is none at that path.
    fn add(&self, path: &str, bytes: &[u8]) -> impl Future<Output = Result<Written, PortError>> + Send;

    /// Returns a receipt.
    fn read(&self, path: &str) -> impl Future<Output = Result<Option<Vec<u8>>, PortError>> + Send;

    /// Returns the paths of receipts under a folder and behind a path, sorted: the first so many.
    fn list(
        &self,
        folder: &str,
        after: Option<&str>,
        most: usize,
    ) -> impl Future<Output = Result<Vec<String>, PortError>> + Send;

    /// Returns where receipts are, for people.
    fn locate(&self) -> String;
}

/// The folder of all receipts that somebody signed.
pub const RECEIPTS_FOLDER: &str = "v1/receipts";
/// The folder of those that nobody signed: however many there are, no verdict looks for its receipts among them.
pub const UNSIGNED_RECEIPTS_FOLDER: &str = "v1/unsigned-receipts";

/// The folder of receipts that nobody signed, in place of one of signed ones.
pub fn unsigned_folder(folder: &str) -> String {
    folder
        .strip_prefix(RECEIPTS_FOLDER)
        .map_or_else(|| folder.to_owned(), |rest| format!("{UNSIGNED_RECEIPTS_FOLDER}{rest}"))
}

/// The folder of an image's receipts; of instances of which the image is not known, one a region.
pub fn receipts_folder(region: &Region, image: Option<&ImageRef>) -> String {
    match image {
        Some(ImageRef { region, id }) => format!("{RECEIPTS_FOLDER}/{region}/{id}"),
        None => format!("{RECEIPTS_FOLDER}/{region}/unknown"),
    }
}

/// The folder of those about one evidence of it, or none.
pub fn evidence_folder(image: &str, evidence: Option<Sha256Digest>) -> String {
    evidence.map_or_else(|| format!("{image}/none"), |evidence| format!("{image}/{evidence}"))
}

/// The path of a receipt by its name and the instant of its last verdict, in its folder: the order of paths is that of time.
pub fn receipt_path(folder: &str, at: Timestamp, name: Sha256Digest, signed: bool) -> String {
    let digest = name.to_string();
    let (time, short) = (at.to_zoned(TimeZone::UTC).strftime(TIME), digest.get(..16).unwrap_or_default());
    format!("{folder}/{time}-{short}{}", if signed { SIGNED } else { UNSIGNED })
}

/// What every receipt from an instant on comes after, by its path.
pub fn receipts_from(folder: &str, since: Timestamp) -> String {
    format!("{folder}/{}", since.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%S"))
}

/// Says whether a path is one of a receipt, and if so, whether of a signed one.
pub fn is_signed_path(path: &str) -> Option<bool> {
    let (_, name) = path.rsplit_once('/')?;
    let (stem, signed) = match (name.strip_suffix(SIGNED), name.strip_suffix(UNSIGNED)) {
        (Some(stem), _) => (stem, true),
        (None, Some(stem)) => (stem, false),
        (None, None) => return None,
    };
    let (time, digest) = stem.split_once('-')?;
    let hexadecimal = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let named = DateTime::strptime(TIME, time).is_ok() && digest.len() == 16 && digest.bytes().all(hexadecimal);
    named.then_some(signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_when_and_of_what() {
        let image: ImageRef =
            ImageRef { region: "eu-west-1".parse().unwrap(), id: "ami-0123456789abcdef0".parse().unwrap() };
        let folder = receipts_folder(&image.region, Some(&image));
        let evidence = Sha256Digest::of(b"evidence");
        let own = evidence_folder(&folder, Some(evidence));
        assert_eq!(own, format!("v1/receipts/eu-west-1/ami-0123456789abcdef0/{evidence}"));
        let at: Timestamp = "2026-11-24T04:05:06.7Z".parse().unwrap();
        let digest = Sha256Digest::of(b"statement");
        let path = receipt_path(&own, at, digest, true);
        assert_eq!(path, format!("{own}/20261124T040506Z-{}.sigstore.json", &digest.to_string()[..16]));
        assert_eq!(is_signed_path(&path), Some(true));
        assert_eq!(is_signed_path(&receipt_path(&own, at, digest, false)), Some(false));
        assert!(path > receipts_from(&own, at) && path < receipts_from(&own, at + jiff::SignedDuration::from_secs(1)));
        for other in ["", "x", "a/x.sigstore.json", "a/20261124T040506Z-0123.sigstore.json", "a/.lock", "a/b.json"] {
            assert_eq!(is_signed_path(other), None, "{other}");
        }
        assert_eq!(evidence_folder(&receipts_folder(&image.region, None), None), "v1/receipts/eu-west-1/unknown/none");
    }
}
