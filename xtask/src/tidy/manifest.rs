//! Rules for Cargo manifests: every dependency has its reason, in one place.

use super::Finding;
use super::tree::File;

/// Checks one manifest; other files have no findings.
pub(super) fn check(file: &File) -> Vec<Finding> {
    if file.path != "Cargo.toml" && !file.path.ends_with("/Cargo.toml") {
        return Vec::new();
    }
    let stands_alone = file.text.contains("[workspace]");
    let mut findings = dependencies(file, stands_alone);
    if !stands_alone && !file.text.contains("[lints]\nworkspace = true") {
        findings.push(Finding::about(
            &file.path,
            "takes no `[lints]` from the workspace",
        ));
    }
    findings
}

/// In the manifest of a workspace each dependency follows a comment, alone or in a group without
/// blank lines; in the others it is taken from there.
fn dependencies(file: &File, stands_alone: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut within = false;
    let mut commented = false;
    for (number, line) in file.text.lines().enumerate() {
        if line.starts_with('[') {
            within = line.trim_end_matches(']').ends_with("dependencies");
        }
        if line.starts_with('#') {
            commented = true;
            continue;
        }
        let Some((name, value)) = line.split_once('=').filter(|_| within) else {
            commented = false;
            continue;
        };
        let name = name.trim();
        if stands_alone {
            if !commented && !value.contains("path =") {
                let what = format!("{name} has no comment: what is it for, and why this one?");
                findings.push(Finding::at(&file.path, number, what));
            }
        } else if !name.ends_with(".workspace") && !value.contains("workspace = true") {
            let what = format!("{name} is not taken from the root manifest, where its reason is");
            findings.push(Finding::at(&file.path, number, what));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{File, check};

    fn findings(path: &str, text: &str) -> Vec<String> {
        let file = File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        check(&file).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_dependency_without_its_reason_is_found() {
        let text = "[workspace]\n\n[workspace.dependencies]\nours = { path = \"ours\" }\n\
                    # Compression.\na = \"1\"\nb = \"1\"\n\nc = \"1\"\n";
        let expected = "Cargo.toml:9: c has no comment: what is it for, and why this one?";
        assert_eq!(findings("Cargo.toml", text), [expected]);
    }

    #[test]
    fn a_dependency_that_a_crate_asks_for_by_itself_is_found() {
        let text = "[lints]\nworkspace = true\n\n[dev-dependencies]\na.workspace = true\n\
                    b = { workspace = true, features = [\"c\"] }\nd = \"1\"\n";
        let expected = "crates/x/Cargo.toml:7: d is not taken from the root manifest, where its \
                        reason is";
        assert_eq!(findings("crates/x/Cargo.toml", text), [expected]);
    }

    #[test]
    fn a_crate_without_the_lints_of_the_workspace_is_found() {
        let expected = "crates/x/Cargo.toml: takes no `[lints]` from the workspace";
        assert_eq!(
            findings("crates/x/Cargo.toml", "[package]\nname = \"x\"\n"),
            [expected]
        );
    }
}
