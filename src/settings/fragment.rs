//! Settings as one source gives them.

use std::path::{Path, PathBuf};

use goldseal_core::ids::Region;
use serde::Deserialize;

use super::{AuditFragment, BootFragment, HookFragment, SettingsError};
use crate::files;

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

pub(super) fn read(path: &Path) -> Result<Fragment, SettingsError> {
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
