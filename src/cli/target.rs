//! `--write FORMAT=FILE`: a report in another format, into a file.

use std::path::PathBuf;

use clap::ValueEnum as _;

use crate::render::{Format, Printed};

/// A format, and the file that it goes to.
#[derive(Debug, Clone)]
pub struct Target {
    pub format: Format,
    pub path: PathBuf,
}

/// Returns what reads a target on the command line, in a format that there is for what is printed.
pub fn of(printed: Printed) -> impl Fn(&str) -> Result<Target, String> + Clone + Send + Sync + 'static {
    move |text| {
        let (format, path) = text.split_once('=').ok_or("write FORMAT=FILE, such as json=report.json")?;
        if path.is_empty() || path == "-" {
            return Err("name a file; what goes to standard output is said by --output".to_owned());
        }
        let format = Format::from_str(format, false)?;
        if !format.is_for(printed) {
            let all = Format::value_variants().iter().filter(|one| one.is_for(printed));
            let names: Vec<String> = all.map(ToString::to_string).collect();
            return Err(format!("{format} is none of {}", names.join(", ")));
        }
        Ok(Target { format, path: path.into() })
    }
}
