//! The launch hook: whoever drives leases. What a launch is judged by is in the core (`flow/launch.rs`); here are the
//! calls, the waiting, and the sharing of work between launches.
//!
//! [`engine`] takes one wait to its end, whatever told of it. Around it stand two hosts: [`daemon`], which reads a
//! queue, and the command `lambda`, which is called with events.

pub mod cases;
pub mod daemon;
pub mod decided;
pub mod engine;
pub mod groups;
pub mod health;
pub mod inbox;
pub mod lease;
pub mod metrics;
pub mod queue;
pub mod receipts;
pub mod record;
pub mod sweep;
