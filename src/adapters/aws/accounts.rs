//! The accounts of a fleet and a session in each: the caller's own, a list, those of profiles, or an organization; roles are
//! assumed once.

use std::{collections::BTreeMap, fmt};

use aws_config::sts::AssumeRoleProvider;
use aws_sdk_organizations::types::AccountState;
use goldseal_core::{
    fleet::Place,
    ids::{AccountId, Region},
    ports::{Account, Fleets, PortError, PortErrorKind},
};
use tokio::sync::Mutex;

use super::{AwsConfig, fault, pages, running::RunningIn};

const ORGANIZATION: &str = "organizations:ListAccounts";
const REGIONS: &str = "ec2:DescribeRegions";
const PROFILE: &str = "sts:GetCallerIdentity";

/// What a session is called in the logs of the account that it is in.
const SESSION: &str = "goldseal-audit";

/// Which accounts are looked at.
#[derive(Debug, Clone)]
pub enum Chosen {
    /// The caller's.
    Own,
    /// These.
    These(Vec<Account>),
    /// All that are active in the caller's organization.
    Organization,
    /// The one of each of these profiles, with its own credentials.
    Profiles(Vec<(String, AwsConfig)>),
}

/// The role that is assumed in each account that is not the caller's.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its name, with its path, such as `goldseal/audit`.
    pub name: String,
    /// What it asks for, so that nobody else can have us assume it.
    pub external_id: Option<String>,
}

/// See the module.
pub struct Accounts {
    aws: AwsConfig,
    chosen: Chosen,
    role: Option<Role>,
    regions: Vec<Region>,
    sessions: Mutex<BTreeMap<AccountId, AwsConfig>>,
}

impl Accounts {
    /// Asks with these settings. Without regions, all that an account has enabled are looked at.
    pub fn new(aws: &AwsConfig, chosen: Chosen, role: Option<Role>, regions: Vec<Region>) -> Self {
        Self { aws: aws.clone(), chosen, role, regions, sessions: Mutex::default() }
    }

    /// Returns all that says which answers there are: accounts, role and regions.
    pub fn selection(&self) -> impl fmt::Debug {
        (&self.chosen, &self.role, &self.regions)
    }

    /// Returns the settings of somebody in an account. Credentials are asked for by the first call, and kept.
    pub(super) async fn session(&self, account: &AccountId) -> Result<AwsConfig, PortError> {
        if let Some(session) = self.sessions.lock().await.get(account) {
            return Ok(session.clone());
        }
        if *account == self.aws.account().await? {
            return Ok(self.aws.clone());
        }
        let Some(role) = &self.role else {
            let why = "it is not the caller's, and no role is named that could be assumed there: give --role NAME";
            return Err(PortError::new(PortErrorKind::Refused, "sts:AssumeRole", account).because(why));
        };
        let mut sessions = self.sessions.lock().await;
        if let Some(session) = sessions.get(account) {
            return Ok(session.clone());
        }
        let session = self.aws.assuming(account, role).await?;
        sessions.insert(account.clone(), session.clone());
        Ok(session)
    }

    /// Asks each profile whose it is, and keeps its session.
    async fn of_profiles(&self, profiles: &[(String, AwsConfig)]) -> Result<Vec<Account>, PortError> {
        let (mut sessions, mut found) = (self.sessions.lock().await, Vec::new());
        sessions.clear();
        for (name, session) in profiles {
            let resource = format!("profile {name}");
            let id = session.account().await.map_err(|error| PortError { resource: resource.clone(), ..error })?;
            if sessions.insert(id.clone(), session.clone()).is_some() {
                let why = format!("another profile before it is of the account {id} too");
                return Err(PortError::new(PortErrorKind::Refused, PROFILE, resource).because(why));
            }
            found.push(Account { id, name: Some(name.clone()) });
        }
        Ok(found)
    }

    async fn organization(&self) -> Result<Vec<Account>, PortError> {
        let organizations = self.aws.organizations(&self.aws.region().await?);
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            let answer = organizations.list_accounts().set_next_token(page.clone()).send().await;
            let answer = answer.map_err(|error| fault::port_error(&error, ORGANIZATION, "the organization"))?;
            for account in answer.accounts.unwrap_or_default() {
                // An account that is suspended or closed runs nothing and lets nobody in.
                if account.state().is_some_and(|state| *state != AccountState::Active) {
                    continue;
                }
                let id = account.id().unwrap_or_default().parse().map_err(|fault| {
                    let why = format!("Id: {fault}");
                    PortError::new(PortErrorKind::Malformed, ORGANIZATION, "the organization").because(why)
                })?;
                found.push(Account { id, name: account.name });
            }
            page = pages::next(ORGANIZATION, "the organization", page.as_deref(), answer.next_token)?;
            if page.is_none() {
                return Ok(found);
            }
        }
    }
}

impl Fleets for Accounts {
    type View = RunningIn;

    async fn accounts(&self) -> Result<Vec<Account>, PortError> {
        match &self.chosen {
            Chosen::Own => Ok(vec![Account { id: self.aws.account().await?, name: None }]),
            Chosen::These(accounts) => Ok(accounts.clone()),
            Chosen::Organization => self.organization().await,
            Chosen::Profiles(profiles) => self.of_profiles(profiles).await,
        }
    }

    async fn regions(&self, account: &AccountId) -> Result<Vec<Region>, PortError> {
        if !self.regions.is_empty() {
            return Ok(self.regions.clone());
        }
        let session = self.session(account).await?;
        // Without AllRegions these are the ones that are enabled.
        let answer = session.ec2(&session.region().await?).describe_regions().send().await;
        let answer = answer.map_err(|error| fault::port_error(&error, REGIONS, account))?;
        let named = answer.regions.unwrap_or_default().into_iter().filter_map(|region| region.region_name);
        let region = |name: String| {
            let malformed =
                |fault| PortError::new(PortErrorKind::Malformed, REGIONS, account).because(format!("{fault}"));
            name.parse().map_err(|fault: goldseal_core::ids::NotAnId| malformed(fault))
        };
        named.map(region).collect()
    }

    async fn view(&self, place: &Place) -> Result<RunningIn, PortError> {
        Ok(RunningIn::new(&self.session(&place.account).await?, &place.region))
    }
}

impl AwsConfig {
    /// Returns settings with which calls are made in another account, by a role there.
    async fn assuming(&self, account: &AccountId, role: &Role) -> Result<Self, PortError> {
        let region = self.region().await?;
        let arn = format!("arn:{}:iam::{account}:role/{}", region.partition(), role.name);
        let provider = AssumeRoleProvider::builder(arn).session_name(SESSION).configure(&self.0.sdk);
        let provider = provider.region(aws_config::Region::new(region.to_string()));
        let provider = match &role.external_id {
            Some(id) => provider.external_id(id),
            None => provider,
        };
        Ok(self.with_credentials(provider.build().await))
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("chosen", &self.chosen).field("role", &self.role).finish_non_exhaustive()
    }
}
