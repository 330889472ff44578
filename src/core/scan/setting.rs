//! Settings and rules of a scanner, of any shape: which of their values somebody set, and in words.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

/// The values that are set, by path. What is null, false, empty or a list of nothing is not set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Setting(Vec<(String, String)>);

impl Setting {
    /// Returns whether anything is set.
    pub(super) fn is_set(&self) -> bool {
        !self.0.is_empty()
    }

    /// Returns the only value, or the first.
    pub(super) fn text(&self) -> Option<&str> {
        self.0.first().map(|(_, text)| text.as_str())
    }

    /// Returns the value at a path.
    pub(super) fn at(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(at, _)| at == path).map(|(_, text)| text.as_str())
    }

    /// Returns whether these values are set, and no others.
    pub(super) fn is(&self, expected: &[(&str, &str)]) -> bool {
        self.0.len() == expected.len() && expected.iter().all(|(path, text)| self.at(path) == Some(text))
    }

    fn leaf(text: impl ToString) -> Self {
        Self(vec![(String::new(), text.to_string())])
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (path, text)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let blank = if path.is_empty() { "" } else { " " };
            write!(f, "{comma}{path}{blank}{text:?}")?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Setting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a setting")
    }

    fn visit_unit<E>(self) -> Result<Setting, E> {
        Ok(Setting::default())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Setting, E> {
        Ok(if value { Setting::leaf(value) } else { Setting::default() })
    }

    fn visit_i64<E>(self, value: i64) -> Result<Setting, E> {
        Ok(Setting::leaf(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Setting, E> {
        Ok(Setting::leaf(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Setting, E> {
        Ok(Setting::leaf(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Setting, E> {
        Ok(if value.is_empty() { Setting::default() } else { Setting::leaf(value) })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Setting, A::Error> {
        let mut all = Setting::default();
        while let Some(one) = seq.next_element::<Setting>()? {
            all.0.extend(one.0);
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Setting, A::Error> {
        let mut all = Setting::default();
        while let Some((key, value)) = map.next_entry::<String, Setting>()? {
            let at = |path: String| if path.is_empty() { key.clone() } else { format!("{key}.{path}") };
            all.0.extend(value.0.into_iter().map(|(path, text)| (at(path), text)));
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(json: &str) -> String {
        serde_json::from_str::<Setting>(json).unwrap().to_string()
    }

    #[test]
    fn what_is_set_is_told_and_what_is_empty_is_not_set() {
        for (json, told) in [
            ("true", r#""true""#),
            ("0", r#""0""#),
            ("-1", r#""-1""#),
            ("-1.5", r#""-1.5""#),
            (r#"["a.json","b.json"]"#, r#""a.json", "b.json""#),
            (r#"{"a":"","b":{"c":"x","d":null},"e":[1,false]}"#, r#"b.c "x", e "1""#),
            (r#""two\nlines""#, r#""two\nlines""#),
        ] {
            assert_eq!(words(json), told, "{json}");
        }
        for unset in ["null", "false", r#""""#, "[]", "{}", r#"[null,"",{"a":[]}]"#] {
            assert!(!serde_json::from_str::<Setting>(unset).unwrap().is_set(), "{unset}");
        }
    }

    #[test]
    fn a_setting_is_another_when_one_value_is_more_or_less_or_different() {
        let is = |json| serde_json::from_str::<Setting>(json).unwrap().is(&[("a", "1"), ("b.c", "2")]);
        assert!(is(r#"{"b":{"c":"2","d":""},"a":"1","e":false}"#));
        for other in [
            r#"{"a":"1"}"#,
            r#"{"b":{"c":"2"},"a":"2"}"#,
            r#"{"b":{"c":"2"},"a":"1","e":true}"#,
            r#"{"b":{"c":"2","d":"3"},"a":"1"}"#,
            r#"{"b":"2","a":"1"}"#,
            r#"{"a":["1","1"]}"#,
        ] {
            assert!(!is(other), "{other}");
        }
    }
}
