//! Whether receipts are written, and who signs them.
//!
//! What is wrong with the settings shows at the start. The key is asked for when it is first needed: whoever enforces does
//! not wait for it.

use anyhow::{Context as _, Result, anyhow};
use goldseal_core::{
    flow::Receipting,
    policy::Policy,
    ports::{PortError, ReceiptStore as _},
    trust::KeyUri,
};

use super::{
    exit::{Code, Failure},
    session::Session,
};
use crate::{
    adapters::{
        aws::{AwsConfig, KmsSigner},
        receipts::Receipts,
    },
    hook::receipts::OpensKey,
};

const KEY: &str = "GOLDSEAL_RECEIPT_KEY";
const WRITES: &str = "Write receipts to `--receipts`, signed by this KMS key: awskms:///KEY. It must sign nothing else \
                      [env: GOLDSEAL_RECEIPT_KEY=]";
const PLACE: &str = "give --receipts URL, set GOLDSEAL_RECEIPTS, or write `receipts = \"s3://bucket/prefix\"` into the \
                     settings file";

/// Whether receipts are written.
#[derive(Debug, Clone, clap::Args)]
pub struct ReceiptKey {
    /// Also of the environment, which clap must not read: what it finds there would conflict with flags.
    #[arg(long, value_name = "URI", help = WRITES)]
    receipt_key: Option<KeyUri>,
    /// Write receipts that nobody signed: they say what was decided, and prove nothing
    #[arg(long, conflicts_with = "receipt_key")]
    unsigned_receipts: bool,
}

/// Who signs the receipts that are written.
enum By {
    Key(KeyUri),
    Nobody,
}

/// Where receipts are written, and by whom they are to be signed.
#[derive(Debug)]
pub struct Keeping {
    place: Receipts,
    key: Option<LateKey>,
}

/// A key that is not asked for yet.
#[derive(Debug, Clone)]
pub struct LateKey {
    aws: AwsConfig,
    uri: KeyUri,
}

/// Where receipts are written, and who signs them.
#[derive(Debug)]
pub struct Signing {
    place: Receipts,
    signer: Option<KmsSigner>,
}

impl ReceiptKey {
    /// Looks for mistakes in the settings; nobody is asked.
    ///
    /// # Errors
    /// A key that is none, or receipts to write and no place for them.
    pub fn check(&self, session: &Session) -> Result<(), Failure> {
        self.by(session).map(drop)
    }

    fn by(&self, session: &Session) -> Result<Option<By>, Failure> {
        let by = if self.unsigned_receipts {
            By::Nobody
        } else {
            match self.key(session)? {
                Some(key) => By::Key(key),
                None => return Ok(None),
            }
        };
        if session.settings.receipts().is_none() {
            let failure = Failure::from(anyhow!("receipts are to be written, and no place for them is set"));
            return Err(failure.hint(PLACE));
        }
        Ok(Some(by))
    }

    /// Returns the key: of the flag, else of the environment, else of the file.
    fn key(&self, session: &Session) -> Result<Option<KeyUri>> {
        if let Some(key) = &self.receipt_key {
            return Ok(Some(key.clone()));
        }
        let parse = |text: &str, of: &str| text.parse::<KeyUri>().map_err(|fault| anyhow!("{of}: {fault}"));
        match (variable(KEY)?, &session.settings.receipt_key) {
            (Some(text), _) => parse(&text, KEY).map(Some),
            (None, Some(text)) => parse(text, "the setting `receipt_key`").map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Opens the place, where receipts are to be written.
    ///
    /// # Errors
    /// Those of [`Self::check`], and a place that cannot be opened.
    pub async fn open(&self, session: &Session) -> Result<Option<Keeping>, Failure> {
        let Some(by) = self.by(session)? else { return Ok(None) };
        let Some(place) = session.receipts().await? else { return Ok(None) };
        let key = match by {
            By::Key(uri) => Some(LateKey { aws: session.aws().await.clone(), uri }),
            By::Nobody => None,
        };
        Ok(Some(Keeping { place, key }))
    }
}

/// Reads a variable of the environment that goes behind flags which clap would take it to conflict with.
///
/// # Errors
/// When it is not text.
pub fn variable(name: &str) -> Result<Option<String>> {
    let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    value.into_string().map(Some).map_err(|value| anyhow!("{name} is not UTF-8 text: {}", value.display()))
}

/// Says whether a policy requires receipts, and none are looked for anywhere.
pub fn missing_place(session: &Session, policy: &Policy) -> bool {
    policy.receipts().is_some_and(|rule| rule.required.is_some()) && session.settings.receipts().is_none()
}

/// Insists on a place for receipts, where the policy requires one of every image.
///
/// # Errors
/// Without it nothing would ever be admitted.
pub fn required_place(session: &Session, policy: &Policy) -> Result<(), Failure> {
    if missing_place(session, policy) {
        let message = "the policy requires a receipt of every image, and no place for receipts is set: nothing would be \
                       admitted";
        return Err(Failure::new(Code::Usage, message).hint(PLACE));
    }
    Ok(())
}

impl Keeping {
    /// Says whether somebody is to sign them.
    pub const fn is_signed(&self) -> bool {
        self.key.is_some()
    }

    /// Takes it apart for who goes on writing.
    pub fn into_parts(self) -> (Receipts, Option<LateKey>) {
        (self.place, self.key)
    }

    /// Opens the key.
    ///
    /// # Errors
    /// When it cannot be asked for, or does not sign.
    pub async fn sign(self) -> Result<Signing> {
        let signer = match &self.key {
            Some(key) => Some(key.open().await.with_context(|| format!("opening {}", key.uri))?),
            None => None,
        };
        Ok(Signing { place: self.place, signer })
    }
}

impl OpensKey for LateKey {
    type Signer = KmsSigner;

    async fn open(&self) -> Result<KmsSigner, PortError> {
        KmsSigner::open(&self.aws, &self.uri, None).await
    }
}

impl Signing {
    /// Returns where they are written, for people.
    pub fn place(&self) -> String {
        self.place.locate()
    }

    /// Says whether somebody signs them.
    pub const fn is_signed(&self) -> bool {
        self.signer.is_some()
    }

    /// Returns who makes receipts of what is in a state.
    pub fn receipting<'a, T>(&'a self, state: &'a T) -> Receipting<'a, T, Receipts, KmsSigner> {
        Receipting { state, receipts: &self.place, signer: self.signer.as_ref() }
    }
}
