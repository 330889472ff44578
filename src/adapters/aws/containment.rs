//! EC2's part in acting on what must not run: who consents, which interfaces are in which groups, and the swap or the end.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, Instance, InstanceStateName, Tag};
use goldseal_core::{
    fleet::{
        Place,
        quarantine::{Action, CONSENT, GROUPS_BEFORE, Held, Interface, Means, Move, Shown, Step},
    },
    ids::InstanceId,
    ports::{Containment, PortError, PortErrorKind},
};

use super::{Accounts, fault, pages};

const INSTANCES: &str = "ec2:DescribeInstances";
const GROUPS: &str = "ec2:DescribeSecurityGroups";
const TAG: &str = "ec2:CreateTags";
const MOVE: &str = "ec2:ModifyNetworkInterfaceAttribute";
const END: &str = "ec2:TerminateInstances";

/// A filter takes no more values.
const VALUES: usize = 200;
const PAGE: i32 = 500;
/// So many ids of groups fit into the value of a tag.
const GROUPS_A_TAG: usize = 11;

impl Containment for Accounts {
    async fn shown(&self, place: &Place, instances: &[InstanceId], means: &Means) -> Result<Shown, PortError> {
        let ec2 = self.session(&place.account).await?.ec2(&place.region);
        let mut shown = Shown::default();
        for some in instances.chunks(VALUES) {
            let values = some.iter().map(ToString::to_string).collect();
            let filter = Filter::builder().name("instance-id").set_values(Some(values)).build();
            let request = ec2.describe_instances().filters(filter).include_managed_resources(true).max_results(PAGE);
            let mut page = None;
            loop {
                let answer = request.clone().set_next_token(page.clone()).send().await;
                let answer = answer.map_err(|error| fault::port_error(&error, INSTANCES, &place.region))?;
                let told = answer.reservations.into_iter().flatten().flat_map(|one| one.instances.unwrap_or_default());
                for instance in told {
                    let id = instance.instance_id().unwrap_or_default().parse().map_err(|fault| {
                        PortError::new(PortErrorKind::Malformed, INSTANCES, &place.region).because(format!("{fault}"))
                    })?;
                    shown.instances.insert(id, held(&instance));
                }
                page = pages::next(INSTANCES, &place.region, page.as_deref(), answer.next_token)?;
                if page.is_none() {
                    break;
                }
            }
        }
        if let Means::Isolate(name) = means {
            shown.groups = groups(&ec2, place, name).await?;
        }
        Ok(shown)
    }

    async fn act(&self, action: &Action) -> Result<(), PortError> {
        let ec2 = self.session(&action.place.account).await?.ec2(&action.place.region);
        let moves = match &action.step {
            Step::Terminate => {
                let answer = ec2.terminate_instances().instance_ids(action.instance.as_str()).send().await;
                return answer.map(drop).map_err(|error| fault::port_error(&error, END, &action.instance));
            }
            Step::Isolate(moves) => moves,
        };
        for Move { interface, group } in moves {
            // What it was is written down before it is anything else.
            let tags = Some(tags(&interface.groups));
            let answer = ec2.create_tags().resources(&interface.id).set_tags(tags).send().await;
            answer.map_err(|error| fault::port_error(&error, TAG, &interface.id))?;
            let request = ec2.modify_network_interface_attribute().network_interface_id(&interface.id);
            let answer = request.groups(group).send().await;
            answer.map_err(|error| fault::port_error(&error, MOVE, &interface.id))?;
        }
        Ok(())
    }
}

async fn groups(ec2: &aws_sdk_ec2::Client, place: &Place, name: &str) -> Result<BTreeMap<String, String>, PortError> {
    let filter = Filter::builder().name("group-name").values(name).build();
    let request = ec2.describe_security_groups().filters(filter).max_results(PAGE);
    let (mut found, mut page) = (BTreeMap::new(), None);
    loop {
        let answer = request.clone().set_next_token(page.clone()).send().await;
        let answer = answer.map_err(|error| fault::port_error(&error, GROUPS, &place.region))?;
        // Filters take `*` and `?` for more than themselves.
        let named = answer.security_groups.unwrap_or_default().into_iter().filter(|one| one.group_name() == Some(name));
        found.extend(named.filter_map(|one| Some((one.vpc_id?, one.group_id?))));
        page = pages::next(GROUPS, &place.region, page.as_deref(), answer.next_token)?;
        if page.is_none() {
            return Ok(found);
        }
    }
}

fn held(instance: &Instance) -> Held {
    let (name, value) = CONSENT;
    let consents = |tag: &Tag| tag.key() == Some(name) && tag.value() == Some(value);
    let state = instance.state().and_then(|state| state.name());
    let interfaces = instance.network_interfaces().iter().filter_map(|one| {
        let groups = one.groups().iter().filter_map(|group| group.group_id().map(str::to_owned)).collect();
        Some(Interface { id: one.network_interface_id()?.to_owned(), vpc: one.vpc_id()?.to_owned(), groups })
    });
    Held {
        consents: instance.tags().iter().any(consents),
        ended: matches!(state, Some(InstanceStateName::Terminated | InstanceStateName::ShuttingDown)),
        interfaces: interfaces.collect(),
    }
}

fn tags(groups: &[String]) -> Vec<Tag> {
    let tag = |(name, some): (&str, &[String])| Tag::builder().key(name).value(some.join(" ")).build();
    GROUPS_BEFORE.into_iter().zip(groups.chunks(GROUPS_A_TAG)).map(tag).collect()
}

#[cfg(test)]
mod tests;
