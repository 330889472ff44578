//! The two documents that people write.

use goldseal_core::{
    attestation::Kind,
    policy::{self, Files},
    scan::exceptions as accepted,
};

/// A policy that compiles asks for something; one that does not says where.
pub fn policy(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let named = policy::referenced_files(text);
    assert!(named.iter().all(|name| name.len() <= bytes.len()));
    let files: Files = named.into_iter().map(|name| (name, Err("not here".to_owned()))).collect();
    match policy::compile("policy.toml", text, &files) {
        Ok(policy) => {
            assert!(Kind::ALL.iter().any(|kind| policy.requirement(*kind).is_some()), "it asks for nothing");
            let again = policy::compile("policy.toml", text, &files).unwrap();
            assert_eq!(again.digest(), policy.digest());
        }
        Err(problems) => {
            assert!(problems.to_string().contains("policy.toml"));
            return false;
        }
    }
    true
}

/// Exceptions that compile each name who, why and until when; a file that does not says where.
pub fn exceptions(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    match accepted::compile("exceptions.toml", text) {
        Ok(exceptions) => {
            for one in exceptions.entries() {
                assert!(!one.id.is_empty() && !one.owner.is_empty() && !one.justification.is_empty());
                assert!(one.line >= 1 && one.line <= text.lines().count());
            }
        }
        Err(problems) => {
            assert!(problems.to_string().contains("exceptions.toml"));
            return false;
        }
    }
    true
}
