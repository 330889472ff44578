//! What every store does alike with lists: revocations by name, and overrides.

use goldseal_core::{
    policy::ListName,
    ports::{ListStore, Listing, Revision},
};

use super::*;

/// Runs what holds for every store.
pub(super) async fn keep_the_contract(reader: &impl ListStore, writer: &impl ListStore) {
    let named = |name: &str| Listing::Revocations(ListName::try_from(name.to_owned()).unwrap());
    let all = [named("default"), named("default-2"), Listing::Overrides];
    let mut stored = Vec::new();
    for (number, list) in all.iter().enumerate() {
        assert_eq!(reader.read_list(list).await.unwrap(), None);
        let nothing = Expected::Unchanged(Revision("\"0\"".to_owned()));
        let (one, two) = (lines(number, "one"), lines(number, "two"));
        assert_eq!(writer.write_list(list, &one, nothing).await.unwrap(), Conflict, "there is nothing to replace");
        assert_eq!(writer.write_list(list, &one, Expected::Absent).await.unwrap(), Stored);
        let first = reader.read_list(list).await.unwrap().unwrap();
        assert_eq!(first.bytes, one, "exact bytes");
        assert_eq!(writer.write_list(list, &two, Expected::Absent).await.unwrap(), Conflict);
        let revision = writer.read_list(list).await.unwrap().unwrap().revision;
        let unchanged = || Expected::Unchanged(revision.clone());
        assert_eq!(writer.write_list(list, &two, unchanged()).await.unwrap(), Stored);
        assert_eq!(writer.write_list(list, &one, unchanged()).await.unwrap(), Conflict, "somebody wrote in between");
        for unwritable in [&b""[..], b"\n", b"{}"] {
            let refused = writer.write_list(list, unwritable, unchanged()).await;
            fails(refused, PortErrorKind::Refused);
        }
        stored.push(two);
    }
    for (list, two) in all.iter().zip(&stored) {
        assert!(reader.read_list(list).await.unwrap().unwrap().bytes == *two, "each is its own");
        let place = reader.locate_list(list);
        assert_eq!(all.iter().filter(|other| reader.locate_list(other) == place).count(), 1);
    }
}

fn lines(number: usize, mark: &str) -> Vec<u8> {
    evidence(&image(number as u64), mark, 2, 100)
}
