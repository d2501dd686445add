//! `mailctl.toml`: which directory.

use mail::config::Problem;
use mail::directory::DirectorySettings;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub directory: DirectorySettings,
}

impl mail::config::Settings for Settings {
    fn problems(&self) -> Vec<Problem> {
        self.directory.problems("directory")
    }
}
