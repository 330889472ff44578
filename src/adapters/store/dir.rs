//! A directory → evidence, at `v1/PARTITION/REGION/AMI-ID.jsonl` under it.
//!
//! A file is written whole: into a temporary file beside it, to the disk, and then into place, so that readers and a
//! full disk see the old file or the new one. Writers take turns by a lock on `.lock` in the same directory; a first
//! write also refuses an existing file by itself (`RENAME_NOREPLACE`, else a hard link), for writers that do not lock.
//!
//! A missing root is an error, since it is more likely a mistake or an unmounted disk than an empty store. Directories
//! may be symbolic links; an evidence file may not, nor a pipe or device: it would stand for a file that nobody
//! published, and replacing it would replace the link.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use goldseal_core::{
    attestation::EVIDENCE_LIMITS,
    digest::Sha256Digest,
    ids::ImageRef,
    image::Descriptor,
    ports::{EvidenceStore, Expected, PortError, PortErrorKind, Revision, StoredEvidence, Written, evidence_path},
};
use tempfile::NamedTempFile;

use super::{check_writable, too_large};

const READ: &str = "reading file";
const WRITE: &str = "writing file";

/// How long a writer waits for another.
const PATIENCE: Duration = Duration::from_secs(10);

/// A directory of evidence.
#[derive(Debug, Clone)]
pub struct DirStore {
    root: PathBuf,
}

impl DirStore {
    /// Makes the store of a directory, which must exist when it is used.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, image: &ImageRef) -> PathBuf {
        self.root.join(evidence_path(image))
    }
}

impl EvidenceStore for DirStore {
    async fn read(&self, image: &ImageRef) -> Result<Option<StoredEvidence>, PortError> {
        let (root, path) = (self.root.clone(), self.path(image));
        off_the_runtime(READ, &self.path(image), move || {
            check_root(READ, &root)?;
            read(&path)
        })
        .await
    }

    async fn write(&self, image: &Descriptor, evidence: &[u8], expected: Expected) -> Result<Written, PortError> {
        let (root, path, evidence) = (self.root.clone(), self.path(&image.image()), evidence.to_owned());
        off_the_runtime(WRITE, &self.path(&image.image()), move || {
            check_writable(WRITE, &path.to_string_lossy(), &evidence)?;
            check_root(WRITE, &root)?;
            write(&root, &path, &evidence, &expected)
        })
        .await
    }

    fn locate(&self, image: &ImageRef) -> String {
        format!("file://{}", self.path(image).display())
    }
}

async fn off_the_runtime<T: Send + 'static>(
    operation: &'static str,
    path: &Path,
    work: impl FnOnce() -> Result<T, PortError> + Send + 'static,
) -> Result<T, PortError> {
    let stopped = |e| PortError::new(PortErrorKind::Unavailable, operation, path.display()).because(e);
    tokio::task::spawn_blocking(work).await.map_err(stopped)?
}

fn check_root(operation: &'static str, root: &Path) -> Result<(), PortError> {
    let found = fs::metadata(root).map_err(|e| failure(operation, root, e))?;
    if found.is_dir() {
        return Ok(());
    }
    Err(PortError::new(PortErrorKind::NotFound, operation, root.display()).because("not a directory"))
}

fn read(path: &Path) -> Result<Option<StoredEvidence>, PortError> {
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
    let limit = u64::try_from(EVIDENCE_LIMITS.bytes).unwrap_or(u64::MAX);
    if found.len() > limit {
        return Err(too_large(READ, path.display()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
    file.take(limit + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() > EVIDENCE_LIMITS.bytes {
        return Err(too_large(READ, path.display()));
    }
    let revision = Revision(format!("sha256:{}", Sha256Digest::of(&bytes)));
    Ok(Some(StoredEvidence { bytes, revision }))
}

/// Writes in this order, each step durable before the next: directories, lock, temporary file, place.
fn write(root: &Path, path: &Path, evidence: &[u8], expected: &Expected) -> Result<Written, PortError> {
    let fail = |e| failure(WRITE, path, e);
    let directory = path.parent().unwrap_or(root);
    make_directories(root, directory).map_err(fail)?;
    let _lock = lock(directory)?;
    if let Expected::Unchanged(revision) = expected
        && read(path)?.is_none_or(|found| found.revision != *revision)
    {
        return Ok(Written::Conflict);
    }
    let draft = draft(directory, path, evidence).map_err(fail)?;
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

/// Makes the directories from `root` down to `directory`, each on the disk before what it holds.
fn make_directories(root: &Path, directory: &Path) -> io::Result<()> {
    let mut missing: Vec<&Path> = directory.ancestors().take_while(|at| *at != root && !at.exists()).collect();
    while let Some(next) = missing.pop() {
        match DirBuilder::new().mode(0o755).create(next) {
            Ok(()) => sync_directory(next.parent().unwrap_or(root))?,
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Holds the lock of a directory until it is dropped.
fn lock(directory: &Path) -> Result<File, PortError> {
    let path = directory.join(".lock");
    let fail = |e| failure(WRITE, &path, e);
    let file = OpenOptions::new()
        .write(true)
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
fn draft(directory: &Path, path: &Path, evidence: &[u8]) -> io::Result<NamedTempFile> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut draft = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".part")
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(directory)?;
    fill(draft.as_file_mut(), evidence)?;
    Ok(draft)
}

fn fill(file: &mut File, evidence: &[u8]) -> io::Result<()> {
    file.write_all(evidence)?;
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
        let held = lock(folder.path()).unwrap();
        let release = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(60));
            drop(held);
        });
        lock(folder.path()).unwrap();
        release.join().unwrap();
    }
}
