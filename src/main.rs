//! goldseal: only machine images that their own pipeline sealed may launch, boot or keep running on AWS.
#![allow(dead_code, reason = "being built")]

mod adapters;

fn main() {}
