//! What a place told, answer by answer, and the edges of what is believed and named.

use super::{super::facts::Heard, *};
use crate::{
    bounded::JsonFault,
    ports::{Fleets as _, ImageCatalog as _},
};

#[test]
fn a_place_told_everything_with_the_last_answer_whichever_that_is() {
    let answers: [fn(&mut Heard); 7] = [
        |heard| heard.listed = Some(Vec::new()),
        |heard| heard.described = Some(BTreeMap::new()),
        |heard| heard.volumes = Some(BTreeMap::new()),
        |heard| heard.groups = Some(Vec::new()),
        |heard| heard.named = Some(Vec::new()),
        |heard| heard.replaced = Some(Vec::new()),
        |heard| heard.allowed = Some(AllowedImages::Off),
    ];
    for last in 0..answers.len() {
        let mut heard = Heard::default();
        for number in 1..=answers.len() {
            answers[(last + number) % answers.len()](&mut heard);
            assert_eq!(heard.whole().is_some(), number == answers.len(), "{number} answers, {last} is the last");
        }
    }
}

#[test]
fn facts_of_this_very_instant_are_believed() {
    let mut two = Two::interrupted();
    let (report, calls) = two.audit(0, "all");
    assert_eq!((calls.len(), report.places[0].seen), (0, Some(at(0))));
}

#[test]
fn what_an_image_is_is_asked_for_although_its_place_is_not() {
    let two = Two::interrupted();
    let (fleet, image) = (two.fleet(), here().image(&two.world[&here()].listed[0].image));
    let resumption = Resumption::new(two.state, selection("all"), Period::hours(1), || at(600));
    let looked = resumption.over(&fleet);
    let view = block_on(looked.view(&here())).unwrap();
    assert!(block_on(view.describe(&image)).unwrap().is_some());
    assert_eq!(fleet.views[&here()].as_ref().unwrap().0.journal.calls(), ["describe"]);
}

#[test]
fn a_note_names_three_places_and_counts_the_others() {
    let why = "denied".to_owned();
    let places: Vec<Place> = (1..=5).map(|number| place(number, "eu-west-1")).collect();
    let said = |count: usize| {
        let places: Vec<(&Place, &String)> = places.iter().take(count).map(|place| (place, &why)).collect();
        note("asked-again", "asked again", &places).map(|note| note.message)
    };
    assert_eq!(said(0), None);
    for (count, named, more) in [(1, 1, None), (3, 3, None), (4, 3, Some("; and 1 more")), (5, 3, Some("; and 2 more"))]
    {
        let said = said(count).unwrap();
        assert_eq!((said.matches(": denied").count(), said.contains(" more")), (named, more.is_some()), "{said}");
        more.iter().for_each(|more| assert!(said.ends_with(more), "{said}"));
    }
}

#[test]
fn facts_are_held_against_their_digest_up_to_the_limit_and_no_further() {
    let limit = 64 << 20;
    let head = format!("goldseal/audit-facts/v1 {}\n", Sha256Digest::of(b"another"));
    let mut bytes = [head.as_bytes(), &vec![b' '; limit]].concat();
    assert_eq!(Facts::from_bytes(&bytes), Err(FactsFault::Digest));
    bytes.push(b' ');
    assert_eq!(Facts::from_bytes(&bytes), Err(JsonFault::TooLarge { found: limit + 1, limit }.into()));
}
