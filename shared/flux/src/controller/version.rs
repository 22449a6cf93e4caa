//! A version of kustomize-controller: three numbers, as in its image's tag.

use std::fmt;

/// The version of a controller. What follows the three numbers, such as `-rc.1`, does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number, the same as that of its Flux.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

impl Version {
    /// The version that is assumed where none can be read; the newest minor version that is emulated.
    pub const EMULATED: Self = Self::new(1, 9, 4);
    /// The oldest version that is emulated.
    pub const OLDEST: Self = Self::new(1, 0, 0);

    /// A version of three numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Reads `1.9.4`, `v1.9.4` or `v1.9.4-rc.1`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('v').unwrap_or(text);
        let numbers = text.split(['-', '+']).next()?;
        let mut numbers = numbers.split('.').map(|number| {
            let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            number.parse().ok().filter(|_| digits)
        });
        let version = Self::new(numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_three_numbers() {
        let read = |text: &str| Version::parse(text).map(|version| version.to_string());
        for (text, expected) in [("v1.9.4", "1.9.4"), ("1.10.0-rc.1", "1.10.0"), (" v1.2.3+x ", "1.2.3")] {
            assert_eq!(read(text).as_deref(), Some(expected));
        }
        for text in ["", "v1.9", "latest", "1.2.3.4", "1.+2.3", "1.2.99999999999", "1..3"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(Version::new(1, 10, 0) > Version::new(1, 9, 6));
    }
}
