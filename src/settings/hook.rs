//! The settings of the launch hook: `[hook]` in the settings file, flags, the environment → valid.

use std::net::SocketAddr;

use goldseal_core::{
    ids::{HookName, NotAnId},
    lifecycle::{Guarded, NotAPattern},
};
use jiff::SignedDuration;
use serde::Deserialize;

use super::{SettingsError, place};
use crate::adapters::{
    aws::{NotAQueueUrl, QueueUrl},
    store::StoreUrl,
};

/// How long a verdict may take, unless it is set.
pub const DEADLINE: SignedDuration = SignedDuration::from_mins(10);
/// A deadline is at least as long as EC2 takes to show a new instance, and at most as the longest hook timeout.
const DEADLINES: (SignedDuration, SignedDuration) = (SignedDuration::from_secs(10), SignedDuration::from_hours(2));
/// The name of our lifecycle hook, unless it is set.
const HOOK: &str = "goldseal";
/// Where metrics and health are served, unless it is set.
const LISTEN: &str = "127.0.0.1:9464";

/// Settings of the hook as one source gives them.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct HookFragment {
    /// The URL of the SQS queue
    #[arg(long, value_name = "URL", env = "GOLDSEAL_HOOK_QUEUE")]
    pub queue: Option<String>,
    /// A guarded Auto Scaling group: its name, or the beginning of names and `*`
    #[arg(
        id = "groups",
        long = "guard-group",
        value_name = "NAME",
        env = "GOLDSEAL_HOOK_GROUPS",
        value_delimiter = ','
    )]
    #[serde(default)]
    pub groups: Vec<String>,
    /// The name of our lifecycle hook in those groups
    #[arg(id = "hooks", long = "guard-hook", value_name = "NAME", env = "GOLDSEAL_HOOK_HOOKS", value_delimiter = ',')]
    #[serde(default)]
    pub hooks: Vec<String>,
    /// Where breakers, decisions and last known good evidence are kept: file:///dir or s3://bucket/prefix
    #[arg(long, value_name = "URL", env = "GOLDSEAL_STATE")]
    pub state: Option<String>,
    /// How long a verdict may take, from the first sight of a wait [default: 10m]
    #[arg(long, value_name = "TIME", env = "GOLDSEAL_HOOK_DEADLINE")]
    pub deadline: Option<String>,
    /// Where metrics and health are served [default: 127.0.0.1:9464]
    #[arg(long, value_name = "ADDRESS", env = "GOLDSEAL_HOOK_LISTEN")]
    pub listen: Option<String>,
}

/// What an enrolment takes of the settings of the hook, each as far as it is set: who enrols need not run the hook.
#[derive(Debug, Clone)]
pub struct EnrollSettings {
    /// The queue.
    pub queue: Option<QueueUrl>,
    /// Which groups and hooks are guarded.
    pub guarded: Option<Guarded>,
    /// The lifecycle hook: the one that is named, else the first of the hooks, else `goldseal`.
    pub hook: HookName,
}

impl EnrollSettings {
    /// Merges flags and environment with the file; `named` is the lifecycle hook, where it is.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn merge(given: HookFragment, file: HookFragment, named: Option<HookName>) -> Result<Self, SettingsError> {
        let list = |given: Vec<String>, file: Vec<String>| if given.is_empty() { file } else { given };
        let (groups, mut hooks) = (list(given.groups, file.groups), list(given.hooks, file.hooks));
        let hook = match named {
            Some(name) => name,
            None => hooks
                .first()
                .map_or(HOOK, String::as_str)
                .parse()
                .map_err(|fault: NotAnId| invalid("hooks", fault.to_string()))?,
        };
        // Who says which groups are guarded means by this hook, unless they say by which.
        if hooks.is_empty() {
            hooks.push(hook.to_string());
        }
        let guarded = if groups.is_empty() { None } else { Some(guarded(&groups, &hooks)?) };
        Ok(Self { queue: queue(given.queue.or(file.queue))?, guarded, hook })
    }
}

