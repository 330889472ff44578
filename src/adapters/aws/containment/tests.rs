use super::*;
use crate::adapters::{
    aws::{Chosen, fleet::Fleet},
    cloud::cloud,
};

struct Scene {
    fleet: Fleet,
    ec2: Accounts,
    place: Place,
    instance: InstanceId,
    group: String,
}

/// Lets an instance run, and makes the group `quarantine` in its VPC.
async fn scene(account: &str, tags: &str) -> Scene {
    let fleet = Fleet::new(account).await;
    let order =
        format!(r#"{{"image":"{}","count":1,"account":"{account}","region":"us-east-1","tags":{tags}}}"#, fleet.image);
    let (status, told) = cloud().send("POST", "/localaws/fleet", &order);
    assert_eq!(status, 200, "{told}");
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let instance: InstanceId = told["instances"][0][0].as_str().unwrap().parse().unwrap();
    let place = Place { account: account.parse().unwrap(), region: fleet.region.clone() };
    let ec2 = Accounts::new(&fleet.aws, Chosen::Own, None, Vec::new());
    let client = fleet.aws.ec2(&fleet.region);
    let vpc = client.describe_vpcs().send().await.unwrap().vpcs()[0].vpc_id().unwrap().to_owned();
    let made = client.create_security_group().group_name("quarantine").description("nothing in or out").vpc_id(vpc);
    let group = made.send().await.unwrap().group_id.unwrap();
    Scene { fleet, ec2, place, instance, group }
}

impl Scene {
    async fn shown(&self, means: &Means) -> Shown {
        self.ec2.shown(&self.place, std::slice::from_ref(&self.instance), means).await.unwrap()
    }

    async fn held(&self) -> Held {
        self.shown(&Means::Terminate).await.instances.remove(&self.instance).unwrap()
    }

    fn action(&self, step: Step) -> Action {
        Action { place: self.place.clone(), instance: self.instance.clone(), step }
    }
}

#[tokio::test]
async fn an_interface_is_moved_and_remembers_where_it_was() {
    let scene = scene("620000000071", r#"{"goldseal:quarantine":"allow"}"#).await;
    let shown = scene.shown(&Means::Isolate("quarantine".to_owned())).await;
    let held = &shown.instances[&scene.instance];
    let before = held.interfaces[0].clone();
    assert!(held.consents && !held.ended && !before.groups.is_empty(), "{held:?}");
    assert_eq!(shown.groups.get(&before.vpc), Some(&scene.group));

    let moved = Move { interface: before.clone(), group: scene.group.clone() };
    scene.ec2.act(&scene.action(Step::Isolate(vec![moved]))).await.unwrap();
    assert_eq!(scene.held().await.interfaces[0].groups, std::slice::from_ref(&scene.group));
    let client = scene.fleet.aws.ec2(&scene.fleet.region);
    let told = client.describe_network_interfaces().network_interface_ids(&before.id).send().await.unwrap();
    let tag = told.network_interfaces()[0].tag_set().iter().find(|tag| tag.key() == Some(GROUPS_BEFORE[0]));
    assert_eq!(tag.and_then(Tag::value), Some(before.groups.join(" ").as_str()));
}

#[tokio::test]
async fn an_interface_that_cannot_be_remembered_is_not_moved() {
    let scene = scene("620000000072", "{}").await;
    let before = scene.held().await.interfaces[0].clone();
    scene.fleet.order("ec2", "CreateTags", r#""status":403,"code":"UnauthorizedOperation""#);
    let moved = Move { interface: before.clone(), group: scene.group.clone() };
    let error = scene.ec2.act(&scene.action(Step::Isolate(vec![moved]))).await.unwrap_err();
    assert_eq!((error.kind, error.operation), (PortErrorKind::Denied, TAG));
    assert_eq!(scene.held().await.interfaces[0].groups, before.groups);
}

#[tokio::test]
async fn an_instance_ends_and_consent_is_the_exact_tag() {
    for (account, tags) in
        [("620000000073", r#"{"goldseal:quarantine":"deny"}"#), ("620000000074", r#"{"goldseal:Quarantine":"allow"}"#)]
    {
        let scene = scene(account, tags).await;
        assert!(!scene.held().await.consents);
        scene.ec2.act(&scene.action(Step::Terminate)).await.unwrap();
        assert!(scene.held().await.ended);
    }
}

#[test]
fn all_groups_of_an_interface_fit_into_its_tags() {
    let groups: Vec<String> = (0..16).map(|number| format!("sg-{number:017x}")).collect();
    let tags = tags(&groups);
    let told: Vec<&str> = tags.iter().flat_map(|tag| tag.value().unwrap().split(' ')).collect();
    assert_eq!(told, groups);
    assert!(tags.iter().all(|tag| tag.value().unwrap().len() <= 256));
}
