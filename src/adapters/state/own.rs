//! A directory that is the caller's alone: made, or found to be so. What is in it is taken for what the caller wrote there.

use std::{
    fs::{self, DirBuilder, Metadata},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

/// Rights of anybody but the owner.
const OTHERS: u32 = 0o077;

/// Why a directory is not the caller's alone.
#[derive(Debug, thiserror::Error)]
pub enum NotOwn {
    /// It could not be made or looked at.
    #[error("{path} cannot be used")]
    Io {
        /// The directory, or a file in it.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// There is something else.
    #[error("{0} is not a directory; a symbolic link is none")]
    NoDirectory(PathBuf),
    /// Somebody else can read, change or replace it.
    #[error("{0} is not the caller's alone: it must belong to the caller, and others must have no rights to it")]
    Shared(PathBuf),
    /// Nothing that is kept there is like this.
    #[error("{0} is not a file: give a directory that holds nothing else")]
    NoFile(PathBuf),
}

/// Makes a directory for the caller alone, or insists that one that is there is, and everything in it. Returns its absolute
/// path.
pub(super) fn own(path: &Path) -> Result<PathBuf, NotOwn> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| NotOwn::Io { path, source }
    };
    let path = std::path::absolute(path).map_err(failed(path))?;
    match DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(&path)(error)),
        _ => {}
    }
    let directory = fs::symlink_metadata(&path).map_err(failed(&path))?;
    if !directory.is_dir() {
        return Err(NotOwn::NoDirectory(path));
    }
    if directory.mode() & OTHERS != 0 {
        return Err(NotOwn::Shared(path));
    }
    // Whose new files are, that is who we are.
    let caller = tempfile::tempfile_in(&path).and_then(|file| file.metadata()).map_err(failed(&path))?.uid();
    let shared = |found: &Metadata| found.uid() != caller || found.mode() & OTHERS != 0;
    if shared(&directory) {
        return Err(NotOwn::Shared(path));
    }
    for entry in fs::read_dir(&path).map_err(failed(&path))? {
        let file = entry.map_err(failed(&path))?.path();
        let found = match fs::symlink_metadata(&file) {
            Ok(found) => found,
            // Another audit ended meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(&file)(error)),
        };
        if !found.is_file() {
            return Err(NotOwn::NoFile(file));
        }
        if shared(&found) {
            return Err(NotOwn::Shared(file));
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::Permissions,
        os::unix::fs::{PermissionsExt as _, symlink},
    };

    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_directory_is_made_for_its_owner_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts");
        for _ in 0..2 {
            assert_eq!(own(&path).unwrap(), path);
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        }
        fs::write(path.join("a.json"), "kept").unwrap();
        mode(&path.join("a.json"), 0o600);
        own(&path).unwrap();
        assert!(matches!(own(&folder.path().join("no/where")), Err(NotOwn::Io { .. })));
    }

    #[test]
    fn what_others_can_read_or_write_or_is_no_directory_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts");
        own(&path).unwrap();
        for shared in [0o701, 0o710, 0o704, 0o770, 0o777] {
            mode(&path, shared);
            assert!(matches!(own(&path), Err(NotOwn::Shared(found)) if found == path), "{shared:o}");
        }
        mode(&path, 0o700);
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(matches!(own(&link), Err(NotOwn::NoDirectory(_))));

        let file = path.join("a.json");
        fs::write(&file, "planted").unwrap();
        mode(&file, 0o644);
        assert!(matches!(own(&path), Err(NotOwn::Shared(found)) if found == file));
        assert!(matches!(own(&file), Err(NotOwn::NoDirectory(_))));
        fs::remove_file(&file).unwrap();
        symlink("/etc/hostname", &file).unwrap();
        assert!(matches!(own(&path), Err(NotOwn::NoFile(_))));
    }

    #[test]
    fn what_belongs_to_somebody_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts");
        own(&path).unwrap();
        // Only root can give a directory away.
        if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
            assert!(matches!(own(&path), Err(NotOwn::Shared(_))));
        }
    }
}
