//! The use cases, over the ports: gather → judge → plan → act. A flow returns its report and logs nothing.

mod content;
mod sign;
mod statements;
mod verify;

pub use content::{ContentError, device_contents};
pub use sign::{Existing, SignError, Signing, sign};
pub use statements::{INLINE_SBOM, InputFault, Inputs, SbomFormat, UnsignedStatement, statements};
pub use verify::{Offline, judge_offline, verify};
