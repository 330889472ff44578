//! Whole documents by path, read bounded and written conditionally: what evidence stores and state stand on.
//!
//! | place | adapter | conditional write |
//! | --- | --- | --- |
//! | a directory | [`files`] | file lock, link and rename |
//! | an S3 bucket | [`objects`] | by S3 itself |

pub(super) mod either;
pub(super) mod files;
pub(super) mod objects;
pub(super) mod tries;

use std::fmt::Display;

use goldseal_core::ports::{PortError, PortErrorKind};

/// Returns the failure for a document that is larger than readers take.
pub(super) fn too_large(operation: &'static str, place: impl Display, limit: usize) -> PortError {
    PortError::new(PortErrorKind::Malformed, operation, place).because(format!("more than the {limit} bytes allowed"))
}

/// Refuses to write what could not be read back.
fn check_size(operation: &'static str, place: impl Display, bytes: &[u8], limit: usize) -> Result<(), PortError> {
    if bytes.len() <= limit {
        return Ok(());
    }
    let why = format!("{} bytes, more than the {limit} that are read back", bytes.len());
    Err(PortError::new(PortErrorKind::Refused, operation, place).because(why))
}
