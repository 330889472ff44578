//! What comes in from queues, and what was kept somewhere and is read back.

use std::collections::BTreeMap;

use futures_executor::block_on;
use goldseal_core::{
    digest::Sha256Digest,
    fleet::{Heard, Place, Snapshot},
    flow::{Batches, GateFile, Resumption, boot::Memory, of_boot, outage},
    gate::Period,
    lifecycle::{Breakers, Message, parse_message},
    ports::{Fleets as _, StateName, View as _, evidence_path, record_path},
    report::{AuditReport, BootRecord, Class, LaunchReport},
    testing::{
        fleet::{FakeFleet, FakeView},
        identity::identity,
        images::descriptor,
        launches::FakeState,
    },
};
use serde_json::json;

use super::evidence::now;

fn holding(name: &str, bytes: &[u8]) -> FakeState {
    let state = FakeState::default();
    state.held.lock().unwrap().insert(StateName::new(name).unwrap(), bytes.to_vec());
    state
}

/// A message says the same in the envelope of SNS, and what it is not is said in few words.
pub fn message(bytes: &[u8]) -> bool {
    let read = parse_message(bytes);
    if let Ok(Message::Foreign { what }) = &read {
        assert!(what.chars().count() <= 200 && !what.chars().any(char::is_control), "{what}");
    }
    let (Ok(read), Ok(text)) = (read, std::str::from_utf8(bytes)) else { return false };
    let enveloped = parse_message(json!({"Type": "Notification", "Message": text}).to_string().as_bytes());
    let envelope = matches!(&read, Message::Foreign { what } if what.ends_with("of SNS"));
    let inner = serde_json::from_str::<serde_json::Value>(text).is_ok_and(|inner| inner["Type"] == "Notification");
    assert!(envelope || inner || enveloped == Ok(read), "{enveloped:?}");
    true
}

/// Breakers that are read are the same when they are written.
pub fn breakers(bytes: &[u8]) -> bool {
    let Ok(read) = Breakers::from_json(bytes) else { return false };
    let again = Breakers::from_json(&read.to_json()).unwrap();
    assert!(again.iter().eq(read.iter()) && read.open() <= read.iter().count());
    true
}

/// Which decisions have their receipts is the same when it is kept again.
pub fn receipted(bytes: &[u8]) -> bool {
    let Ok(read) = Batches::from_json(bytes) else { return false };
    assert_eq!(Batches::from_json(&read.to_json()).unwrap(), read);
    true
}

/// What an audit kept is the same when it is kept again.
pub fn snapshot(bytes: &[u8]) -> bool {
    let Ok(read) = Snapshot::from_json(bytes) else { return false };
    assert_eq!(Snapshot::from_json(&read.to_json().unwrap()).unwrap(), read);
    true
}

/// A record of a boot is heard of its own instance alone, and never from the future.
pub fn boot_record(bytes: &[u8]) -> bool {
    let Ok(record) = BootRecord::read(bytes) else { return false };
    assert!(record.arn.contains(record.region.as_str()));
    let heard = |arn: &str, at| matches!(Heard::of(arn, Ok(Some(bytes)), at), Heard::Record(_));
    assert!(heard(&record.arn, record.at));
    assert!(!heard("arn:aws:ec2:eu-west-1:123456789012:instance/i-ffffffff0", record.at));
    if let Ok(before) = record.at.checked_sub(jiff::SignedDuration::from_hours(24)) {
        assert!(!heard(&record.arn, before));
    }
    let decided = |arn: &str| of_boot(&record_path(arn, record.at), bytes);
    assert!(decided("arn:aws:ec2:eu-west-1:123456789012:instance/i-ffffffff0").is_err());
    if let Ok(decided) = decided(&record.arn) {
        assert_eq!((decided.covered.instance.as_str(), decided.region), (record.instance.as_str(), record.region));
    }
    true
}

