//! The settings of the audit: `[audit]` in the settings file says where its fleet is. Flags go before them.

use std::path::PathBuf;

use goldseal_core::ids::Region;
use serde::Deserialize;

use super::{SettingsError, place};
use crate::adapters::store::StoreUrl;

/// Settings of the audit as the file gives them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditFragment {
    /// Every active account of the caller's organization.
    #[serde(default)]
    pub organization: bool,
    /// A file of accounts.
    pub accounts: Option<PathBuf>,
    /// The role to assume in each account.
    pub role: Option<String>,
    /// What the role asks for.
    pub external_id: Option<String>,
    /// These regions only.
    #[serde(default)]
    pub regions: Vec<Region>,
}

/// Reads where the last audit is kept. `store` is where the evidence is, which it must stay out of.
pub(super) fn state(text: &str, store: Option<&StoreUrl>) -> Result<StoreUrl, SettingsError> {
    let why = "what the audit may write must not be what it judges by";
    place::kept("state is", text, (store, why)).map_err(|problem| SettingsError::State { problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_stays_out_of_the_evidence() {
        let store = "s3://evidence/golden".parse().unwrap();
        assert_eq!(state("file:///var/lib/x", Some(&store)).unwrap().to_string(), "file:///var/lib/x");
        for (text, told) in
            [("s3://evidence/state", "where the evidence is"), ("https://x/y", "a directory"), ("nowhere", "`--state`")]
        {
            let error = state(text, Some(&store)).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        assert!(state("s3://evidence/state", None).is_ok(), "nobody judges by anything");
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        assert!(toml::from_str::<AuditFragment>("organisation = true").is_err());
        let read: AuditFragment = toml::from_str("regions = [\"eu-west-1\"]\nrole = \"audit\"").unwrap();
        assert!(read.role.is_some() && !read.organization && read.regions.len() == 1);
    }
}
