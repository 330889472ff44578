//! Lists beside the evidence: what was revoked, and what people let pass.

use std::future::Future;

use jiff::Timestamp;

use super::{Expected, PortError, Stored, Written};
use crate::{ids::ImageRef, policy::ListName};

/// A list beside the evidence of a store: JSON Lines of bundles, as evidence is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listing {
    /// The revocation list of a name.
    Revocations(ListName),
    /// The overrides.
    Overrides,
}

impl Listing {
    /// Returns its path in directory, S3 and https stores, and in state.
    pub fn path(&self) -> String {
        match self {
            Self::Revocations(name) => format!("v1/revocations/{}.jsonl", name.as_str()),
            Self::Overrides => "v1/overrides.jsonl".to_owned(),
        }
    }
}

/// Where lists are published: a store of evidence.
pub trait ListStore {
    /// Returns a list, or none when the store answers that there is none.
    fn read_list(&self, listing: &Listing) -> impl Future<Output = Result<Option<Stored>, PortError>> + Send;

    /// Writes a whole list if the store is as expected; else changes nothing and says so.
    fn write_list(
        &self,
        listing: &Listing,
        bytes: &[u8],
        expected: Expected,
    ) -> impl Future<Output = Result<Written, PortError>> + Send;

    /// Returns where a list is, for people.
    fn locate_list(&self, listing: &Listing) -> String;
}

/// What a store has evidence of: only for looking around, no verdict stands on it.
pub trait Inventory {
    /// Returns the images that there is evidence of: the first so many.
    fn images(&self, most: usize) -> impl Future<Output = Result<Vec<ImageRef>, PortError>> + Send;
}

/// What all places answered that were asked for a list.
#[derive(Debug)]
pub struct Postings {
    /// When they were asked: how old a list is, is judged at this instant, whenever an image is judged.
    pub at: Timestamp,
    /// The answers.
    pub posts: Vec<Post>,
}

/// What a place answered when it was asked for a list.
#[derive(Debug)]
pub struct Post {
    /// Where it is.
    pub place: String,
    /// The answer.
    pub answer: Result<Option<Stored>, PortError>,
    /// It is what we kept of an earlier answer.
    pub kept: bool,
}

/// Every place where a verdict looks for lists: the store, what was kept of it, and what is carried along.
pub trait Listings {
    /// Asks all of them.
    fn posted(&self, listing: &Listing) -> impl Future<Output = Postings> + Send;

    /// Keeps a revocation list that counts, for whoever asks next: what was seen once is not taken back. Where nothing is
    /// kept, its age is all that is relied on.
    fn keep(&self, listing: &Listing, bytes: &[u8]) -> impl Future<Output = Result<(), PortError>> + Send;
}
