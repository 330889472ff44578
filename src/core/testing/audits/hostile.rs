//! An audit whose every text is hostile.

use super::compared;
use crate::report::{AuditReport, Cause, Launcher};

/// Texts that would do something where they are not taken for text.
pub const HOSTILE: &str = "=HYPERLINK(\"http://x\")</script><script>document.title='owned'</script>\n\u{202e}' \"<img src=x>]]>&amp;\u{7}\u{2028}";

/// Returns an audit of few instances, every text of which is [`HOSTILE`].
pub fn hostile() -> AuditReport {
    let mut report = compared(40);
    let text = || HOSTILE.to_owned();
    let spoil = |causes: &mut Vec<Cause>| causes.iter_mut().for_each(|cause| cause.message = text());
    for image in &mut report.images {
        (image.report.evidence, image.seen.as_mut().unwrap().name) = (text(), Some(text()));
        spoil(&mut image.report.reasons);
        spoil(&mut image.report.faults);
        for one in &mut image.exceptions {
            (one.id, one.package, one.owner) = (text(), text(), text());
        }
    }
    for one in &mut report.instances {
        (one.name, one.state) = (Some(text()), text());
        spoil(&mut one.reasons);
        if let Launcher::Karpenter { pool: name } | Launcher::Fleet { id: name } = &mut one.launcher {
            *name = text();
        }
    }
    for place in &mut report.places {
        place.name = Some(text());
        spoil(&mut place.faults);
    }
    for door in report.doors.iter_mut().flatten() {
        (door.place, door.message, door.commands) = (text(), text(), vec![text()]);
    }
    for door in report.changes.iter_mut().flat_map(|changes| &mut changes.doors) {
        door.place = text();
    }
    report.notes[0].message = text();
    report
}
