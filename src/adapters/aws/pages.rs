//! Pages of an answer: which one is next.

use std::fmt;

use goldseal_core::ports::{PortError, PortErrorKind};

/// Returns the token of the next page, if there is one. A page that names itself would be asked for without end.
pub(super) fn next(
    operation: &'static str,
    resource: impl fmt::Display,
    this: Option<&str>,
    next: Option<String>,
) -> Result<Option<String>, PortError> {
    let next = next.filter(|token| !token.is_empty());
    if next.is_some() && next.as_deref() == this {
        let why = "a page that names itself as the next";
        return Err(PortError::new(PortErrorKind::Malformed, operation, resource).because(why));
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_end_and_do_not_go_round() {
        let follow = |this: Option<&str>, token: Option<&str>| {
            next("x:List", "y", this, token.map(str::to_owned)).map_err(|error| error.kind)
        };
        assert_eq!(follow(None, None), Ok(None));
        assert_eq!(follow(Some("a"), Some("")), Ok(None));
        assert_eq!(follow(None, Some("a")), Ok(Some("a".to_owned())));
        assert_eq!(follow(Some("a"), Some("b")), Ok(Some("b".to_owned())));
        assert_eq!(follow(Some("a"), Some("a")), Err(PortErrorKind::Malformed));
    }
}
