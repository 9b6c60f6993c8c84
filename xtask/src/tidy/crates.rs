//! The arrows between our crates point down, and the core stays free of shells' libraries.

use super::Finding;
use crate::workspace::Package;

/// Checks the dependencies of every package of ours.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    let ours = packages.iter().filter(|package| package.source.is_none());
    ours.flat_map(check_one).collect()
}

fn check_one(package: &Package) -> Vec<Finding> {
    let Some((_, may_use)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
        let what = "has no row in ARROWS: say there which crates it may use";
        return vec![Finding::about(&package.name, what)];
    };
    let mut findings = Vec::new();
    for dependency in &package.dependencies {
        let name = dependency.name.as_str();
        if is_ours(name) && !may_use.contains(&name) {
            let what = format!("may not use {name}: arrows point down only (ARCHITECTURE.md)");
            findings.push(Finding::about(&package.name, what));
        }
        let shipped = dependency.kind.is_none();
        let granted = GRANTED.contains(&(package.name.as_str(), name));
        if shipped
            && !granted
            && CORE.contains(&package.name.as_str())
            && SHELL_ONLY.contains(&name)
        {
            let what = format!("a core crate depends on {name}: that belongs into a shell");
            findings.push(Finding::about(&package.name, what));
        }
    }
    findings
}

fn is_ours(name: &str) -> bool {
    name.starts_with("imrs-")
}

/// Each crate of ours and those that it may use. A new arrow is a change of design.
const ARROWS: &[(&str, &[&str])] = &[
    ("imrs-wire", &[]),
    ("imrs-zone", &["imrs-wire"]),
    ("imrs-telemetry", &["imrs-wire"]),
    ("imrs-fleet", &["imrs-wire"]),
    ("imrs-engine", &["imrs-wire", "imrs-zone"]),
    ("imrs-transfer", &["imrs-wire", "imrs-zone"]),
    ("imrs-probe", &["imrs-wire"]),
    (
        "imrs-node",
        &[
            "imrs-wire",
            "imrs-zone",
            "imrs-telemetry",
            "imrs-fleet",
            "imrs-engine",
            "imrs-transfer",
            "imrs-probe",
        ],
    ),
    (
        "imrs-sim",
        &[
            "imrs-wire",
            "imrs-zone",
            "imrs-fleet",
            "imrs-engine",
            "imrs-transfer",
            "imrs-probe",
            "imrs-node",
        ],
    ),
    (
        "xtask",
        &[
            "imrs-wire",
            "imrs-zone",
            "imrs-telemetry",
            "imrs-engine",
            "imrs-transfer",
            "imrs-probe",
        ],
    ),
];

const CORE: &[&str] = &[
    "imrs-wire",
    "imrs-zone",
    "imrs-telemetry",
    "imrs-fleet",
    "imrs-engine",
    "imrs-transfer",
    "imrs-probe",
];

/// Serialisers, runtimes and loggers.
const SHELL_ONLY: &[&str] = &[
    "serde",
    "serde_json",
    "toml",
    "tokio",
    "async-std",
    "smol",
    "log",
    "tracing",
    "socket2",
    "libc",
];

/// What a core crate may use all the same: counts outlive the process that counted, so their forms
/// are the business of the crate that knows them.
const GRANTED: &[(&str, &str)] = &[("imrs-telemetry", "serde")];

#[cfg(test)]
mod tests {
    use super::{Package, check};
    use crate::workspace::Dependency;

    fn findings(name: &str, dependency: &str, kind: Option<&str>) -> Vec<String> {
        let package = Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            license: None,
            source: None,
            dependencies: vec![Dependency {
                name: dependency.to_owned(),
                kind: kind.map(str::to_owned),
            }],
        };
        check(&[package]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_arrow_that_points_up_is_found_even_for_tests() {
        let expected =
            "imrs-zone: may not use imrs-engine: arrows point down only (ARCHITECTURE.md)";
        assert_eq!(findings("imrs-zone", "imrs-engine", None), [expected]);
        assert_eq!(
            findings("imrs-zone", "imrs-engine", Some("dev")),
            [expected]
        );
        assert!(findings("imrs-engine", "imrs-zone", None).is_empty());
    }

    #[test]
    fn a_core_crate_ships_without_serialisers_runtimes_and_loggers() {
        let expected = "imrs-wire: a core crate depends on serde: that belongs into a shell";
        assert_eq!(findings("imrs-wire", "serde", None), [expected]);
        assert!(findings("imrs-wire", "serde", Some("dev")).is_empty());
        assert!(findings("imrs-node", "serde", None).is_empty());
        assert!(findings("imrs-telemetry", "serde", None).is_empty());
        assert_eq!(findings("imrs-telemetry", "tracing", None).len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        let expected = "imrs-new: has no row in ARROWS: say there which crates it may use";
        assert_eq!(findings("imrs-new", "bytes", None), [expected]);
    }
}