/// Settings of the hook that are valid.
#[derive(Debug, Clone)]
pub struct HookSettings {
    queue: Option<QueueUrl>,
    /// Which groups and hooks are guarded.
    pub guarded: Guarded,
    /// Where state is kept.
    pub state: StoreUrl,
    /// How long a verdict may take.
    pub deadline: SignedDuration,
    /// Where metrics and health are served.
    pub listen: SocketAddr,
}

impl HookSettings {
    /// Merges flags and environment with the file; `store` is where the evidence is, which state must stay out of.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn merge(given: HookFragment, file: HookFragment, store: &StoreUrl) -> Result<Self, SettingsError> {
        let list = |given: Vec<String>, file: Vec<String>| if given.is_empty() { file } else { given };
        let groups = list(given.groups, file.groups);
        let hooks = list(given.hooks, file.hooks);
        let missing = |what, hint| SettingsError::Missing { what, hint };
        if groups.is_empty() {
            return Err(missing(
                "guarded group",
                "give --guard-group NAME, or write `groups = [\"web\"]` below [hook]",
            ));
        }
        if hooks.is_empty() {
            return Err(missing(
                "guarded hook",
                "give --guard-hook NAME, or write `hooks = [\"goldseal\"]` below [hook]",
            ));
        }
        let guarded = guarded(&groups, &hooks)?;
        let state = state(given.state.or(file.state), Some(store))?;
        let deadline = given.deadline.or(file.deadline);
        let deadline =
            deadline.map_or(Ok(DEADLINE), |text| duration(&text)).map_err(|fault| invalid("deadline", fault))?;
        let listen = given.listen.or(file.listen).unwrap_or_else(|| LISTEN.to_owned());
        let listen = listen.parse().map_err(|_address| {
            invalid("listen", format!("{listen:?} is not an address and a port, such as {LISTEN}"))
        })?;
        let queue = queue(given.queue.or(file.queue))?;
        Ok(Self { queue, guarded, state, deadline, listen })
    }

    /// Returns the queue.
    ///
    /// # Errors
    /// [`SettingsError::Missing`].
    pub fn queue(&self) -> Result<&QueueUrl, SettingsError> {
        let hint =
            "give --queue URL, or write `queue = \"https://sqs.REGION.amazonaws.com/ACCOUNT/NAME\"` below [hook]";
        self.queue.as_ref().ok_or(SettingsError::Missing { what: "queue", hint })
    }
}

fn guarded(groups: &[String], hooks: &[String]) -> Result<Guarded, SettingsError> {
    Guarded::new(groups, hooks).map_err(|fault| {
        let key = if matches!(fault, NotAPattern::Hook(_)) { "hooks" } else { "groups" };
        invalid(key, fault.to_string())
    })
}

fn queue(url: Option<String>) -> Result<Option<QueueUrl>, SettingsError> {
    let queue = url.map(|url| url.parse()).transpose();
    queue.map_err(|fault: NotAQueueUrl| invalid("queue", fault.to_string()))
}

fn invalid(key: &'static str, problem: String) -> SettingsError {
    SettingsError::Hook { key, problem }
}

