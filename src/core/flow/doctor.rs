//! `doctor`: everything that a launch hook stands on, asked for → examined → reported.
//!
//! What a hook does is tried with things that there are not: an instance, an image, a message, a process. Who may not
//! do it is told so before anybody looks whether the thing is there. Only the place for state is really written to.

mod lists;
mod tries;

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use self::tries::{looks, right, waits};
use super::{case::Case, listed::listed};
use crate::{
    doctor::{Asked, Facts, GroupFacts, KeyFacts, LaunchFacts, Launchable, Launching, Right, Unasked, Why, examine},
    ids::{AccountId, AmiId, ImageRef, NotAnId, Region},
    lifecycle::{Group, Guarded},
    policy::{Context, KeySource, Keys, Policy},
    ports::{
        Asker, EvidenceStore, Groups, ImageCatalog, Instances, KeyCatalog, LaunchQueue, Listings, PortError,
        StateStore, Templates, Waits,
    },
    report::DoctorReport,
    trust::AuthorityName,
};

/// Of so many groups that match no pattern the hooks are asked for.
const MOST_UNGUARDED: usize = 200;

/// How the hook is set up.
#[derive(Debug)]
pub struct Setup<'a> {
    /// The region that is guarded.
    pub region: &'a Region,
    /// Which groups and hooks are guarded.
    pub guarded: &'a Guarded,
    /// How long a verdict may take.
    pub deadline: SignedDuration,
    /// The policy.
    pub policy: &'a Policy,
    /// The URL of the store.
    pub store: String,
    /// The URL of the place for state.
    pub state: String,
}

/// What is asked.
#[derive(Debug)]
pub struct Asking<'a, F, I, A, Q, C, E, K, T> {
    /// Auto Scaling.
    pub fleet: &'a F,
    /// Instances and volumes.
    pub instances: &'a I,
    /// Launch templates, and who asks.
    pub account: &'a A,
    /// The queue, if one is set.
    pub queue: Option<&'a Q>,
    /// Images.
    pub catalog: &'a C,
    /// The evidence.
    pub store: &'a E,
    /// The keys of authorities.
    pub keys: &'a K,
    /// The place for state.
    pub state: &'a T,
}

/// Looks at everything, at the instant `now`.
///
/// # Errors
/// None but an id of our own that is not one.
pub async fn doctor<F, I, A, Q, C, E, K, T>(
    setup: &Setup<'_>,
    ask: &Asking<'_, F, I, A, Q, C, E, K, T>,
    now: Timestamp,
) -> Result<DoctorReport, NotAnId>
where
    F: Groups + Waits,
    I: Instances,
    A: Templates + Asker,
    Q: LaunchQueue,
    C: ImageCatalog,
    E: EvidenceStore,
    K: KeyCatalog + Listings,
    T: StateStore,
{
    let policy = setup.policy;
    let caller = asked(ask.account.caller().await);
    let ahead = asked(ask.account.ahead().await);
    let account = caller.as_ref().ok().map(|caller| caller.account.clone());
    let (keys, key_facts) = keys(policy, ask.keys).await;
    let keys = listed(policy, keys, ask.keys).await;
    let mut cases = Cases { policy, keys: Arc::new(keys), known: BTreeMap::new(), now };
    let mut rights = Vec::new();
    let fleet = fleet(setup, ask, account.as_ref(), &mut cases, &mut rights).await?;
    rights.extend(looks(setup, ask.fleet, ask.instances, ask.catalog).await?);
    let queue = match ask.queue {
        Some(queue) => Some(tries::queue(setup, queue, &mut rights).await),
        None => None,
    };
    let store = tries::store(setup, ask.store, &mut rights).await?;
    let state = tries::state(setup, ask.state, &mut rights).await;
    let revocations = lists::revocations(setup, &cases.keys, ask.keys, ask.state, &mut rights).await;
    let overrides = lists::overrides(policy, &cases.keys, now);

    let launching = Launching {
        region: setup.region.clone(),
        caller,
        deadline: setup.deadline,
        hooks: setup.guarded.hooks().cloned().collect(),
        queue: queue.as_ref().and_then(|queue| Some(queue.settings.as_ref().ok()?.arn.clone())),
        groups: fleet.groups,
        named: Ok(Vec::new()),
        again: "goldseal doctor",
    };
    let facts = Facts {
        launching,
        ahead,
        unmatched: fleet.unmatched,
        groups_left_out: fleet.left_out,
        queue,
        rights,
        keys: key_facts,
        store,
        state,
        revocations,
        overrides,
    };
    let findings = examine(&facts);

    Ok(DoctorReport::new(now, setup.region.clone(), account, findings))
}

