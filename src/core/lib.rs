//! Everything in goldseal that decides, and nothing that touches the world.
//!
//! The modules below are listed in dependency order, and a module may use only modules listed above it. That is
//! the architecture; `tests/it/layers.rs` checks it. There is no network, no file system, no clock and no
//! environment in this package: bytes, facts and the time come in as arguments, verdicts and actions go out as data.

pub mod digest;

pub mod bounded;
pub mod ids;
pub mod time;

pub mod document;

pub mod image;

pub mod publication;

pub mod scan;

pub mod query;

pub mod gate;

pub mod attestation;

pub mod trust;

pub mod identity;

pub mod build;

pub mod verdict;

pub mod policy;

pub mod enforcement;

pub mod lifecycle;

pub mod report;

pub mod doctor;

pub mod fleet;
pub mod guard;

pub mod ports;

pub mod flow;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
