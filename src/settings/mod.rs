//! Settings: what flags, the environment and a file say → merged → valid.
//!
//! A flag goes before the environment, which goes before the file (`/etc/goldseal/goldseal.toml`, or `--config`). What
//! a command cannot do without has no default, and an unknown key in the file is an error.

mod audit;
mod boot;
mod hook;

use std::path::{Path, PathBuf};

use goldseal_core::ids::{HookName, Region};
use serde::Deserialize;

use crate::{
    adapters::{
        carried::CarriedPlace,
        store::{NotAStoreUrl, StoreUrl},
    },
    files::{self, FileError},
};

pub use self::{
    audit::AuditFragment,
    boot::{BootFragment, BootSettings, DescribeImages},
    hook::{DEADLINE, EnrollSettings, HookFragment, HookSettings},
};

const SYSTEM_FILE: &str = "/etc/goldseal/goldseal.toml";
const LARGEST: usize = 64 << 10;

/// Settings as one source gives them. Flags and the environment come as one of these, the file as another.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct Fragment {
    /// Where evidence is kept: file:///dir, s3://bucket/prefix, oci://registry/repo or https://host/path (read only)
    #[arg(long, value_name = "URL", env = "GOLDSEAL_STORE", global = true, help_heading = "Settings")]
    pub store: Option<String>,
    /// The policy document
    #[arg(long, value_name = "FILE", env = "GOLDSEAL_POLICY", global = true, help_heading = "Settings")]
    pub policy: Option<PathBuf>,
    /// The region of images that are named without one [default: the AWS settings' region]
    #[arg(long, value_name = "REGION", env = "GOLDSEAL_REGION", global = true, help_heading = "Settings")]
    pub region: Option<Region>,
    /// A PEM file of certificate authorities that https and oci stores trust beside those of the system
    #[arg(long, value_name = "FILE", env = "GOLDSEAL_CA_FILE", global = true, help_heading = "Settings")]
    pub ca_file: Option<PathBuf>,
    /// Overrides that are carried past the store: a file, or a store that is still there; several with commas
    #[arg(
        long = "overrides",
        value_name = "FILE|URL",
        env = "GOLDSEAL_OVERRIDES",
        value_delimiter = ',',
        global = true,
        help_heading = "Settings"
    )]
    #[serde(default)]
    pub overrides: Vec<String>,
    /// Where receipts are kept: file:///dir or s3://bucket/prefix, not where the evidence is
    #[arg(long, value_name = "URL", env = "GOLDSEAL_RECEIPTS", global = true, help_heading = "Settings")]
    pub receipts: Option<String>,
    /// The key that signs receipts; its flag is that of the commands that write some.
    #[arg(skip)]
    pub receipt_key: Option<String>,
    /// What only the launch hook needs; its flags are its command's.
    #[arg(skip)]
    #[serde(default)]
    pub hook: HookFragment,
    /// What only the boot guard needs.
    #[arg(skip)]
    #[serde(default)]
    pub boot: BootFragment,
    /// What only the audit needs.
    #[arg(skip)]
    #[serde(default)]
    pub audit: AuditFragment,
}

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

