//! Which disk an instance really runs: roots that were replaced, warm pools with two waits, groups of several images.

use aws_sdk_autoscaling::types::{
    DesiredConfiguration, InstancesDistribution, LaunchTemplate, LaunchTemplateOverrides, LaunchTemplateSpecification,
    MixedInstancesPolicy,
};

use crate::{
    aws::wait,
    fleet::{Fleet, until},
};

#[test]
fn a_root_that_is_not_of_the_image_is_refused_unless_the_policy_looks_away() {
    let fleet = Fleet::new();
    let good = fleet.scene.sealed("golden");
    fleet.group_with("web", &good, None, 300);
    fleet.scale("web", 1);
    until("one waits", || fleet.actions("web").len() == 1);
    let instance = fleet.actions("web")[0]["instance"].as_str().unwrap().to_owned();
    let ec2 = fleet.scene.account.ec2();
    let described = wait(ec2.describe_instances().instance_ids(&instance).send()).unwrap();
    let described = described.reservations()[0].instances()[0].clone();
    let root = described.block_device_mappings()[0].clone();
    let zone = described.placement().unwrap().availability_zone().unwrap();
    let snapshot = fleet.scene.account.snapshot(1, &[(0, b"swapped")]);
    let other =
        wait(ec2.create_volume().snapshot_id(&snapshot).availability_zone(zone).send()).unwrap().volume_id.unwrap();
    // EC2 gives up the root of an instance only while it is stopped.
    wait(ec2.stop_instances().instance_ids(&instance).send()).unwrap();
    wait(
        ec2.detach_volume()
            .volume_id(root.ebs().unwrap().volume_id().unwrap())
            .instance_id(&instance)
            .device(root.device_name().unwrap())
            .send(),
    )
    .unwrap();
    wait(ec2.attach_volume().volume_id(&other).instance_id(&instance).device(root.device_name().unwrap()).send())
        .unwrap();
    wait(ec2.start_instances().instance_ids(&instance).send()).unwrap();
    let action = fleet.actions("web").remove(0);
    fleet.send(&super::flat("web", &action));
    let mut hook = fleet.hook("web", "");
    hook.says("reasons=\"root-volume-foreign\"");
    until("abandoned", || fleet.results("web")[0] == "ABANDON");
}

#[test]
fn a_warm_pool_is_judged_when_it_is_filled_and_again_when_it_is_drained() {
    let fleet = Fleet::new();
    let good = fleet.scene.sealed("golden");
    fleet.group("web", &good);
    let pool = fleet.scene.account.autoscaling().put_warm_pool().auto_scaling_group_name("web");
    wait(pool.min_size(2).max_group_prepared_capacity(2).pool_state("Stopped".into()).send()).unwrap();
    let _hook = fleet.hook("web", "");
    until("two stopped", || fleet.results("web") == ["CONTINUE", "CONTINUE"]);
    // What was admitted into the pool is judged anew on its way out.
    let evidence = fleet.scene.account.evidence(&good).unwrap();
    let half = evidence.len() / 2;
    fleet.scene.account.put_evidence(&good, &evidence[..half]);
    std::thread::sleep(std::time::Duration::from_secs(31));
    fleet.scale("web", 1);
    until("refused", || fleet.results("web").iter().any(|result| result == "ABANDON"));
    let of_first = fleet.actions("web").iter().filter(|one| one["origin"] == "WarmPool").count();
    assert!(of_first >= 1, "{:#?}", fleet.actions("web"));
    fleet.scale("web", 0);
}

#[test]
fn a_replaced_root_volume_is_a_launch_of_an_instance_that_is_known_already() {
    let fleet = Fleet::new();
    let (good, bad) = (fleet.scene.sealed("golden"), fleet.scene.account.image("unsealed"));
    fleet.group("web", &good);
    let hook = fleet.hook("web", "");
    fleet.scale("web", 1);
    until("in service", || fleet.states("web") == ["InService"]);
    let template = LaunchTemplateSpecification::builder().launch_template_name("web").version("1").build();
    let to = LaunchTemplateOverrides::builder().instance_type("t3.micro").image_id(&bad).build();
    let template = LaunchTemplate::builder().launch_template_specification(template).overrides(to).build();
    let mixed = MixedInstancesPolicy::builder().launch_template(template);
    let mixed = mixed.instances_distribution(InstancesDistribution::builder().build()).build();
    let refresh = fleet.scene.account.autoscaling().start_instance_refresh().auto_scaling_group_name("web");
    let refresh = refresh.strategy("ReplaceRootVolume".into());
    wait(refresh.desired_configuration(DesiredConfiguration::builder().mixed_instances_policy(mixed).build()).send())
        .unwrap();
    until("judged again", || fleet.actions("web").len() > 1 && fleet.results("web")[1] != "waiting");
    let actions = fleet.actions("web");
    assert_eq!(actions[0]["instance"], actions[1]["instance"]);
    assert_eq!(fleet.results("web")[..2], ["CONTINUE", "ABANDON"]);
    fleet.scale("web", 0);
    drop(hook);
}

#[test]
fn a_group_of_several_images_is_judged_by_the_image_of_each_instance() {
    let fleet = Fleet::new();
    let (good, bad) = (fleet.scene.sealed("golden"), fleet.scene.account.image("unsealed"));
    fleet.group("web", &good);
    let template = LaunchTemplateSpecification::builder().launch_template_name("web").version("1").build();
    let overrides = [None, Some(bad.clone())]
        .map(|image| LaunchTemplateOverrides::builder().instance_type("t3.micro").set_image_id(image).build());
    let template =
        LaunchTemplate::builder().launch_template_specification(template).set_overrides(Some(overrides.into()));
    let mixed = MixedInstancesPolicy::builder().launch_template(template.build());
    let mixed = mixed.instances_distribution(InstancesDistribution::builder().build()).build();
    let update = fleet.scene.account.autoscaling().update_auto_scaling_group().auto_scaling_group_name("web");
    wait(update.mixed_instances_policy(mixed).send()).unwrap();
    let _hook = fleet.hook("web", "");
    fleet.scale("web", 4);
    until("both kinds decided", || {
        let results = fleet.results("web");
        results.iter().any(|one| one == "CONTINUE") && results.iter().any(|one| one == "ABANDON")
    });
    fleet.scale("web", 0);
    for action in fleet.actions("web").iter().filter(|action| action["state"] == "completed") {
        let expected = if action["image"] == *good { "CONTINUE" } else { "ABANDON" };
        assert_eq!(action["result"], expected, "{action:#}");
    }
}
