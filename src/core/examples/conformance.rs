//! The command line that [sigstore-conformance] drives, over goldseal's own trust code:
//!
//! ```text
//! conformance verify-bundle --bundle FILE --key PEM [--trusted-root FILE | --staging] FILE|sha256:HEX
//! ```
//!
//! Exit 0: verified. 1: refused, with `refused: CODE: message` on stderr. 2: it could not be asked like that. Keyless
//! questions (`--certificate-identity …`) are refused, since goldseal has no authority that stands for a certificate.
//!
//! [sigstore-conformance]: https://github.com/sigstore/sigstore-conformance

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    reason = "the inside touches no files; this example stands outside"
)]

#[path = "conformance/judge.rs"]
mod judge;

use std::{env, fs::File, io::Read as _, process::ExitCode};

use goldseal_core::{attestation::EVIDENCE_LIMITS, trust::PublicKey};
use judge::{Artifact, Refusal, judge};
use sigstore_verify::trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT};

const USAGE: &str =
    "usage: conformance verify-bundle --bundle FILE --key PEM [--trusted-root FILE | --staging] FILE|sha256:HEX";

/// Bytes that are read of each file at most.
const KEY: usize = 64 << 10;
const TRUSTED_ROOT: usize = 4 << 20;
const ARTIFACT: usize = 128 << 20;

fn main() -> ExitCode {
    match run(env::args().skip(1)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(Refusal { code, message })) => {
            eprintln!("refused: {code}: {}", message.replace('\n', " "));
            ExitCode::from(1)
        }
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

#[derive(Default)]
struct Question {
    bundle: Option<String>,
    key: Option<String>,
    trusted_root: Option<String>,
    staging: bool,
    keyless: bool,
    artifact: Option<String>,
}

fn run(arguments: impl Iterator<Item = String>) -> Result<Result<(), Refusal>, String> {
    let asked = question(arguments)?;
    if asked.keyless {
        let message = "keyless signing: no key is given".to_owned();
        return Ok(Err(Refusal { code: "signer-unknown", message }));
    }
    let bundle = read(&asked.bundle.ok_or("--bundle is missing")?, EVIDENCE_LIMITS.line)?;
    let key = text(&asked.key.ok_or("--key is missing")?, KEY)?;
    let key = PublicKey::from_pem(&key, None).map_err(|fault| fault.to_string())?;
    let trusted_root = match (asked.trusted_root, asked.staging) {
        (Some(path), false) => text(&path, TRUSTED_ROOT)?,
        (None, false) => SIGSTORE_PRODUCTION_TRUSTED_ROOT.to_owned(),
        (None, true) => SIGSTORE_STAGING_TRUSTED_ROOT.to_owned(),
        (Some(_), true) => return Err("--trusted-root and --staging exclude each other".to_owned()),
    };
    let artifact = asked.artifact.ok_or("the artifact is missing")?;
    let artifact = match artifact.strip_prefix("sha256:") {
        Some(digest) => Artifact::Digest(digest.parse().map_err(|fault| format!("{fault}"))?),
        None => Artifact::Bytes(read(&artifact, ARTIFACT)?),
    };
    Ok(judge(&bundle, &key, &trusted_root, &artifact))
}

fn question(mut arguments: impl Iterator<Item = String>) -> Result<Question, String> {
    if arguments.next().as_deref() != Some("verify-bundle") {
        return Err("the one command is verify-bundle".to_owned());
    }
    let mut asked = Question::default();
    while let Some(argument) = arguments.next() {
        let slot = match argument.as_str() {
            "--staging" => {
                asked.staging = true;
                continue;
            }
            "--certificate-identity" | "--certificate-oidc-issuer" => {
                asked.keyless = true;
                &mut None
            }
            "--bundle" => &mut asked.bundle,
            "--key" => &mut asked.key,
            "--trusted-root" => &mut asked.trusted_root,
            flag if flag.starts_with("--") => return Err(format!("{flag} is unknown")),
            _ => {
                if asked.artifact.replace(argument).is_some() {
                    return Err("two artifacts".to_owned());
                }
                continue;
            }
        };
        let value = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
        if slot.replace(value).is_some() {
            return Err(format!("{argument} is given twice"));
        }
    }
    Ok(asked)
}

fn read(path: &str, limit: usize) -> Result<Vec<u8>, String> {
    let fault = |e: std::io::Error| format!("reading {path}: {e}");
    let mut bytes = Vec::new();
    let more = u64::try_from(limit).map_or(u64::MAX, |limit| limit.saturating_add(1));
    File::open(path).map_err(fault)?.take(more).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() > limit { Err(format!("reading {path}: more than {limit} bytes")) } else { Ok(bytes) }
}

fn text(path: &str, limit: usize) -> Result<String, String> {
    String::from_utf8(read(path, limit)?).map_err(|e| format!("reading {path}: {e}"))
}
