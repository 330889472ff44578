//! SHA-256 digests as values: 32 bytes, written as 64 lowercase hexadecimal digits and in no other way.

use std::{fmt, io, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sigstore_crypto::Sha256Hasher;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9a-f]{64}$"))]
pub struct Sha256Digest([u8; 32]);

/// The text is not 64 lowercase hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 digest is 64 lowercase hexadecimal digits, not {0:?}")]
pub struct NotADigest(String);

impl Sha256Digest {
    /// Returns the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*sigstore_crypto::sha256(bytes).as_bytes())
    }

    /// Returns the digest of all that a reader gives.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn of_reader(reader: &mut impl io::Read) -> io::Result<Self> {
        let (mut hasher, mut piece) = (Sha256Hasher::new(), vec![0; 1 << 16]);
        loop {
            match reader.read(&mut piece) {
                Ok(0) => return Ok(Self(*hasher.finalize().as_bytes())),
                Ok(read) => hasher.update(piece.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes 32 bytes that already are a digest.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256Digest({self})")
    }
}

impl FromStr for Sha256Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let fail = || NotADigest(text.chars().take(80).collect());
        let nibble = |c: u8| match c {
            b'0'..=b'9' => Some(c - b'0'),
            b'a'..=b'f' => Some(c - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return Err(fail());
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let &[high, low] = pair else { return Err(fail()) };
            *byte = nibble(high).zip(nibble(low)).map(|(h, l)| h << 4 | l).ok_or_else(fail)?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Sha256Digest {
    type Error = NotADigest;

    fn try_from(text: String) -> Result<Self, NotADigest> {
        text.parse()
    }
}

impl From<Sha256Digest> for String {
    fn from(digest: Sha256Digest) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_abc_is_the_one_of_fips_180() {
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sha256Digest::of(b"abc").to_string(), text);
        assert_eq!(text.parse::<Sha256Digest>().unwrap(), Sha256Digest::of(b"abc"));
    }

    #[test]
    fn what_is_read_in_pieces_has_the_digest_of_the_whole() {
        for size in [0, 1, (1 << 16) - 1, 1 << 16, (1 << 17) + 1] {
            let bytes = vec![b'x'; size];
            assert_eq!(Sha256Digest::of_reader(&mut bytes.as_slice()).unwrap(), Sha256Digest::of(&bytes));
        }
    }

    /// Fails with each of these before it gives what is behind it.
    struct Failing(Vec<io::ErrorKind>, &'static [u8]);

    impl io::Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.pop().map_or_else(|| self.1.read(buffer), |kind| Err(kind.into()))
        }
    }

    #[test]
    fn a_reader_that_was_interrupted_is_asked_again_and_one_that_failed_is_not() {
        let mut interrupted = Failing(vec![io::ErrorKind::Interrupted; 2], b"abc");
        assert_eq!(Sha256Digest::of_reader(&mut interrupted).unwrap(), Sha256Digest::of(b"abc"));
        let mut failed = Failing(vec![io::ErrorKind::PermissionDenied], b"abc");
        assert_eq!(Sha256Digest::of_reader(&mut failed).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn only_one_spelling_is_read() {
        let good = Sha256Digest::of(b"").to_string();
        for bad in
            [good.to_uppercase(), format!("{good}0"), good[1..].to_owned(), format!(" {}", &good[1..]), "é".repeat(32)]
        {
            assert!(bad.parse::<Sha256Digest>().is_err(), "{bad}");
        }
    }
}
