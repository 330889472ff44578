//! The world behind the ports of `goldseal-core`.

pub mod aws;
pub mod carried;
mod documents;
pub mod git;
pub mod imds;
pub mod keys;
pub mod lake;
pub mod receipts;
pub mod records;
pub mod state;
pub mod store;

#[cfg(test)]
#[path = "../../tests/it/cloud.rs"]
pub(crate) mod cloud;
