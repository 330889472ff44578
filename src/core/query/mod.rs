//! A question about packages, and what an SBOM answers.
//!
//! Three answers: it is listed, it is not, nobody knows. What cannot be compared is never taken for something else than
//! what was asked for.

mod bound;
mod contradiction;
mod order;
mod parse;
mod search;

pub use bound::{Bound, Operator};
pub use order::Order;
pub use parse::QueryFault;
pub use search::{Doubt, Found, Listed, Searched};

use std::fmt;

/// Packages that are asked for: by name, and by their versions where bounds are given. All bounds must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    package: Wanted,
    bounds: Vec<Bound>,
}

/// How a package is named in a question.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    /// By name, whatever its type.
    Named(String),
    /// By type and name: `npm:@babel/core`.
    Typed { kind: String, name: String },
    /// By a package URL without a version: `pkg:deb/debian/openssl`.
    Purl { kind: String, namespace: Option<String>, name: String, text: String },
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.package {
            Wanted::Named(name) => f.write_str(name)?,
            Wanted::Typed { kind, name } => write!(f, "{kind}:{name}")?,
            Wanted::Purl { text, .. } => f.write_str(text)?,
        }
        for (index, bound) in self.bounds.iter().enumerate() {
            write!(f, "{}{bound}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}
