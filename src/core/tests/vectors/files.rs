//! Where the vectors are, and how they are read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use goldseal_core::trust::{PublicKey, Scheme};

/// Returns a path under `tests/vectors` of the workspace.
pub(super) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name)
}

/// Reads a file, naming it when that fails.
pub(super) fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Reads a file as text.
pub(super) fn text(path: &Path) -> String {
    String::from_utf8(read(path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Reads a file as JSON of a type.
pub(super) fn json<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    serde_json::from_slice(&read(path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Reads a public key.
pub(super) fn key(path: &Path, scheme: Option<Scheme>) -> PublicKey {
    PublicKey::from_pem(&text(path), scheme).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Returns the files of a folder that end in `.json`, sorted.
pub(super) fn json_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|end| end == "json"));
    found.sort();
    assert!(!found.is_empty(), "{} holds nothing", folder.display());
    found
}

/// Returns the last part of a path without its end.
pub(super) fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}
