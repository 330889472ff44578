//! The consumer's policy: one TOML document → compiled rules → a judgement.
//!
//! There is no default for anything that admits, and every problem of a document is listed at once.

mod compile;
mod document;
mod judge;
mod keys;
mod lists;
mod receipts;
mod rule;

pub use compile::{Files, compile, referenced_files};
pub use document::{Document, schema};
pub use judge::{Approvals, Checked, Gathered, Judgement, approvals, judge, judge_with, undescribed};
pub use keys::{Dossier, Keys, Setback, Survey};
pub use lists::{GrantState, Granted, Held, Lists, Newest, Published, Remark, SignedList, Source, Unfit};
pub(crate) use receipts::stated;
pub use receipts::{CheckedReceipt, Doubt, FoundReceipt, Receipts, WantedReceipts, check_receipt};
pub use rule::{
    ApprovalFor, BootAction, BootRule, BreakerRule, Context, GateRule, Identity, KeySource, LaunchRule, ListName, Mode,
    OnUnreachable, OverrideRule, OverrideScope, Policy, ProvenanceRule, ReceiptRule, RequiredReceipt, Requirement,
    RevocationRule, RootVolume, Scope, Signatory,
};

pub use crate::document::{Problem, Problems};
