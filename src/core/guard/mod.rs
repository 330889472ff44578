//! How the boot guard is installed in an image, as facts → findings, each with a stable code and with what to type.
//!
//! Nothing here looks at a disk: who gathers brings the facts, and what could not be looked at is a fact too.

mod codes;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use codes::CODES;

use crate::{
    doctor::command,
    policy::{BootAction, Mode},
    report::{Finding, Severity},
};

/// The oldest systemd whose units do what ours need.
pub const OLDEST_SYSTEMD: u32 = 246;

/// Where in a boot the guard stands, and whose network it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recipe {
    /// Before `sysinit.target` and cloud-init's network stage: Debian, Ubuntu.
    Sysinit,
    /// A transaction of its own, with systemd-networkd: Amazon Linux 2023.
    Networkd,
    /// A transaction of its own, with NetworkManager: the RHEL family.
    NetworkManager,
}

impl Recipe {
    /// Every recipe.
    pub const ALL: [Self; 3] = [Self::Sysinit, Self::Networkd, Self::NetworkManager];

    /// Returns its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sysinit => "sysinit",
            Self::Networkd => "networkd",
            Self::NetworkManager => "network-manager",
        }
    }

    /// Chooses by the text of `os-release`; none for a distribution that nobody tried.
    pub fn of_distribution(os_release: &str) -> Option<Self> {
        let value = |key: &str| {
            let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim().trim_matches(['"', '\'']).to_owned()
        };
        let (id, like) = (value("ID"), value("ID_LIKE"));
        // What a distribution is comes before what it is like.
        std::iter::once(id.as_str()).chain(like.split_whitespace()).find_map(|name| match name {
            "debian" | "ubuntu" => Some(Self::Sysinit),
            "amzn" => Some(Self::Networkd),
            "rhel" | "centos" | "fedora" => Some(Self::NetworkManager),
            _ => None,
        })
    }

    /// Says whether `default.target` is ours.
    pub const fn takes_default_target(self) -> bool {
        matches!(self, Self::Networkd | Self::NetworkManager)
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was found of the guard in an image, as far as it could be looked at.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The directory of the image; none where it is this machine.
    pub root: Option<String>,
    /// What was installed; none when nothing was.
    pub installed: Option<Installed>,
    /// The recipe of the distribution, or why there is none.
    pub distribution: Option<Recipe>,
    /// Files of ours: what is wrong with each that is not as it was installed.
    pub files: Vec<(String, Wrong)>,
    /// Places that take our units away: masks, and files that go before them.
    pub masks: Vec<String>,
    /// Drop-ins of others that change our units.
    pub overrides: Vec<String>,
    /// Links that ask for the guard in a way that systemd drops silently when it is masked.
    pub requires_links: Vec<String>,
    /// Units of the image's own that need not wait for anything.
    pub beside: Vec<String>,
    /// What systemd says of ordering cycles, or why it was not asked.
    pub cycles: Result<Vec<String>, String>,
    /// The version of systemd, where it could be told.
    pub systemd: Option<u32>,
    /// The executable is there, and can be started.
    pub executable: bool,
    /// What is wrong with settings or policy; else what the policy makes of a boot.
    pub judged_by: Result<Judging, String>,
    /// cloud-init is there.
    pub cloud_init: bool,
    /// What the role of this instance may do; empty where this is none, or another machine's image.
    pub role: Vec<Power>,
}

/// Something that the role of an instance that is judged must not be allowed, and whether it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Power {
    /// What.
    pub to: Forbidden,
    /// What came of trying it without effect, or why nobody knows.
    pub allowed: Result<bool, String>,
}

/// What the judged must not be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forbidden {
    /// To end a wait on a launch hook, or to prolong it.
    CompleteLaunches,
    /// To write where the evidence is.
    WriteEvidence,
}

/// What was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Which way.
    pub recipe: Recipe,
    /// A guard that fails holds nothing.
    pub report_only: bool,
    /// By which version of goldseal.
    pub version: String,
}

/// What settings and policy make of a boot that is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judging {
    /// What is done.
    pub action: BootAction,
    /// Where no scope says otherwise.
    pub mode: Mode,
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It is not there.
    Missing,
    /// It is another than was installed.
    Changed,
    /// It is as it was installed, by another version than this one.
    Outdated,
}

