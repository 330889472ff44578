//! An image's root directory: read, and written whole, by paths that cannot lead out of it.
//!
//! An image may hold links that point anywhere. `cap-std` opens every path from the root downwards, so that one which
//! leaves it is an error and not a write to the machine that builds.

use std::{
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use cap_std::{
    ambient_authority,
    fs::{Dir, DirBuilder, OpenOptions, OpenOptionsExt as _, PermissionsExt as _},
};

/// No unit, and no file that says what a distribution is, is larger.
const LARGEST: u64 = 1 << 20;

/// See the module.
#[derive(Debug)]
pub struct Root {
    dir: Dir,
    path: PathBuf,
}

/// Something about a path in an image failed.
#[derive(Debug, thiserror::Error)]
#[error("{what} {path}")]
pub struct RootError {
    what: &'static str,
    path: String,
    #[source]
    source: io::Error,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file, and what is in it.
    File(Vec<u8>),
    /// A link, and where it points.
    Link(PathBuf),
    /// A directory, or something else.
    Other,
}

impl Root {
    /// Opens a root directory.
    ///
    /// # Errors
    /// When it is none.
    pub fn open(path: &Path) -> Result<Self, RootError> {
        let dir = Dir::open_ambient_dir(path, ambient_authority());
        let fail = |source| RootError { what: "opening", path: path.display().to_string(), source };
        Ok(Self { dir: dir.map_err(fail)?, path: path.to_owned() })
    }

    /// Says whether it is the root of this machine.
    pub fn is_this_machine(&self) -> bool {
        self.path == Path::new("/")
    }

    /// Returns where a path below it is, for people and for tools.
    pub fn outside(&self, path: &str) -> PathBuf {
        self.path.join(path)
    }

    /// Returns what stands at a path, without following a link there; none when nothing does.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn entry(&self, path: &str) -> Result<Option<Entry>, RootError> {
        let found = match self.dir.symlink_metadata(path) {
            Ok(found) => found,
            Err(error) if absent(&error) => return Ok(None),
            Err(source) => return Err(fail("looking at", path, source)),
        };
        let entry = if found.is_symlink() {
            // Where it points is nobody's business but its reader's; it is not followed.
            Entry::Link(self.dir.read_link_contents(path).map_err(|source| fail("reading", path, source))?)
        } else if found.is_file() {
            Entry::File(self.read(path)?.unwrap_or_default())
        } else {
            Entry::Other
        };
        Ok(Some(entry))
    }

    /// Reads a file of at most 1 MiB; none when there is none.
    ///
    /// # Errors
    /// [`RootError`], also when it is larger.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, RootError> {
        let file = match self.dir.open(path) {
            Ok(file) => file,
            Err(error) if absent(&error) => return Ok(None),
            Err(source) => return Err(fail("reading", path, source)),
        };
        let mut bytes = Vec::new();
        let read = file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|source| fail("reading", path, source))?;
        if read as u64 > LARGEST {
            return Err(fail("reading", path, io::Error::other("more than the 1 MiB that are read")));
        }
        Ok(Some(bytes))
    }

    /// Says whether a path is a file that may be executed.
    pub fn is_executable(&self, path: &str) -> bool {
        self.dir.metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    }

    /// Returns the names in a directory, sorted; none where there is no such directory.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn names(&self, path: &str) -> Result<Vec<String>, RootError> {
        let listing = |source| fail("listing", path, source);
        let entries = match self.dir.read_dir(path) {
            Ok(entries) => entries,
            Err(error) if absent(&error) => return Ok(Vec::new()),
            Err(source) => return Err(listing(source)),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry.map_err(listing)?.file_name().into_string().ok());
        }
        names.sort();
        Ok(names)
    }

    /// Writes a whole file, with the directories above it: it is there in full, or as it was before.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<(), RootError> {
        let writing = |source| fail("writing", path, source);
        let beside = format!("{path}.goldseal-new");
        self.above(path)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o644);
        let mut file = self.dir.open_with(&beside, &options).map_err(writing)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(writing)?;
        self.dir.rename(&beside, &self.dir, path).map_err(writing)
    }

    /// Puts a link in the place of whatever file or link is there.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn link(&self, path: &str, target: &Path) -> Result<(), RootError> {
        let linking = |source| fail("linking", path, source);
        let beside = format!("{path}.goldseal-new");
        self.above(path)?;
        self.remove(&beside)?;
        // systemd's links are absolute as often as not; none of them is followed here.
        self.dir.symlink_contents(target, &beside).map_err(linking)?;
        self.dir.rename(&beside, &self.dir, path).map_err(linking)
    }

    /// Removes a file or link; that there is none is no failure.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn remove(&self, path: &str) -> Result<(), RootError> {
        match self.dir.remove_file(path) {
            Err(error) if !absent(&error) => Err(fail("removing", path, error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Removes a directory if nothing is in it.
    pub fn remove_empty(&self, path: &str) {
        // What is in it is somebody's.
        let _kept = self.dir.remove_dir(path);
    }

    fn above(&self, path: &str) -> Result<(), RootError> {
        let Some(parent) = Path::new(path).parent() else { return Ok(()) };
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        self.dir.create_dir_with(parent, &builder).map_err(|source| fail("making the directory of", path, source))
    }
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn fail(what: &'static str, path: &str, source: io::Error) -> RootError {
    RootError { what, path: format!("/{path}"), source }
}
