//! Open doors as people read them: what is the same of one region after the other stands once.

use std::{borrow::Cow, collections::BTreeMap};

use super::{AuditReport, Door};
use crate::{
    ids::{AccountId, Region},
    report::Severity,
};

/// An open door; or one that a whole region is, with all the regions where it is the same.
#[derive(Debug, Clone)]
pub struct OpenDoor<'r> {
    /// The door, or the first of them.
    pub door: &'r Door,
    /// Where it is open.
    pub places: Vec<(&'r AccountId, &'r Region)>,
}

impl OpenDoor<'_> {
    /// Says what it is.
    pub fn place(&self) -> Cow<'_, str> {
        match self.places.len() {
            ..=1 => Cow::Borrowed(&self.door.place),
            // Regions of two accounts are two, whatever their names.
            count => Cow::Owned(format!("{count} regions")),
        }
    }

    /// Says where it is open, with the names that people give accounts; of so many accounts.
    pub fn whereabouts(&self, names: &BTreeMap<&AccountId, &str>, most: usize) -> String {
        let mut accounts: BTreeMap<&AccountId, Vec<&str>> = BTreeMap::new();
        for (account, region) in &self.places {
            accounts.entry(account).or_default().push(region.as_str());
        }
        let name =
            |account: &AccountId| names.get(account).map_or_else(|| account.to_string(), |name| (*name).to_owned());
        let said =
            accounts.iter().take(most).map(|(account, regions)| format!("{} {}", name(account), regions.join(", ")));
        let rest = match accounts.len().saturating_sub(most) {
            0 => None,
            1 => Some("and 1 account more".to_owned()),
            rest => Some(format!("and {rest} accounts more")),
        };
        said.chain(rest).collect::<Vec<String>>().join("; ")
    }
}

impl AuditReport {
    /// Returns the doors that are open, the worst first.
    pub fn open_doors(&self) -> Vec<OpenDoor<'_>> {
        let mut found: Vec<OpenDoor<'_>> = Vec::new();
        let mut regions: BTreeMap<(Severity, &str, &str), usize> = BTreeMap::new();
        for door in self.doors().iter().filter(|door| door.severity != Severity::Good) {
            let place = (&door.account, &door.region);
            if door.place == door.region.as_str() {
                let same = regions.entry((door.severity, &door.code, &door.message)).or_insert(found.len());
                if let Some(open) = found.get_mut(*same) {
                    open.places.push(place);
                    continue;
                }
            }
            found.push(OpenDoor { door, places: vec![place] });
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::audits::fleet;

    use super::*;

    fn of(account: &str, region: &str, place: &str, message: &str) -> Door {
        Door {
            severity: Severity::Warning,
            code: "allowed-images-off".into(),
            account: account.parse().unwrap(),
            region: region.parse().unwrap(),
            place: place.to_owned(),
            message: message.to_owned(),
            commands: Vec::new(),
        }
    }

    #[test]
    fn what_is_the_same_of_many_regions_stands_once_and_no_door_is_lost() {
        let (one, other) = ("111122223333", "222233334444");
        let report = AuditReport {
            doors: Some(vec![
                Door { severity: Severity::Good, ..of(one, "eu-west-1", "eu-west-1", "off") },
                of(one, "eu-west-1", "eu-west-1", "off"),
                of(one, "eu-west-1", "web", "off"),
                of(one, "us-east-1", "us-east-1", "off"),
                of(one, "us-east-2", "us-east-2", "denied"),
                Door { code: "another".into(), ..of(one, "us-east-2", "us-east-2", "off") },
                Door { severity: Severity::Unknown, ..of(one, "us-east-2", "us-east-2", "off") },
                of(other, "eu-west-1", "eu-west-1", "off"),
            ]),
            ..fleet(0)
        };
        let open = report.open_doors();
        let said: Vec<_> = open.iter().map(|one| (one.place().into_owned(), one.places.len())).collect();
        let single = |place: &str| (place.to_owned(), 1);
        assert_eq!(
            said,
            [("3 regions".to_owned(), 3), single("web"), single("us-east-2"), single("us-east-2"), single("us-east-2")]
        );
        let names = report.names();
        let first = open.first().unwrap();
        assert_eq!(first.whereabouts(&names, 4), "payments-prod eu-west-1, us-east-1; payments-staging eu-west-1");
        assert_eq!(first.whereabouts(&names, 1), "payments-prod eu-west-1, us-east-1; and 1 account more");
        assert_eq!(first.whereabouts(&BTreeMap::new(), 0), "and 2 accounts more");
    }
}