/// Where overrides are carried, past the store.
#[derive(Debug, Clone, Default)]
pub struct CarriedOverrides {
    /// The places.
    pub places: Vec<CarriedPlace>,
    /// A flag or the environment names them: a file that is not there is then a mistake. One that the settings file names
    /// may be put there when it is needed.
    pub named: bool,
    written: Vec<CarriedPlace>,
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
            Some(path) => fragment(path)?,
            // What is there and cannot be read is an error, not an absence.
            None => match Path::new(SYSTEM_FILE).try_exists() {
                Ok(false) => Fragment::default(),
                Ok(true) | Err(_) => fragment(Path::new(SYSTEM_FILE))?,
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
        hook::state(given.or_else(|| self.hook.state.clone()))
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

impl CarriedOverrides {
    fn merge(given: &[String], file: &[String]) -> Result<Self, SettingsError> {
        let (given, written) = (carried(given)?, carried(file)?);
        let named = !given.is_empty();
        Ok(Self { places: if named { given } else { written.clone() }, named, written })
    }

    /// Returns the places that are in force where a flag names others: those of the environment, or else of the settings
    /// file.
    ///
    /// # Errors
    /// [`SettingsError::Overrides`].
    pub fn in_force(&self, environment: Option<String>) -> Result<Self, SettingsError> {
        let given: Vec<String> = environment.iter().flat_map(|text| text.split(',')).map(str::to_owned).collect();
        let (given, written) = (carried(&given)?, self.written.clone());
        let named = !given.is_empty();
        Ok(Self { places: if named { given } else { written.clone() }, named, written })
    }
}

fn carried(places: &[String]) -> Result<Vec<CarriedPlace>, SettingsError> {
    let places = places.iter().filter(|place| !place.is_empty());
    let parsed = places.map(|place| place.parse::<CarriedPlace>());
    parsed.collect::<Result<_, _>>().map_err(|error| SettingsError::Overrides(error.to_string()))
}

/// Reads where receipts are kept.
fn receipts(text: &str, store: Option<&StoreUrl>) -> Result<StoreUrl, SettingsError> {
    let invalid = SettingsError::Receipts;
    let url: StoreUrl = text.parse().map_err(|fault: NotAStoreUrl| invalid(fault.to_string()))?;
    if !url.holds_state() {
        let why = "receipts are kept in a directory (file:///dir) or in S3 (s3://bucket/prefix)";
        return Err(invalid(format!("{url}: {why}")));
    }
    if store.is_some_and(|store| url.overlaps(store)) {
        let why = "is where the evidence is: who writes receipts must not write what is judged by";
        return Err(invalid(format!("{url} {why}")));
    }
    Ok(url)
}

fn fragment(path: &Path) -> Result<Fragment, SettingsError> {
    let text = files::read_text(path, LARGEST)?;
    toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        SettingsError::Toml {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column,
            message: error.message().to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_goes_before_the_file_and_absence_is_said() {
        let given = Fragment { store: Some("file:///flag".into()), ..Fragment::default() };
        let file: Fragment =
            toml::from_str("store = 'file:///file'\npolicy = '/p.toml'\nregion = 'eu-west-1'").unwrap();
        let settings = Settings::merge(given, file).unwrap();
        assert_eq!(settings.store().unwrap().to_string(), "file:///flag");
        assert_eq!(settings.policy().unwrap(), Path::new("/p.toml"));
        let none = Settings::merge(Fragment::default(), Fragment::default()).unwrap();
        assert!(matches!(none.store(), Err(SettingsError::Missing { what: "store", .. })));
        assert!(matches!(none.policy(), Err(SettingsError::Missing { what: "policy", .. })));
    }

    #[test]
    fn the_policy_in_force_is_never_the_one_of_a_flag() {
        let given = || Fragment { policy: Some("/new.toml".into()), ..Fragment::default() };
        let file: Fragment = toml::from_str("policy = '/p.toml'").unwrap();
        let settings = Settings::merge(given(), file).unwrap();
        assert_eq!(settings.policy().unwrap(), Path::new("/new.toml"));
        assert_eq!(settings.policy_in_force(None).unwrap(), Path::new("/p.toml"));
        assert_eq!(settings.policy_in_force(Some("".into())).unwrap(), Path::new("/p.toml"));
        assert_eq!(settings.policy_in_force(Some("/e.toml".into())).unwrap(), Path::new("/e.toml"));
        let none = Settings::merge(given(), Fragment::default()).unwrap();
        assert!(matches!(none.policy_in_force(None), Err(SettingsError::Missing { .. })));
    }

    #[test]
    fn overrides_of_a_flag_go_before_those_of_the_file_and_what_is_in_force_is_told_apart() {
        let given = Fragment { overrides: vec!["flag.jsonl".into()], ..Fragment::default() };
        let file: Fragment = toml::from_str("overrides = ['/etc/x.jsonl', 's3://other/evidence']").unwrap();
        let settings = Settings::merge(given, file.clone()).unwrap().overrides;
        assert_eq!((settings.places.len(), settings.named), (1, true));
        assert_eq!(settings.in_force(None).unwrap().places.len(), 2);
        let of_environment = settings.in_force(Some("a,b,c".into())).unwrap();
        assert_eq!((of_environment.places.len(), of_environment.named), (3, true));
        let settings = Settings::merge(Fragment::default(), file).unwrap().overrides;
        assert_eq!((settings.places.len(), settings.named), (2, false));
        let given = Fragment { overrides: vec!["ftp://x".into()], ..Fragment::default() };
        assert!(matches!(Settings::merge(given, Fragment::default()), Err(SettingsError::Overrides(_))));
    }

    #[test]
    fn receipts_are_not_kept_where_the_evidence_is() {
        let merged = |receipts: &str| {
            let given = Fragment { store: Some("s3://evidence/golden".into()), ..Fragment::default() };
            Settings::merge(given, Fragment { receipts: Some(receipts.into()), ..Fragment::default() })
        };
        assert_eq!(merged("s3://receipts").unwrap().receipts().unwrap().to_string(), "s3://receipts");
        for bad in
            ["s3://evidence/golden", "s3://evidence", "s3://evidence/golden/receipts", "https://receipts.example"]
        {
            assert!(matches!(merged(bad), Err(SettingsError::Receipts(_))), "{bad}");
        }
    }

    #[test]
    fn unknown_keys_and_bad_values_are_errors() {
        for bad in ["stroe = 'x'", "region = 'Europe'", "store = 3"] {
            assert!(toml::from_str::<Fragment>(bad).is_err(), "{bad}");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        std::fs::write(&file, "store = 'file:///x'\n[hook]\n  queue = 3\n").unwrap();
        let error = Settings::load(Fragment::default(), Some(&file)).unwrap_err().to_string();
        assert!(error.ends_with("settings.toml:3:11: invalid type: integer `3`, expected a string"), "{error}");
        let given = Fragment { store: Some("ftp://x".into()), ..Fragment::default() };
        assert!(matches!(Settings::merge(given, Fragment::default()), Err(SettingsError::Store(_))));
    }
}
