//! The settings of the boot guard: `[boot]` in the settings file → valid. Who the instance is, is never a setting.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{SettingsError, place};
use crate::adapters::store::{NotAStoreUrl, StoreUrl};

/// How long a verdict may take, unless it is set.
const DEADLINE: Duration = Duration::from_mins(1);
/// At most so that word, record and action still fit into `TimeoutStartSec=` of the unit, which is two minutes.
const DEADLINES: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(100));
/// The folder that the unit makes.
const STATE: &str = "file:///var/lib/goldseal";

/// Settings of the guard as the file gives them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootFragment {
    certificates: Option<PathBuf>,
    record: Option<String>,
    state: Option<String>,
    deadline: Option<String>,
    describe_images: Option<DescribeImages>,
}

/// Whether EC2 is asked what the image is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DescribeImages {
    /// It is, and where it does not answer, the provenance says it.
    #[default]
    Try,
    /// It is not.
    Never,
}

/// Settings of the guard that are valid.
#[derive(Debug, Clone)]
pub struct BootSettings {
    /// Certificates of identity documents, in place of those that are built in.
    pub certificates: Option<PathBuf>,
    /// Where boots are recorded.
    pub record: Option<StoreUrl>,
    /// What the instance remembers.
    pub state: StoreUrl,
    /// How long a verdict may take.
    pub deadline: Duration,
    /// Whether EC2 is asked what the image is.
    pub describe_images: DescribeImages,
}

impl BootSettings {
    /// Reads them; `store` is where the evidence is.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn of(file: BootFragment, store: &StoreUrl) -> Result<Self, SettingsError> {
        let BootFragment { certificates, record, state, deadline, describe_images } = file;
        let invalid = |key: &'static str, problem: String| SettingsError::Boot { key, problem };
        let url =
            |key, text: String| text.parse::<StoreUrl>().map_err(|fault: NotAStoreUrl| invalid(key, fault.to_string()));
        if store.is_directory() {
            let problem =
                format!("{store} is on the image that is judged, and a copy of the image carries it: give another");
            return Err(invalid("store", problem));
        }
        let record = record.map(|text| url("boot.record", text)).transpose()?;
        if let Some(place) = record.as_ref().filter(|place| place.bucket().is_none()) {
            return Err(invalid("boot.record", format!("{place}: records go to S3 (s3://bucket/prefix)")));
        }
        let why = "the judged must not write what judges them";
        let record = record.map(|place| place::apart(place, Some(store), why)).transpose();
        let record = record.map_err(|problem| invalid("boot.record", problem))?;
        let state = url("boot.state", state.unwrap_or_else(|| STATE.to_owned()))?;
        if !state.is_directory() {
            let problem = format!("{state}: what an instance remembers stays on it (file:///absolute/directory)");
            return Err(invalid("boot.state", problem));
        }
        let deadline = deadline.map_or(Ok(DEADLINE), |text| duration(&text));
        let deadline = deadline.map_err(|problem| invalid("boot.deadline", problem))?;
        let describe_images = describe_images.unwrap_or_default();
        Ok(Self { certificates, record, state, deadline, describe_images })
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let read: jiff::SignedDuration =
        text.parse().map_err(|_form| format!("{text:?} is not a length of time, such as 60s"))?;
    let (shortest, longest) = DEADLINES;
    let read = Duration::try_from(read).ok().filter(|read| (shortest..=longest).contains(read));
    read.ok_or_else(|| format!("{text}: from {}s to {}s", shortest.as_secs(), longest.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, store: &str) -> Result<BootSettings, String> {
        let file: BootFragment = toml::from_str(text).map_err(|error| error.to_string())?;
        BootSettings::of(file, &store.parse().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_required_and_everything_can_be_written() {
        let bare = read("", "https://evidence.example").unwrap();
        assert_eq!((bare.deadline, bare.state.to_string().as_str()), (DEADLINE, STATE));
        assert!(bare.certificates.is_none() && bare.record.is_none() && bare.describe_images == DescribeImages::Try);
        let whole = "certificates = \"/etc/goldseal/aws.pem\"\nrecord = \"s3://records/boots\"\nstate = \"file:///srv/x\"\n\
                     deadline = \"5s\"\ndescribe_images = \"never\"\n";
        let whole = read(whole, "s3://evidence").unwrap();
        assert_eq!((whole.deadline.as_secs(), whole.describe_images), (5, DescribeImages::Never));
        assert_eq!(whole.record.unwrap().to_string(), "s3://records/boots");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_key() {
        let store = "s3://evidence/golden";
        for (text, store, told) in [
            ("", "file:///srv/evidence", "`store`, at boot"),
            ("record = \"s3://evidence/boots\"", store, "where the evidence is"),
            ("record = \"file:///srv\"", store, "records go to S3"),
            ("record = \"boots\"", store, "`boot.record`"),
            ("state = \"s3://state\"", store, "stays on it"),
            ("deadline = \"2m\"", store, "from 3s to 100s"),
            ("deadline = \"1s\"", store, "from 3s to 100s"),
            ("deadline = \"-1s\"", store, "from 3s to 100s"),
            ("deadline = \"soon\"", store, "not a length of time"),
            ("describe_images = \"always\"", store, "unknown variant"),
            ("image = \"ami-0123abcd\"", store, "unknown field"),
        ] {
            let error = read(text, store).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
