//! `goldseal override countersign`: the second signature, by another person with another key.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::PathBuf,
};

use anyhow::Result;
use goldseal_core::{
    attestation::join,
    digest::Sha256Digest,
    flow::overrides::{countersign, read, report},
    ports::Signer as _,
    report::{KeyReport, OverrideStep, OverridesReport},
};
use jiff::Timestamp;

use super::{Found, Named, keys_of, policy_of, put, split};
use crate::{
    cli::{
        exit::{Code, Failure},
        session::Session,
        signer::KeyArgs,
    },
    render::{self, Format},
};

const AFTER: &str = "\
Shows what the other person granted, in words, and asks. What is signed is the same statement, byte for byte.

Examples:
  goldseal override countersign override.jsonl --dangerous-local-key bob.pem
  goldseal override countersign 3f5a… --key awskms:///alias/break-glass-2
  goldseal override countersign override.jsonl --key … --yes --accept-statement 3f5a… --publish

Exit codes: 0 signed, 1 not signed, 2 usage, 3 something could not be asked.";

/// Arguments of `override countersign`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Countersign {
    /// The file of the override, or the SHA-256 of its statement, which the store or a carried file has
    #[arg(value_name = "FILE|STATEMENT")]
    named: Named,
    #[command(flatten)]
    key: KeyArgs,
    /// Write it, with all its signatures, to this file [default: the file that was named, or else the store]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Add it to the overrides of the store as well
    #[arg(long)]
    publish: bool,
    /// Do not ask; only with the statement that is signed
    #[arg(long, requires = "accept_statement")]
    yes: bool,
    /// The statement that was looked at; anything else is refused
    #[arg(long, value_name = "SHA256", requires = "yes")]
    accept_statement: Option<Sha256Digest>,
}

impl Countersign {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        self.key.given()?;
        let policy = policy_of(session)?;
        let now = Timestamp::now();
        let Found { granted, lines } = self.named.find(session, &policy, now).await?;
        let signer = self.key.open(session).await?;
        let keys = keys_of(&policy);
        let shown = report(&policy, &keys, std::slice::from_ref(&granted), OverrideStep::Shown, now);
        if !self.agreed(format, &shown, granted.statement)? {
            return Ok(Code::No);
        }
        let line = countersign(&policy, &granted, &signer).await.map_err(anyhow::Error::from)?;
        let all: Vec<Vec<u8>> = split(&lines).into_iter().chain(split(&line)).collect();
        let all = join(all.iter().map(|line| line.strip_suffix(b"\n").unwrap_or(line)));
        let file = match (&self.out, &self.named) {
            (Some(out), _) => Some(out.clone()),
            (None, Named::File(path)) => Some(path.clone()),
            (None, Named::Statement(_)) => None,
        };
        let written = put(session, file.as_deref(), self.publish || file.is_none(), (&all, &all), now).await?;
        let place = written.first().cloned().unwrap_or_default();
        let signed = read(&policy, &keys, &place, &all, now);
        let mut report = report(&policy, &keys, &signed, OverrideStep::Countersigned, now);
        report.key = Some(KeyReport::from(signer.key()));
        report.written = written;
        report.notes.extend(signer.note());
        render::overrides(format, &report)?;
        Ok(Code::Good)
    }

    /// Asks the person, or compares with the statement that they already looked at.
    fn agreed(&self, format: Format, shown: &OverridesReport, statement: Sha256Digest) -> Result<bool, Failure> {
        if format == Format::Human || !self.yes {
            render::overrides(format, shown)?;
        }
        if self.yes {
            if self.accept_statement == Some(statement) {
                return Ok(true);
            }
            let message = format!("it is the statement sha256 {statement}, which --accept-statement does not name");
            return Err(Failure::new(Code::No, message).hint("look at it again: it is another override"));
        }
        if format != Format::Human {
            return Ok(false);
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            let hint = "on a terminal it asks; else give --yes with --accept-statement SHA256";
            return Err(Failure::new(Code::No, "not signed: there is nobody to ask").hint(hint));
        }
        let mut terminal = io::stderr();
        // In one piece: what is typed ahead shows up between pieces.
        terminal.write_all(b"Type `countersign` to let this pass: ")?;
        terminal.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(answer.trim() == "countersign")
    }
}
