//! Commands as they are typed into a shell: names from outside never become anything but a word.

use serde_json::{Value, json};

use super::Launching;

/// Joins words to a command line.
pub(crate) fn command(words: &[&str]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// Returns a command of the AWS command line, in the region of the facts.
pub(crate) fn aws(facts: &Launching, words: &[&str]) -> String {
    let (verb, rest) = words.split_at(words.len().min(2));
    command(&[&["aws"], verb, &["--region", facts.region.as_str()], rest].concat())
}

/// Returns the command that allows the caller actions on resources.
pub(crate) fn allow(facts: &Launching, actions: &[&str], resources: &[String]) -> String {
    let statement = json!({"Effect": "Allow", "Action": list(actions), "Resource": list(resources)});
    let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let name = format!("goldseal-{}", actions.first().unwrap_or(&"").replace(':', "-"));
    let arn = facts.caller.as_ref().ok().and_then(|caller| caller.arn.as_deref()).unwrap_or_default();
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let (verb, flag, who) = match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["user", .., user] => ("put-user-policy", "--user-name", *user),
        ["assumed-role", role, _session] => ("put-role-policy", "--role-name", *role),
        _ => ("put-role-policy", "--role-name", "ROLE"),
    };
    command(&["aws", "iam", verb, flag, who, "--policy-name", &name, "--policy-document", &document])
}

/// One of something stands for itself in a policy.
fn list<T: AsRef<str>>(items: &[T]) -> Value {
    match items {
        [one] => json!(one.as_ref()),
        several => json!(several.iter().map(AsRef::as_ref).collect::<Vec<_>>()),
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_name_holds_is_one_word() {
        for (word, expected) in [
            ("web-1", "web-1"),
            ("", "''"),
            ("a b", "'a b'"),
            ("$(reboot)", "'$(reboot)'"),
            ("it's; rm -rf /", r"'it'\''s; rm -rf /'"),
            ("*", "'*'"),
            ("~root", "'~root'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
