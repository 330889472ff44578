//! What the guard says: its report on standard output, which the unit brings to the console, and a line with fields to the
//! journal. Neither may hold up what follows: a reader that does not read is left behind.

use std::{io, sync::mpsc, thread, time::Duration};

use goldseal_core::{
    enforcement::BootEnd,
    report::{BootReport, Outcome},
};

use crate::render::{self, Format};

/// How long a reader may take.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Says what was decided.
///
/// # Errors
/// Writing failed, or takes too long.
pub fn say(format: Format, report: &BootReport) -> io::Result<()> {
    let report = report.clone();
    within(PATIENCE, move || {
        if report.enforced {
            log(&report);
        }
        render::boot(format, &report)
    })
}

/// Says where the record is.
pub fn recorded(place: String) {
    let said = within(PATIENCE, move || {
        tracing::info!(event = "boot-recorded", place, "recorded at {place}");
        Ok(())
    });
    // Whoever does not listen cannot be told so.
    drop(said);
}

/// Says what went wrong after that.
pub fn problems(problems: Vec<String>) {
    let said = within(PATIENCE, move || {
        for problem in &problems {
            tracing::error!(event = "boot-action-failed", "{problem}");
        }
        Ok(())
    });
    // Whoever does not listen cannot be told so.
    drop(said);
}

/// Does something that may hang, and waits for it so long.
///
/// # Errors
/// Those of the work, and that it takes longer.
pub fn within(patience: Duration, work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    let (done, wait) = mpsc::channel();
    thread::Builder::new().name("say".to_owned()).spawn(move || {
        // Nobody waits any more when it took too long.
        let _unheard = done.send(work());
    })?;
    wait.recv_timeout(patience).unwrap_or_else(|_late| Err(io::ErrorKind::TimedOut.into()))
}

fn log(report: &BootReport) {
    let judged = &report.judged;
    let causes: Vec<&str> = judged.reasons.iter().chain(&judged.faults).map(|cause| cause.code.as_str()).collect();
    let causes = causes.join(",");
    let verdict = format!("{:?}", judged.verdict).to_lowercase();
    let mode = format!("{:?}", judged.mode).to_lowercase();
    let action = report.action.map_or("none", BootEnd::as_str);
    let instance = report.instance.as_ref().map_or_else(|| "unknown".to_owned(), |one| one.id.to_string());
    let image = report.instance.as_ref().map_or_else(|| "unknown".to_owned(), |one| one.image.id.to_string());
    macro_rules! line {
        ($level:ident, $($message:tt)+) => {
            tracing::$level!(
                event = "boot-decided", verdict, action, mode, image, instance, reasons = causes, $($message)+
            )
        };
    }
    if let (Outcome::Admit, Some(one)) = (judged.verdict, &judged.overridden) {
        let passed: Vec<&str> = one.reasons.iter().chain(&one.faults).map(|cause| cause.code.as_str()).collect();
        let (passed, by) = (passed.join(","), one.by.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(","));
        return tracing::warn!(
            event = "boot-decided", verdict, action, mode, image, instance, reasons = passed,
            overridden = %one.statement, by, ticket = one.ticket, until = %one.until,
            "{instance} boots because an override lets it: {image}, {passed}; {by}, {}", one.ticket
        );
    }
    match (judged.verdict, report.action) {
        (Outcome::Admit, _) => line!(info, "{instance} boots: {image} is admitted"),
        (_, None) => line!(warn, "{instance} boots although the verdict on {image} is {verdict}: {causes}"),
        (_, Some(_)) => {
            line!(error, "{instance} does not boot ({action}): the verdict on {image} is {verdict}: {causes}");
        }
    }
}
