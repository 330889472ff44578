//! `goldseal policy`: the document → every problem in it, or what it would change; and its JSON schema.

mod what_if;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use goldseal_core::{
    policy::{Files, Policy, Problems, compile, referenced_files, schema},
    report::{POLICY_SCHEMA, PolicyReport, policy_notes},
};

use super::{
    exit::{Code, Failure},
    session::Session,
    wait,
};
use crate::{
    files,
    render::{self, Format},
};

const LARGEST: usize = 1 << 20;

const AFTER: &str = "\
Example:
  goldseal policy check policy.toml

Exit codes: 0 it compiles, 2 it does not.";

/// Subcommands of `policy`.
#[derive(Debug, clap::Subcommand)]
pub enum PolicyCommand {
    /// List every problem of a policy document
    #[command(after_help = AFTER)]
    Check {
        /// The document
        file: PathBuf,
    },
    /// Say which running instances and recorded decisions another policy would change
    WhatIf(Box<what_if::WhatIfArgs>),
    /// Print the JSON schema of policy documents, for editors
    #[command(after_help = "Example:\n  goldseal policy schema > policy.schema.json")]
    Schema,
}

impl PolicyCommand {
    pub fn run(self, session: impl FnOnce() -> Result<Session>, format: Format) -> Result<Code, Failure> {
        match self {
            Self::WhatIf(command) => wait(command.run(&session()?, format))?,
            Self::Check { file } => {
                let (digest, problems, notes) = match read(&file, here)? {
                    Ok(policy) => (Some(policy.digest()), Vec::new(), policy_notes(&policy)),
                    Err(Problems(problems)) => (None, problems, Vec::new()),
                };
                let code = if digest.is_some() { Code::Good } else { Code::Usage };
                let file = file.display().to_string();
                let report = PolicyReport { schema: POLICY_SCHEMA, file, policy: digest, problems, notes };
                render::policy(format, &report)?;
                Ok(code)
            }
            Self::Schema => {
                render::json(&schema())?;
                Ok(Code::Good)
            }
        }
    }
}

/// Reads and compiles a policy; one with problems is none.
pub fn load(path: &Path) -> Result<Policy, Failure> {
    read(path, here)?.map_err(|Problems(problems)| {
        let mut failure = Failure::new(Code::Usage, format!("{} is not a policy", path.display()));
        failure.chain.extend(problems.iter().map(ToString::to_string));
        failure.hint("`goldseal policy check` lists the problems of a document; docs/policy.md has examples")
    })
}

fn here(path: &Path) -> Result<PathBuf> {
    Ok(path.to_owned())
}

/// Reads a policy whose files are not at their own paths: `located` says where one is.
pub fn read(path: &Path, located: impl Fn(&Path) -> Result<PathBuf>) -> Result<Result<Policy, Problems>> {
    let document = located(path).context("reading the policy")?;
    let text = files::read_text(&document, LARGEST).context("reading the policy")?;
    // Never the bare name: `-` would be standard input.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let named = referenced_files(&text).into_iter().map(|name| {
        let file = located(&folder.join(&name)).map_err(|error| format!("{error:#}"));
        let text = file.and_then(|file| {
            files::read_text(&file, LARGEST).map_err(|error| match &error {
                files::FileError::Read { source, .. } => source.to_string(),
                files::FileError::TooLarge { .. }
                | files::FileError::NotText { .. }
                | files::FileError::Write { .. } => error.to_string(),
            })
        });
        (name, text)
    });
    let files: Files = named.collect();
    Ok(compile(&document.display().to_string(), &text, &files))
}
