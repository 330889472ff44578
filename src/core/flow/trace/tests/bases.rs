use super::*;
use crate::testing::evidence::changed;

#[test]
fn the_chain_of_base_images_is_followed_as_far_as_it_is_verified() {
    let (_, unknown) = image(&region(), 9);
    let standings = |seal: &dyn Fn(&mut World) -> Descriptor| {
        let mut world = World::default();
        let descriptor = seal(&mut world);
        let report = world.of_image(&descriptor);
        assert_eq!(report.outcome(), Outcome::Admit, "a base image changes nothing about the image");
        report.bases
    };
    let told = |bases: &[BaseTrace]| bases.iter().map(|one| one.standing).collect::<Vec<_>>();
    let on = |world: &mut World, number, below: &Descriptor| {
        world.seal(number, |gate| evidence(&gate, &facts(Some(&base(below)))))
    };

    let bases = standings(&|world| {
        let lower = on(world, 3, &unknown);
        let upper = on(world, 2, &lower);
        on(world, 1, &upper)
    });
    assert_eq!(told(&bases), [BaseStanding::Verified, BaseStanding::Verified, BaseStanding::Absent]);
    assert_eq!((bases[0].commit.as_deref(), bases[0].sealed), (Some("0a1b2c"), Some(days(-2))));
    assert_eq!((bases[0].verdict, bases[2].verdict), (Some(Outcome::Admit), None));

    let tampered = standings(&|world| {
        let below = world.seal(2, |gate| changed(&evidence(&gate, &facts(None)), "\"payload\":\"e", "\"payload\":\"f"));
        on(world, 1, &below)
    });
    assert_eq!((told(&tampered), tampered[0].commit.as_deref()), (vec![BaseStanding::Unverified], None));

    let denied = standings(&|world| {
        let below = world.sealed(2);
        world.catalog.0.insert(below.image(), Err(PortErrorKind::Denied));
        on(world, 1, &below)
    });
    assert_eq!(told(&denied), [BaseStanding::Unknown]);

    let renamed = standings(&|world| {
        let below = world.sealed(2);
        let said = base(&below).replace(&below.digest().to_string(), &unknown.digest().to_string());
        world.seal(1, |gate| evidence(&gate, &facts(Some(&said))))
    });
    assert_eq!((told(&renamed), renamed[0].commit.as_deref()), (vec![BaseStanding::Mismatch], None));

    let sold = standings(&|world| {
        let below = world.sealed(2);
        let arn = image_arn(&below.image(), Some(&"999999999999".parse().unwrap()));
        world.seal(1, |gate| evidence(&gate, &facts(Some(&format!(r#"{{"arn":"{arn}"}}"#)))))
    });
    assert_eq!(told(&sold), [BaseStanding::Mismatch]);

    let unreadable = standings(&|world| world.seal(1, |gate| evidence(&gate, &facts(Some(r#"{"arn":"scratch"}"#)))));
    assert_eq!(told(&unreadable), [BaseStanding::Unreadable]);
}

#[test]
fn a_chain_that_bites_its_tail_or_never_ends_is_left() {
    let long = |next: &dyn Fn(u64) -> u64| {
        let mut world = World::default();
        for number in 1..=20 {
            let (_, below) = image(&region(), next(number));
            world.seal(number, |gate| evidence(&gate, &facts(Some(&base(&below)))));
        }
        let (_, first) = image(&region(), 1);
        world.of_image(&first).bases
    };
    let cycle = long(&|number| if number == 3 { 1 } else { number + 1 });
    let told: Vec<_> = cycle.iter().map(|one| one.standing).collect();
    assert_eq!(told, [BaseStanding::Verified, BaseStanding::Verified, BaseStanding::Repeated]);
    assert_eq!(long(&|number| number).last().unwrap().standing, BaseStanding::Repeated, "an image of itself");
    let endless = long(&|number| number + 1);
    assert_eq!((endless.len(), endless.last().unwrap().standing), (9, BaseStanding::TooFar));
}
