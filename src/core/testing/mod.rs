//! Fakes and builders for tests, of this package and of those that use it.

pub mod audits;
pub mod blocks;
pub mod evidence;
pub mod findings;
pub mod fleet;
pub mod gated;
pub mod identity;
pub mod images;
pub mod inputs;
pub mod keys;
pub mod launches;
pub mod lists;
pub mod log;
pub mod policies;
pub mod ports;
pub mod publication;
pub mod receipts;
pub mod records;
pub mod sealing;
