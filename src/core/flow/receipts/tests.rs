//! Decisions → receipts: each decision in exactly one, whatever is cut off; and what is found of them again.

mod edges;

use std::collections::{BTreeMap, BTreeSet};

use futures_executor::block_on;
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    attestation::predicate::{Enforcement, Receipt},
    digest::Sha256Digest,
    enforcement::Completion,
    gate::Period,
    ids::{ImageRef, InstanceId, Region},
    policy::{FoundReceipt, Keys, Lists, Mode, Source, WantedReceipts},
    ports::{StateName, is_signed_path, receipt_path, record_path},
    report::{BOOT_SCHEMA, FoundBy, Judged, LAUNCH_SCHEMA, LaunchEnd, LaunchReport, Outcome, ReceiptStanding},
    testing::{
        images::descriptor,
        keys::LocalKey,
        launches::FakeState,
        lists::{now, revocations, revoker, signed_list},
        policies::compiled,
        ports::FakeSigner,
        receipts::{FakeReceipts, evidence, receipt, receipt_policy, receiver, said_at, signed_receipt, statement_of},
    },
};

fn launch(number: u32, verdict: Outcome) -> LaunchReport {
    let at = now().saturating_add(SignedDuration::from_millis(i64::from(number) * 700)).unwrap();
    let image: ImageRef = descriptor().image();
    LaunchReport {
        schema: LAUNCH_SCHEMA.into(),
        at,
        policy: Sha256Digest::of(b"policy"),
        wait: crate::lifecycle::Wait {
            group: "web".parse().unwrap(),
            hook: "goldseal".parse().unwrap(),
            instance: format!("i-{number:017x}").parse().unwrap(),
            token: None,
        },
        group_arn: None,
        account: None,
        region: image.region.clone(),
        found_by: FoundBy::Message,
        first_sight: at,
        action: Some(Completion::Continue),
        enforced: true,
        judged: Judged {
            verdict,
            mode: Mode::Enforce,
            subject: Some(descriptor().digest()),
            evidence_sha256: Some(Sha256Digest::of(evidence())),
            image: Some(image),
            until: None,
            reasons: Vec::new(),
            faults: Vec::new(),
            overridden: None,
            basis: crate::report::Basis::default(),
            notes: Vec::new(),
        },
        end: Some(LaunchEnd::Completed),
    }
}

/// Keeps launches as a hook does: some together.
fn recorded(state: &FakeState, launches: &[LaunchReport]) {
    for (number, some) in launches.chunks(3).enumerate() {
        let mut lines = Vec::new();
        for one in some {
            lines.extend(serde_json::to_vec(one).unwrap());
            lines.push(b'\n');
        }
        let at = some[0].at.to_zoned(jiff::tz::TimeZone::UTC);
        let name = format!("v1/decisions/{}-{number:016x}.jsonl", at.strftime("%Y-%m-%d/%H%M%S"));
        state.held.lock().unwrap().insert(StateName::new(name).unwrap(), lines);
    }
}

fn said(bytes: &[u8]) -> Receipt {
    read::unproven(bytes).unwrap().1
}

/// Every launch, and how many receipts cover it.
fn covered(receipts: &FakeReceipts) -> BTreeMap<String, usize> {
    let mut covered = BTreeMap::new();
    for bytes in receipts.held.lock().unwrap().values() {
        for one in &said(bytes).said().covers {
            *covered.entry(one.instance.clone()).or_default() += 1;
        }
    }
    covered
}

fn write(
    state: &FakeState,
    receipts: &FakeReceipts,
    signer: Option<&FakeSigner>,
    at: Timestamp,
) -> Result<Wrote, ReceiptsError> {
    let receipting = Receipting { state, receipts, signer };
    block_on(receipting.write(&mut BTreeSet::new(), false, at))
}

fn later(minutes: i64) -> Timestamp {
    now().saturating_add(SignedDuration::from_mins(minutes)).unwrap()
}

#[test]
fn alike_decisions_share_a_receipt_and_others_do_not() {
    let (state, receipts) = (FakeState::default(), FakeReceipts::default());
    let mut launches: Vec<LaunchReport> = (0..10).map(|number| launch(number, Outcome::Admit)).collect();
    launches[4].judged.verdict = Outcome::Reject;
    launches[5].judged.evidence_sha256 = None;
    launches[6].judged.image = None;
    recorded(&state, &launches);
    let signer = FakeSigner::new(3);
    let wrote = write(&state, &receipts, Some(&signer), later(1)).unwrap();
    assert_eq!(wrote, Wrote { receipts: 4, decisions: 10, ..Wrote::default() });
    assert_eq!(covered(&receipts).len(), 10);
    let held = receipts.held.lock().unwrap().clone();
    for (path, bytes) in &held {
        let receipt = said(bytes);
        assert_eq!((receipt.check(), is_signed_path(path)), (Ok(()), Some(true)));
        let folder = path.rsplit_once('/').unwrap().0;
        assert_eq!(*path, receipt_path(folder, receipt.last(), receipt.name(), true));
        assert_eq!(receipt.said().instant.issued_at, later(1));
    }
    let most = held.values().map(|bytes| said(bytes).said().covers.len()).max();
    assert_eq!(most, Some(7));
    let again = write(&state, &receipts, Some(&signer), later(2)).unwrap();
    assert_eq!(again, Wrote::default(), "nothing is left to do");
}

