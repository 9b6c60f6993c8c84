//! Rules for Markdown: links lead somewhere, and `SPEC.md` names tests that exist.

use super::Finding;
use super::tree::{File, Tree};

/// Checks every document.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        findings.extend(links(file, tree));
    }
    match tree.files.iter().find(|file| file.path == "SPEC.md") {
        Some(spec) => findings.extend(promises(spec, tree)),
        None => findings.push(Finding::about("SPEC.md", "is missing")),
    }
    findings
}

/// Relative links lead to files, and to headings in them.
fn links(file: &File, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    for (number, line) in outside_code(&file.text) {
        for target in line
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() {
                file.path.clone()
            } else {
                resolve(folder, path)
            };
            if !tree.has(&path) {
                findings.push(Finding::at(&file.path, number, format!("no file {path}")));
            } else if !heading.is_empty() && !headings(tree, &path).any(|slug| slug == heading) {
                let what = format!("{path} has no heading #{heading}");
                findings.push(Finding::at(&file.path, number, what));
            }
        }
    }
    findings
}

/// The lines that are not within a fenced block, with their numbers from 0.
fn outside_code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

fn resolve(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The names by which links refer to the headings of a document.
fn headings<'a>(tree: &'a Tree, path: &str) -> impl Iterator<Item = String> + use<'a> {
    let lines = outside_code(tree.text(path).unwrap_or_default());
    lines
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
}

/// The last column of a table in `SPEC.md` names, in backticks, tests or commands of ours that
/// hold the promise; or it says that there are none.
fn promises(spec: &File, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut rows = 0;
    let mut body = false;
    for (number, line) in outside_code(&spec.text) {
        let Some(row) = line.strip_prefix('|') else {
            body = false;
            continue;
        };
        if !body {
            // The row of dashes parts the header from the promises.
            body = row.starts_with("---");
            continue;
        }
        rows += 1;
        let holder = row
            .trim_end_matches('|')
            .rsplit('|')
            .next()
            .unwrap_or_default();
        let names: Vec<&str> = holder.split('`').skip(1).step_by(2).collect();
        if names.is_empty() && holder.trim() != NONE_YET {
            let what = format!("names no test in backticks and does not say \"{NONE_YET}\"");
            findings.push(Finding::at(&spec.path, number, what));
        }
        for name in names.iter().filter(|name| !exists(tree, name)) {
            findings.push(Finding::at(
                &spec.path,
                number,
                format!("there is no `{name}`"),
            ));
        }
    }
    if rows == 0 {
        findings.push(Finding::about(&spec.path, "promises nothing"));
    }
    findings
}

/// Whether a test of that name is defined, or, for a command of cargo, the task in it.
fn exists(tree: &Tree, name: &str) -> bool {
    if let Some(task) = name.strip_prefix("cargo xtask ") {
        let task = task.split(' ').next().unwrap_or_default();
        return ["", "/mod"]
            .iter()
            .any(|end| tree.has(&format!("xtask/src/{task}{end}.rs")));
    }
    let definition = format!("fn {name}(");
    tree.files
        .iter()
        .any(|file| file.path.ends_with(".rs") && file.text.contains(&definition))
}

const NONE_YET: &str = "none yet";

#[cfg(test)]
mod tests {
    use super::{File, Tree, check};

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|(path, text)| File {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        });
        let tree = Tree {
            files: files.collect(),
        };
        check(&tree).iter().map(ToString::to_string).collect()
    }

    const SPEC: (&str, &str) = (
        "SPEC.md",
        "| promise | held by |\n|---|---|\n| a | none yet |\n",
    );

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let page = "# The page\n[a](b.md) [c](../SPEC.md) [d](#the-page) [e](#no) [f](https://g)\n\
                    ```\n[h](i.md)\n```\n";
        let expected = [
            "docs/a.md:2: no file docs/b.md",
            "docs/a.md:2: docs/a.md has no heading #no",
        ];
        assert_eq!(findings(&[SPEC, ("docs/a.md", page)]), expected);
    }

    #[test]
    fn a_promise_without_an_existing_test_is_found() {
        let spec = "| promise | held by |\n|---|---|\n| a | `it_holds` |\n| b | `gone` |\n| c | |\n\
                    | d | `cargo xtask bench` |\n| e | `cargo xtask gone` |\n";
        let files = [
            ("SPEC.md", spec),
            ("a.rs", "//! Tests.\nfn it_holds() {}\n"),
            ("xtask/src/bench.rs", "//! Benches.\n"),
        ];
        let expected = [
            "SPEC.md:4: there is no `gone`",
            "SPEC.md:5: names no test in backticks and does not say \"none yet\"",
            "SPEC.md:7: there is no `cargo xtask gone`",
        ];
        assert_eq!(findings(&files), expected);
    }

    #[test]
    fn a_missing_or_empty_list_of_promises_is_found() {
        assert_eq!(findings(&[]), ["SPEC.md: is missing"]);
        assert_eq!(
            findings(&[("SPEC.md", "# Spec\n")]),
            ["SPEC.md: promises nothing"]
        );
    }
}
