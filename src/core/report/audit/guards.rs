//! How far boot guards reach, in an audit.

use super::AuditReport;

/// How many instances that run have a boot guard, and how many told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guards {
    /// How many run.
    pub running: u64,
    /// The images of so many carry one, by signed provenance.
    pub carry: u64,
    /// So many left a record since they were started; none when nobody asked.
    pub reported: Option<u64>,
}

impl AuditReport {
    /// Counts them; none when no image carries a guard, and nobody asked for records.
    pub fn guards(&self) -> Option<Guards> {
        let running = || self.instances.iter().filter(|one| one.state == "running");
        let carry = running().filter(|one| self.image_of(one).is_some_and(|image| image.guard.is_some())).count();
        if carry == 0 && self.boot_records.is_none() {
            return None;
        }
        let reported = running().filter(|one| one.boot.is_some()).count() as u64;
        let reported = self.boot_records.as_ref().map(|_| reported);
        Some(Guards { running: running().count() as u64, carry: carry as u64, reported })
    }
}
