//! How a boot is ended: by asking systemd, and where it does not answer, by asking the kernel.
//!
//! What comes after this is the unit's: it fails because the guard does, and powers the machine off unless the mark says
//! that somebody wants it as it is. So nothing in here is what holds a boot; it makes the end come as it was asked for.

use std::{
    fs, io,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use goldseal_core::enforcement::BootEnd;
use nix::sys::reboot::{RebootMode, reboot};

/// What the unit that powers off looks for: the machine is not to be.
const HELD: &str = "/run/goldseal/held";
const SYSTEMCTL: &str = "systemctl";
const ANSWER: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Ends the boot, and returns what went wrong on the way.
pub fn end(how: BootEnd) -> Vec<String> {
    let mut problems = Vec::new();
    if how != BootEnd::Poweroff
        && let Err(error) = fs::write(HELD, "")
    {
        problems.push(format!("{HELD}: {error}; the machine will be powered off instead"));
    }
    // Nothing has started that would have to be stopped in order, so nobody's stop job is waited for.
    let asked: &[&str] = match how {
        BootEnd::Poweroff => &["--no-block", "--force", "poweroff"],
        BootEnd::Halt => &["--no-block", "--force", "halt"],
        BootEnd::Emergency => &["--no-block", "emergency"],
    };
    let Err(problem) = systemctl(asked) else { return problems };
    problems.push(format!("{SYSTEMCTL} {}: {problem}", asked.join(" ")));
    let mode = match how {
        BootEnd::Poweroff => RebootMode::RB_POWER_OFF,
        BootEnd::Halt => RebootMode::RB_HALT_SYSTEM,
        // Without its shell the machine is held all the same: the guard fails, and the mark is there.
        BootEnd::Emergency => return problems,
    };
    let Err(refused) = reboot(mode);
    problems.push(format!("reboot(2): {refused}"));
    problems
}

fn systemctl(arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new(SYSTEMCTL);
    let command = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let deadline = Instant::now() + ANSWER;
    loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(status.to_string()),
            None if Instant::now() >= deadline => {
                let killed: io::Result<()> = child.kill();
                let killed = killed.map_or_else(|error| format!(", and cannot be killed: {error}"), |()| String::new());
                return Err(format!("no answer within {} s{killed}", ANSWER.as_secs()));
            }
            None => thread::sleep(LOOK_EVERY),
        }
    }
}
