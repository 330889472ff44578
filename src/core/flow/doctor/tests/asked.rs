//! What is asked for, and of what.

use super::*;
use crate::{testing::policies::kms_authority, trust::KeyAnswer};

#[test]
fn what_is_denied_is_to_be_allowed_of_the_very_place_that_is_used() {
    for action in ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"] {
        let mut world = world(&["web"]);
        world.refused.insert(action, PortErrorKind::Denied);
        let report = world.report("");
        let missing = report.findings.iter().find(|one| one.code == "permission-missing").unwrap();
        let resources = r#""Resource":["arn:aws:s3:::state/v1/*","arn:aws:s3:::state"]"#;
        assert!(missing.commands.iter().any(|line| line.contains(resources)), "{action}: {:?}", missing.commands);
    }
}

#[test]
fn of_a_queue_that_is_not_there_no_message_is_tried() {
    for (kind, tried) in [(PortErrorKind::NotFound, false), (PortErrorKind::Denied, true)] {
        let mut world = world(&["web"]);
        world.refused.insert("sqs:GetQueueAttributes", kind);
        world.report("");
        let asked = world.asked.lock().unwrap();
        assert_eq!(asked.iter().any(|call| call.starts_with("sqs:DeleteMessage")), tried, "{kind:?}");
    }
}

#[test]
fn each_authority_has_its_own_key_in_kms() {
    let uri = |name: &str| format!("awskms:///alias/{name}");
    let key = |number| Ok(KeyAnswer::Enabled { spki: LocalKey::p256(number).public().spki().to_vec() });
    let (pem, kms) = (minimal(&LocalKey::p256(1)), kms_authority("ci", &LocalKey::p256(1)));
    let own = crate::testing::policies::authority_table("ci", &LocalKey::p256(1));
    let policy = pem.replace(&own, &(kms + &kms_authority("other", &LocalKey::p256(2))));
    let swapped = [(uri("ci"), key(2)), (uri("other"), key(1))];
    for (answers, admitted) in [([(uri("ci"), key(1)), (uri("other"), key(2))], true), (swapped, false)] {
        let report = world(&["web"]).report_by(&policy, &FakeKeys(answers.into()));
        assert_eq!(report.findings.iter().any(|one| one.code == "image-admitted"), admitted, "{report:#?}");
    }
}
