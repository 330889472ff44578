//! A directory → documents, at their paths under it.
//!
//! A file is written whole: into a temporary file beside it, to the disk, and then into place, so that readers and a
//! full disk see the old file or the new one. Writers take turns by a lock on `.lock` in the same directory; a first
//! write also refuses an existing file by itself (`RENAME_NOREPLACE`, else a hard link), for writers that do not lock.
//! A state is the SHA-256 of the content.
//!
//! Directories may be symbolic links; a document may not, nor a pipe or device: it would stand for a file that nobody
//! wrote, and replacing it would replace the link.

use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use goldseal_core::{
    digest::Sha256Digest,
    ports::{Expected, PortError, PortErrorKind, Revision, Stored, Written},
};
use tempfile::NamedTempFile;

use super::{check_size, too_large};

const READ: &str = "reading file";
const WRITE: &str = "writing file";
const LIST: &str = "listing directory";
const REMOVE: &str = "removing file";

/// How long a writer waits for another.
const PATIENCE: Duration = Duration::from_secs(10);

/// For whom a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// For everybody to read. Somebody made its root: one that is missing is more likely a mistake or an unmounted disk
    /// than an empty directory.
    Public,
    /// For its owner. It is made when it is first written to.
    Owner,
}

impl Audience {
    const fn directories(self) -> u32 {
        match self {
            Self::Public => 0o755,
            Self::Owner => 0o700,
        }
    }

    const fn files(self) -> u32 {
        match self {
            Self::Public => 0o644,
            Self::Owner => 0o600,
        }
    }

    /// Whoever may write must be able to open the lock.
    const fn locks(self) -> u32 {
        match self {
            Self::Public => 0o666,
            Self::Owner => 0o600,
        }
    }
}

/// A directory of documents.
#[derive(Debug, Clone)]
pub(in crate::adapters) struct Files {
    root: PathBuf,
    limit: usize,
    audience: Audience,
}

impl Files {
    /// Makes a directory for everybody to read, which must exist when it is used. Larger documents are not read.
    pub(in crate::adapters) fn public(root: PathBuf, limit: usize) -> Self {
        Self { root, limit, audience: Audience::Public }
    }

    /// Makes a directory for its owner, which need not exist. Larger documents are not read.
    pub(in crate::adapters) fn private(root: PathBuf, limit: usize) -> Self {
        Self { root, limit, audience: Audience::Owner }
    }

    /// Returns where a document is.
    pub(in crate::adapters) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Returns the document of a path, or none when there is none.
    pub(in crate::adapters) async fn read(&self, path: &str) -> Result<Option<Stored>, PortError> {
        let path = self.path(path);
        self.off_the_runtime(READ, path, |files, path| {
            files.check_root(READ)?;
            files.read_now(path)
        })
        .await
    }

    /// Writes a whole document if its place is as expected.
    pub(in crate::adapters) async fn write(
        &self,
        path: &str,
        bytes: &[u8],
        expected: Expected,
    ) -> Result<Written, PortError> {
        let (path, bytes) = (self.path(path), bytes.to_owned());
        self.off_the_runtime(WRITE, path, move |files, path| {
            check_size(WRITE, path.display(), &bytes, files.limit)?;
            files.check_root(WRITE)?;
            files.write_now(path, &bytes, &expected)
        })
        .await
    }

    /// Returns the paths of the regular files under a directory that are accepted, sorted: the first so many. No link
    /// is followed.
    pub(in crate::adapters) async fn list(
        &self,
        under: &str,
        most: usize,
        accepted: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<Vec<String>, PortError> {
        self.off_the_runtime(LIST, self.path(under), move |files, directory| {
            files.check_root(LIST)?;
            let mut found = BTreeSet::new();
            let mut directories = vec![directory.to_owned()];
            while let Some(directory) = directories.pop() {
                let entries = match fs::read_dir(&directory) {
                    Ok(entries) => entries,
                    // Removed meanwhile, or a document and no directory.
                    Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
                    Err(e) => return Err(failure(LIST, &directory, e)),
                };
                for entry in entries {
                    let entry = entry.map_err(|e| failure(LIST, &directory, e))?;
                    let kind = entry.file_type().map_err(|e| failure(LIST, &entry.path(), e))?;
                    let path = entry.path();
                    let name = path.strip_prefix(&files.root).ok().and_then(Path::to_str);
                    if kind.is_dir() {
                        directories.push(path);
                    } else if let Some(name) = name.filter(|name| kind.is_file() && accepted(name)) {
                        found.insert(name.to_owned());
                        if found.len() > most {
                            found.pop_last();
                        }
                    }
                }
            }
            Ok(found.into_iter().collect())
        })
        .await
    }

    /// Removes a document; that there is none is no failure.
    pub(in crate::adapters) async fn remove(&self, path: &str) -> Result<(), PortError> {
        self.off_the_runtime(REMOVE, self.path(path), |files, path| {
            let directory = path.parent().unwrap_or(&files.root);
            if !directory.exists() {
                return Ok(());
            }
            let _lock = files.lock(directory)?;
            match fs::remove_file(path) {
                Ok(()) => sync_directory(directory).map_err(|e| failure(REMOVE, path, e)),
                Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
                Err(e) => Err(failure(REMOVE, path, e)),
            }
        })
        .await
    }

    async fn off_the_runtime<T: Send + 'static>(
        &self,
        operation: &'static str,
        path: PathBuf,
        work: impl FnOnce(&Self, &Path) -> Result<T, PortError> + Send + 'static,
    ) -> Result<T, PortError> {
        let (files, shown) = (self.clone(), path.display().to_string());
        let stopped = |e| PortError::new(PortErrorKind::Unavailable, operation, shown).because(e);
        tokio::task::spawn_blocking(move || work(&files, &path)).await.map_err(stopped)?
    }