#[test]
fn what_is_recorded_later_has_its_own() {
    let (state, receipts) = (FakeState::default(), FakeReceipts::default());
    recorded(&state, &[launch(0, Outcome::Admit)]);
    write(&state, &receipts, None::<&FakeSigner>, later(1)).unwrap();
    // Its hook could not reach the state for a while: the name is older than what has its receipt.
    let mut late = launch(1, Outcome::Admit);
    late.at = now().saturating_sub(SignedDuration::from_secs(5)).unwrap();
    recorded(&state, &[late]);
    let wrote = write(&state, &receipts, None, later(2)).unwrap();
    assert_eq!((wrote.receipts, wrote.decisions), (1, 1));
    assert_eq!(covered(&receipts).into_values().collect::<Vec<_>>(), [1, 1]);
    assert!(receipts.held.lock().unwrap().keys().all(|path| is_signed_path(path) == Some(false)));
}

#[test]
fn a_boot_has_the_receipt_of_its_record_and_no_other_instance_can_give_it_one() {
    let region: Region = "eu-west-1".parse().unwrap();
    let instance: InstanceId = "i-0123456789abcdef0".parse().unwrap();
    let judged = launch(0, Outcome::Reject).judged;
    let record = serde_json::json!({
        "schema": BOOT_SCHEMA, "at": now(), "policy": Sha256Digest::of(b"policy"), "action": "poweroff", "enforced": true,
        "instance": {"id": instance, "account": "123456789012", "region": region},
    });
    let mut record = record.as_object().unwrap().clone();
    record.extend(serde_json::to_value(&judged).unwrap().as_object().unwrap().clone());
    let record = serde_json::to_vec(&record).unwrap();
    let arn = |id: &str| format!("arn:aws:ec2:eu-west-1:123456789012:instance/{id}");
    let receipts = FakeReceipts::default();
    let receipting = Receipting { state: &(), receipts: &receipts, signer: None::<&FakeSigner> };
    let mut wrote = Wrote::default();
    let mut add =
        |path: &str, record: &[u8]| block_on(receipting.add_boot(path, record, &mut wrote, later(9))).unwrap();
    let path = record_path(&arn("i-0123456789abcdef0"), now());
    // Twice the same, that of another, none.
    let other = record_path(&arn("i-0123456789abcdef1"), now());
    for (path, record) in [(&path, &record[..]), (&path, &record[..]), (&other, &record[..]), (&path, b"{}")] {
        add(path, record);
    }
    assert_eq!((wrote.receipts, wrote.already, wrote.decisions), (1, 1, 2));
    let [foreign, none] = wrote.problems.as_slice() else { panic!("{:?}", wrote.problems) };
    assert!(foreign.starts_with(&other) && foreign.contains("another instance") && none.starts_with(&path), "{none}");
    let held = receipts.held.lock().unwrap().clone();
    let (path, bytes) = held.first_key_value().unwrap();
    let receipt = said(bytes);
    assert_eq!((receipt.check(), receipt.passed(), is_signed_path(path)), (Ok(()), false, Some(false)));
    let enforcement = Enforcement { point: "boot".into(), action: "poweroff".into(), enforced: true };
    assert_eq!((&receipt.said().enforcement, receipt.said().covers.len()), (&enforcement, 1));
    assert_eq!(receipt.said().covers[0].instance, instance.to_string());
}

/// Whatever the last thing was that was done before the end, and whether or not its answer was heard.
#[test]
fn cut_off_anywhere_and_begun_again_every_decision_is_in_exactly_one_receipt() {
    let launches: Vec<LaunchReport> =
        (0..12).map(|number| launch(number, if number % 4 == 1 { Outcome::Reject } else { Outcome::Admit })).collect();
    let mut ended = 0;
    for steps in 0..40 {
        let (state, receipts) = (FakeState::default(), FakeReceipts::default());
        recorded(&state, &launches);
        *receipts.left.lock().unwrap() = Some(steps);
        let signer = FakeSigner::new(3);
        let first = write(&state, &receipts, Some(&signer), later(1));
        ended += usize::from(first.is_err());
        *receipts.left.lock().unwrap() = None;
        // Who comes after has no memory, another clock, and more to do.
        let more: Vec<LaunchReport> = (12..14).map(|number| launch(number, Outcome::Admit)).collect();
        recorded(&state, &[launches.clone(), more].concat());
        write(&state, &receipts, Some(&signer), later(7)).unwrap();
        let covered = covered(&receipts);
        assert_eq!(covered.len(), 14, "after {steps} steps");
        assert!(covered.values().all(|receipts| *receipts == 1), "after {steps} steps: {covered:?}");
    }
    assert!(ended > 4, "it was cut off {ended} times");
}

