//! A file of accounts: an id a line, and a name behind it.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, Result, bail};
use goldseal_core::ports::Account;

use crate::files;

/// The largest organization has some ten thousand accounts.
const LARGEST: usize = 1 << 20;

/// Reads a file of accounts. What stands behind `#` is nobody's; an account that stands there twice is an error.
pub fn read(path: &Path) -> Result<Vec<Account>> {
    let text = files::read_text(path, LARGEST)?;
    parse(&text).with_context(|| format!("reading accounts from {}", path.display()))
}

fn parse(text: &str) -> Result<Vec<Account>> {
    let (mut accounts, mut known) = (Vec::new(), BTreeSet::new());
    for (number, line) in text.lines().enumerate() {
        let line = line.split_once('#').map_or(line, |(before, _)| before).trim();
        if line.is_empty() {
            continue;
        }
        let (id, name) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let id: goldseal_core::ids::AccountId = id.parse().with_context(|| format!("line {}", number + 1))?;
        if !known.insert(id.clone()) {
            bail!("line {}: the account {id} stands there twice", number + 1);
        }
        let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        accounts.push(Account { id, name });
    }
    if accounts.is_empty() {
        bail!("there is no account in it");
    }
    Ok(accounts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_have_an_id_and_may_have_a_name() {
        let text = "# production\n123456789012  web shop\n\n210987654321 # nobody's\n";
        let accounts = parse(text).unwrap();
        let told: Vec<(&str, Option<&str>)> =
            accounts.iter().map(|one| (one.id.as_str(), one.name.as_deref())).collect();
        assert_eq!(told, [("123456789012", Some("web shop")), ("210987654321", None)]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, told) in [
            ("123456789012\n12345", "line 2"),
            ("123456789012\n123456789012", "line 2: the account 123456789012 stands there twice"),
            ("# nothing\n", "no account"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(told), "{error}");
        }
    }
}
