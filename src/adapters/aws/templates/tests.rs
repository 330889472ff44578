use aws_sdk_autoscaling::types::{LaunchTemplate, MixedInstancesPolicy};
use aws_sdk_ec2::types::RequestLaunchTemplateData;

use super::*;
use crate::adapters::{aws::AwsConfig, cloud::cloud};

fn specification(id: &str, version: Option<&str>) -> LaunchTemplateSpecification {
    LaunchTemplateSpecification::builder().launch_template_id(id).set_version(version.map(str::to_owned)).build()
}

fn group(base: &str, overrides: Vec<LaunchTemplateOverrides>) -> AutoScalingGroup {
    let template = LaunchTemplate::builder().launch_template_specification(specification(base, None));
    let template = template.set_overrides(Some(overrides)).build();
    let mixed = MixedInstancesPolicy::builder().launch_template(template).build();
    AutoScalingGroup::builder().mixed_instances_policy(mixed).build()
}

fn of(id: &str, version: &str) -> Source {
    Source::Template { template: Template::Id(id.to_owned()), version: version.to_owned() }
}

#[test]
fn the_template_of_a_group_counts_unless_every_override_has_its_own() {
    let own =
        || LaunchTemplateOverrides::builder().launch_template_specification(specification("lt-own", Some("3"))).build();
    let image = || LaunchTemplateOverrides::builder().instance_type("m7g.large").image_id("ami-0123abcd").build();
    let bare = || LaunchTemplateOverrides::builder().instance_type("t3.micro").build();
    let written = Source::Image { named_by: "override m7g.large".into(), written: "ami-0123abcd".into() };
    let base = of("lt-base", "$Default");
    assert_eq!(sources(&group("lt-base", vec![])), std::slice::from_ref(&base));
    assert_eq!(sources(&group("lt-base", vec![own(), image()])), [of("lt-own", "3"), written.clone()]);
    assert_eq!(sources(&group("lt-base", vec![own(), bare(), image()])), [of("lt-own", "3"), written, base]);
    let plain = AutoScalingGroup::builder().launch_template(specification("lt-1", Some("$Latest"))).build();
    assert_eq!(sources(&plain), [of("lt-1", "$Latest")]);
    let old = AutoScalingGroup::builder().launch_configuration_name("old").build();
    assert_eq!(sources(&old), [Source::Configuration("old".into())]);
    assert_eq!(sources(&AutoScalingGroup::builder().build()), []);
}

/// An account with a group `web` of one launch template.
async fn account(id: &str, image: &str) -> (AwsConfig, Surroundings) {
    let aws = AwsConfig::local(&cloud().endpoint, id).await;
    let region = "us-east-1".parse().unwrap();
    let data = RequestLaunchTemplateData::builder().image_id(image).build();
    let request = aws.ec2(&region).create_launch_template().launch_template_name("web").launch_template_data(data);
    request.send().await.unwrap();
    let template = LaunchTemplateSpecification::builder().launch_template_name("web").version("$Latest").build();
    let request = aws.autoscaling(&region).create_auto_scaling_group().auto_scaling_group_name("web");
    let request = request.min_size(0).max_size(0).availability_zones("us-east-1a").launch_template(template);
    request.send().await.unwrap();
    let surroundings = Surroundings::new(&aws, &region);
    (aws, surroundings)
}

#[tokio::test]
async fn a_template_leads_to_its_image() {
    let (_, surroundings) = account("620000000034", "ami-0123456789abcdef0").await;
    let found = surroundings.launches(&"web".parse().unwrap()).await.unwrap();
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(one.image, Ok("ami-0123456789abcdef0".parse().unwrap()));
    assert!(one.named_by.starts_with("launch template ") && one.named_by.ends_with("version $Latest"), "{one:?}");
    assert_eq!(surroundings.launches(&"none".parse().unwrap()).await.unwrap(), []);
}

#[tokio::test]
async fn a_parameter_is_followed_and_one_that_is_not_there_is_told() {
    let id = "620000000035";
    let (aws, surroundings) = account(id, "resolve:ssm:/golden/web").await;
    let group = "web".parse().unwrap();
    let found = surroundings.launches(&group).await.unwrap();
    assert!(found[0].image.as_ref().unwrap_err().contains("ParameterNotFound"), "{found:?}");
    let ssm = aws.ssm(&"us-east-1".parse().unwrap());
    let put = async |value: &str| {
        let kind = aws_sdk_ssm::types::ParameterType::String;
        ssm.put_parameter().name("/golden/web").value(value).r#type(kind).overwrite(true).send().await.unwrap();
        surroundings.launches(&group).await.unwrap().remove(0)
    };
    let found = put("ami-0fedcba9876543210").await;
    assert_eq!(
        (found.written.as_str(), found.image),
        ("resolve:ssm:/golden/web", Ok("ami-0fedcba9876543210".parse().unwrap()))
    );
    assert!(put("latest").await.image.unwrap_err().contains("AMI id"));
    cloud()
        .order_fault(&format!(r#"{{"service":"ssm","account":"{id}","status":400,"code":"AccessDeniedException"}}"#));
    let error = surroundings.launches(&group).await.unwrap_err();
    assert_eq!((error.kind, error.operation), (PortErrorKind::Denied, PARAMETER));
}