#[test]
fn two_who_write_at_once_write_once() {
    let (state, receipts) = (FakeState::default(), FakeReceipts::default());
    recorded(&state, &[launch(0, Outcome::Admit)]);
    let signer = FakeSigner::new(3);
    // The other claimed the same decisions, and is not done.
    let name = StateName::new(format!(
        "v1/receipted/{}.json",
        now().to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d/%H")
    ))
    .unwrap();
    let decisions = state.held.lock().unwrap().keys().next().unwrap().to_string();
    let batch = batches::Batch { decisions: vec![decisions], written: false, unreadable: Vec::new() };
    let mut claimed = Batches::default();
    claimed.batches.push(batch);
    state.held.lock().unwrap().insert(name, claimed.to_json());
    write(&state, &receipts, Some(&signer), later(3)).unwrap();
    let held = receipts.held.lock().unwrap().clone();
    assert_eq!(held.len(), 1);
    let issued = said(held.values().next().unwrap()).said().instant.issued_at;
    assert_eq!(issued, later(3), "nothing in the state says when a receipt was made");
}

#[test]
fn what_is_no_decision_is_named_every_time_and_stops_nothing() {
    let (state, receipts) = (FakeState::default(), FakeReceipts::default());
    recorded(&state, &[launch(0, Outcome::Admit)]);
    let name = StateName::new(format!(
        "v1/decisions/{}-0f.jsonl",
        now().to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d/%H%M%S")
    ))
    .unwrap();
    state.held.lock().unwrap().insert(name, b"{}\nnonsense\n".to_vec());
    let wrote = write(&state, &receipts, None, later(1)).unwrap();
    assert_eq!((wrote.receipts, wrote.decisions), (1, 1));
    assert!(
        wrote.problems.iter().zip(1..).all(|(one, line)| one.contains(&format!("-0f.jsonl, line {line}: no decision")))
    );
    let again = write(&state, &receipts, None, later(2)).unwrap();
    assert_eq!(
        (again.decisions, &again.problems),
        (0, &wrote.problems),
        "they have no receipt, however often it is asked"
    );
    assert_eq!(wrote.problems.len(), 2);
    let broken = StateName::new(format!(
        "v1/receipted/{}.json",
        now().to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d/%H")
    ))
    .unwrap();
    state.held.lock().unwrap().insert(broken, b"[]".to_vec());
    let mut later_hour = launch(1, Outcome::Admit);
    later_hour.at = later(60);
    recorded(&state, &[later_hour]);
    let wrote = write(&state, &receipts, None, later(62)).unwrap();
    assert_eq!((wrote.receipts, wrote.problems.len()), (1, 1), "the next hour has its own");
    assert!(wrote.problems[0].contains("bring back what was there"), "{:?}", wrote.problems);
}

#[test]
fn what_stands_where_a_receipt_belongs_is_not_taken_for_it() {
    let (state, receipts) = (FakeState::default(), FakeReceipts::default());
    recorded(&state, &[launch(0, Outcome::Reject)]);
    let receipt = receipts_of(vec![launch(0, Outcome::Reject).into()]).unwrap().remove(0);
    // One that nobody signed keeps nobody from signing it.
    receipts.held.lock().unwrap().insert(receipt.path(false), b"garbage".to_vec());
    for (bytes, at) in [(&b"garbage"[..], 1), (&signed_receipt(said_at(now()), &receiver()), 2)] {
        receipts.held.lock().unwrap().insert(receipt.path(true), bytes.to_vec());
        let wrote = write(&state, &receipts, Some(&FakeSigner::new(3)), later(at)).unwrap();
        assert_eq!((wrote.receipts, wrote.already), (0, 0));
        assert!(wrote.problems[0].starts_with(&receipt.path(true)), "{:?}", wrote.problems);
    }
    receipts.held.lock().unwrap().remove(&receipt.path(true));
    let wrote = write(&state, &receipts, Some(&FakeSigner::new(3)), later(3)).unwrap();
    assert_eq!((wrote.receipts, wrote.problems.len()), (1, 0));
}

