//! Where a fleet is looked at: the accounts and regions that the flags of a command name, and the role to assume there.

mod accounts;

use std::path::PathBuf;

use anyhow::{Result, bail};
use goldseal_core::ids::Region;

use super::session::Session;
use crate::adapters::aws::{Accounts, Chosen, Role};

/// Arguments of whatever looks into accounts.
#[derive(Debug, clap::Args)]
pub struct AccountArgs {
    /// Look at every active account of the caller's organization
    #[arg(long, conflicts_with = "accounts")]
    organization: bool,
    /// Look at the accounts in this file: an id a line, and a name behind it if it has one
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    /// Look at the account of each of these AWS profiles, with the credentials of the profile
    #[arg(long, value_name = "PROFILE", value_delimiter = ',', conflicts_with_all = ["organization", "accounts", "role"])]
    profiles: Vec<String>,
    /// The role to assume in each account, with its path
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// What the role asks for
    #[arg(long, value_name = "ID", requires = "role")]
    external_id: Option<String>,
}

/// Arguments of whatever looks at a fleet.
#[derive(Debug, clap::Args)]
pub struct FleetArgs {
    #[command(flatten)]
    accounts: AccountArgs,
    /// Look at these regions only [default: all that an account has enabled]
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    regions: Vec<Region>,
}

impl FleetArgs {
    /// Returns the fleet that is named, by flags or by `[audit]` of the settings: without accounts, the caller's own.
    pub async fn fleet(&self, session: &Session) -> Result<Accounts> {
        let file = &session.settings.audit;
        let chosen = match self.accounts.chosen(session).await? {
            Some(chosen) => chosen,
            None => match (&file.accounts, file.organization) {
                (Some(_), true) => bail!("the settings have both `audit.accounts` and `audit.organization`: keep one"),
                (Some(file), false) => Chosen::These(accounts::read(file)?),
                (None, true) => Chosen::Organization,
                (None, false) => Chosen::Own,
            },
        };
        let regions = if self.regions.is_empty() { &file.regions } else { &self.regions };
        self.accounts.of(session, chosen, regions.clone()).await
    }
}

impl AccountArgs {
    /// Returns the accounts that the flags name: without any, the caller's own, whatever the settings of the audit say.
    pub async fn fleet(&self, session: &Session) -> Result<Accounts> {
        let chosen = self.chosen(session).await?.unwrap_or(Chosen::Own);
        self.of(session, chosen, Vec::new()).await
    }

    async fn chosen(&self, session: &Session) -> Result<Option<Chosen>> {
        if !self.profiles.is_empty() {
            let mut profiles = Vec::new();
            for name in &self.profiles {
                profiles.push((name.clone(), session.of_profile(name).await));
            }
            return Ok(Some(Chosen::Profiles(profiles)));
        }
        Ok(match (&self.accounts, self.organization) {
            (Some(file), _) => Some(Chosen::These(accounts::read(file)?)),
            (None, true) => Some(Chosen::Organization),
            (None, false) => None,
        })
    }

    async fn of(&self, session: &Session, chosen: Chosen, regions: Vec<Region>) -> Result<Accounts> {
        if let (Some(role), Chosen::Own) = (&self.role, &chosen) {
            bail!("--role {role} is assumed nowhere: name the accounts with --organization or --accounts FILE");
        }
        let file = &session.settings.audit;
        let (role, external_id) = match &self.role {
            Some(_) => (&self.role, &self.external_id),
            None => (&file.role, &file.external_id),
        };
        let role = role.clone().map(|name| Role { name, external_id: external_id.clone() });
        Ok(Accounts::new(session.aws().await, chosen, role, regions))
    }
}
