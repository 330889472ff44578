//! Overrides that are carried past the store: files on disk, and other stores that are still there.
//!
//! They are read anew at every question: one that is put down while an incident lasts is there for the next launch. What
//! cannot be read lets nothing pass, and is said beside the verdict.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use goldseal_core::{
    attestation::EVIDENCE_LIMITS,
    flow::Carried,
    ports::{ListStore as _, Listing, PortError},
};
use tokio::time::timeout;

use super::store::{NotAStoreUrl, Store, StoreUrl};
use crate::files::{self, FileError};

/// How long one place may take: a launch waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A place for overrides, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CarriedPlace {
    /// A file of bundles.
    File(PathBuf),
    /// A store.
    Store(StoreUrl),
}

impl FromStr for CarriedPlace {
    type Err = NotAStoreUrl;

    fn from_str(text: &str) -> Result<Self, NotAStoreUrl> {
        match text.contains("://") {
            true => text.parse().map(Self::Store),
            false => Ok(Self::File(text.into())),
        }
    }
}

impl fmt::Display for CarriedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Store(url) => write!(f, "{url}"),
        }
    }
}

/// Places that can be asked.
#[derive(Debug, Clone, Default)]
pub struct Carrying(Vec<Open>);

#[derive(Debug, Clone)]
enum Open {
    /// A file; one that must be there was named on purpose.
    File {
        path: PathBuf,
        must_exist: bool,
    },
    Store(Arc<Store>),
    /// Why a place cannot be asked.
    Closed {
        place: String,
        problem: String,
    },
}

impl Carrying {
    /// Adds a file.
    pub fn file(&mut self, path: PathBuf, must_exist: bool) {
        self.0.push(Open::File { path, must_exist });
    }

    /// Adds a store, or why it could not be opened: that is no reason to decide nothing.
    pub fn store(&mut self, url: &StoreUrl, opened: Result<Store, String>) {
        self.0.push(match opened {
            Ok(store) => Open::Store(Arc::new(store)),
            Err(problem) => Open::Closed { place: url.to_string(), problem },
        });
    }

    /// Asks all of them.
    pub async fn read(&self) -> Vec<Carried> {
        futures::future::join_all(self.0.iter().map(Open::read)).await
    }
}

impl Open {
    async fn read(&self) -> Carried {
        match self {
            Self::File { path, must_exist } => {
                let answer = match files::read(path, EVIDENCE_LIMITS.bytes) {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(FileError::Read { source, .. })
                        if !must_exist && source.kind() == std::io::ErrorKind::NotFound =>
                    {
                        Ok(None)
                    }
                    Err(FileError::Read { source, .. }) => Err(source.to_string()),
                    Err(error) => Err(error.to_string()),
                };
                Carried { place: path.display().to_string(), answer }
            }
            Self::Store(store) => {
                let place = store.locate_list(&Listing::Overrides);
                let answer = timeout(PATIENCE, store.read_list(&Listing::Overrides)).await;
                let answer = answer.map_err(|_late| format!("no answer within {} s", PATIENCE.as_secs()));
                let answer = answer.and_then(|answer| answer.map_err(|error: PortError| error.chain()));
                Carried { place, answer: answer.map(|found| found.map(|stored| stored.bytes)) }
            }
            Self::Closed { place, problem } => Carried { place: place.clone(), answer: Err(problem.clone()) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_store_and_everything_else_a_file() {
        assert_eq!("break/glass.jsonl".parse(), Ok(CarriedPlace::File("break/glass.jsonl".into())));
        assert!(matches!("s3://other/evidence".parse(), Ok(CarriedPlace::Store(_))));
        assert!("ftp://x".parse::<CarriedPlace>().is_err());
    }

    #[tokio::test]
    async fn a_file_that_was_named_must_be_there_and_one_that_may_come_may_be_absent() {
        let folder = tempfile::tempdir().unwrap();
        let (there, absent) = (folder.path().join("there"), folder.path().join("absent"));
        std::fs::write(&there, "x\n").unwrap();
        let mut carrying = Carrying::default();
        carrying.file(there.clone(), true);
        carrying.file(absent.clone(), false);
        carrying.file(absent, true);
        carrying.store(&"file:///nowhere".parse().unwrap(), Err("no".to_owned()));
        let answers: Vec<_> = carrying.read().await.into_iter().map(|one| one.answer).collect();
        assert_eq!(answers[..2], [Ok(Some(b"x\n".to_vec())), Ok(None)]);
        assert!(answers[2..].iter().all(Result::is_err), "{answers:?}");
        std::fs::write(&there, "y\n").unwrap();
        assert_eq!(carrying.read().await[0].answer, Ok(Some(b"y\n".to_vec())), "it is read anew");
    }
}
