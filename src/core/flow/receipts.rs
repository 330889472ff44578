//! Decisions → receipts, and receipts → what they prove.

mod batches;
mod derive;
mod read;
mod writing;

pub use self::{
    batches::Batches,
    derive::{Decided, UnsignedReceipt, of_audit, of_boot, receipts_of},
    read::{find_receipts, show_receipts, verify_receipts},
    writing::{Receipting, ReceiptsError, Wrote},
};

#[cfg(test)]
mod tests;
