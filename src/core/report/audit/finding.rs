//! How the ids of findings begin, by what a finding is about. They are stable: a later run updates findings by their
//! ids, and closes those that it has no more.

/// An instance; its ARN follows.
pub const INSTANCE_FINDING: &str = "goldseal/audit/instance/";
/// An open door; account, region, code and a digest of the place follow.
pub const DOOR_FINDING: &str = "goldseal/audit/door/";
/// A place that was not seen; account and region follow.
pub const PLACE_FINDING: &str = "goldseal/audit/place/";
/// All of them.
pub const FINDINGS: &str = "goldseal/audit/";
