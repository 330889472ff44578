//! The world behind the ports of `goldseal-core`.

pub mod aws;
mod documents;
pub mod git;
#[cfg_attr(not(test), expect(dead_code, reason = "what asks who this instance is stands on it"))]
pub mod imds;
pub mod keys;
pub mod state;
pub mod store;

#[cfg(test)]
#[path = "../../tests/it/cloud.rs"]
pub(crate) mod cloud;
