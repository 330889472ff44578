//! What looks at fleets calls: the audit in the caller's account and in others, what it does about what it finds, and
//! who asks about images that run.

use aws_sdk_autoscaling::types::LaunchTemplateSpecification;
use aws_sdk_ec2::types::RequestLaunchTemplateData;
use aws_sdk_ssm::types::ParameterType;
use serde_json::json;

use super::{Caller, borrowed, names};
use crate::{
    acting::{consents, hub, unsealed},
    audit::{LOOK, admits, order, runs, scene},
    aws::{Account, REGION, wait},
    chain::Scene,
    policies::{kms, policy, trusting},
};

/// Puts into an account everything that an audit has a call for.
fn furnish(account: &Account, image: &str) {
    let name = account.ssm().put_parameter().name("/golden/base").value(image).r#type(ParameterType::String);
    wait(name.data_type("aws:ec2:image").send()).unwrap();
    let configuration = account.autoscaling().create_launch_configuration().launch_configuration_name("old");
    wait(configuration.image_id(image).instance_type("t3.micro").send()).unwrap();
    let group = account.autoscaling().create_auto_scaling_group().auto_scaling_group_name("old");
    let group = group.launch_configuration_name("old").min_size(0).max_size(0);
    wait(group.availability_zones(format!("{REGION}a")).send()).unwrap();
    let data = RequestLaunchTemplateData::builder().image_id(image).instance_type("t3.micro".into()).build();
    let template = account.ec2().create_launch_template().launch_template_name("web");
    wait(template.launch_template_data(data).send()).unwrap();
    let template = LaunchTemplateSpecification::builder().launch_template_name("web").version("1").build();
    let group = account.autoscaling().create_auto_scaling_group().auto_scaling_group_name("web");
    let group = group.launch_template(template).min_size(0).max_size(2).desired_capacity(0);
    wait(group.availability_zones(format!("{REGION}a")).send()).unwrap();
    let data = RequestLaunchTemplateData::builder().image_id("resolve:ssm:/golden/base").build();
    let template = account.ec2().create_launch_template().launch_template_name("named");
    wait(template.launch_template_data(data).send()).unwrap();
    let pool = account.autoscaling().put_warm_pool().auto_scaling_group_name("web");
    wait(pool.min_size(0).max_group_prepared_capacity(1).send()).unwrap();
}

#[test]
fn an_audit_needs_its_documents_and_no_more() {
    let scene = scene();
    let Scene { account, goldseal, key } = &scene;
    let member = Account::new();
    let ids = json!([{"id": member.id, "name": "shop"}]);
    order("organization", &json!({"management": account.id, "accounts": ids}));
    admits(&member, account, "7f3c");
    goldseal.write("policy.toml", policy(&[("ci", kms("ci", key))], 1));
    let sealed = scene.sealed("sealed");
    let theirs = member.image("bare");
    runs(account, REGION, &sealed, 1);
    runs(&member, REGION, &theirs, 1);
    furnish(account, &sealed);
    furnish(&member, &theirs);
    hub(account, "/accounts", &json!({}));
    hub(&member, "/accounts", &json!({}));
    for bucket in ["lake", "records"] {
        account.bucket_called(&format!("{bucket}-{}", account.id));
    }
    let instances = wait(account.ec2().describe_instances().send()).unwrap();
    let instance = instances.reservations()[0].instances()[0].instance_id().unwrap();
    let arn = format!("arn:aws:ec2:{REGION}:{}:instance/{instance}", account.id);
    let place = format!("boots/v1/boot/{arn}/2026-11-28T00:00:00Z.json");
    let record = account.s3().put_object().bucket(format!("records-{}", account.id)).key(place);
    wait(record.body(b"{}".to_vec().into()).send()).unwrap();

    let caller = Caller::of("audit", account);
    let id = &account.id;
    let more = format!("--boot-records s3://records-{id}/boots --lake s3://lake-{id}/audits");
    caller.run(goldseal, &format!("audit --organization {LOOK} {more} --fail-on refused")).exits(0);
    // An audit written again finds its own object.
    caller
        .run(goldseal, &format!("audit --organization {LOOK} {more} --fail-on refused --write json=audit.json"))
        .exits(0);
    caller.run(goldseal, &format!("audit render audit.json --lake s3://lake-{id}/audits")).exits(0);
    let mut names = names(account);
    names.push(("IMAGE_KEY".to_owned(), key.id.clone()));
    names.push(("APPROVAL_KEY".to_owned(), key.id.clone()));
    caller.needs_all_of_its_document(&borrowed(&names), Some(account));

    let caller = Caller::of("audit-role", account);
    caller.run(goldseal, &format!("audit --organization {LOOK} --fail-on refused")).exits(0);
    let told = format!("audit --organization {LOOK} --regions {REGION} --security-hub --fail-on refused");
    caller.run(goldseal, &told).exits(0);
    caller.needs_all_of_its_document(&borrowed(&names), Some(&member));
}

#[test]
fn acting_needs_the_documents_of_looking_and_of_acting_and_no_more() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let (ids, _) = unsealed(account, goldseal, 2);
    ids.iter().for_each(|id| consents(account, id));
    let caller = Caller::of("audit-quarantine", account);
    let looking = format!("audit --regions {REGION} --act-on unsealed");
    caller.run(goldseal, &format!("{looking} --quarantine-group quarantine")).exits(1);
    caller.run(goldseal, &format!("{looking} --terminate")).exits(1);
    caller.needs_beside("audit", &borrowed(&names(account)));
}

#[test]
fn questions_about_what_runs_need_their_documents_and_no_more() {
    let scene = scene();
    let Scene { account, goldseal, key } = &scene;
    goldseal.write("policy.toml", policy(&[("ci", kms("ci", key))], 1));
    goldseal.write("strangers.toml", trusting(&account.key("ECC_NIST_P256")));
    let sealed = scene.sealed("sealed");
    let instance = runs(account, REGION, &sealed, 1).remove(0);
    furnish(account, &sealed);
    let member = Account::new();
    order("organization", &json!({"management": account.id, "accounts": [{"id": member.id, "name": "shop"}]}));
    admits(&member, account, "7f3c");
    account.bucket_called(&format!("state-{}", account.id));
    let mut names = names(account);
    names.push(("IMAGE_KEY".to_owned(), key.id.clone()));
    names.push(("APPROVAL_KEY".to_owned(), key.id.clone()));
    let names = borrowed(&names);

    let caller = Caller::of("trace", account);
    caller.run(goldseal, &format!("trace {instance} --organization {LOOK}")).exits(0);
    caller.run(goldseal, &format!("trace {sealed}")).exits(0);
    caller.needs_all_of_its_document(&names, Some(account));

    let caller = Caller::of("sbom-query", account);
    caller.run(goldseal, &format!("sbom query 'no-such-package' --organization {LOOK}")).exits(0);
    caller.needs_all_of_its_document(&names, Some(account));

    let caller = Caller::of("what-if", account);
    let decisions = account.s3().put_object().bucket(format!("state-{}", account.id));
    let decisions = decisions.key("v1/decisions/2026-11-28/120000-00.jsonl").body(b"\n".to_vec().into());
    wait(decisions.send()).unwrap();
    let state = format!("--state s3://state-{}", account.id);
    let asked = caller.run(
        goldseal,
        &format!("policy what-if --policy policy.toml --against strangers.toml {state} --organization {LOOK}"),
    );
    assert!([0, 1, 3].contains(&asked.code), "{}{}", asked.stdout, asked.stderr);
    caller.needs_all_of_its_document(&names, Some(account));
}
