//! Keys, TLS and transfers of a configuration: each mistake gets one message with its place and
//! remedy, and what is good is looked up whole.

use super::*;
use imrs_transfer::access::Rule;
use imrs_transfer::key::Algorithm;
use imrs_zone::plausible::Bounds;
use std::os::unix::fs::PermissionsExt;

const SECRET: &str = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI=";
const PIN: &str = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(Path::new("imrs.toml"), text.as_bytes()).map_err(|error| error.to_string())
}

/// The text is wrong with this message, at the place that `§` marks in it.
fn check(marked: &str, expected: &str) {
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

fn good(text: &str) -> Config {
    let text = text.replace("SECRET", SECRET).replace("PIN", PIN);
    parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The transfers of a root of which this is said, beside a key `k` and a way `t` to speak TLS.
fn root(said: &str) -> Transfers {
    good(&around(said)).zones[0].transfers.clone()
}

/// The same, wrong with this message at the place that `§` marks.
fn check_root(said: &str, expected: &str) {
    check(&around(said), expected);
}

fn around(said: &str) -> String {
    format!(
        "[[key]]\nname = \"k\"\nalgorithm = \"hmac-sha256\"\nsecret = \"SECRET\"\n\n\
         [[tls]]\nname = \"t\"\npins = [\"PIN\"]\n\n\
         [[zone]]\nname = \".\"\n{said}\n"
    )
}

#[test]
fn a_zone_of_which_nothing_is_said_comes_from_the_public_service() {
    let transfers = root("");
    assert!(transfers.is_public);
    assert_eq!(transfers.primaries.len(), 16);
    assert_eq!(
        transfers.primaries[0].address,
        "192.0.32.132:53".parse().unwrap()
    );
    assert_eq!(transfers.primaries[3].priority, 0);
    assert_eq!(transfers.primaries[4].priority, 1);
    assert!(transfers.notify_from.is_empty());
    assert_eq!(transfers.plausible, Some(Bounds::default()));

    let config = good("[[zone]]\nname = \"ARPA\"\n[[zone]]\nname = \"root-servers.net.\"");
    assert!(
        config
            .zones
            .iter()
            .all(|zone| zone.transfers.primaries.len() == 4)
    );
    check(
        "[[zone]]\nname = §\"example\"",
        "nothing says where zone `example.` comes from; add `file = \"…\"` or `primaries = \
         [\"…\"]`: the public service has the root, arpa and root-servers.net alone",
    );
}

#[test]
fn addresses_without_a_port_get_the_one_of_the_protocol() {
    let addresses = |said: &str| {
        let primaries = root(said).primaries;
        primaries
            .iter()
            .map(|primary| primary.address.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        addresses(
            "primaries = [\"192.0.2.1\", \"2001:db8::1\", \"[2001:db8::2]:5353\", \
             { address = \"192.0.2.2\" }, { address = \"192.0.2.3\", tls = \"t\" }, \
             { address = \"192.0.2.3:8853\", tls = \"t\" }]"
        ),
        [
            "192.0.2.1:53",
            "[2001:db8::1]:53",
            "[2001:db8::2]:5353",
            "192.0.2.2:53",
            "192.0.2.3:853",
            "192.0.2.3:8853"
        ]
    );
}

#[test]
fn names_of_keys_and_tls_are_looked_up() {
    let transfers = root(
        "primaries = [{ address = \"192.0.2.1\", key = \"K.\", tls = \"t\", priority = 2, weight = 3 }]\n\
         allow-transfer = [\"2001:db8::/32\", { from = \"192.0.2.0/24\", key = \"k\" }, { key = \"k\" }]\n\
         notify = [\"192.0.2.9\", { address = \"192.0.2.8\", key = \"k\" }]",
    );
    let primary = &transfers.primaries[0];
    assert_eq!(
        primary.key.as_ref().unwrap().algorithm(),
        Algorithm::HmacSha256
    );
    assert_eq!(primary.tls.as_ref().unwrap().name, "t");
    assert_eq!((primary.priority, primary.weight), (2, 3));
    let rule = |at: usize| {
        let rule = &transfers.allow_transfer[at];
        let text = |part: Option<String>| part.unwrap_or_default();
        let from = text(rule.from.map(|from| from.to_string()));
        (from, text(rule.key.as_ref().map(ToString::to_string)))
    };
    assert_eq!(rule(0), ("2001:db8::/32".to_owned(), String::new()));
    assert_eq!(rule(1), ("192.0.2.0/24".to_owned(), "k".to_owned()));
    assert_eq!(rule(2), (String::new(), "k".to_owned()));
    assert!(transfers.notify[0].key.is_none());
    assert!(transfers.notify[1].key.is_some());
}

#[test]
fn the_notify_of_primaries_is_heard_unless_it_is_said_whose() {
    let heard = |said: &str| {
        let rules = root(said).notify_from;
        let rule = |rule: &Rule| (rule.from.map(|from| from.to_string()), rule.key.is_some());
        rules.iter().map(rule).collect::<Vec<_>>()
    };
    let primaries = "primaries = [\"192.0.2.1\", { address = \"2001:db8::1\", key = \"k\" }]";
    assert_eq!(
        heard(primaries),
        [
            (Some("192.0.2.1/32".to_owned()), false),
            (Some("2001:db8::1/128".to_owned()), true)
        ]
    );
    assert_eq!(
        heard(&format!("{primaries}\nnotify-from = [{{ key = \"k\" }}]")),
        [(None, true)]
    );
    check_root(
        "file = \"root.zone\"\nnotify-from = §[\"192.0.2.1\"]",
        "nothing is fetched for a zone of a file, so nobody's NOTIFY is heard; leave this out, or \
         name `primaries` instead of the file",
    );
    check_root(
        "notify-from = [{ from = \"192.0.2.1\", §tls = true }]",
        "unknown key `tls`; known here are `from`, `key`",
    );
}

#[test]
fn unknown_names_are_refused_with_the_nearest_known_one() {
    check_root(
        "primaries = [{ address = \"192.0.2.1\", key = §\"kk\" }]",
        "there is no key `kk`; did you mean `k`?",
    );
    check_root(
        "allow-transfer = [{ key = §\"transfers\" }]",
        "there is no key `transfers`; define it under [[key]]",
    );
    check_root(
        "primaries = [{ address = \"192.0.2.1\", tls = §\"rzm-tls\" }]",
        "there is no tls `rzm-tls`; define it under [[tls]]",
    );
    check_root(
        "primaries = [{ address = \"192.0.2.1\", §keys = \"k\" }]",
        "unknown key `keys`; did you mean `key`?",
    );
}

#[test]
fn primaries_are_servers_and_come_once() {
    check_root(
        "primaries = §[]",
        "the list is empty; name one, such as \"192.0.2.53\", or leave it out for the public \
         service of the root",
    );
    check_root(
        "file = \"root.zone\"\nprimaries = §[\"192.0.2.1\"]",
        "a zone comes from a file or from primaries, not from both; keep one of the two",
    );
    check_root(
        "primaries = [\"192.0.2.1\", §\"xfr.example\"]",
        "`xfr.example` is not an address; write it as 192.0.2.53, 192.0.2.53:53 or \
         [2001:db8::53]:53",
    );
    check_root(
        "primaries = [{ address = §\"192.0.2.256\", tls = \"t\" }]",
        "`192.0.2.256` is not an address; write it as 192.0.2.53, 192.0.2.53:853 or \
         [2001:db8::53]:853",
    );
    check_root(
        "primaries = [§\"0.0.0.0\"]",
        "`0.0.0.0` is not the address of one server",
    );
    check_root(
        "primaries = [§\"[::ffff:192.0.2.1]:53\"]",
        "`[::ffff:192.0.2.1]:53` is an IPv4 address; write it as 192.0.2.1",
    );
    check_root(
        "primaries = [§\"192.0.2.1:0\"]",
        "`192.0.2.1:0` has port 0, where no server is; write :53",
    );
    check_root(
        "primaries = [\"192.0.2.1\", §{ address = \"192.0.2.1:53\", weight = 2 }]",
        "`192.0.2.1:53` is listed twice; keep one of the two",
    );
    check_root(
        "primaries = [§53]",
        "invalid type: integer `53`, expected an address such as \"192.0.2.53\" or a table such \
         as { address = \"192.0.2.53\", key = \"…\" }",
    );
    check_root(
        "primaries = [§{ key = \"k\" }]",
        "`address` is missing here; add `address = \"…\"`",
    );
    check_root(
        "primaries = [{ address = \"192.0.2.1\", weight = §65536 }]",
        "65536 is out of range; it may be 0 to 65535",
    );
    let many: Vec<String> = (1..=65).map(|n| format!("\"192.0.2.{n}\"")).collect();
    check_root(
        &format!("primaries = §[{}]", many.join(", ")),
        "more than 64 primaries; this is the limit",
    );
    // One address by two keys: a key is being rolled.
    root("primaries = [\"192.0.2.1\", { address = \"192.0.2.1\", key = \"k\" }]");
}

#[test]
fn rules_let_in_those_that_they_name() {
    check_root(
        "allow-transfer = [§{ tls = true }]",
        "the rule says neither `from` where nor by which `key`; add one: \"0.0.0.0/0\" and \"::/0\" \
         are everywhere",
    );
    check_root(
        "allow-transfer = [{ from = \"192.0.2.1\", tls = §true }]",
        "the rule lets nobody in: transfers over TLS are not given; add [transfer.tls] with \
         `listen`, `certificate` and `private-key`",
    );
    for (wrong, message) in [
        (
            "192.0.2.0/33",
            "`33` is no length of a prefix; 192.0.2.0 takes 0 to 32",
        ),
        (
            "all",
            "`all` is no address; write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32",
        ),
        (
            "192.0.2.77/26",
            "192.0.2.77 has bits set behind the first 26; 192.0.2.64/26 would be right",
        ),
    ] {
        check_root(&format!("allow-transfer = [§\"{wrong}\"]"), message);
        check_root(
            &format!("notify-from = [{{ key = \"k\", from = §\"{wrong}\" }}]"),
            message,
        );
    }
    check_root(
        "allow-transfer = §[]",
        "the list is empty; name a prefix, such as \"192.0.2.0/24\", or leave it out to let nobody \
         in",
    );
    root("allow-transfer = [\"0.0.0.0/0\", \"::/0\", \"::1\"]");
}

#[test]
fn the_gate_has_bounds_or_is_off() {
    assert_eq!(root("plausible = false").plausible, None);
    assert_eq!(
        root("plausible = { records = 7 }").plausible,
        Some(Bounds {
            records: 7,
            ..Bounds::default()
        })
    );
    assert_eq!(
        root("plausible = { records = 1, delegations = 2, octets = 3 }").plausible,
        Some(Bounds {
            records: 1,
            delegations: 2,
            octets: 3,
        })
    );
    check_root(
        "plausible = §true",
        "the gate is on unless this is `false`; leave the key out, or write its bounds",
    );
    check_root(
        "plausible = { §tlds = 3 }",
        "unknown key `tlds`; known here are `records`, `delegations`, `octets`",
    );
    check_root(
        "plausible = { records = §-1 }",
        "-1 is out of range; it may be 0 to 4294967295",
    );
}

#[test]
fn observers_are_servers_to_compare_with() {
    let transfers = root("observers = [\"198.41.0.4\"]\nobservers-limit-seconds = 60");
    assert_eq!(transfers.observers, ["198.41.0.4:53".parse().unwrap()]);
    assert_eq!(transfers.observers_limit.as_secs(), 60);
    check_root(
        "observers-limit-seconds = §60",
        "there is nobody to compare with; add `observers`, or leave this out",
    );
    check_root(
        "observers = [\"198.41.0.4\", §\"198.41.0.4:53\"]",
        "`198.41.0.4:53` is listed twice; keep one of the two",
    );
}

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
fn limits_of_transfers_fit_each_other() {
    assert_eq!(good("").transfer, Transfer::default());
    let transfer = good("[transfer]\nmax-age-hours = 1\nwall-seconds = 5").transfer;
    assert_eq!(transfer.max_age.as_secs(), 3600);
    assert_eq!((transfer.wall.as_secs(), transfer.idle.as_secs()), (5, 5));
    check(
        "[transfer]\nwall-seconds = 5\nidle-seconds = §6",
        "no transfer can be idle for 6 seconds, as `wall-seconds` ends it after 5; write less",
    );
    check(
        "[transfer]\nidle-seconds = §121",
        "no transfer can be idle for 121 seconds, as `wall-seconds` ends it after 120; write less",
    );
    check(
        "[transfer]\nversions = §0",
        "0 is out of range; it may be 1 to 1000",
    );
    check(
        "transfer = §5",
        "invalid type: integer `5`, expected a table such as [transfer]",
    );
}

#[test]
fn the_listener_for_tls_has_places_of_its_own() {
    let listener = |listen: &str| {
        format!(
            "[node]\nlisten = [\"192.0.2.1:53\"]\n[transfer.tls]\nlisten = {listen}\n\
             certificate = \"c.pem\"\nprivate-key = \"k.pem\"\nclient-ca = \"ca.pem\"\n"
        )
    };
    let tls = good(&listener(
        "[\"192.0.2.1\", \"[::1]:8853\", \"127.0.0.1:0\"]",
    ))
    .transfer
    .tls
    .unwrap();
    assert_eq!(
        tls.listen,
        ["192.0.2.1:853", "[::1]:8853", "127.0.0.1:0"].map(|address| address.parse().unwrap())
    );
    assert_eq!(tls.client_ca.as_deref(), Some(Path::new("ca.pem")));
    check(
        &listener("[§\"192.0.2.1:53\"]"),
        "`192.0.2.1:53` is where [node] listens for DNS without TLS; write another port, such as \
         853",
    );
    check(
        &listener("§[]"),
        "the list is empty; name an address, such as \"192.0.2.1:853\"",
    );
    check(
        "§[transfer.tls]\nlisten = [\"::1\"]\ncertificate = \"c.pem\"",
        "`private-key` is missing here; add `private-key = \"…\"`",
    );
    check(
        "§[transfer.tls]\ncertificate = \"c.pem\"\nprivate-key = \"k.pem\"",
        "`listen` is missing here; add `listen = [\"…\"]`",
    );
    let rules = "[[zone]]\nname = \".\"\nallow-transfer = [{ from = \"::/0\", tls = true }]";
    let config = good(&(listener("[\"::1\"]") + rules));
    assert!(config.zones[0].transfers.allow_transfer[0].tls);
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
