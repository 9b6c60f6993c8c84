//! Rules for the text of Rust files, and for words that no file may hold.

use super::Finding;
use super::tree::{File, Tree};

/// Checks one file of `tree` against every rule of this module.
pub(super) fn check(file: &File, tree: &Tree) -> Vec<Finding> {
    let mut findings = forbidden_words(file);
    if file.path.ends_with(".rs") {
        findings.extend(header(file));
        findings.extend(length(file));
        findings.extend(unsafety(file, tree));
        findings.extend(core_purity(file));
    }
    findings
}

/// Every Rust file opens with what it is for.
fn header(file: &File) -> Option<Finding> {
    let opens = file.text.starts_with("//!");
    (!opens).then(|| {
        Finding::at(
            &file.path,
            0,
            "opens without `//!`: say what the file is for",
        )
    })
}

/// A file is short enough to read at once. Tests do not count.
fn length(file: &File) -> Option<Finding> {
    if is_test(&file.path) {
        return None;
    }
    let lines = code_lines(file).count();
    (lines > LINES_MAX).then(|| {
        let what = format!("{lines} lines of code, over {LINES_MAX}: split it by state or section");
        Finding::about(&file.path, what)
    })
}

/// Marks of unfinished work, tests that do not run, and places on somebody's machine.
fn forbidden_words(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        for (word, instead) in FORBIDDEN {
            if stands_alone(line, word) {
                findings.push(Finding::at(
                    &file.path,
                    number,
                    format!("`{word}`: {instead}"),
                ));
            }
        }
    }
    findings
}

/// Unsafe code stands in modules that justify it, and each use argues why it is sound.
fn unsafety(file: &File, tree: &Tree) -> Vec<Finding> {
    let lines: Vec<&str> = file.text.lines().collect();
    let uses: Vec<usize> = (0..lines.len())
        .filter(|&number| {
            let code = without_comment(lines[number]);
            !code.contains('"') && stands_alone(code, UNSAFE)
        })
        .collect();
    let mut findings = Vec::new();
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let module = tree.text(&format!("{folder}/mod.rs")).unwrap_or_default();
    let justified = [&file.text, module]
        .iter()
        .any(|text| text.contains("JUSTIFICATION:"));
    if !uses.is_empty() && !justified {
        let what = "has unsafe code and no `JUSTIFICATION:` of why it is needed";
        findings.push(Finding::about(&file.path, what));
    }
    for number in uses {
        let from = number.saturating_sub(SAFETY_DISTANCE);
        if !lines[from..=number]
            .iter()
            .any(|line| line.contains("SAFETY:") || line.contains("# Safety"))
        {
            let what = "unsafe code without a `SAFETY:` comment above that argues for it";
            findings.push(Finding::at(&file.path, number, what));
        }
    }
    findings
}

/// The core has no clock, file, socket or environment: these are arguments.
fn core_purity(file: &File) -> Vec<Finding> {
    if !CORE.iter().any(|folder| file.path.starts_with(folder)) || is_test(&file.path) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (number, line) in code_lines(file).enumerate() {
        for word in IMPURE {
            if without_comment(line).contains(word) {
                let what = format!("`{word}` in a core crate: let the caller give it");
                findings.push(Finding::at(&file.path, number, what));
            }
        }
    }
    findings
}

/// The lines ahead of the tests at the end of a file.
fn code_lines(file: &File) -> impl Iterator<Item = &str> {
    let mut lines = file.text.lines().peekable();
    std::iter::from_fn(move || {
        let line = lines.next()?;
        let tests = line == "#[cfg(test)]"
            && lines
                .peek()
                .is_some_and(|next| next.starts_with("mod tests"));
        (!tests).then_some(line)
    })
}

fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// Whether the file holds nothing but tests and benches.
fn is_test(path: &str) -> bool {
    ["/tests/", "/benches/", "/tests.rs"]
        .iter()
        .any(|part| path.contains(part))
}

/// Whether `word` occurs in `line` other than as the end or the beginning of a longer one.
fn stands_alone(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let opens = word.starts_with(is_part);
    let closes = word.ends_with(is_part);
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        // A path begins where no longer path or address goes on.
        let free = if opens {
            !before.is_some_and(is_part)
        } else {
            !word.starts_with('/') || !before.is_some_and(|c| is_part(c) || ".-/~}$".contains(c))
        };
        free && !(closes && after.is_some_and(is_part))
    })
}

/// Lines of code in a file, as the style has it; tests come on top.
const LINES_MAX: usize = 500;

/// A SAFETY comment of a few lines stands right above its use.
const SAFETY_DISTANCE: usize = 8;

const UNSAFE: &str = concat!("un", "safe");

