//! Evidence that other programs made, and the public test suites, against the trust code.
//!
//! `tests/vectors/README.md` says where the vectors come from; modules print how many cases they ran.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests read files, print counts and stop when something is not as it should be"
)]

mod vectors {
    mod adapter;
    mod canonical;
    mod cases;
    mod corpus;
    mod dsse;
    mod files;
    #[path = "../../examples/conformance/judge.rs"]
    mod judge;
    mod malformed;
    mod packer;
    mod wycheproof;
}
