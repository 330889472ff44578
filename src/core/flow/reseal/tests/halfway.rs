//! Images that are moved already, in part, or by somebody else; and what need not be done of them.

use super::*;

#[test]
fn an_image_is_tagged_unless_both_pointers_are_right() {
    let bench = Bench::new();
    bench.one();
    let (held, right) = (bench.held(), bench.tags.written.lock().unwrap().clone());
    for (left_out, calls) in [("", "read"), (EVIDENCE_TAG, "read tag"), (SUBJECT_TAG, "read tag")] {
        let tag = |(key, value): (String, String)| crate::image::DescribedTag { key: Some(key), value: Some(value) };
        let mut image = described();
        let tags = right.iter().filter(|(key, _)| key != left_out).cloned();
        image.tags = Some(tags.map(tag).collect());
        let catalog = FakeCatalog([(descriptor().image(), Ok(image))].into());
        let again = Bench { catalog, ..Bench::holding(&held) };
        assert_eq!((again.one().outcome, again.calls().as_str()), (ResealOutcome::Already, calls), "{left_out}");
    }
}

#[test]
fn what_was_half_moved_is_moved_to_its_end() {
    let half = signed(&[(&LocalKey::p256(3), payload(Kind::Sbom))]);
    let bench = Bench::holding(&[evidence(), half].concat());
    let one = bench.one();
    let kinds: Vec<Kind> = one.statements.iter().map(|one| one.kind).collect();
    assert_eq!((one.outcome, kinds.as_slice()), (ResealOutcome::Resealed, &[Kind::Provenance, Kind::Gate][..]));
    assert!(admits(&bench.new, &bench.held()));
    let held = bench.held();
    let dropping = Bench { replace: true, ..Bench::holding(&held) };
    assert_eq!(dropping.one().dropped, 3);
    let again = Bench { replace: true, ..Bench::holding(&dropping.held()) };
    let one = again.one();
    assert_eq!((one.outcome, one.dropped, again.calls().as_str()), (ResealOutcome::Already, 0, "read tag"));
}

#[test]
fn another_who_signed_does_not_stand_for_the_key_that_is_to_sign() {
    let [old, other, boss, new] = [1, 4, 2, 3].map(LocalKey::p256);
    let either = |first: &LocalKey| {
        let policy = gated_policy(first, &boss, &authority_table("other", &other));
        policy.replace("authorities = [\"ci\"]\nthreshold = 1", "authorities = [\"ci\", \"other\"]\nthreshold = 1")
    };
    let gated = Gated::at(now());
    let both = [gated.evidence(&old, &boss), Gated::at(now()).evidence(&other, &boss)].concat();
    let from = Some("ci".parse().unwrap());
    let bench = Bench { old: either(&old), new: either(&new), from, ..Bench::holding(&both) };
    let one = bench.one();
    assert_eq!((one.outcome, one.statements.len()), (ResealOutcome::Resealed, 3), "{one:?}");
}

/// A bundle need not say whose it is.
#[test]
fn what_the_old_key_signed_is_dropped_whether_or_not_it_says_so() {
    let hint = |number| format!("\"hint\":\"{}\"", LocalKey::p256(number).public().hint());
    let sealed = evidence();
    let bare = sealed.split_inclusive(|byte| *byte == b'\n').flat_map(|line| {
        let text = String::from_utf8(line.to_vec()).unwrap();
        [1, 2].iter().fold(text, |text, one| text.replace(&hint(*one), "\"hint\":\"\"")).into_bytes()
    });
    let bare: Vec<u8> = bare.collect();
    assert_ne!(bare, sealed);
    let bench = Bench { replace: true, ..Bench::holding(&bare) };
    let one = bench.one();
    assert_eq!((one.outcome, one.dropped), (ResealOutcome::Resealed, 3), "{one:?}");
    assert!(!admits(&bench.old, &bench.held()) && admits(&bench.new, &bench.held()));
}

#[test]
fn much_evidence_is_said() {
    let all = evidence();
    let line = all.split_inclusive(|byte| *byte == b'\n').next().unwrap();
    let own = lines(&all).unwrap().len();
    for (more, said) in [(MANY_BUNDLES - 3 - own, false), (MANY_BUNDLES - 2 - own, true)] {
        let bench = Bench::holding(&[all.clone(), line.repeat(more)].concat());
        let one = bench.one();
        assert_eq!((one.outcome, lines(&bench.held()).unwrap().len()), (ResealOutcome::Resealed, own + more + 3));
        assert_eq!(one.notes.iter().any(|note| note.code == "many-bundles"), said, "{more}");
    }
}
