//! An image's root directory: read, and written whole, by paths that cannot lead out of it.
//!
//! An image may hold links that point anywhere. Reading follows them as the image will once it runs, absolute ones from its
//! root; writing follows none that leads out. `cap-std` opens every path from the root downwards, so that one which leaves
//! it is an error and not a write to the machine that builds.

use std::{
    ffi::OsString,
    io::{self, Read as _, Write as _},
    path::{Component, Path, PathBuf},
};

use cap_std::{
    ambient_authority,
    fs::{Dir, DirBuilder, OpenOptions, OpenOptionsExt as _, PermissionsExt as _},
};
use goldseal_core::digest::Sha256Digest;

/// No unit, and no file that says what a distribution is, is larger.
const LARGEST: u64 = 1 << 20;
/// As the kernel has it.
const MOST_LINKS: usize = 40;

/// See the module.
#[derive(Debug)]
pub struct Root {
    dir: Dir,
    path: PathBuf,
    this_machine: bool,
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
        let this_machine = path.canonicalize().is_ok_and(|whole| whole == Path::new("/"));
        Ok(Self { dir: dir.map_err(fail)?, path: path.to_owned(), this_machine })
    }

    /// Says whether it is the root of this machine.
    pub fn is_this_machine(&self) -> bool {
        self.this_machine
    }

    /// Returns where the directory is, for tools.
    pub fn outside(&self) -> &Path {
        &self.path
    }

    /// Returns where a file of the image is, seen from here, with every link on the way followed.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn locate(&self, path: &Path) -> Result<PathBuf, RootError> {
        let below = path.strip_prefix("/").unwrap_or(path).to_string_lossy();
        let place = self.place(path).map_err(|source| self.fail("looking for", &below, source))?;
        Ok(self.path.join(place))
    }

    /// Returns what stands at a path, without following a link there; none when nothing does.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn entry(&self, path: &str) -> Result<Option<Entry>, RootError> {
        let looking = |source| self.fail("looking at", path, source);
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let place = self.place(Path::new(above)).map_err(looking)?.join(name);
        let found = match self.dir.symlink_metadata(&place) {
            Ok(found) => found,
            Err(error) if absent(&error) => return Ok(None),
            Err(source) => return Err(looking(source)),
        };
        let entry = if found.is_symlink() {
            // Where it points is nobody's business but its reader's; it is not followed.
            Entry::Link(self.dir.read_link_contents(&place).map_err(looking)?)
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
    /// [`RootError`], also when it is larger, or no file.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, RootError> {
        let reading = |source| self.fail("reading", path, source);
        let place = self.place(Path::new(path)).map_err(reading)?;
        match self.dir.symlink_metadata(&place) {
            Ok(found) if found.is_file() => {}
            // Whoever opens a pipe waits for its other end.
            Ok(_other) => return Err(reading(io::Error::other("it is no file"))),
            Err(error) if absent(&error) => return Ok(None),
            Err(source) => return Err(reading(source)),
        }
        let file = self.dir.open(&place).map_err(reading)?;
        let mut bytes = Vec::new();
        let read = file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(reading)?;
        if read as u64 > LARGEST {
            return Err(reading(io::Error::other("more than the 1 MiB that are read")));
        }
        Ok(Some(bytes))
    }

    /// Returns the SHA-256 of a file of any size; none when there is none.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn digest(&self, path: &str) -> Result<Option<Sha256Digest>, RootError> {
        let reading = |source| self.fail("reading", path, source);
        let place = self.place(Path::new(path)).map_err(reading)?;
        match self.dir.symlink_metadata(&place) {
            // A pipe would be waited for.
            Ok(found) if !found.is_file() => return Err(reading(io::Error::other("it is no file"))),
            Ok(_) => {}
            Err(error) if absent(&error) => return Ok(None),
            Err(source) => return Err(reading(source)),
        }
        let mut file = self.dir.open(&place).map_err(reading)?;
        Sha256Digest::of_reader(&mut file).map(Some).map_err(reading)
    }

    /// Says whether a path is a file that may be executed.
    pub fn is_executable(&self, path: &str) -> bool {
        let found = self.place(Path::new(path)).and_then(|place| self.dir.symlink_metadata(place));
        found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    }

    /// Returns the names in a directory, sorted; none where there is no such directory.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn names(&self, path: &str) -> Result<Vec<String>, RootError> {
        let listing = |source| self.fail("listing", path, source);
        let entries = match self.place(Path::new(path)).and_then(|place| self.dir.read_dir(place)) {
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
        let beside = beside(path);
        self.above(path)?;
        // One that was cut off would be written on into, and a link followed.
        self.remove(&beside)?;
        let written = self.fill(&beside, bytes).and_then(|()| self.dir.rename(&beside, &self.dir, path));
        written.map_err(|source| self.leaving(&beside, self.fail("writing", path, source)))
    }

    /// Puts a link in the place of whatever file or link is there.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn link(&self, path: &str, target: &Path) -> Result<(), RootError> {
        let beside = beside(path);
        self.above(path)?;
        self.remove(&beside)?;
        // systemd's links are absolute as often as not; none of them is followed here.
        let linked = self.dir.symlink_contents(target, &beside);
        let linked = linked.and_then(|()| self.dir.rename(&beside, &self.dir, path));
        linked.map_err(|source| self.leaving(&beside, self.fail("linking", path, source)))
    }

    /// Removes a file or link, with what a write of it may have left; that there is none is no failure.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn remove(&self, path: &str) -> Result<(), RootError> {
        for path in [path, &beside(path)] {
            match self.dir.remove_file(path) {
                Err(error) if !absent(&error) => return Err(self.fail("removing", path, error)),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Removes a directory if nothing is in it.
    pub fn remove_empty(&self, path: &str) {
        // What is in it is somebody's.
        let _kept = self.dir.remove_dir(path);
    }

    /// Where a path leads in the image once it runs: links are followed, and what is absolute starts at its root.
    fn place(&self, path: &Path) -> io::Result<PathBuf> {
        let (mut left, mut place, mut links) = (parts(path), PathBuf::new(), 0);
        while let Some(part) = left.pop() {
            if part == ".." {
                place.pop();
                continue;
            }
            let next = place.join(part);
            // What is not there, or may not be looked at, is for whoever opens it.
            if !self.dir.symlink_metadata(&next).is_ok_and(|found| found.is_symlink()) {
                place = next;
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(io::Error::other("too many links"));
            }
            let target = self.dir.read_link_contents(&next)?;
            if target.is_absolute() {
                place = PathBuf::new();
            }
            left.extend(parts(&target));
        }
        Ok(place)
    }

    fn fill(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o644);
        let mut file = self.dir.open_with(path, &options)?;
        file.write_all(bytes).and_then(|()| file.sync_all())
    }

    /// Paths are told as they are from here: an image has the same as this machine.
    fn fail(&self, what: &'static str, path: &str, source: io::Error) -> RootError {
        RootError { what, path: self.path.join(path).display().to_string(), source }
    }

    /// Takes away what a write that failed has left, as far as that can be done.
    fn leaving(&self, beside: &str, error: RootError) -> RootError {
        let _stays = self.dir.remove_file(beside);
        error
    }

    fn above(&self, path: &str) -> Result<(), RootError> {
        let Some(parent) = Path::new(path).parent() else { return Ok(()) };
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        self.dir.create_dir_with(parent, &builder).map_err(|source| self.fail("making the directory of", path, source))
    }
}

/// The parts of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let named = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    });
    named.collect()
}

/// Where a file is written before it takes its place.
fn beside(path: &str) -> String {
    format!("{path}.goldseal-new")
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests;