/// The groups of the region.
struct Fleet {
    unmatched: Vec<String>,
    groups: Asked<Vec<GroupFacts>>,
    left_out: usize,
}

async fn fleet<F, I, A, Q, C, E, K, T>(
    setup: &Setup<'_>,
    ask: &Asking<'_, F, I, A, Q, C, E, K, T>,
    account: Option<&AccountId>,
    cases: &mut Cases<'_>,
    rights: &mut Vec<Right>,
) -> Result<Fleet, NotAnId>
where
    F: Groups + Waits,
    A: Templates + Asker,
    C: ImageCatalog,
    E: EvidenceStore,
{
    let listed = asked(ask.fleet.groups(None).await);
    rights.push(right("autoscaling:DescribeAutoScalingGroups", vec!["*".into()], listed.as_ref().map(drop)));
    let listed = match listed {
        Ok(listed) => listed,
        Err(fault) => return Ok(Fleet { unmatched: Vec::new(), groups: Err(fault), left_out: 0 }),
    };
    let unmatched = setup.guarded.unmatched(listed.iter().map(|group| &group.name));
    let (ours, others): (Vec<Group>, Vec<Group>) =
        listed.into_iter().partition(|group| setup.guarded.group(&group.name));
    let left_out = others.len().saturating_sub(MOST_UNGUARDED);
    let looked_at = ours.into_iter().map(|one| (one, true));
    let mut groups = Vec::new();
    for (group, guarded) in looked_at.chain(others.into_iter().take(MOST_UNGUARDED).map(|one| (one, false))) {
        let hooks = asked(ask.fleet.hooks(&group.name).await);
        rights.push(right("autoscaling:DescribeLifecycleHooks", vec!["*".into()], hooks.as_ref().map(drop)));
        let context = Context {
            account: account.cloned(),
            region: Some(setup.region.clone()),
            group: Some(group.arn.to_string()),
        };
        let mut launches = Ok(Vec::new());
        if guarded {
            rights.extend(waits(setup, ask.fleet, ask.account, &group).await?);
            launches = match asked(ask.account.launches(&group.name).await) {
                Ok(found) => Ok(cases.judge(setup.region, found, &context, ask.catalog, ask.store).await),
                Err(fault) => Err(fault),
            };
        }
        groups.push(GroupFacts { group, guarded, mode: setup.policy.mode(&context), hooks, launches });
    }
    Ok(Fleet { unmatched, groups: Ok(groups), left_out })
}

/// Keeps of a failure what can be said of it.
pub(super) fn asked<T>(answer: Result<T, PortError>) -> Asked<T> {
    answer.map_err(|error| Unasked::from(&error))
}

async fn keys(policy: &Policy, catalog: &impl KeyCatalog) -> (Keys, Vec<KeyFacts>) {
    let mut facts = Vec::new();
    for signatory in policy.signatories() {
        if let KeySource::Kms { uri, pin, .. } = &signatory.key {
            let answer = asked(catalog.public_key(uri).await);
            facts.push(KeyFacts { authority: signatory.name.clone(), uri: uri.clone(), pin: *pin, answer });
        }
    }
    let answer = |name: &AuthorityName| {
        let told = facts.iter().find(|one| one.authority == *name).map(|one| one.answer.clone());
        told.unwrap_or_else(|| Err(internal())).map_err(|fault| fault.problem)
    };
    (Keys::new(policy, answer), facts)
}

fn internal() -> Unasked {
    let problem = "not asked".to_owned();
    Unasked { operation: "kms:GetPublicKey", resource: String::new(), why: Why::Lasting, problem }
}

/// The images that groups launch, each looked at once.
struct Cases<'a> {
    policy: &'a Policy,
    keys: Arc<Keys>,
    known: BTreeMap<AmiId, Case>,
    now: Timestamp,
}

impl Cases<'_> {
    async fn judge(
        &mut self,
        region: &Region,
        found: Vec<Launchable>,
        context: &Context,
        catalog: &impl ImageCatalog,
        store: &impl EvidenceStore,
    ) -> Vec<LaunchFacts> {
        let mut launches = Vec::new();
        for found in found {
            let mut report = None;
            if let Ok(id) = &found.image {
                if !self.known.contains_key(id) {
                    let image = ImageRef { region: region.clone(), id: id.clone() };
                    let opened = Case::open(&image, catalog, store, &self.keys, None).await;
                    self.known.insert(id.clone(), opened.case);
                }
                let case = self.known.get(id);
                report = case.map(|case| case.report(self.policy, case.judge(self.policy, self.now), context));
            }
            launches.push(LaunchFacts { found, report });
        }
        launches
    }
}

#[cfg(test)]
mod tests;
