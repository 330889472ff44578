//! Every code: how bad, what it means, and what to do. `docs/boot.md` lists them.

/// Every code, with its severity, what it means and what to do. Part of the public interface: a code never changes its
/// meaning.
pub const CODES: &[(&str, &str, &str, &str)] = &[
    (
        "settings-broken",
        "problem",
        "Settings or policy of the image are missing or wrong: every boot ends.",
        "Mend what the message names.",
    ),
    (
        "report-units-enforcing-policy",
        "problem",
        "The units were installed with `--report`, and the policy ends boots: a guard that crashes lets a boot go on.",
        "Install again without `--report`.",
    ),
    (
        "policy-reports",
        "warning",
        "The policy's action is `report`, or its mode is `warn`: boots that are not admitted go on.",
        "Set `boot.action`, or the mode, once the reports are as they should be.",
    ),
    (
        "executable-missing",
        "problem",
        "`/usr/bin/goldseal` is not there or not executable: every boot ends.",
        "Copy it there.",
    ),
    ("systemd-old", "problem", "systemd is older than 246.", "Use a newer distribution."),
    ("not-installed", "problem", "The units are not there.", "Install them."),
    ("file-missing", "problem", "A file that was installed is gone.", "Install again."),
    (
        "file-changed",
        "problem",
        "A file is another than was installed.",
        "Look at it; `--force` puts ours in its place.",
    ),
    ("file-outdated", "note", "A file is of another version of goldseal.", "Install again."),
    ("unit-masked", "problem", "A mask or another file takes the place of a unit of ours.", "Remove it."),
    (
        "unit-overridden",
        "warning",
        "A drop-in of somebody else changes the guard.",
        "Look at it; `Condition…=` and longer timeouts are holes.",
    ),
    ("requires-link", "warning", "A link in a `.requires` folder asks for the guard.", "Remove it; the drop-ins do."),
    (
        "ordering-cycle",
        "problem",
        "The units of the image make an ordering cycle.",
        "Choose the recipe of the distribution, or take the unit that makes it away.",
    ),
    (
        "cycles-not-looked-for",
        "unknown",
        "systemd-analyze is not there, too old for `--root`, or cannot make a boot of the image.",
        "Run the check where it is, such as on the build's instance.",
    ),
    (
        "units-beside",
        "warning",
        "Units of the image's own have `DefaultDependencies=no` and may run beside the guard.",
        "Give each `Requires=` and `After=goldseal-boot.service`.",
    ),
    (
        "recipe-mismatch",
        "problem",
        "Another recipe than the distribution's was installed.",
        "Install with the one that is named, unless you know better.",
    ),
    (
        "no-cloud-init",
        "note",
        "cloud-init is not installed.",
        "Hold what runs user data instead with the same drop-in.",
    ),
    (
        "role-completes-launches",
        "problem",
        "The instance's own role may complete lifecycle actions: the judged could admit itself.",
        "Take `autoscaling:CompleteLifecycleAction` and `RecordLifecycleActionHeartbeat` from the role.",
    ),
    (
        "role-writes-evidence",
        "problem",
        "The instance's own role may write where the evidence is.",
        "Take `s3:PutObject` there from the role.",
    ),
    ("role-not-tried", "unknown", "What the instance's role may do could not be found out.", "The message says why."),
    ("guard-good", "good", "Every boot is judged before it starts anything.", ""),
];
