//! Texts with a mark where the mistake is, and what stands around what is tested.

use crate::config::{Config, Transfers};
use std::path::Path;

pub(super) const SECRET: &str = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI=";
pub(super) const PIN: &str = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

pub(super) fn parse(text: &str) -> Result<Config, String> {
    Config::parse(Path::new("imrs.toml"), text.as_bytes()).map_err(|error| error.to_string())
}

/// The text is wrong with this message, at the place that `§` marks in it.
pub(super) fn check(marked: &str, expected: &str) {
    let marked = marked.replace("SECRET", SECRET).replace("PIN", PIN);
    let place = marked.find('§').unwrap();
    let (line, column) = {
        let before = &marked[..place];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (
            before.matches('\n').count() + 1,
            before[start..].chars().count() + 1,
        )
    };
    let text = marked.replace('§', "");
    assert_eq!(
        parse(&text).unwrap_err(),
        format!("imrs.toml:{line}:{column}: {expected}"),
        "{text}"
    );
}

pub(super) fn good(text: &str) -> Config {
    let text = text.replace("SECRET", SECRET).replace("PIN", PIN);
    parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The transfers of a root of which this is said, beside a key `k` and a way `t` to speak TLS.
pub(super) fn root(said: &str) -> Transfers {
    good(&around(said)).zones[0].transfers.clone()
}

/// The same, wrong with this message at the place that `§` marks.
pub(super) fn check_root(said: &str, expected: &str) {
    check(&around(said), expected);
}

pub(super) fn around(said: &str) -> String {
    format!(
        "[[key]]\nname = \"k\"\nalgorithm = \"hmac-sha256\"\nsecret = \"SECRET\"\n\n\
         [[tls]]\nname = \"t\"\npins = [\"PIN\"]\n\n\
         [[zone]]\nname = \".\"\n{said}\n"
    )
}
