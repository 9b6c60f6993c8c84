//! Keys, TLS and the files of both: each mistake gets one message with its place and remedy, and no
//! message shows a secret.

use super::marked::{PIN, SECRET, around, check, good, parse};
use crate::config::Config;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn keys_have_a_name_an_algorithm_and_a_secret() {
    let key = |lines: &str| format!("[[key]]\nname = \"k\"\n{lines}");
    check(
        &key("algorithm = §\"hmac-md5\"\nsecret = \"SECRET\""),
        "`hmac-md5` is no algorithm of TSIG; write hmac-sha256, hmac-sha384 or hmac-sha512",
    );
    check(
        &key("algorithm = §\"hmac-sha1\"\nsecret = \"SECRET\""),
        "hmac-sha1 is for peers that know no better (RFC 8945 section 6); write hmac-sha256, or add \
         `allow-sha1 = true`",
    );
    good(&key(
        "algorithm = \"hmac-sha1\"\nallow-sha1 = true\nsecret = \"SECRET\"",
    ));
    check(
        &key("algorithm = \"hmac-sha256\"\nsecret = §\"!!!\""),
        "the secret is not base64, as in `openssl rand -base64 32`",
    );
    check(
        &key("algorithm = \"hmac-sha384\"\nsecret = §\"c2hvcnQ=\""),
        "the secret has 5 octets; it needs 16 at least, and 48 are good for hmac-sha384 (RFC 8945 \
         section 8)",
    );
    check(
        "[[key]]\nname = §\"k\"\nalgorithm = \"hmac-sha256\"",
        "key `k` has no secret; add `secret = \"…\"` or `secret-file = \"…\"`",
    );
    check(
        &key("algorithm = \"hmac-sha256\"\nsecret = \"SECRET\"\nsecret-file = §\"s\""),
        "the key has both `secret` and `secret-file`; keep one of the two",
    );
    check(
        &key("algorithm = \"hmac-sha256\"\n§secrets = \"SECRET\""),
        "unknown key `secrets`; did you mean `secret`?",
    );
    let twice = |second: &str| {
        let one = |name: &str| {
            format!("[[key]]\nname = {name}\nalgorithm = \"hmac-sha256\"\nsecret = \"SECRET\"\n")
        };
        one("\"xfr.key\"") + &one(second)
    };
    check(
        &twice("§\"XFR.key.\""),
        "key `XFR.key` is there twice; keep one of the two",
    );
    check(
        &twice("§\".\""),
        "a key has a name of its own, such as \"xfr-key\"",
    );
    check(
        "§[key]\nname = \"k\"",
        "a key is written under [[key]], in two brackets, as there may be several",
    );
}

#[test]
fn tls_says_who_the_peer_is() {
    let tls = |lines: &str| format!("[[tls]]\nname = \"t\"\n{lines}");
    check(
        "[[tls]]\nname = §\"t\"\nserver-name = \"xfr.example\"",
        "tls `t` does not say who the peer is; add `ca` and `server-name`, or `pins`: encryption \
         alone is no protection (RFC 9103 section 9.3)",
    );
    check(
        &tls("ca = §\"ca.pem\""),
        "a CA vouches for many; add `server-name`, the name that the certificate has to hold",
    );
    check(
        &tls("ca = \"ca.pem\"\nserver-name = §\"not a name\""),
        "`not a name` is not the name of a server; write it as xfr.example",
    );
    let form = "write \"sha256/\" and the base64 of the SHA-256 digest of the public key, 32 octets \
                (RFC 7858 section 4.2)";
    for (pin, what) in [
        ("sha1/AAAA", "the pin does not start with sha256/"),
        ("sha256/!", "the pin is not base64"),
        ("sha256/AAAA", "the pin has 3 octets"),
    ] {
        check(
            &tls(&format!("pins = [§\"{pin}\"]")),
            &format!("{what}; {form}"),
        );
    }
    check(
        &tls("pins = §[]"),
        "`pins` is empty; name a pin such as \"sha256/…\", or leave it out",
    );
    check(
        &tls("pins = [\"PIN\"]\ncertificate = §\"c.pem\""),
        "`certificate` is of no use without `private-key`; add it, or leave both out",
    );
    check(
        &tls("pins = [\"PIN\"]\nprivate-key = §\"k.pem\""),
        "`private-key` is of no use without `certificate`; add it, or leave both out",
    );
    check(
        &format!(
            "{}\n{}",
            tls("pins = [\"PIN\"]"),
            "[[tls]]\nname = §\"t\"\npins = [\"PIN\"]"
        ),
        "tls `t` is there twice; keep one of the two",
    );
    let config = good(&tls(
        "ca = \"ca.pem\"\nserver-name = \"xfr.example.\"\npins = [\"PIN\"]\n\
         certificate = \"c.pem\"\nprivate-key = \"k.pem\"",
    ));
    let tls = &config.tls[0];
    assert_eq!(tls.server_name.as_ref().unwrap().to_str(), "xfr.example");
    assert_eq!(tls.pins, [[0; 32]]);
    assert_eq!(
        tls.identity.as_ref().unwrap().private_key,
        Path::new("k.pem")
    );
}

