//! Puts the units of the guard into an image, and takes them out again.
//!
//! What was done stands in a document in the image: so that another run knows what is its own, and taking out leaves the
//! image as it was.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use goldseal_core::{digest::Sha256Digest, guard::Recipe};
use serde::{Deserialize, Serialize};

use super::{
    root::{Entry, Root},
    units::{self, DEFAULT_TARGET, OUR_TARGET, PLACE},
};

/// What was installed, in the image.
pub const MANIFEST: &str = "etc/goldseal/boot-installed.json";
const SCHEMA: &str = "goldseal/boot-installed/v1";
/// Where a distribution keeps what `default.target` is when nobody says otherwise.
const VENDOR: [&str; 2] = ["usr/lib/systemd/system/default.target", "lib/systemd/system/default.target"];
const USUAL: &str = "multi-user.target";

/// See [`MANIFEST`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    schema: String,
    /// The version of goldseal.
    pub version: String,
    /// Which units.
    pub recipe: Recipe,
    /// A guard that fails holds nothing.
    pub report_only: bool,
    /// Where `default.target` pointed before it was taken; none when there was no such link.
    default_target: Option<String>,
    /// SHA-256 of every file, by its path below `/etc/systemd/system`.
    pub files: BTreeMap<String, Sha256Digest>,
}

/// How the units are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Which units.
    pub recipe: Recipe,
    /// A guard that fails holds nothing.
    pub report_only: bool,
    /// Files that somebody changed are replaced.
    pub force: bool,
}

impl Manifest {
    /// Reads what was installed; none when nothing was.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(root: &Root) -> Result<Option<Self>> {
        let Some(bytes) = root.read(MANIFEST)? else { return Ok(None) };
        let path = root.outside().join(MANIFEST);
        let torn = || format!("{} says nothing of what was installed: uninstall, and install again", path.display());
        let manifest: Self = serde_json::from_slice(&bytes).with_context(torn)?;
        if manifest.schema != SCHEMA {
            let (path, schema) = (path.display(), &manifest.schema);
            bail!("{path} is of another version of goldseal ({schema}): uninstall with that one first");
        }
        Ok(Some(manifest))
    }
}

/// Installs the units, and returns the paths that were written.
///
/// # Errors
/// When somebody changed a file of ours, or the image cannot be written. What was written stays; another run goes on.
pub fn install(root: &Root, wanted: Wanted) -> Result<Vec<String>> {
    let before = Manifest::read(root)?;
    let default = root.entry(&at(DEFAULT_TARGET))?;
    let default_target = match (&before, &default) {
        (Some(before), Some(Entry::Link(target))) if target.ends_with(OUR_TARGET) => before.default_target.clone(),
        (_, Some(Entry::Link(target))) if target.ends_with(OUR_TARGET) => None,
        (_, Some(Entry::Link(target))) => Some(target.display().to_string()),
        (_, Some(Entry::File(_) | Entry::Other)) => {
            bail!("/{} is no link: goldseal cannot take it over", at(DEFAULT_TARGET))
        }
        (_, None) => None,
    };
    let continued = continued(root, default_target.as_deref())?;
    let files = units::files(wanted.recipe, &continued, wanted.report_only);
    changed(root, before.as_ref(), &files, wanted.force)?;
    // First what another recipe or version had and this one has not, drop-ins before the units that they ask for.
    if let Some(before) = &before {
        let ours = |path: &&String| !files.iter().any(|(wanted, _)| wanted == *path);
        take_out(root, &before.files.keys().filter(ours).cloned().collect::<Vec<_>>())?;
        if before.recipe.takes_default_target() && !wanted.recipe.takes_default_target() {
            restore(root, default_target.as_deref())?;
        }
    }
    let digests = files.iter().map(|(path, text)| (path.clone(), Sha256Digest::of(text.as_bytes())));
    let manifest = Manifest {
        schema: SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        recipe: wanted.recipe,
        report_only: wanted.report_only,
        default_target,
        files: digests.collect(),
    };
    // Known to be ours before it is there: whatever happens now, it can be taken out.
    root.write(MANIFEST, &serde_json::to_vec_pretty(&manifest)?)?;
    let mut written = Vec::new();
    for (path, text) in &files {
        root.write(&at(path), text.as_bytes())?;
        written.push(format!("/{}", at(path)));
    }
    if wanted.recipe.takes_default_target() {
        root.link(&at(DEFAULT_TARGET), std::path::Path::new(OUR_TARGET))?;
        written.push(format!("/{}", at(DEFAULT_TARGET)));
    }
    Ok(written)
}