fn held_at(place: &FakeReceipts, minutes: i64, named: Option<Timestamp>) -> String {
    let said = said_at(later(minutes));
    let name = receipt(said.clone()).name();
    let image = descriptor().image();
    let folder = crate::ports::receipts_folder(&image.region, Some(&image));
    let folder = crate::ports::evidence_folder(&folder, Some(Sha256Digest::of(evidence())));
    let path = receipt_path(&folder, named.unwrap_or(said.instant.at), name, true);
    place.held.lock().unwrap().insert(path.clone(), signed_receipt(said, &receiver()));
    path
}

#[test]
fn the_newest_and_the_oldest_are_found_and_nothing_under_another_name() {
    let place = FakeReceipts::default();
    let paths: Vec<String> = (0..30).map(|hours| held_at(&place, -60 * hours, None)).collect();
    // The first copied to the end, where it would be the newest.
    let forged = held_at(&place, -60 * 29, Some(later(0)));
    // Whoever may write there cannot hide what is there, nor stop who looks: not by many, nor by what is of a time to come.
    let folder = forged.rsplit_once('/').unwrap().0.to_owned();
    for second in 0..6_000 {
        let at = later(-180).saturating_add(SignedDuration::from_secs(second)).unwrap();
        place.held.lock().unwrap().insert(receipt_path(&folder, at, Sha256Digest::of(b"none"), false), Vec::new());
    }
    for second in 0..100 {
        let at = later(60).saturating_add(SignedDuration::from_secs(second)).unwrap();
        place.held.lock().unwrap().insert(receipt_path(&folder, at, Sha256Digest::of(b"none"), true), Vec::new());
    }
    let find = |wanted, evidence: Option<&[u8]>| {
        let image = descriptor().image();
        let evidence = evidence.map(Sha256Digest::of);
        let found = block_on(find_receipts(&place, &image, evidence, wanted, later(1))).unwrap();
        found.into_iter().map(|one| one.place).collect::<Vec<_>>()
    };
    let newest = WantedReceipts { older: false, newest: Some(Period::hours(6)) };
    let found = find(newest, Some(evidence()));
    assert_eq!(found.len(), 6);
    assert!(found.last().unwrap().ends_with(&paths[0]) && !found.iter().any(|one| one.ends_with(&forged)));
    assert!(find(newest, None).is_empty() && find(newest, Some(b"other")).is_empty());
    let oldest = find(WantedReceipts { older: true, newest: None }, None);
    assert_eq!(oldest.len(), 4);
    assert!(oldest[0].ends_with(&paths[29]));
}

#[test]
fn a_receipt_is_proven_by_its_authority_alone_and_says_until_when() {
    let policy = compiled(&receipt_policy(""));
    let list = signed_list(&revocations(1, &[]), &revoker());
    let source = Source { place: "store".into(), answer: Ok(Some(list.as_slice())), kept: false };
    let keys = Keys::new(&policy, |_| Err(String::new()));
    let lists = Lists::default().revoking(&policy, &keys, &[source], now());
    let keys = keys.with(lists);
    let mut ended = said_at(later(-60));
    ended.instant.until = Some(later(-1));
    let unsigned = statement_of(&receipt(said_at(later(-60))));
    let found: Vec<FoundReceipt> = [
        signed_receipt(said_at(later(-60)), &receiver()),
        signed_receipt(ended, &receiver()),
        signed_receipt(said_at(later(-60)), &LocalKey::p256(1)),
        signed_receipt(said_at(later(-60)), &LocalKey::p256(6)),
        signed_receipt(said_at(later(60)), &receiver()),
        unsigned,
        b"nonsense".to_vec(),
    ]
    .into_iter()
    .map(|bytes| FoundReceipt { place: "file".into(), bytes })
    .collect();
    let report = verify_receipts(&policy, &keys, &found, now());
    let standing: Vec<ReceiptStanding> = report.receipts.iter().map(|one| one.standing).collect();
    use ReceiptStanding::{Proven, Refused, Undetermined};
    assert_eq!(standing, [Proven, Proven, Refused, Refused, Undetermined, Refused, Refused]);
    let holds: Vec<Option<bool>> = report.receipts.iter().map(|one| one.holds).collect();
    assert_eq!(holds[..3], [Some(true), Some(false), None]);
    assert!(report.receipts[5].said.is_some(), "what nobody signed is shown all the same");
    assert_eq!(report.outcome(), Outcome::Reject);
    let bare = compiled(&crate::testing::policies::minimal(&LocalKey::p256(1)));
    let nobody = verify_receipts(&bare, &Keys::new(&bare, |_| Err(String::new())), &found[..1], now());
    assert_eq!(nobody.outcome(), Outcome::Reject);
    assert_eq!(verify_receipts(&policy, &keys, &[], now()).outcome(), Outcome::Reject);
    assert_eq!(show_receipts(&found, now()).receipts.len(), 7);
}
