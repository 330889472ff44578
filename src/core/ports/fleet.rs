//! What an audit asks of the world: accounts, their regions, and what runs there.

use std::{collections::BTreeMap, future::Future};

use super::{ImageCatalog, PortError, Progress};
use crate::{
    doctor::{Asked, Launchable},
    fleet::{AllowedImages, Listed, Place, ReplacedRoot},
    ids::{AccountId, InstanceId, Region, VolumeId},
    lifecycle::{Group, Hook, Instance, Volume},
};

/// An account of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The account.
    pub id: AccountId,
    /// What people call it.
    pub name: Option<String>,
}

/// An Auto Scaling group, what its launches wait for, and what it launches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouped {
    /// The group.
    pub group: Group,
    /// Its lifecycle hooks.
    pub hooks: Asked<Vec<Hook>>,
    /// The images that it names.
    pub launches: Asked<Vec<Launchable>>,
}

/// Where a fleet is: accounts, their regions, and a session in each.
pub trait Fleets {
    /// One account in one region.
    type View: View + ImageCatalog;

    /// Returns the accounts that are to be looked at.
    fn accounts(&self) -> impl Future<Output = Result<Vec<Account>, PortError>> + Send;

    /// Returns the regions of an account that are to be looked at.
    fn regions(&self, account: &AccountId) -> impl Future<Output = Result<Vec<Region>, PortError>> + Send;

    /// Returns a session in an account and region.
    fn view(&self, place: &Place) -> impl Future<Output = Result<Self::View, PortError>> + Send;
}

/// What runs in one account and region.
pub trait View {
    /// Returns every instance with its image, be that deregistered, not shared any more or not allowed.
    fn listed(&self, progress: &impl Progress) -> impl Future<Output = Result<Vec<Listed>, PortError>> + Send;

    /// Returns every instance as EC2 describes it; of one that cannot be read, why.
    fn described(
        &self,
    ) -> impl Future<Output = Result<BTreeMap<InstanceId, Result<Instance, String>>, PortError>> + Send;

    /// Returns volumes; what is not in the answer is not to be seen.
    fn volumes(&self, ids: &[VolumeId]) -> impl Future<Output = Result<BTreeMap<VolumeId, Volume>, PortError>> + Send;

    /// Returns every Auto Scaling group.
    fn grouped(&self) -> impl Future<Output = Result<Vec<Grouped>, PortError>> + Send;

    /// Returns the images that launch templates and parameters name, whoever launches by them.
    fn named(&self) -> impl Future<Output = Result<Vec<Launchable>, PortError>> + Send;

    /// Returns the replacements of root volumes that EC2 knows of: those of the last days, and those under way.
    fn replaced_roots(&self) -> impl Future<Output = Result<Vec<ReplacedRoot>, PortError>> + Send;

    /// Returns what EC2's own Allowed AMIs setting is.
    fn allowed_images(&self) -> impl Future<Output = Result<AllowedImages, PortError>> + Send;
}
