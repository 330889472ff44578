//! What people name on the command line → what an entry withdraws.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use goldseal_core::{
    attestation::predicate::{Revoked, is_line},
    digest::Sha256Digest,
    flow::contents,
    policy::{Keys, Policy},
    ports::KeyCatalog as _,
    report::Note,
    trust::{KeyAnswer, KeyUri, PublicKey},
};
use jiff::Timestamp;

use super::EntryArgs;
use crate::{
    adapters::store::Store,
    cli::{image::ImageArg, session::Session},
    files,
};

const LARGEST_KEY: usize = 64 << 10;

/// Arguments of `revoke image`.
#[derive(Debug, clap::Args)]
pub struct ImageArgs {
    #[command(flatten)]
    pub what: Images,
    #[command(flatten)]
    pub entry: EntryArgs,
}

/// Images to withdraw.
#[derive(Debug, clap::Args)]
pub struct Images {
    /// The images: ami-ID, REGION:ami-ID or ARN
    #[arg(value_name = "AMI", required = true)]
    amis: Vec<ImageArg>,
    /// Withdraw the images alone, and leave copies of them that are sealed too
    #[arg(long)]
    without_copies: bool,
}

/// Arguments of `revoke key`.
#[derive(Debug, clap::Args)]
pub struct KeyToRevoke {
    #[command(flatten)]
    pub what: Key,
    #[command(flatten)]
    pub entry: EntryArgs,
}

/// A key to withdraw.
#[derive(Debug, clap::Args)]
pub struct Key {
    /// The key: the name of an authority of the policy, the SHA-256 of its SubjectPublicKeyInfo, awskms:///KEY, or a PEM file
    #[arg(id = "what", value_name = "KEY")]
    key: String,
    /// Signatures that a witness saw before, or that a receipt proves older, stay; all others fall
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
}

/// Arguments of `revoke builder`.
#[derive(Debug, clap::Args)]
pub struct Builder {
    #[command(flatten)]
    pub what: BuilderName,
    #[command(flatten)]
    pub entry: EntryArgs,
}

/// A builder to withdraw.
#[derive(Debug, clap::Args)]
pub struct BuilderName {
    /// The builder, by the URI that provenance names
    #[arg(value_name = "URI", value_parser = uri)]
    builder: String,
    /// Builds that a witness saw before stay; without a witness, none do
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
}

/// Arguments of `revoke evidence`.
#[derive(Debug, clap::Args)]
pub struct Evidence {
    #[command(flatten)]
    pub what: EvidenceDigest,
    #[command(flatten)]
    pub entry: EntryArgs,
}

/// Evidence to withdraw.
#[derive(Debug, clap::Args)]
pub struct EvidenceDigest {
    /// SHA-256 of the evidence as a whole, or of the payload of one statement, as `verify` prints them
    #[arg(value_name = "SHA256", value_parser = digest)]
    sha256: Sha256Digest,
}

/// Arguments of `revoke lift`.
#[derive(Debug, clap::Args)]
pub struct Lift {
    /// The number of the entry
    #[arg(value_name = "NUMBER")]
    pub number: u64,
    #[command(flatten)]
    pub entry: EntryArgs,
}

/// What is to be withdrawn.
#[derive(Debug)]
pub enum What {
    Image(Images),
    Key(Key),
    Builder(BuilderName),
    Evidence(EvidenceDigest),
    Lift(u64),
}

fn uri(text: &str) -> Result<String, String> {
    match is_line(text, 500) {
        true => Ok(text.to_owned()),
        false => Err("write the URI in one line of at most 500 characters".to_owned()),
    }
}

fn digest(text: &str) -> Result<Sha256Digest, String> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    hex.parse().map_err(|_not_hex| "write 64 lowercase hexadecimal digits".to_owned())
}

