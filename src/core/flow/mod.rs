//! The use cases, over the ports: gather → judge → plan → act. A flow returns its report and logs nothing.

mod answers;
mod approve;
mod audit;
pub mod boot;
mod case;
mod containment;
mod content;
mod doctor;
mod enroll;
mod findings;
mod gate;
mod lapsed;
mod last_audit;
mod launch;
mod listed;
pub mod outage;
pub mod overrides;
mod payload;
mod publish;
mod receipts;
mod release;
mod reseal;
mod resume;
mod revoke;
mod runs;
mod sbom_query;
mod seal;
mod sign;
mod statements;
mod trace;
mod tried_state;
mod verify;
mod what_if;

pub use approve::{ApproveError, Approving, BeforeFault, GateFile, GateFileFault, accepted_before, approve};
pub use audit::{Auditing, audit, boots};
pub use case::{Case, Opened};
pub use containment::{Contained, Resolve, contain};
pub use content::{ContentError, device_contents};
pub use doctor::{Asking, Setup, doctor};
pub use enroll::{Enrolling, enroll};
pub use findings::{Told, tell};
pub use gate::{Material, Passed, gate};
pub use last_audit::{LastAudit, LastAuditFault};
pub use launch::{Cases, Decision, Launch, Sight, decide, decide_unseen, look};
pub use listed::{Carried, TrustSources, listed};
pub use publish::{Candidate, PublishError, Publishing, publish};
pub use receipts::{
    Batches, Decided, Receipting, ReceiptsError, UnsignedReceipt, Wrote, find_receipts, of_audit, of_boot, receipts_of,
    show_receipts, verify_receipts,
};
pub use release::{Checksums, ChecksumsFault, release};
pub use reseal::{ResealError, Resealing, reseal};
pub use resume::{Resumed, ResumedView, Resumption};
pub use revoke::{Change, Keeping, RevokeError, contents, falls};
pub use sbom_query::{Asked, Querying, query_evidence, query_images, query_running, query_sbom};
pub use seal::{Ports, SealFault, Sealing, Stopped, seal};
pub use sign::{Existing, Gating, SignError, Signing, sign};
pub use statements::{Gated, INLINE_SBOM, InputFault, Inputs, SbomPlace, UnsignedStatement, parse_facts, statements};
pub use trace::{TraceError, Traced, Tracing, trace, trace_offline};
pub use tried_state::TriedState;
pub use verify::{Offline, judge_offline, keys, keys_again, verify};
pub use what_if::{Supposed, WhatIf, what_if};