/// Words and what to do instead. Parted here, so that this file does not find itself.
const FORBIDDEN: &[(&str, &str)] = &[
    (concat!("to", "do!"), "finish it or leave it out"),
    (concat!("unimple", "mented!"), "finish it or leave it out"),
    (concat!("FIX", "ME"), "fix it, or open an issue"),
    (concat!("TO", "DO"), "do it, or open an issue"),
    (concat!("XX", "X"), "say what is meant"),
    (
        concat!("#[ig", "nore"),
        "a test that does not run proves nothing",
    ),
    (concat!("should_", "panic"), "check the error instead"),
    (concat!("/ho", "me/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/Us", "ers/"), "a path of one machine"),
    (
        concat!("/tm", "p/"),
        "a path of one machine: ask for a temporary folder",
    ),
];

/// Where the code may read nothing of its surroundings.
const CORE: &[&str] = &[
    "crates/wire/src/",
    "crates/zone/src/",
    "crates/telemetry/src/",
    "crates/engine/src/",
    "crates/transfer/src/",
    "crates/probe/src/",
];

const IMPURE: &[&str] = &[
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "std::fs",
    "std::env",
    "std::io",
    "std::process",
    "SystemTime",
    "Instant",
    "println!",
    "async fn",
];

#[cfg(test)]
mod tests {
    use super::{CORE, FORBIDDEN, File, LINES_MAX, Tree, check};

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// The one finding of `text` begins with `expected`, or there is none where it is empty.
    fn finds(path: &str, text: &str, expected: &str) {
        let findings = check(&file(path, text), &Tree::default());
        match findings.as_slice() {
            [] => assert_eq!(expected, "", "nothing found in {text:?}"),
            [finding] => assert!(
                !expected.is_empty() && finding.to_string().starts_with(expected),
                "{finding} instead of {expected:?}"
            ),
            more => panic!("{more:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn a_file_without_a_header_is_found() {
        finds("a.rs", "fn main() {}\n", "a.rs:1: opens without `//!`");
        finds("a.rs", "//! Good.\nfn main() {}\n", "");
        finds("a.md", "Not Rust.\n", "");
    }

    #[test]
    fn a_long_file_is_found_but_its_tests_do_not_count() {
        let long = format!("//! Long.\n{}", "// more\n".repeat(LINES_MAX));
        finds("a.rs", &long, "a.rs: 501 lines of code, over 500");
        finds("crates/wire/tests/a.rs", &long, "");
        let tested = format!("//! Well tested.\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
        finds("a.rs", &tested, "");
    }

    #[test]
    fn forbidden_words_are_found() {
        for (word, _) in FORBIDDEN {
            finds("a.md", &format!("Good.\nSee {word}\n"), "a.md:2: `");
        }
    }

    #[test]
    fn words_that_hold_a_forbidden_one_are_let_be() {
        for good in [
            concat!("https://www.iana.org/domains/ro", "ot/servers"),
            concat!("rssac002/k-ro", "ot/k"),
            concat!("XX", "XX"),
            concat!("$HOME/wo", "rk/"),
        ] {
            finds("a.md", good, "");
        }
    }

    #[test]
    fn unsafe_code_needs_a_justification_and_an_argument() {
        let block = concat!("un", "safe { call() };\n");
        let why = "//! JUSTIFICATION: no wrapper covers it.\n";
        finds("a.rs", &format!("{why}// SAFETY: it is.\n{block}"), "");
        finds(
            "a.rs",
            &format!("{why}\n{block}"),
            "a.rs:3: unsafe code without",
        );
        finds(
            "a.rs",
            &format!("//! Sockets.\n// SAFETY: it is.\n{block}"),
            "a.rs: has unsafe code and no",
        );
        finds(
            "a.rs",
            concat!("//! Safe.\n#![forbid(un", "safe_code)]\n"),
            "",
        );
    }

    #[test]
    fn a_module_justifies_unsafe_code_for_its_files() {
        let tree = Tree {
            files: vec![file(
                "sys/mod.rs",
                "//! JUSTIFICATION: no wrapper covers it.\n",
            )],
        };
        let text = concat!("//! One.\n// SAFETY: it is.\nun", "safe { call() };\n");
        assert!(check(&file("sys/a.rs", text), &tree).is_empty());
        assert_eq!(check(&file("b.rs", text), &tree).len(), 1);
    }

    #[test]
    fn the_core_reads_no_clock_file_or_socket() {
        for folder in CORE {
            let path = format!("{folder}a.rs");
            let expected = format!("{path}:2: `std::fs` in a core crate");
            finds(&path, "//! Core.\nuse std::fs::File;\n", &expected);
            let expected = format!("{path}:2: `SystemTime` in a core crate");
            finds(
                &path,
                "//! Core.\nlet now = SystemTime::now();\n",
                &expected,
            );
        }
        finds("crates/zone/src/a.rs", "//! Core.\n// Not std::fs.\n", "");
        finds(
            "crates/node/src/a.rs",
            "//! Shell.\nuse std::fs::File;\n",
            "",
        );
        let tested = "//! Core.\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
        finds("crates/zone/src/a.rs", tested, "");
    }
}
