//! How bad a finding is.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A severity, from the mildest to the worst. Unknown is the worst: nobody can say that it is less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Grype's word for what a distribution does not care about.
    Negligible,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
    /// Absent, empty, `Unknown`, or a word that nobody has heard of.
    Unknown,
}

impl Severity {
    /// Reads a scanner's word, in capital letters or not.
    pub fn of(word: Option<&str>) -> Self {
        let known = [Self::Negligible, Self::Low, Self::Medium, Self::High, Self::Critical];
        let said = known.into_iter().find(|one| word.is_some_and(|word| word.eq_ignore_ascii_case(one.as_str())));
        said.unwrap_or(Self::Unknown)
    }

    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Negligible => "negligible",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_case_and_what_is_no_word_is_unknown() {
        use Severity::{Critical, High, Low, Medium, Negligible, Unknown};
        for (word, severity) in [
            ("Negligible", Negligible),
            ("LOW", Low),
            ("medium", Medium),
            ("High", High),
            ("CRITICAL", Critical),
            ("Unknown", Unknown),
            ("UNKNOWN", Unknown),
            ("", Unknown),
            (" high", Unknown),
            ("moderate", Unknown),
            ("none", Unknown),
            ("important", Unknown),
        ] {
            assert_eq!(Severity::of(Some(word)), severity, "{word}");
        }
        assert_eq!(Severity::of(None), Unknown);
    }

    #[test]
    fn unknown_is_worse_than_critical_and_each_is_worse_than_the_one_before() {
        let order = ["negligible", "low", "medium", "high", "critical", "unknown"];
        let read = order.map(|word| serde_json::from_str::<Severity>(&format!("{word:?}")).unwrap());
        assert!(read.is_sorted_by(|one, next| one < next), "{read:?}");
        assert_eq!(read.map(Severity::as_str), order);
        assert_eq!(read.map(|one| one.to_string()), order);
        assert!(serde_json::from_str::<Severity>("\"High\"").is_err(), "documents have one spelling");
    }
}
