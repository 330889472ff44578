//! Where overrides are carried, past the store: what a flag or the environment names, or else the settings file.

use super::SettingsError;
use crate::adapters::carried::CarriedPlace;

/// Where overrides are carried, past the store.
#[derive(Debug, Clone, Default)]
pub struct CarriedOverrides {
    /// The places.
    pub places: Vec<CarriedPlace>,
    /// A flag or the environment names them: a file that is not there is then a mistake. One that the settings file names
    /// may be put there when it is needed.
    pub named: bool,
    written: Vec<CarriedPlace>,
}

impl CarriedOverrides {
    pub(super) fn merge(given: &[String], file: &[String]) -> Result<Self, SettingsError> {
        Ok(Self::of(carried(given)?, carried(file)?))
    }

    fn of(given: Vec<CarriedPlace>, written: Vec<CarriedPlace>) -> Self {
        let named = !given.is_empty();
        Self { places: if named { given } else { written.clone() }, named, written }
    }

    /// Returns the places that are in force where a flag names others: those of the environment, or else of the settings
    /// file.
    ///
    /// # Errors
    /// [`SettingsError::Overrides`].
    pub fn in_force(&self, environment: Option<String>) -> Result<Self, SettingsError> {
        let given: Vec<String> = environment.iter().flat_map(|text| text.split(',')).map(str::to_owned).collect();
        Ok(Self::of(carried(&given)?, self.written.clone()))
    }
}

fn carried(places: &[String]) -> Result<Vec<CarriedPlace>, SettingsError> {
    let places = places.iter().filter(|place| !place.is_empty());
    let parsed = places.map(|place| place.parse::<CarriedPlace>());
    parsed.collect::<Result<_, _>>().map_err(|error| SettingsError::Overrides(error.to_string()))
}
