//! The document against its schema: unknown keys, and what should be a table and is not.

use toml::de::{DeArray, DeTable, DeValue};

use super::{Compiler, below};

impl<F> Compiler<'_, F> {
    /// Lists unknown keys and wrong shapes. Returns whether all shapes are right, so that the document can be read;
    /// unknown keys and the types of single values do not stand in the way of that.
    pub(super) fn shape(&mut self, table: &DeTable<'_>, schema: &serde_json::Value, path: &str) -> bool {
        let Some(known) = schema.get("properties").and_then(|properties| properties.as_object()) else { return true };
        let mut right = true;
        for (key, value) in table {
            let here = below(path, key.get_ref());
            let Some(schema) = known.get(key.get_ref().as_ref()) else {
                let list: Vec<&str> = known.keys().map(String::as_str).collect();
                self.problem(&key.span(), here, format!("unknown key; known here: {}", list.join(", ")));
                continue;
            };
            let entries = schema.get("items").filter(|items| items.get("properties").is_some());
            let problem = match (value.get_ref(), entries) {
                (DeValue::Array(array), Some(entry)) => {
                    right &= self.entries(array, entry, &here);
                    continue;
                }
                (_, Some(_)) => format!("expected tables under [[{here}]]"),
                (DeValue::Table(table), None) => {
                    right &= self.shape(table, schema, &here);
                    continue;
                }
                (_, None) if schema.get("properties").is_some() => format!("expected a table [{here}]"),
                (_, None) => continue,
            };
            self.problem(&value.span(), here, problem);
            right = false;
        }
        right
    }

    fn entries(&mut self, array: &DeArray<'_>, schema: &serde_json::Value, path: &str) -> bool {
        let mut right = true;
        for (index, entry) in array.iter().enumerate() {
            let here = format!("{path}[{index}]");
            if let DeValue::Table(table) = entry.get_ref() {
                right &= self.shape(table, schema, &here);
            } else {
                self.problem(&entry.span(), here, format!("expected a table under [[{path}]]"));
                right = false;
            }
        }
        right
    }
}
