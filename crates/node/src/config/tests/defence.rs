//! What is done against attacks: limits, cookies, access.

use super::check;
use crate::config::{Config, Cookies};
use std::path::{Path, PathBuf};

fn parse(text: &str) -> Config {
    Config::parse(Path::new("/etc/imrs/imrs.toml"), text.as_bytes()).unwrap()
}

#[test]
fn limits_and_cookies_hold_unless_they_are_switched_off() {
    let absent = parse("").defence;
    assert!(absent.rates.is_some());
    assert_eq!(absent.cookies, Some(Cookies::default()));
    let off = parse("[limit]\nenabled = false\n[cookies]\nenabled = false").defence;
    assert!(off.rates.is_none());
    assert_eq!(off.cookies, None);
}

#[test]
fn what_is_written_counts_and_the_rest_is_as_it_was() {
    let text = "[limit]\nnxdomain-per-second = 40\nslip = 1\nexempt = [\"192.0.2.0/24\"]\n\
                [cookies]\nrequire = true\nsecret-file = \"cookies\"\n\
                [access]\nblocklist = \"blocked\"\nproxies = [\"2001:db8::1\"]";
    let found = parse(text).defence;
    let absent = parse("").defence.rates.unwrap();
    let rates = found.rates.unwrap();
    assert_eq!((rates.nx_domain, rates.slip), (40, 1));
    assert_eq!((rates.all, rates.answers), (absent.all, absent.answers));
    assert_eq!(found.exempt, ["192.0.2.0/24".parse().unwrap()]);
    let cookies = found.cookies.unwrap();
    assert!(cookies.require);
    assert_eq!(
        cookies.secret_file,
        Some(PathBuf::from("/etc/imrs/cookies"))
    );
    assert_eq!(found.blocklist, Some(PathBuf::from("/etc/imrs/blocked")));
    assert_eq!(found.proxies, ["2001:db8::1".parse().unwrap()]);
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    check(
        "[limit]\nall-per-second = 100\nerrors-per-second = 101",
        "imrs.toml:3:21: 101 a second are never reached, as `all-per-second` is 100; write less, \
         or more there",
    );
    check(
        "[limit]\nenabled = false\nlog-only = true",
        "imrs.toml:3:12: nothing is limited, and so nothing is logged, while `enabled` is false; \
         remove one of the two",
    );
    check(
        "[cookies]\nenabled = false\nrequire = true",
        "imrs.toml:3:11: without cookies none can be required; remove this, or `enabled`",
    );
}

#[test]
fn prefixes_are_refused_with_their_remedy() {
    check(
        "[limit]\nexempt = [\"192.0.2.1/24\"]",
        "imrs.toml:2:11: 192.0.2.1 has bits set behind the first 24; 192.0.2.0/24 would be right",
    );
    check(
        "[access]\nproxies = []",
        "imrs.toml:2:11: the list is empty; name a prefix, such as \"192.0.2.0/24\", or remove it",
    );
}