impl What {
    /// Finds out what exactly is withdrawn, and what is to be known of that.
    pub async fn resolve(
        &self,
        session: &Session,
        policy: &Policy,
        keys: &Keys,
        store: &Store,
    ) -> Result<(Vec<Revoked>, Vec<Note>)> {
        let mut notes = Vec::new();
        let revokes = match self {
            Self::Image(images) => return images.resolve(session, policy, keys, store).await,
            Self::Key(key) => {
                let (since, spki_sha256) = (key.since, key.digest(session, policy).await?);
                let signatory = policy.signatories().iter().find(|one| one.key.digest() == spki_sha256);
                match signatory {
                    None => {
                        let text = format!("sha256:{spki_sha256} is the key of no authority of this policy");
                        notes.push(Note::new("key-unknown", text));
                    }
                    Some(one) if since.is_some() && one.witness.is_none() => {
                        let stays = if policy.receipts().is_some() {
                            ": only what a receipt proves older stays of what it signed"
                        } else {
                            ", and believes no receipts: nothing that it signed stays"
                        };
                        let text = format!("the policy asks no witness for {}{stays}", one.name);
                        notes.push(Note::new("no-witness", text));
                    }
                    Some(_) => {}
                }
                Revoked::Key { spki_sha256, since }
            }
            Self::Builder(BuilderName { builder, since }) => {
                Revoked::Builder { builder: builder.clone(), since: *since }
            }
            Self::Evidence(EvidenceDigest { sha256 }) => Revoked::Evidence { sha256: *sha256 },
            Self::Lift(entry) => Revoked::Lift { entry: *entry },
        };
        Ok((vec![revokes], notes))
    }
}

impl Images {
    async fn resolve(
        &self,
        session: &Session,
        policy: &Policy,
        keys: &Keys,
        store: &Store,
    ) -> Result<(Vec<Revoked>, Vec<Note>)> {
        let (mut revokes, mut notes) = (Vec::new(), Vec::new());
        for image in session.images(&self.amis).await? {
            let mut content = Vec::new();
            if !self.without_copies {
                // The image falls whatever the store answers.
                match contents(policy, keys, &image, store, Timestamp::now()).await {
                    Ok(found) => content = found,
                    Err(error) => notes.push(Note::new("evidence-unavailable", error.chain())),
                }
                if content.is_empty() {
                    let text = format!("no provenance that counts says what is on {image}: copies of it do not fall");
                    notes.push(Note::new("no-content-digest", text));
                }
            }
            revokes.push(Revoked::Image { image, content });
        }
        Ok((revokes, notes))
    }
}

impl Key {
    async fn digest(&self, session: &Session, policy: &Policy) -> Result<Sha256Digest> {
        let named = |one: &&goldseal_core::policy::Signatory| {
            one.name.as_str() == self.key || one.key.kms() == Some(self.key.as_str())
        };
        if let Some(signatory) = policy.signatories().iter().find(named) {
            return Ok(signatory.key.digest());
        }
        if let Ok(sha256) = digest(&self.key) {
            return Ok(sha256);
        }
        if self.key.starts_with("awskms:") {
            self.key.parse::<KeyUri>().map(drop).context("reading the key's URI")?;
            let answer = session.keys().public_key(&self.key).await;
            return match answer.with_context(|| format!("asking for {}", self.key))? {
                KeyAnswer::Enabled { spki } => Ok(Sha256Digest::of(&spki)),
                KeyAnswer::Withdrawn { state } => {
                    bail!("{} is {state}, so KMS does not show it: name the authority, or its SHA-256", self.key)
                }
            };
        }
        let path = Path::new(&self.key);
        if !path.exists() {
            bail!("{:?} is no authority of the policy, no SHA-256, no awskms: URI, and no file", self.key);
        }
        let pem = files::read_text(path, LARGEST_KEY)?;
        let key = PublicKey::from_pem(&pem, None).with_context(|| format!("reading {}", path.display()))?;
        Ok(key.digest())
    }
}