/// A decision that was recorded is the same when it is written again.
pub fn launch_record(bytes: &[u8]) -> bool {
    let Ok(read) = LaunchReport::read(bytes) else { return false };
    let written = serde_json::to_vec(&read).unwrap();
    let again = LaunchReport::read(&written).unwrap();
    assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(&read).unwrap());
    assert!(!read.first_code().is_empty() || !read.judged.reasons.is_empty() || !read.judged.faults.is_empty());
    true
}

/// A report of an audit counts what is in it, and is the same when it is written again.
pub fn audit_report(bytes: &[u8]) -> bool {
    let Ok(read) = AuditReport::read(bytes) else { return false };
    let counted: u64 = Class::ALL.into_iter().map(|class| read.count(class)).sum();
    assert_eq!(counted, read.instances.len() as u64);
    let again = AuditReport::read(&serde_json::to_vec(&read).unwrap()).unwrap();
    assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(&read).unwrap());
    true
}

/// A gate report is taken when it passed under a policy.
pub fn gate_report(bytes: &[u8]) -> bool {
    let Ok(read) = GateFile::parse(bytes) else { return false };
    assert!(read.policy().is_some());
    let (one, other) = (read.accepted_risks(&descriptor()).unwrap(), read.accepted_risks(&descriptor()).unwrap());
    assert_eq!(one, other);
    let risks = serde_json::to_vec(&read.risks(None)).unwrap();
    assert!(!risks.is_empty());
    true
}

/// Evidence that was kept comes back as it was, or not at all.
pub fn kept_evidence(bytes: &[u8]) -> bool {
    let image = descriptor().image();
    let name = format!("v1/last-known-good/{}", evidence_path(&image));
    let recall = |state: &FakeState| block_on(outage::recall(state, &image, Period::hours(24), now()));
    let recalled = recall(&holding(&name, bytes));
    let taken = recalled.is_ok();
    if let Ok((evidence, note)) = recalled {
        assert!(bytes.ends_with(&evidence) && !note.message.is_empty());
        let head = String::from_utf8_lossy(&bytes[..bytes.len() - evidence.len()]).into_owned();
        assert!(head.contains(&Sha256Digest::of(&evidence).to_string()));
    }
    let state = FakeState::default();
    block_on(outage::keep(&state, &image, bytes, now())).unwrap();
    if bytes.len() < 1 << 20 {
        assert_eq!(recall(&state).unwrap().0, bytes);
    }
    taken
}

/// What an instance remembers is of itself.
pub fn boot_memory(bytes: &[u8]) -> bool {
    let identity = identity();
    let memory = block_on(Memory::recall(&holding("v1/admitted.json", bytes), &identity));
    assert!(memory.image().is_none_or(|image| image == identity.image()));
    if memory.image().is_some() {
        assert!(String::from_utf8_lossy(bytes).contains(identity.instance().as_str()) && memory.notes().is_empty());
    }
    memory.image().is_some()
}

/// What a place told is believed of that place and audit, with its digest; else the place is asked.
pub fn kept_facts(bytes: &[u8]) -> bool {
    let place = Place { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
    let views = BTreeMap::from([(place.clone(), Ok(FakeView::default()))]);
    let fleet = FakeFleet { views, ..FakeFleet::default() };
    let kept = [format!("goldseal/audit-facts/v1 {}\n", Sha256Digest::of(bytes)).as_bytes(), bytes].concat();
    let mut taken = false;
    for (bytes, damaged) in [(kept.as_slice(), false), (bytes, true)] {
        let state = holding("123456789012.eu-west-1.json", bytes);
        let resumption = Resumption::new(state, Sha256Digest::of(b"selection"), Period::hours(1), now);
        let looked = resumption.over(&fleet);
        let view = block_on(looked.view(&place)).unwrap();
        let listed = block_on(view.listed(&())).unwrap();
        assert!(listed.is_empty() || !damaged || bytes.starts_with(b"goldseal/audit-facts/v1 "));
        assert!(listed.len() <= bytes.len());
        taken |= !listed.is_empty();
        let _everything = (block_on(view.described()), block_on(view.grouped()), block_on(view.named()));
    }
    taken
}