/// Returns what is found in the facts.
pub fn examine(facts: &Facts) -> Vec<Finding> {
    use Severity::{Good, Note, Problem, Unknown, Warning};
    let root = facts.root.as_deref();
    let install = |more: &[&str]| {
        let of_image = root.map_or(Vec::new(), |root| vec!["--root", root]);
        command(&[&["goldseal", "boot", "install"], of_image.as_slice(), more].concat())
    };
    // A command that is typed here must not meet the files of this machine.
    let there = |path: &str| format!("{}{path}", root.unwrap_or_default().trim_end_matches('/'));
    let mut found = Vec::new();
    let mut say = |severity, code, place: &str, message: String, commands: Vec<String>| {
        found.push(Finding { severity, code, place: place.to_owned(), message, commands });
    };
    match &facts.judged_by {
        Err(problem) => say(Problem, "settings-broken", "settings and policy", problem.clone(), Vec::new()),
        Ok(judging) => {
            let holds = judging.action != BootAction::Report && judging.mode == Mode::Enforce;
            let report_only = facts.installed.as_ref().is_some_and(|one| one.report_only);
            if holds && report_only {
                let message = "the policy ends boots, and the units let them go on when the guard fails";
                say(Problem, "report-units-enforcing-policy", "units", message.to_owned(), vec![install(&[])]);
            }
            if !holds {
                let message =
                    "the policy only reports: a boot that is not admitted goes on, where no scope says otherwise";
                say(Warning, "policy-reports", "policy", message.to_owned(), Vec::new());
            }
        }
    }
    if !facts.executable {
        let message = "it is not there or cannot be started: every boot ends";
        say(Problem, "executable-missing", "/usr/bin/goldseal", message.to_owned(), Vec::new());
    }
    if let Some(version) = facts.systemd.filter(|version| *version < OLDEST_SYSTEMD) {
        let message = format!("systemd {version} does not know what the units need; {OLDEST_SYSTEMD} does");
        say(Problem, "systemd-old", "systemd", message, Vec::new());
    }
    for power in &facts.role {
        let (code, what, take) = match power.to {
            Forbidden::CompleteLaunches => (
                "role-completes-launches",
                "it may complete lifecycle actions: an instance that is judged could let itself into service",
                "take autoscaling:CompleteLifecycleAction and autoscaling:RecordLifecycleActionHeartbeat from it",
            ),
            Forbidden::WriteEvidence => {
                ("role-writes-evidence", "it may write where the evidence is", "take s3:PutObject there from it")
            }
        };
        match &power.allowed {
            Ok(true) => say(Problem, code, "the instance's role", format!("{what}; {take}"), Vec::new()),
            Ok(false) => {}
            Err(why) => say(Unknown, "role-not-tried", "the instance's role", why.clone(), Vec::new()),
        }
    }
    let Some(installed) = &facts.installed else {
        let message = "nothing stands before this image's boots";
        say(Problem, "not-installed", "units", message.to_owned(), vec![install(&[])]);
        return found;
    };
    for (path, wrong) in &facts.files {
        let (severity, code, message) = match wrong {
            Wrong::Missing => (Problem, "file-missing", "it was installed and is gone"),
            Wrong::Changed => (Problem, "file-changed", "somebody changed it after it was installed"),
            Wrong::Outdated => (Note, "file-outdated", "it is of another version of goldseal"),
        };
        let mend = if *wrong == Wrong::Changed { install(&["--force"]) } else { install(&[]) };
        say(severity, code, path, message.to_owned(), vec![mend]);
    }
    for path in &facts.masks {
        let message = "it goes before our unit, or masks it: a boot stops there, or goes on unjudged";
        let reload = root.is_none().then(|| "systemctl daemon-reload".to_owned());
        let commands = [command(&["rm", &there(path)])].into_iter().chain(reload).collect();
        say(Problem, "unit-masked", path, message.to_owned(), commands);
    }
    for path in &facts.overrides {
        let message = "a drop-in that is not ours changes the guard: a condition that is false lets every boot go on";
        say(Warning, "unit-overridden", path, message.to_owned(), vec![command(&["cat", &there(path)])]);
    }
    for path in &facts.requires_links {
        let message =
            "systemd drops such a link without a word when the unit is masked; our drop-ins ask for it safely";
        say(Warning, "requires-link", path, message.to_owned(), vec![command(&["rm", &there(path)])]);
    }
    match &facts.cycles {
        Ok(cycles) => {
            for cycle in cycles {
                let message = format!("systemd would drop a job to break it: {cycle}");
                say(Problem, "ordering-cycle", "units", message, Vec::new());
            }
        }
        Err(why) => say(Unknown, "cycles-not-looked-for", "systemd-analyze", why.clone(), Vec::new()),
    }
    if installed.recipe == Recipe::Sysinit && !facts.beside.is_empty() {
        let message = format!(
            "units of the image without default dependencies, which may run beside the guard: {}",
            facts.beside.join(", ")
        );
        say(Warning, "units-beside", "image", message, Vec::new());
    }
    if let Some(recipe) = facts.distribution.filter(|recipe| *recipe != installed.recipe) {
        let message = format!("installed is {}, and this distribution boots as {recipe} needs", installed.recipe);
        say(Problem, "recipe-mismatch", "units", message, vec![install(&["--recipe", recipe.as_str()])]);
    }
    if !facts.cloud_init {
        let message = "cloud-init is not there: what runs user data here was not looked at";
        say(Note, "no-cloud-init", "image", message.to_owned(), Vec::new());
    }
    if !found.iter().any(|one| one.severity < Note) {
        let message = format!("every boot is judged before it starts anything (recipe {})", installed.recipe);
        found.push(Finding {
            severity: Good,
            code: "guard-good",
            place: "units".to_owned(),
            message,
            commands: Vec::new(),
        });
    }
    found.sort_by_key(|one| one.severity);
    found
}

#[cfg(test)]
mod tests;
