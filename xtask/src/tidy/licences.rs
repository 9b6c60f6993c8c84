//! Every package we build with is under a licence that `deny.toml` allows.
//!
//! `deny.toml` is cargo-deny's own file; this reads the part about licences, so that the rule
//! holds on a machine where cargo-deny is not installed.

use super::Finding;
use crate::workspace::Package;
use anyhow::{Context, Result};
use serde::Deserialize;
use spdx::{Expression, ParseMode};

/// The licences that are allowed.
#[derive(Debug, Deserialize)]
pub(super) struct Terms {
    licenses: Licences,
}

#[derive(Debug, Deserialize)]
struct Licences {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

/// A licence that is allowed for one package alone.
#[derive(Debug, Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    package: String,
    allow: Vec<String>,
}

impl Terms {
    /// Reads `deny.toml`.
    pub(super) fn read(text: &str) -> Result<Terms> {
        toml::from_str(text).context("deny.toml names no licences that are allowed")
    }

    /// Checks all packages of others.
    pub(super) fn check(&self, packages: &[Package]) -> Vec<Finding> {
        let theirs = packages.iter().filter(|package| package.source.is_some());
        theirs
            .filter_map(|package| self.check_one(package))
            .collect()
    }

    fn check_one(&self, package: &Package) -> Option<Finding> {
        let place = format!("{} {}", package.name, package.version);
        let Some(licence) = &package.license else {
            return Some(Finding::about(&place, "names no licence"));
        };
        let Ok(expression) = Expression::parse_mode(licence, ParseMode::LAX) else {
            return Some(Finding::about(
                &place,
                format!("`{licence}` is no SPDX expression"),
            ));
        };
        let holds = expression.evaluate(|wanted| self.allows(&package.name, &wanted.to_string()));
        (!holds).then(|| Finding::about(&place, format!("`{licence}` is not allowed by deny.toml")))
    }

    fn allows(&self, package: &str, licence: &str) -> bool {
        let exceptions = self.licenses.exceptions.iter();
        let for_it = exceptions.filter(|exception| exception.package == package);
        for_it
            .flat_map(|exception| &exception.allow)
            .chain(&self.licenses.allow)
            .any(|allowed| allowed == licence)
    }
}

#[cfg(test)]
mod tests {
    use super::{Package, Terms};

    fn findings(name: &str, license: Option<&str>) -> Vec<String> {
        let terms = Terms::read(
            "[licenses]\nallow = [\"MIT\", \"Apache-2.0 WITH LLVM-exception\"]\n\
             exceptions = [{ crate = \"special\", allow = [\"NCSA\"] }]\n",
        );
        let package = Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: license.map(str::to_owned),
            source: Some("registry".to_owned()),
            dependencies: Vec::new(),
        };
        let findings = terms.unwrap().check(&[package]);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_licence_that_is_not_allowed_is_found() {
        let refused = |licence| format!("plain 1.0.0: `{licence}` is not allowed by deny.toml");
        for licence in [
            "GPL-3.0-only",
            "MIT AND NCSA",
            "MIT AND GPL-2.0-only",
            "Apache-2.0",
        ] {
            assert_eq!(findings("plain", Some(licence)), [refused(licence)]);
        }
        assert_eq!(findings("plain", None), ["plain 1.0.0: names no licence"]);
        let nonsense = "plain 1.0.0: `do what you want` is no SPDX expression";
        assert_eq!(findings("plain", Some("do what you want")), [nonsense]);
    }

    #[test]
    fn one_allowed_licence_of_several_to_choose_from_is_enough() {
        for licence in ["MIT", "MIT/Apache-2.0", "GPL-3.0-only OR MIT"] {
            assert!(findings("plain", Some(licence)).is_empty(), "{licence}");
        }
        assert!(findings("plain", Some("Apache-2.0 WITH LLVM-exception")).is_empty());
        assert!(findings("special", Some("MIT AND NCSA")).is_empty());
    }
}
