use super::*;
use crate::testing::audits::{fleet, hostile};

#[test]
fn a_saved_report_is_read_as_it_was() {
    for report in [fleet(0), fleet(300), hostile()] {
        let saved = serde_json::to_vec(&report).unwrap();
        let read = AuditReport::read(&saved).unwrap();
        assert!(serde_json::to_vec(&read).unwrap() == saved);
    }
}

#[test]
fn the_sample_has_every_class_and_adds_up() {
    for size in [300, 1000] {
        let report = fleet(size);
        assert!(Class::ALL.iter().all(|class| report.count(*class) > 0), "{:?}", report.classes);
        assert_eq!(report.total(), size as u64);
        assert_eq!(report.groups().iter().map(|group| group.instances).sum::<u64>(), size as u64);
        assert_eq!(report.places.iter().map(|place| place.instances).sum::<u64>(), size as u64);
    }
}

#[test]
fn what_to_do_is_never_taken_from_a_file() {
    let saved = serde_json::to_string(&fleet(60)).unwrap();
    let told = saved.replace("Run `goldseal sign` for it", "Disable the hook");
    assert_ne!(saved, told);
    let read = AuditReport::read(told.as_bytes()).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), saved);
}

#[test]
fn a_report_that_is_another_or_contradicts_itself_is_not_read() {
    let saved = serde_json::to_string(&fleet(60)).unwrap();
    for (from, to, why) in [
        (AUDIT_SCHEMA, "goldseal/audit/v2", "the schema is \"goldseal/audit/v2\""),
        ("\"refused\":", "\"admitted\":", "duplicate key"),
        ("\"image\":0,", "\"image\":4000,", "image 4000, which is not there"),
        ("\"class\":\"refused\"", "\"class\":\"admitted\"", "are said to be refused"),
        ("\"class\":\"refused\"", "\"class\":\"fine\"", "fine"),
        ("\"account\":\"111122223333\"", "\"account\":\"<b>\"", "12 digits"),
    ] {
        assert!(saved.contains(from), "{from}");
        let fault = AuditReport::read(saved.replace(from, to).as_bytes()).unwrap_err();
        let said = match &fault {
            AuditFileFault::Json(cause) => cause.to_string(),
            AuditFileFault::Contradiction(_) => fault.to_string(),
        };
        assert!(said.contains(why), "{said}");
    }
    let mut lying = fleet(60);
    lying.images[0].classes.insert(Class::Refused, u64::MAX);
    let fault = AuditReport::read(&serde_json::to_vec(&lying).unwrap()).unwrap_err().to_string();
    assert!(fault.contains("are not of the classes that it says"), "{fault}");
    assert!(matches!(AuditReport::read(b"[]"), Err(AuditFileFault::Json(_))));
}

#[test]
fn groups_are_sorted_and_say_where() {
    let report = fleet(1000);
    let groups = report.groups();
    let order: Vec<_> = groups.iter().map(|group| (group.class, u64::MAX - group.instances)).collect();
    assert!(order.is_sorted());
    for group in &groups {
        assert_eq!(group.places.values().sum::<u64>(), group.instances);
        assert_eq!(
            group.class.is_bad() || group.class == Class::Overridden,
            !group.remedy().is_empty() && group.class != Class::Undetermined
        );
    }
    assert!(groups.iter().any(|group| (group.class, group.code()) == (Class::RootReplaced, "root-volume-foreign")));
}

#[test]
fn an_exception_is_listed_once_with_all_that_stands_on_it() {
    let mut report = fleet(1000);
    let listed = report.images.iter().map(|image| image.exceptions.len() as u64).sum::<u64>();
    let endings = report.endings();
    assert!(endings.is_sorted_by_key(|one| one.exception.expires));
    assert_eq!(endings.iter().map(|one| one.images).sum::<u64>(), listed);

    let shared = endings[0].exception.clone();
    report.images.iter_mut().for_each(|image| image.exceptions = vec![shared.clone()]);
    let [one] = &report.endings()[..] else { panic!("{:?}", report.endings()) };
    assert_eq!((one.exception, one.images, one.instances), (&shared, report.images.len() as u64, 1000));
}

/// A report of one kind only.
fn with(classes: &[Class], doors: &[Severity], missed: bool) -> AuditReport {
    let mut report = fleet(0);
    report.classes = classes.iter().map(|class| (*class, 1)).collect();
    report.doors.get_or_insert_default().retain(|door| doors.contains(&door.severity));
    if !missed {
        report.places.retain(|place| place.faults.is_empty());
    }
    report
}

#[test]
fn what_fails_an_audit() {
    use Outcome::{Admit, Reject, Undetermined};
    let default = FailOn::default();
    let only = |text: &str| text.split(',').map(|one| one.parse::<Condition>().unwrap()).collect::<FailOn>();
    for class in Class::ALL {
        let report = with(&[class], &[], false);
        let expected = match class {
            Class::Refused | Class::RootReplaced | Class::Unsealed | Class::Expired => Reject,
            Class::Undetermined => Undetermined,
            Class::Overridden | Class::Expiring | Class::Admitted => Admit,
        };
        assert_eq!(default.outcome(&report), expected, "{class:?}");
        let asked = if class == Class::Undetermined { Undetermined } else { Reject };
        assert_eq!(only(class.as_str()).outcome(&report), asked, "{class:?}");
        assert_eq!(only("door").outcome(&report), Admit);
    }
    let problem = with(&[], &[Severity::Problem, Severity::Unknown], false);
    let unknown = with(&[], &[Severity::Unknown, Severity::Warning], false);
    assert_eq!([&problem, &unknown].map(|report| default.outcome(report)), [Admit, Admit]);
    assert_eq!([&problem, &unknown].map(|report| only("door").outcome(report)), [Reject, Undetermined]);
    assert_eq!(only("door").outcome(&with(&[], &[Severity::Warning, Severity::Note], false)), Admit);

    assert_eq!(default.outcome(&with(&[Class::Admitted], &[], true)), Undetermined);
    assert_eq!(default.outcome(&with(&[Class::Expired], &[], true)), Reject, "what is known is said first");
    assert_eq!(only("refused").outcome(&with(&[Class::Admitted], &[], true)), Admit);
    assert_eq!(only("door").outcome(&AuditReport { doors: None, ..with(&[], &[], false) }), Undetermined);
    let mut nowhere = with(&[], &[], false);
    nowhere.places.clear();
    assert_eq!(only("refused").outcome(&nowhere), Undetermined, "nobody looked anywhere");
    assert!("every".parse::<Condition>().unwrap_err().contains("root-replaced"), "all names are said");
}
