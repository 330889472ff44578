//! The use cases, over the ports: gather → judge → plan → act. A flow returns its report and logs nothing.

mod answers;
mod approve;
mod audit;
pub mod boot;
mod case;
mod content;
mod doctor;
mod gate;
mod last_audit;
mod launch;
pub mod outage;
mod payload;
mod publish;
mod runs;
mod seal;
mod sign;
mod statements;
mod trace;
mod verify;
mod what_if;

pub use approve::{ApproveError, Approving, BeforeFault, GateFile, GateFileFault, accepted_before, approve};
pub use audit::{Auditing, audit};
pub use case::{Case, Opened};
pub use content::{ContentError, device_contents};
pub use doctor::{Asking, Setup, doctor};
pub use gate::{Material, Passed, gate};
pub use last_audit::{LastAudit, LastAuditFault};
pub use launch::{Cases, Decision, Launch, Sight, decide, decide_unseen, look};
pub use publish::{Candidate, PublishError, Publishing, publish};
pub use seal::{Ports, SealFault, Sealing, Stopped, seal};
pub use sign::{Existing, Gating, SignError, Signing, sign};
pub use statements::{Gated, INLINE_SBOM, InputFault, Inputs, SbomPlace, UnsignedStatement, parse_facts, statements};
pub use trace::{TraceError, Traced, Tracing, trace, trace_offline};
pub use verify::{Offline, judge_offline, keys, verify};
pub use what_if::{WhatIf, what_if};
