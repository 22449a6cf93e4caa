//! How far drift is looked for.

use std::str::FromStr;

/// Whose drift is looked for: it costs a request for every object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Drift {
    /// Every object of the Kustomizations that the pull request changes something in.
    #[default]
    Affected,
    /// The objects that the pull request changes.
    Changed,
    /// None.
    Off,
}

impl FromStr for Drift {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "affected" => Ok(Self::Affected),
            "changed" => Ok(Self::Changed),
            "off" => Ok(Self::Off),
            _ => Err("must be `affected`, `changed` or `off`".to_owned()),
        }
    }
}
