//! Fakes and builders for tests, of this package and of those that use it.

pub mod images;
pub mod keys;