/// Reads where state is kept. `store` is where the evidence is, for who writes state: it must stay out of it.
pub(super) fn state(text: Option<String>, store: Option<&StoreUrl>) -> Result<StoreUrl, SettingsError> {
    let hint = "give --state URL, or write `state = \"file:///var/lib/goldseal\"` below [hook]";
    let text = text.ok_or(SettingsError::Missing { what: "place for state", hint })?;
    let why = "what the hook may write must not be what it judges by";
    place::kept("state is", &text, (store, why)).map_err(|problem| invalid("state", problem))
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    let read: SignedDuration =
        text.parse().map_err(|_form| format!("{text:?} is not a length of time, such as 90s or 10m"))?;
    let (shortest, longest) = DEADLINES;
    if (shortest..=longest).contains(&read) { Ok(read) } else { Err(format!("{text} is not from 10s to 2h")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> HookFragment {
        HookFragment {
            queue: Some("https://sqs.eu-west-1.amazonaws.com/123456789012/q".to_owned()),
            groups: vec!["web".to_owned()],
            hooks: vec!["goldseal".to_owned()],
            state: Some("s3://state/hook".to_owned()),
            deadline: Some("90s".to_owned()),
            listen: Some("[::1]:80".to_owned()),
        }
    }

    fn merged(change: impl FnOnce(&mut HookFragment)) -> Result<HookSettings, String> {
        let mut file = whole();
        change(&mut file);
        let store = "s3://evidence/golden".parse().unwrap();
        HookSettings::merge(HookFragment::default(), file, &store).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_go_before_the_file_and_the_rest_is_built_in() {
        let given = HookFragment { groups: vec!["batch-*".to_owned()], ..HookFragment::default() };
        let store = "s3://evidence".parse().unwrap();
        let settings = HookSettings::merge(given, whole(), &store).unwrap();
        assert!(
            settings.guarded.group(&"batch-1".parse().unwrap()) && !settings.guarded.group(&"web".parse().unwrap())
        );
        assert_eq!((settings.deadline, settings.listen.port()), (SignedDuration::from_secs(90), 80));
        let bare = merged(|file| (file.deadline, file.listen) = (None, None)).unwrap();
        assert_eq!((bare.deadline, bare.listen.to_string().as_str()), (DEADLINE, LISTEN));
    }

    #[test]
    fn what_is_missing_or_wrong_is_told_with_its_key() {
        for (change, told) in [
            (
                Box::new(|file: &mut HookFragment| file.groups.clear()) as Box<dyn FnOnce(&mut HookFragment)>,
                "no guarded group",
            ),
            (Box::new(|file| file.hooks.clear()), "no guarded hook"),
            (Box::new(|file| file.state = None), "no place for state"),
            (Box::new(|file| file.groups = vec!["*b".to_owned()]), "`hook.groups`"),
            (Box::new(|file| file.hooks = vec!["a b".to_owned()]), "`hook.hooks`"),
            (Box::new(|file| file.state = Some("https://x/y".to_owned())), "`hook.state`"),
            (Box::new(|file| file.state = Some("s3://evidence/other".to_owned())), "where the evidence is"),
            (Box::new(|file| file.deadline = Some("5s".to_owned())), "from 10s to 2h"),
            (Box::new(|file| file.deadline = Some("soon".to_owned())), "not a length of time"),
            (
                Box::new(|file| file.queue = Some("goldseal".to_owned())),
                "`hook.queue`: \"goldseal\" is not the URL of a queue",
            ),
            (Box::new(|file| file.listen = Some("9464".to_owned())), "not an address and a port"),
        ] {
            let error = merged(change).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
        assert!(merged(|file| file.queue = None).unwrap().queue().is_err());
    }

    #[test]
    fn who_enrols_need_not_have_set_what_the_hook_needs() {
        let merge = |given, file| EnrollSettings::merge(given, file, None);
        let nothing = merge(HookFragment::default(), HookFragment::default()).unwrap();
        assert!(nothing.queue.is_none() && nothing.guarded.is_none() && nothing.hook.as_str() == "goldseal");
        let file = HookFragment { hooks: vec!["first".to_owned(), "another".to_owned()], state: None, ..whole() };
        let api = || HookFragment { groups: vec!["api".to_owned()], ..HookFragment::default() };
        let both = merge(api(), file).unwrap();
        assert!(both.guarded.is_some_and(|guarded| guarded.group(&"api".parse().unwrap())));
        assert_eq!(both.hook.as_str(), "first");
        // Groups alone are enough to know that another one is not guarded.
        let groups = EnrollSettings::merge(api(), HookFragment::default(), "ours".parse().ok()).unwrap();
        let guarded = groups.guarded.unwrap();
        assert!(!guarded.group(&"web".parse().unwrap()) && guarded.hook(&"ours".parse().unwrap()));
        for broken in [
            HookFragment { queue: Some("goldseal".to_owned()), ..HookFragment::default() },
            HookFragment { groups: vec!["*b".to_owned()], ..whole() },
            HookFragment { hooks: vec!["a b".to_owned()], ..HookFragment::default() },
        ] {
            assert!(merge(HookFragment::default(), broken).is_err());
        }
    }
}
