//! Settings: what flags, the environment and a file say → merged → valid.
//!
//! A flag goes before the environment, which goes before the file (`/etc/goldseal/goldseal.toml`, or `--config`). What
//! a command cannot do without has no default, and an unknown key in the file is an error.

mod audit;
mod boot;
mod fragment;
mod hook;
mod overrides;
mod place;

use std::path::{Path, PathBuf};

use goldseal_core::ids::{HookName, Region};

pub use self::{
    audit::AuditFragment,
    boot::{BootFragment, BootSettings, DescribeImages},
    fragment::Fragment,
    hook::{DEADLINE, EnrollSettings, HookFragment, HookSettings},
    overrides::CarriedOverrides,
};
use crate::{adapters::store::StoreUrl, files::FileError};

const SYSTEM_FILE: &str = "/etc/goldseal/goldseal.toml";

/// Settings that are valid.
#[derive(Debug, Clone)]
pub struct Settings {
    store: Option<StoreUrl>,
    policy: Option<PathBuf>,
    written_policy: Option<PathBuf>,
    /// The region of images that are named without one, when it is not the AWS settings'.
    pub region: Option<Region>,
    /// Certificate authorities of stores.
    pub ca_file: Option<PathBuf>,
    /// Where overrides are carried, past the store.
    pub overrides: CarriedOverrides,
    receipts: Option<StoreUrl>,
    /// The key that signs receipts, as the file says it.
    pub receipt_key: Option<String>,
    hook: HookFragment,
    boot: BootFragment,
    /// What the file says of the audit.
    pub audit: AuditFragment,
}

/// Settings that are not valid.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not one of settings.
    #[error("{path}:{line}:{column}: {message}")]
    Toml {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The character in it, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// The store is not one.
    #[error("the setting `store`: {0}")]
    Store(String),
    /// A place for overrides is none.
    #[error("the setting `overrides`: {0}")]
    Overrides(String),
    /// Receipts cannot be kept there.
    #[error("the setting `receipts`: {0}")]
    Receipts(String),
    /// A setting of the launch hook is wrong.
    #[error("the setting `hook.{key}`: {problem}")]
    Hook {
        /// Its key.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A setting of the boot guard is wrong.
    #[error("the setting `{key}`, at boot: {problem}")]
    Boot {
        /// Its key.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The last audit cannot be kept there.
    #[error("`--state`: {problem}")]
    State {
        /// What is wrong.
        problem: String,
    },
    /// A command needs a setting that nobody gave.
    #[error("no {what} is set")]
    Missing {
        /// Which.
        what: &'static str,
        /// How to set it.
        hint: &'static str,
    },
}

impl Settings {
    /// Merges flags and environment with the settings file: the one named, or the system's if it is there.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn load(given: Fragment, config: Option<&Path>) -> Result<Self, SettingsError> {
        let file = match config {
            Some(path) => fragment::read(path)?,
            // What is there and cannot be read is an error, not an absence.
            None => match Path::new(SYSTEM_FILE).try_exists() {
                Ok(false) => Fragment::default(),
                Ok(true) | Err(_) => fragment::read(Path::new(SYSTEM_FILE))?,
            },
        };
        Self::merge(given, file)
    }

    fn merge(given: Fragment, file: Fragment) -> Result<Self, SettingsError> {
        let store = given.store.or(file.store).map(|url| url.parse::<StoreUrl>()).transpose();
        let store = store.map_err(|error| SettingsError::Store(error.to_string()))?;
        let receipts = given.receipts.or(file.receipts).map(|text| receipts(&text, store.as_ref())).transpose()?;
        Ok(Self {
            store,
            receipts,
            receipt_key: file.receipt_key,
            policy: given.policy.or_else(|| file.policy.clone()),
            written_policy: file.policy,
            region: given.region.or(file.region),
            ca_file: given.ca_file.or(file.ca_file),
            overrides: CarriedOverrides::merge(&given.overrides, &file.overrides)?,
            hook: file.hook,
            boot: file.boot,
            audit: file.audit,
        })
    }

    /// Returns the store.
    ///
    /// # Errors
    /// [`SettingsError::Missing`].
    pub fn store(&self) -> Result<&StoreUrl, SettingsError> {
        let hint =
            "give --store URL, set GOLDSEAL_STORE, or write `store = \"s3://bucket/prefix\"` into the settings file";
        self.store.as_ref().ok_or(SettingsError::Missing { what: "store", hint })
    }

    /// Returns where receipts are kept, if they are.
    pub fn receipts(&self) -> Option<&StoreUrl> {
        self.receipts.as_ref()
    }

    /// Returns the settings of the launch hook, of which `given` are its flags.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn hook(&self, given: HookFragment) -> Result<HookSettings, SettingsError> {
        HookSettings::merge(given, self.hook.clone(), self.store()?)
    }

    /// Returns what an enrolment takes of the hook's settings, of which `given` and `named` are its flags.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn enroll(&self, given: HookFragment, named: Option<HookName>) -> Result<EnrollSettings, SettingsError> {
        EnrollSettings::merge(given, self.hook.clone(), named)
    }

    /// Returns the settings of the boot guard.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn boot(&self) -> Result<BootSettings, SettingsError> {
        BootSettings::of(self.boot.clone(), self.store()?)
    }

    /// Returns where the hook keeps its state.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn state(&self, given: Option<String>) -> Result<StoreUrl, SettingsError> {
        hook::state(given.or_else(|| self.hook.state.clone()), None)
    }

    /// Reads where the last audit is kept.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn audit_state(&self, given: &str) -> Result<StoreUrl, SettingsError> {
        audit::state(given, self.store.as_ref())
    }

    /// Returns the policy's file.
    ///
    /// # Errors
    /// [`SettingsError::Missing`].
    pub fn policy(&self) -> Result<&Path, SettingsError> {
        let hint = "give --policy FILE, set GOLDSEAL_POLICY, or write `policy = \"/path\"` into the settings file; \
                    without a policy nothing is admitted";
        self.policy.as_deref().ok_or(SettingsError::Missing { what: "policy", hint })
    }

    /// Returns the file of the policy that is in force where a flag names another one: that of the environment, or else of
    /// the settings file.
    ///
    /// # Errors
    /// [`SettingsError::Missing`].
    pub fn policy_in_force(&self, environment: Option<PathBuf>) -> Result<PathBuf, SettingsError> {
        let hint = "give --against FILE, set GOLDSEAL_POLICY, or write `policy = \"/path\"` into the settings file";
        let set = environment.filter(|path| !path.as_os_str().is_empty()).or_else(|| self.written_policy.clone());
        set.ok_or(SettingsError::Missing { what: "policy to compare with", hint })
    }
}

/// Reads where receipts are kept.
fn receipts(text: &str, store: Option<&StoreUrl>) -> Result<StoreUrl, SettingsError> {
    let why = "who writes receipts must not write what is judged by";
    place::kept("receipts are", text, (store, why)).map_err(SettingsError::Receipts)
}

#[cfg(test)]
mod tests;