#[test]
fn secrets_do_not_show() {
    let config = good(&around(""));
    assert!(!format!("{config:?}").contains(SECRET));
    for secret in ["c2hvcnQ=", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0!"] {
        let text = around("").replace("SECRET", secret);
        assert!(!parse(&text).unwrap_err().contains(secret));
    }
}

#[test]
fn a_secret_in_a_file_is_read_unless_others_can_read_it_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let put = |name: &str, text: &str, mode: u32| {
        std::fs::write(path(name), text).unwrap();
        std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let text = "[[key]]\nname = \"k\"\nalgorithm = \"hmac-sha256\"\nsecret-file = \"xfr.secret\"\n";
    put("imrs.toml", text, 0o644);
    let read = || Config::read(&path("imrs.toml"));
    let message = || {
        let folder = folder.path().display().to_string();
        read().unwrap_err().to_string().replace(&folder, "")
    };

    put("xfr.secret", &format!("{SECRET}\n"), 0o640);
    let config = read().unwrap();
    assert_eq!(config.keys[0].name().to_string(), "k");
    assert!(!config.bares_secrets(&path("imrs.toml")));
    put("xfr.secret", SECRET, 0o644);
    assert_eq!(
        message(),
        "/imrs.toml:4:15: /xfr.secret holds a secret and every user can read it; run chmod o= \
         /xfr.secret"
    );
    put("xfr.secret", "\u{0}", 0o600);
    assert_eq!(
        message(),
        "/imrs.toml:4:15: the secret is not base64, as in `openssl rand -base64 32`"
    );
    std::fs::remove_file(path("xfr.secret")).unwrap();
    assert!(
        message().starts_with("/imrs.toml:4:15: cannot read /xfr.secret: "),
        "{}",
        message()
    );

    put(
        "imrs.toml",
        &around("").replace("SECRET", SECRET).replace("PIN", PIN),
        0o644,
    );
    assert!(read().unwrap().bares_secrets(&path("imrs.toml")));
}

#[test]
fn files_that_are_named_are_there_and_private_keys_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let put = |name: &str, text: &str, mode: u32| {
        std::fs::write(path(name), text).unwrap();
        std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    put(
        "imrs.toml",
        "[[tls]]\nname = \"t\"\nserver-name = \"xfr.example\"\nca = \"ca.pem\"\n\
         certificate = \"c.pem\"\nprivate-key = \"k.pem\"\n",
        0o644,
    );
    let check = |expected: &str| {
        let folder = folder.path().display().to_string();
        let found = Config::read(&path("imrs.toml"))
            .and_then(|config| config.check_files(&path("imrs.toml")));
        let found = found.map_or_else(|error| error.to_string(), |()| "good".to_owned());
        let found = found.replace(&folder, "");
        assert!(found.starts_with(expected), "{found}");
    };
    check("/imrs.toml:4:6: cannot read /ca.pem: ");
    put("ca.pem", "", 0o644);
    check("/imrs.toml:5:15: cannot read /c.pem: ");
    put("c.pem", "", 0o644);
    check("/imrs.toml:6:15: cannot read /k.pem: ");
    put("k.pem", "", 0o644);
    check("/imrs.toml:6:15: /k.pem holds a secret and every user can read it; run chmod o= /k.pem");
    put("k.pem", "", 0o640);
    check("good");
}
