use futures_executor::block_on;

use super::*;
use crate::{
    ports::PortErrorKind,
    testing::{images::facts, launches::FakeState},
};

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn image() -> ImageRef {
    facts().descriptor.image()
}

fn place() -> StateName {
    name(&image()).unwrap()
}

fn kept() -> FakeState {
    let state = FakeState::default();
    block_on(keep(&state, &image(), b"{}\n", now())).unwrap();
    state
}

fn recalled(state: &FakeState, at: Timestamp) -> Result<Vec<u8>, String> {
    block_on(recall(state, &image(), Period::hours(1), at)).map(|(evidence, _)| evidence)
}

#[test]
fn what_was_kept_comes_back_as_bytes_with_the_time_when_they_were_read() {
    let (evidence, note) = block_on(recall(&kept(), &image(), Period::hours(1), after(60))).unwrap();
    assert_eq!((evidence.as_slice(), note.code.as_ref()), (&b"{}\n"[..], "last-known-good"));
    assert!(note.message.contains("2027-01-15T08:00:00Z"), "{}", note.message);
}

#[test]
fn it_stands_in_until_it_is_too_old_and_never_before_it_was_read() {
    let state = kept();
    assert!(recalled(&state, after(3_599)).is_ok() && recalled(&state, now()).is_ok());
    for (at, why) in [(after(3_600), "more than 1h ago"), (after(-1), "which is after now")] {
        let told = recalled(&state, at).unwrap_err();
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn what_is_absent_damaged_or_of_another_version_does_not_stand_in() {
    let head = |schema: &str, digest: &str| {
        format!(
            "{{\"schema\":\"{schema}\",\"readAt\":\"2027-01-15T08:00:00Z\",\"evidenceSha256\":\"{digest}\"}}\n{{}}\n"
        )
    };
    let digest = Sha256Digest::of(b"{}\n").to_string();
    let other = Sha256Digest::of(b"").to_string();
    for (stored, why) in [
        (head(SCHEMA, &other), "damaged"),
        (head("goldseal/last-known-good/v2", &digest), "another version"),
        (head(SCHEMA, &digest).replacen('{', "{\"more\":1,", 1), "unexpected content"),
        ("{}".to_owned(), "no first line"),
        (String::new(), "no first line"),
        ("not JSON\n{}\n".to_owned(), "not JSON"),
        (format!("{}\n", " ".repeat(2_000)), "more than the 1024 allowed"),
    ] {
        let state = FakeState::default();
        state.held.lock().unwrap().insert(place(), stored.clone().into_bytes());
        let told = recalled(&state, now()).unwrap_err();
        assert!(told.contains(why), "{told} of {stored}");
    }
    assert!(recalled(&FakeState::default(), now()).unwrap_err().contains("nothing was kept"));
    let failing = FakeState { read_fault: Some(PortErrorKind::Unavailable), ..FakeState::default() };
    assert!(recalled(&failing, now()).unwrap_err().contains("unavailable"));
}

#[test]
fn what_is_newer_takes_the_place_and_who_was_faster_is_left_alone() {
    let state = kept();
    block_on(keep(&state, &image(), b"{\"newer\":1}\n", after(60))).unwrap();
    assert_eq!(recalled(&state, after(60)).unwrap(), b"{\"newer\":1}\n");
    *state.meanwhile.lock().unwrap() = Some(b"of another replica".to_vec());
    block_on(keep(&state, &image(), b"{}\n", after(120))).unwrap();
    assert_eq!(state.of(&place()).unwrap(), b"of another replica");
}

#[test]
fn the_same_evidence_is_written_again_after_a_while_and_when_the_clock_went_back() {
    for (last, worth) in [(None, true), (Some(now()), false), (Some(after(-599)), false), (Some(after(-600)), true)] {
        assert_eq!(worth_keeping(last, now()), worth, "{last:?}");
    }
    assert!(worth_keeping(Some(after(1)), now()));
}