/// Takes out whatever of any recipe is there, and returns the paths.
///
/// # Errors
/// When the image cannot be written.
pub fn uninstall(root: &Root) -> Result<Vec<String>> {
    // One that cannot be read does not say what is ours; the names do.
    let manifest = Manifest::read(root).ok().flatten();
    let mut removed = Vec::new();
    for path in units::paths() {
        if root.entry(&at(&path))?.is_some() {
            removed.push(format!("/{}", at(&path)));
        }
    }
    let default = root.entry(&at(DEFAULT_TARGET))?;
    if matches!(&default, Some(Entry::Link(target)) if target.ends_with(OUR_TARGET)) {
        // Before its target is gone.
        restore(root, manifest.and_then(|one| one.default_target).as_deref())?;
        removed.push(format!("/{}", at(DEFAULT_TARGET)));
    }
    take_out(root, &units::paths())?;
    root.remove(MANIFEST)?;
    Ok(removed)
}

/// Removes files, drop-ins before the units that they ask for, and directories that are empty then.
fn take_out(root: &Root, paths: &[String]) -> Result<()> {
    let (inside, units): (Vec<&String>, Vec<&String>) = paths.iter().partition(|path| path.contains('/'));
    for path in inside.into_iter().chain(units) {
        root.remove(&at(path))?;
        if let Some((folder, _)) = path.split_once('/') {
            root.remove_empty(&at(folder));
        }
    }
    Ok(())
}

fn restore(root: &Root, default_target: Option<&str>) -> Result<()> {
    match default_target {
        Some(target) => root.link(&at(DEFAULT_TARGET), std::path::Path::new(target))?,
        None => root.remove(&at(DEFAULT_TARGET))?,
    }
    Ok(())
}

/// What the machine boots into without us.
fn continued(root: &Root, default_target: Option<&str>) -> Result<String> {
    let mut target = default_target.map(str::to_owned);
    for path in VENDOR {
        if let (None, Some(Entry::Link(link))) = (&target, root.entry(path)?) {
            target = Some(link.display().to_string());
        }
    }
    let target = target.unwrap_or_else(|| USUAL.to_owned());
    let name = target.rsplit('/').next().unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@' | b':');
    if !name.ends_with(".target") || name == DEFAULT_TARGET || !name.bytes().all(plain) {
        bail!("default.target points to {target:?}, which is no target that could be gone on with");
    }
    Ok(name.to_owned())
}

/// Refuses to overwrite what somebody else wrote where our files go.
fn changed(root: &Root, before: Option<&Manifest>, files: &[(String, String)], force: bool) -> Result<()> {
    let mut theirs = Vec::new();
    for (path, text) in files {
        let ours = |bytes: &[u8]| {
            let known = before.and_then(|before| before.files.get(path));
            bytes == text.as_bytes() || known.is_some_and(|known| *known == Sha256Digest::of(bytes))
        };
        match root.entry(&at(path))? {
            None => {}
            Some(Entry::File(bytes)) if ours(&bytes) => {}
            Some(_) => theirs.push(format!("/{}", at(path))),
        }
    }
    if force || theirs.is_empty() {
        return Ok(());
    }
    bail!("somebody changed {}: look at it, and give --force to put ours in its place", theirs.join(", "))
}

/// Returns where a unit is, below the root.
pub fn at(path: &str) -> String {
    format!("{PLACE}/{path}")
}

#[cfg(test)]
mod tests;
