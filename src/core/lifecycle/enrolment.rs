//! Our lifecycle hook as it should be in a group, and as it is → what is different, or why it must not be put.
//!
//! What a hook of ours would do where nobody answers it is said before it is there: launches would wait in vain.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Group, Guarded, Hook};
use crate::{enforcement::Completion, ids::HookName};

/// Our lifecycle hook, as it should be in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// Its name.
    pub name: HookName,
    /// How long an instance waits while nobody answers.
    pub timeout: SignedDuration,
    /// How the wait ends then.
    pub default_result: Completion,
    /// Who tells the queue; nobody where EventBridge does.
    pub sender: Option<Sender>,
}

/// Where Auto Scaling sends notices of launches, and with whose rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The ARN of the queue.
    pub target: String,
    /// The ARN of the role.
    pub role: String,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Difference {
    /// The parameter, by its name in the API.
    pub what: &'static str,
    /// What it is; none where there is nothing.
    pub from: Option<String>,
    /// What it is to be; none where there is to be nothing.
    pub to: Option<String>,
}

/// Why the hook must not be put.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// The hook that runs guards other groups.
    #[error("no pattern of guarded groups matches: the launches of the group would wait, and nobody would answer")]
    NobodyAnswers,
    /// The hook that runs answers for hooks of other names.
    #[error("{0} is none of the guarded hooks: launches would wait on it, and nobody would answer")]
    NotOurs(HookName),
    /// The name is taken by a hook about terminations.
    #[error("the hook {0} is there and about terminations")]
    Terminations(HookName),
}

impl Enrolment {
    /// Compares it with the hooks of a group. No difference: the group is enrolled.
    ///
    /// `guarded` is what the hook that runs answers for, where that is known.
    ///
    /// # Errors
    /// See [`Obstacle`].
    pub fn differences(
        &self,
        group: &Group,
        hooks: &[Hook],
        guarded: Option<&Guarded>,
    ) -> Result<Vec<Difference>, Obstacle> {
        if let Some(guarded) = guarded {
            if !guarded.group(&group.name) {
                return Err(Obstacle::NobodyAnswers);
            }
            if !guarded.hook(&self.name) {
                return Err(Obstacle::NotOurs(self.name.clone()));
            }
        }
        let there = hooks.iter().find(|hook| hook.name == self.name);
        if there.is_some_and(|hook| !hook.launching) {
            return Err(Obstacle::Terminations(self.name.clone()));
        }
        // An empty text is how Auto Scaling writes that there is none.
        let text = |value: Option<&String>| value.filter(|text| !text.is_empty()).cloned();
        let seconds = |time: SignedDuration| format!("{} s", time.as_secs());
        let sender = self.sender.as_ref();
        let was = |read: fn(&Hook) -> Option<&String>| text(there.and_then(read));
        let target = sender.map(|sender| sender.target.clone());
        let mut all = vec![
            ("DefaultResult", there.and_then(|hook| hook.default_result).map(word), Some(word(self.default_result))),
            ("HeartbeatTimeout", there.map(|hook| seconds(hook.timeout)), Some(seconds(self.timeout))),
            ("NotificationTargetARN", was(|hook| hook.target.as_ref()), target),
        ];
        // A role without a target sends nothing, and no call takes it away.
        if let Some(sender) = sender {
            all.push(("RoleARN", was(|hook| hook.role.as_ref()), Some(sender.role.clone())));
        }
        let differ = |(what, from, to)| (from != to).then_some(Difference { what, from, to });
        Ok(all.into_iter().filter_map(differ).collect())
    }
}

