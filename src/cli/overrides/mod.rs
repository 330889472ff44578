//! `goldseal override`: two people let pass, for a while and for reasons that they name, what would be stopped.

mod countersign;
mod end;
mod grant;
mod list;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use goldseal_core::{
    attestation::EVIDENCE_LIMITS,
    digest::Sha256Digest,
    flow::overrides::{lines_of, publish, read},
    policy::{Granted, Keys, Policy},
    ports::{Listing, Listings as _},
};
use jiff::Timestamp;

use super::{
    exit::{Code, Failure},
    policy,
    session::Session,
};
use crate::{files, render::Format};

/// Overrides: what two people let pass.
#[derive(Debug, clap::Subcommand)]
pub enum Override {
    /// Sign, as the first person, that something may pass for a while
    Grant(Box<grant::Grant>),
    /// Look at what another person granted, and sign it too
    Countersign(Box<countersign::Countersign>),
    /// List the overrides of the store and those that are carried, and how each stands
    List(list::List),
    /// Show one override in words
    Show(list::Show),
    /// End an override before its time
    End(end::End),
}

impl Override {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        match self {
            Self::Grant(command) => command.run(session, format).await,
            Self::Countersign(command) => command.run(session, format).await,
            Self::List(command) => command.run(session, format).await,
            Self::Show(command) => command.run(session, format).await,
            Self::End(command) => command.run(session, format).await,
        }
    }
}

/// An override that a person names: a file that holds one, or the SHA-256 of a statement that the store or a carried file
/// has.
#[derive(Debug, Clone)]
pub enum Named {
    /// The statement.
    Statement(Sha256Digest),
    /// The file.
    File(PathBuf),
}

impl std::str::FromStr for Named {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digest = text.strip_prefix("sha256:").unwrap_or(text).parse();
        Ok(digest.map_or_else(|_| Self::File(text.into()), Self::Statement))
    }
}

/// An override, and all its signatures that were found.
pub struct Found {
    pub granted: Granted,
    pub lines: Vec<u8>,
}

/// The policy of the settings; one that lets nobody override is told as that.
fn policy_of(session: &Session) -> Result<Policy, Failure> {
    let policy = policy::load(session.settings.policy().map_err(anyhow::Error::from)?)?;
    if policy.overrides().is_none() {
        let failure = Failure::new(Code::Usage, "the policy has no [override], so nobody lets anything pass under it");
        return Err(failure.hint("docs/override.md says what to write into it"));
    }
    Ok(policy)
}

/// The keys of those who override. They are written in the policy, so that nobody has to be asked for them.
fn keys_of(policy: &Policy) -> Keys {
    Keys::new(policy, |_| Err("nobody asks KMS for an override".to_owned()))
}

impl Named {
    /// Finds it. Where a file holds several, the statement names one.
    async fn find(&self, session: &Session, policy: &Policy, now: Timestamp) -> Result<Found, Failure> {
        match self {
            Self::File(path) => of_file(path, policy, now),
            Self::Statement(statement) => {
                let keys = goldseal_core::flow::listed(policy, keys_of(policy), &session.keys()).await;
                let granted = keys.lists().grants(policy, now).into_iter().find(|one| one.statement == *statement);
                let Some(granted) = granted else {
                    let message =
                        format!("no place has an override sha256:{statement} that one of its authorities signed");
                    let mut failure = Failure::new(Code::No, message);
                    failure.chain.extend(keys.lists().remarks().iter().map(ToString::to_string));
                    return Err(
                        failure.hint("`goldseal override list` lists what there is; --overrides FILE adds a file")
                    );
                };
                let mut lines = Vec::new();
                for post in session.keys().posted(&Listing::Overrides).await.posts {
                    let Ok(Some(stored)) = &post.answer else { continue };
                    let found = lines_of(&post.place, &stored.bytes, *statement).unwrap_or_default();
                    let known: Vec<Vec<u8>> = split(&lines);
                    lines.extend(split(&found).into_iter().filter(|line| !known.contains(line)).flatten());
                }
                Ok(Found { granted, lines })
            }
        }
    }
}

/// Splits into lines, each with its end.
fn split(lines: &[u8]) -> Vec<Vec<u8>> {
    lines.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn of_file(path: &Path, policy: &Policy, now: Timestamp) -> Result<Found, Failure> {
    let bytes = files::read(path, EVIDENCE_LIMITS.bytes).map_err(anyhow::Error::from)?;
    let place = path.display().to_string();
    let mut found = read(policy, &keys_of(policy), &place, &bytes, now);
    match (found.pop(), found.is_empty()) {
        (Some(granted), true) => {
            let lines = lines_of(&place, &bytes, granted.statement).context("reading the override")?;
            Ok(Found { granted, lines })
        }
        (None, _) => {
            let failure = Failure::new(
                Code::No,
                format!("{place} holds no override that one of the policy's authorities signed"),
            );
            Err(failure.hint("is it the policy under which it was granted, and is the file whole?"))
        }
        (Some(_), false) => {
            let failure = Failure::new(Code::Usage, format!("{place} holds {} overrides", found.len() + 1));
            Err(failure.hint(format!("name one by its statement, with --overrides {place}")))
        }
    }
}

/// Where signatures go: a file, the store, or both.
async fn put(
    session: &Session,
    out: Option<&Path>,
    store: bool,
    (all, new): (&[u8], &[u8]),
    now: Timestamp,
) -> Result<Vec<String>, Failure> {
    let mut written = Vec::new();
    if let Some(path) = out {
        files::write(path, all).map_err(anyhow::Error::from)?;
        written.push(path.display().to_string());
    }
    if store {
        let store = session.store().await?;
        let put = publish(&store, new, now).await.context("adding to the overrides of the store");
        let place = put.map_err(|error| {
            Failure::from(error)
                .hint("where the store is out, --out FILE writes a file to be carried: --overrides FILE")
        })?;
        written.push(place);
    }
    Ok(written)
}