    fn check_root(&self, operation: &'static str) -> Result<(), PortError> {
        match fs::metadata(&self.root) {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => {
                let error = PortError::new(PortErrorKind::NotFound, operation, self.root.display());
                Err(error.because("not a directory"))
            }
            Err(e) if e.kind() == ErrorKind::NotFound && self.audience == Audience::Owner => Ok(()),
            Err(e) => Err(failure(operation, &self.root, e)),
        }
    }

    fn read_now(&self, path: &Path) -> Result<Option<Stored>, PortError> {
        let fail = |e| failure(READ, path, e);
        // A pipe in its place must not block, a symbolic link must not be followed.
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(fail(e)),
        };
        let found = file.metadata().map_err(fail)?;
        if !found.is_file() {
            return Err(PortError::new(PortErrorKind::Refused, READ, path.display()).because("not a regular file"));
        }
        let limit = u64::try_from(self.limit).unwrap_or(u64::MAX);
        if found.len() > limit {
            return Err(too_large(READ, path.display(), self.limit));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
        file.take(limit + 1).read_to_end(&mut bytes).map_err(fail)?;
        if bytes.len() > self.limit {
            return Err(too_large(READ, path.display(), self.limit));
        }
        let revision = Revision(format!("sha256:{}", Sha256Digest::of(&bytes)));
        Ok(Some(Stored { bytes, revision }))
    }

    /// Writes in this order, each step durable before the next: directories, lock, temporary file, place.
    fn write_now(&self, path: &Path, bytes: &[u8], expected: &Expected) -> Result<Written, PortError> {
        let fail = |e| failure(WRITE, path, e);
        let directory = path.parent().unwrap_or(&self.root);
        self.make_directories(directory).map_err(fail)?;
        let _lock = self.lock(directory)?;
        if let Expected::Unchanged(revision) = expected
            && self.read_now(path)?.is_none_or(|found| found.revision != *revision)
        {
            return Ok(Written::Conflict);
        }
        let draft = self.draft(directory, path, bytes).map_err(fail)?;
        let placed = match expected {
            Expected::Absent => draft.persist_noclobber(path),
            Expected::Unchanged(_) => draft.persist(path),
        };
        match placed {
            Ok(_) => {}
            Err(e) if e.error.kind() == ErrorKind::AlreadyExists => return Ok(Written::Conflict),
            Err(e) => return Err(fail(e.error)),
        }
        sync_directory(directory).map_err(fail)?;
        Ok(Written::Stored)
    }

    /// Makes the directories down to `directory`, each on the disk before what it holds; a public root is there.
    fn make_directories(&self, directory: &Path) -> io::Result<()> {
        let mut missing: Vec<&Path> = directory.ancestors().take_while(|at| !at.exists()).collect();
        while let Some(next) = missing.pop() {
            match DirBuilder::new().mode(self.audience.directories()).create(next) {
                Ok(()) => sync_directory(next.parent().unwrap_or(&self.root))?,
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Holds the lock of a directory until it is dropped.
    fn lock(&self, directory: &Path) -> Result<File, PortError> {
        let path = directory.join(".lock");
        let fail = |e| failure(WRITE, &path, e);
        let file = OpenOptions::new()
            .write(true)
            .mode(self.audience.locks())
            .create(true)
            .truncate(false)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path)
            .map_err(fail)?;
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if since.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    let waited = format!("another writer held it for {} seconds", PATIENCE.as_secs());
                    return Err(PortError::new(PortErrorKind::Unavailable, "locking", path.display()).because(waited));
                }
                Err(TryLockError::Error(e)) => return Err(fail(e)),
            }
        }
    }

    /// Writes a hidden file beside `path`, on the disk when it returns; dropping it removes it.
    fn draft(&self, directory: &Path, path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut draft = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".part")
            .permissions(Permissions::from_mode(self.audience.files()))
            .tempfile_in(directory)?;
        fill(draft.as_file_mut(), bytes)?;
        Ok(draft)
    }
}

fn fill(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "any other error may pass")]
fn failure(operation: &'static str, path: &Path, error: io::Error) -> PortError {
    let kind = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => PortErrorKind::NotFound,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => PortErrorKind::Denied,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => PortErrorKind::Refused,
        _ if error.raw_os_error() == Some(libc::ELOOP) => PortErrorKind::Refused,
        _ => PortErrorKind::Unavailable,
    };
    PortError::new(kind, operation, path.display()).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told() {
        let mut full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = failure(WRITE, Path::new("x"), fill(&mut full, b"{}\n").unwrap_err());
        assert_eq!(error.kind, PortErrorKind::Refused);
        assert!(error.chain().contains("No space left"), "{}", error.chain());
    }

    #[test]
    fn a_writer_waits_for_another() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::public(folder.path().to_owned(), 10);
        let held = files.lock(folder.path()).unwrap();
        let release = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(60));
            drop(held);
        });
        files.lock(folder.path()).unwrap();
        release.join().unwrap();
    }
}
