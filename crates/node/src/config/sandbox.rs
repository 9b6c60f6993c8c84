//! `[sandbox]`: what of the kernel's restrictions is wanted.

use crate::sandbox::Mode;
use serde::Deserialize;

/// `[sandbox]`
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sandbox {
    /// Whether the file system is narrowed down.
    #[serde(default)]
    pub landlock: Wanted,
    /// Whether system calls are.
    #[serde(default)]
    pub seccomp: Wanted,
}

/// How much a restriction is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Wanted(pub Mode);

impl TryFrom<String> for Wanted {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "require" => Ok(Wanted(Mode::Require)),
            "try" => Ok(Wanted(Mode::Try)),
            "off" => Ok(Wanted(Mode::Off)),
            _ => Err(format!("`{text}` is not one of `require`, `try`, `off`")),
        }
    }
}
