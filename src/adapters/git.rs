//! A working directory → what git says of it: commit, remote, and whether it was changed.
//!
//! The program `git` is asked, with the user's own settings, and writes nothing into the repository. Without git, or
//! outside of a repository, there is an answer all the same: why there is none.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use goldseal_core::build::Checkout;

/// Why nothing is known of a working directory.
#[derive(Debug, thiserror::Error)]
pub enum NoCheckout {
    /// The program does not run.
    #[error("git does not run")]
    NoGit(#[source] io::Error),
    /// Git refuses: no repository, no commit, or a directory of another user.
    #[error("git says of {}: {said}", .folder.display())]
    Refused {
        /// The directory.
        folder: PathBuf,
        /// Its first line; more would be advice.
        said: String,
    },
}

/// Asks git what is checked out in a directory.
///
/// Files that git does not track do not make it dirty, as with `git describe --dirty`: a pipeline writes its manifest and
/// its reports beside the template.
///
/// # Errors
/// See [`NoCheckout`].
pub fn checkout(folder: &Path) -> Result<Checkout, NoCheckout> {
    let commit = answer(folder, run(folder, &["rev-parse", "HEAD"])?)?;
    let status = answer(folder, run(folder, &["status", "--porcelain", "--untracked-files=no"])?)?;
    let remote = run(folder, &["config", "--get", "remote.origin.url"])?;
    let remote = remote.status.success().then(|| text(&remote.stdout)).filter(|url| !url.is_empty());
    Ok(Checkout { commit, remote, dirty: !status.is_empty() })
}

fn run(folder: &Path, arguments: &[&str]) -> Result<Output, NoCheckout> {
    let mut git = Command::new("git");
    // A file system monitor is a program that the repository names.
    git.args(["--no-optional-locks", "-c", "core.fsmonitor=false", "-C"]).arg(folder).args(arguments);
    // Inside of a hook, these would turn git to the hook's repository.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        git.env_remove(variable);
    }
    git.env("LC_ALL", "C").stdin(Stdio::null()).output().map_err(NoCheckout::NoGit)
}

fn answer(folder: &Path, output: Output) -> Result<String, NoCheckout> {
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let complaint = text(&output.stderr);
    let said = complaint.lines().next().unwrap_or("nothing").chars().filter(|c| !c.is_control()).collect();
    Err(NoCheckout::Refused { folder: folder.to_owned(), said })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn git(folder: &Path, arguments: &[&str]) {
        let mut command = Command::new("git");
        command.arg("-C").arg(folder).args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(arguments);
        let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    }

    fn repository() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q"]);
        fs::write(folder.path().join("golden.pkr.hcl"), "source {}").unwrap();
        git(folder.path(), &["add", "."]);
        git(folder.path(), &["commit", "-q", "-m", "first"]);
        folder
    }

    #[test]
    fn a_checkout_has_a_commit_and_perhaps_a_remote() {
        let folder = repository();
        let clean = checkout(folder.path()).unwrap();
        assert_eq!((clean.commit.len(), clean.remote.clone(), clean.dirty), (40, None, false));
        git(folder.path(), &["remote", "add", "origin", "git@github.com:acme/images.git"]);
        let remote = checkout(folder.path()).unwrap();
        assert_eq!(remote, Checkout { remote: Some("git@github.com:acme/images.git".to_owned()), ..clean });
        let below = folder.path().join("below");
        fs::create_dir(&below).unwrap();
        assert_eq!(checkout(&below).unwrap(), remote);
    }

    #[test]
    fn a_tracked_file_that_was_changed_makes_it_dirty_and_an_untracked_one_does_not() {
        let folder = repository();
        fs::write(folder.path().join("manifest.json"), "{}").unwrap();
        assert!(!checkout(folder.path()).unwrap().dirty);
        fs::write(folder.path().join("golden.pkr.hcl"), "source { changed }").unwrap();
        assert!(checkout(folder.path()).unwrap().dirty);
        git(folder.path(), &["add", "golden.pkr.hcl"]);
        assert!(checkout(folder.path()).unwrap().dirty);
        git(folder.path(), &["commit", "-q", "-m", "second"]);
        assert!(!checkout(folder.path()).unwrap().dirty);
        fs::remove_file(folder.path().join("golden.pkr.hcl")).unwrap();
        assert!(checkout(folder.path()).unwrap().dirty);
    }

    #[test]
    fn a_repository_cannot_have_a_monitor_run() {
        let folder = repository();
        let ran = folder.path().join("ran");
        let program = format!("touch {}", ran.display());
        git(folder.path(), &["config", "core.fsmonitor", &program]);
        fs::write(folder.path().join("golden.pkr.hcl"), "source { changed }").unwrap();
        assert!(checkout(folder.path()).unwrap().dirty);
        assert!(!ran.exists());
    }

    #[test]
    fn outside_of_a_repository_the_reason_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let fault = checkout(folder.path()).unwrap_err().to_string();
        assert!(fault.contains("not a git repository") && !fault.contains('\n'), "{fault}");
        git(folder.path(), &["init", "-q"]);
        assert!(checkout(folder.path()).unwrap_err().to_string().contains("HEAD"));
        assert!(checkout(&folder.path().join("absent")).unwrap_err().to_string().contains("absent"));
    }
}
