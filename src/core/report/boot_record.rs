//! A record that a boot guard left → what it says. Code on the instance that is judged wrote it: it is told, and admits
//! nothing.

use jiff::Timestamp;
use serde::Deserialize;

use super::{BOOT_SCHEMA, BootSeen, Judged, Outcome, instance_arn};
use crate::{
    bounded::{self, JsonFault, Limits, Object},
    digest::Sha256Digest,
    enforcement::BootEnd,
    ids::{AccountId, InstanceId, Region},
};

const LIMITS: Limits = Limits { bytes: 1 << 20, depth: 64 };

/// A record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootRecord {
    /// When the guard judged.
    pub at: Timestamp,
    /// The instance that it names.
    pub instance: InstanceId,
    /// The ARN of that instance.
    pub arn: String,
    /// The region of that instance.
    pub region: Region,
    /// The verdict.
    pub verdict: Outcome,
    /// How the boot was ended; none when it went on.
    pub ended: Option<BootEnd>,
}

/// What a record says was decided.
#[derive(Debug, Clone, Deserialize)]
pub struct BootDecided {
    /// SHA-256 of the policy.
    pub policy: Sha256Digest,
    /// Whether the verdict decided what happened.
    pub enforced: bool,
    /// The verdict, and on what.
    #[serde(flatten)]
    pub judged: Judged,
}

/// Why bytes are no record.
#[derive(Debug, thiserror::Error)]
pub enum BootRecordFault {
    /// They do not read as one.
    #[error("not a report of `goldseal boot`")]
    Json(#[source] JsonFault),
    /// Another document of ours.
    #[error("the schema is {0:?}, not {BOOT_SCHEMA:?}")]
    Schema(String),
    /// Whoever wrote it may be another instance.
    #[error("it is of {0}, and in the folder of another instance")]
    OfAnother(String),
}

#[derive(Deserialize)]
struct Report {
    schema: String,
    at: Timestamp,
    instance: Object<Instance>,
    verdict: Outcome,
    action: Option<BootEnd>,
    enforced: bool,
}

#[derive(Deserialize)]
struct Instance {
    id: InstanceId,
    account: AccountId,
    region: Region,
}

impl BootRecord {
    /// The size of the largest record, in bytes: a report names what was wrong, at most some hundred lines of it.
    pub const LARGEST: usize = LIMITS.bytes;

    /// Reads a record. What a later version adds is passed over.
    ///
    /// # Errors
    /// See [`BootRecordFault`].
    pub fn read(bytes: &[u8]) -> Result<Self, BootRecordFault> {
        let Object(read): Object<Report> = bounded::json(bytes, LIMITS).map_err(BootRecordFault::Json)?;
        if read.schema != BOOT_SCHEMA {
            return Err(BootRecordFault::Schema(read.schema));
        }
        let Object(Instance { id, account, region }) = read.instance;
        let ended = read.action.filter(|_| read.enforced);
        let arn = instance_arn(&region, &account, &id);
        Ok(Self { at: read.at, instance: id, arn, region, verdict: read.verdict, ended })
    }

    /// Reads all that was decided, and not only what an audit asks for.
    ///
    /// # Errors
    /// See [`BootRecordFault`].
    pub fn read_whole(bytes: &[u8]) -> Result<(Self, BootDecided), BootRecordFault> {
        let record = Self::read(bytes)?;
        let Object(decided) = bounded::json(bytes, LIMITS).map_err(BootRecordFault::Json)?;
        Ok((record, decided))
    }

    /// Returns what an audit says of it.
    pub fn seen(&self) -> BootSeen {
        let action = self.ended.map_or("none", BootEnd::as_str);
        BootSeen { at: self.at, verdict: self.verdict.as_str().to_owned(), action: action.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record() -> serde_json::Value {
        json!({"schema": BOOT_SCHEMA, "at": "2026-11-24T04:05:06.789012Z", "verdict": "reject", "action": "poweroff",
               "enforced": true, "later": {"a": 1},
               "instance": {"id": "i-0123456789abcdef0", "account": "123456789012", "region": "eu-west-1", "more": 1}})
    }

    fn read(record: &serde_json::Value) -> Result<BootRecord, BootRecordFault> {
        BootRecord::read(record.to_string().as_bytes())
    }

    #[test]
    fn a_record_is_read_as_far_as_an_audit_needs_it() {
        let found = read(&record()).unwrap();
        assert_eq!(found.arn, "arn:aws:ec2:eu-west-1:123456789012:instance/i-0123456789abcdef0");
        let at = "2026-11-24T04:05:06.789012Z".parse().unwrap();
        assert_eq!(found.seen(), BootSeen { at, verdict: "reject".to_owned(), action: "poweroff".to_owned() });
        let mut on = record();
        (on["verdict"], on["action"]) = (json!("admit"), serde_json::Value::Null);
        assert_eq!(read(&on).unwrap().seen(), BootSeen { at, verdict: "admit".to_owned(), action: "none".to_owned() });
        let mut said = record();
        said["enforced"] = json!(false);
        assert_eq!(read(&said).unwrap().ended, None, "what was only said ended nothing");
    }

    #[test]
    fn what_is_no_record_is_not_read() {
        for (key, value) in [
            ("schema", json!("goldseal/boot/v2")),
            ("at", json!("yesterday")),
            ("instance", json!(null)),
            ("instance", json!({"id": "../../i", "account": "123456789012", "region": "eu-west-1"})),
            ("verdict", json!("fine")),
            ("action", json!("<b>none</b>")),
            ("enforced", json!(null)),
        ] {
            let mut other = record();
            other[key] = value;
            assert!(read(&other).is_err(), "{key}");
        }
        for bytes in [&b""[..], b"[]", b"{}", &vec![b' '; BootRecord::LARGEST + 1]] {
            assert!(matches!(BootRecord::read(bytes), Err(BootRecordFault::Json(_))));
        }
    }
}
