//! What the TOML documents that people write share: fields that remember where they stand, problems with file, line and
//! key, and one pass that finds all problems of a document instead of the first.
//!
//! A document is a type with a JSON schema. The schema is what an editor reads, and unknown keys are found by walking it,
//! so there is one list of keys. What the keys mean is the business of the module that has the type.

mod compiler;
mod field;
mod problem;
mod shape;

pub use compiler::{Compiler, Place, below, schema};
pub use field::Field;
pub use problem::{Problem, Problems};
