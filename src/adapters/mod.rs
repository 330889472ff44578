//! The world behind the ports of `goldseal-core`.

pub mod aws;
pub mod git;
pub mod keys;
pub mod store;

#[cfg(test)]
#[path = "../../tests/it/cloud.rs"]
pub(crate) mod cloud;
