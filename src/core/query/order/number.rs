//! Numbers of any length: versions have dates and hashes of time in them that no integer holds.

/// Digits, compared by their value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number {
    // More digits are a larger number, once the zeros before it are gone.
    length: usize,
    digits: String,
}

impl Number {
    /// Reads digits; none if there is anything else, or nothing.
    pub(super) fn of(text: &str) -> Option<Self> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits = text.trim_start_matches('0');
        Some(Self { length: digits.len(), digits: digits.to_owned() })
    }

    /// Says whether it is zero.
    pub(super) const fn is_zero(&self) -> bool {
        self.length == 0
    }
}

/// Cuts a text behind its first bytes that are such.
pub(super) fn run(text: &str, is: impl Fn(&u8) -> bool) -> (&str, &str) {
    // Of ASCII alone, as every version that is compared: a cut is never inside a character.
    text.split_at_checked(text.bytes().take_while(is).count()).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_value_however_long_they_are() {
        let list = ["0", "1", "9", "10", "18446744073709551616", "18446744073709551617"];
        assert!(list.map(|text| Number::of(text).unwrap()).is_sorted_by(|one, next| one < next));
        assert_eq!(Number::of("0010"), Number::of("10"));
        assert!(Number::of("000").unwrap().is_zero() && !Number::of("1").unwrap().is_zero());
        for text in ["", "1a", "-1", " 1", "\u{661}"] {
            assert_eq!(Number::of(text), None, "{text}");
        }
    }
}