/// The names of the API are in capitals.
fn word(completion: Completion) -> String {
    completion.as_str().to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::fleet;

    fn wanted() -> Enrolment {
        Enrolment {
            name: "goldseal".parse().unwrap(),
            timeout: SignedDuration::from_secs(600),
            default_result: Completion::Abandon,
            sender: Some(Sender { target: "arn:q".into(), role: "arn:r".into() }),
        }
    }

    fn put(wanted: &Enrolment) -> Hook {
        Hook {
            name: wanted.name.clone(),
            timeout: wanted.timeout,
            default_result: Some(wanted.default_result),
            target: wanted.sender.as_ref().map(|sender| sender.target.clone()),
            role: wanted.sender.as_ref().map(|sender| sender.role.clone()),
            ..fleet::hook("x")
        }
    }

    fn differing(hooks: &[Hook]) -> Vec<&'static str> {
        let all = wanted().differences(&group(), hooks, None).unwrap();
        all.iter().map(|one| one.what).collect()
    }

    fn group() -> Group {
        fleet::group("web")
    }

    #[test]
    fn where_there_is_no_hook_everything_is_new() {
        let all = wanted().differences(&group(), &[fleet::hook("another")], None).unwrap();
        assert_eq!(all.len(), 4);
        assert!(all.iter().all(|one| one.from.is_none() && one.to.is_some()), "{all:?}");
    }

    #[test]
    fn each_thing_that_is_not_as_it_should_be_is_named_with_what_it_is() {
        let hook = put(&wanted());
        assert_eq!(differing(std::slice::from_ref(&hook)), [""; 0]);
        for (changed, what) in [
            (Hook { default_result: Some(Completion::Continue), ..hook.clone() }, "DefaultResult"),
            (Hook { default_result: None, ..hook.clone() }, "DefaultResult"),
            (Hook { timeout: SignedDuration::from_secs(30), ..hook.clone() }, "HeartbeatTimeout"),
            (Hook { target: None, ..hook.clone() }, "NotificationTargetARN"),
            (Hook { role: Some("arn:s".into()), ..hook.clone() }, "RoleARN"),
        ] {
            assert_eq!(differing(&[changed]), [what]);
        }
        let lax = Hook { default_result: Some(Completion::Continue), ..hook };
        let told = wanted().differences(&group(), &[lax], None).unwrap();
        let expected = Difference { what: "DefaultResult", from: Some("CONTINUE".into()), to: Some("ABANDON".into()) };
        assert_eq!(told, [expected]);
    }

    #[test]
    fn a_target_that_is_an_empty_text_is_none_and_its_role_is_left() {
        let events = Enrolment { sender: None, ..wanted() };
        let hook = Hook { target: Some(String::new()), role: Some("arn:r".into()), ..put(&events) };
        assert_eq!(events.differences(&group(), &[hook], None), Ok(Vec::new()));
        assert_eq!(events.differences(&group(), &[put(&wanted())], None).unwrap().len(), 1);
    }

    #[test]
    fn a_hook_that_nobody_answers_is_not_put() {
        let guarded = |group: &str, hook: &str| Guarded::new(&[group], &[hook]).unwrap();
        for (answers, expected) in [
            (guarded("web", "goldseal"), None),
            (guarded("w*", "goldseal"), None),
            (guarded("api", "goldseal"), Some(Obstacle::NobodyAnswers)),
            (guarded("web", "another"), Some(Obstacle::NotOurs("goldseal".parse().unwrap()))),
        ] {
            assert_eq!(wanted().differences(&group(), &[], Some(&answers)).err(), expected);
        }
        let draining = Hook { launching: false, ..put(&wanted()) };
        let refused = wanted().differences(&group(), &[draining], None);
        assert_eq!(refused, Err(Obstacle::Terminations("goldseal".parse().unwrap())));
    }

    proptest! {
        #[test]
        fn what_was_put_is_as_it_should_be(seconds in 30_i64..7200, lax: bool, told: bool, other in "[a-z]{1,8}") {
            let default_result = if lax { Completion::Continue } else { Completion::Abandon };
            let sender = told.then(|| Sender { target: "arn:q".into(), role: "arn:r".into() });
            let wanted = Enrolment { timeout: SignedDuration::from_secs(seconds), default_result, sender, ..wanted() };
            let hooks = [fleet::hook(&format!("other-{other}")), put(&wanted)];
            prop_assert_eq!(wanted.differences(&group(), &hooks, None), Ok(Vec::new()));
        }
    }
}
