//! Files of certificates and keys: what is wrong with them, and what would be right.

use crate::certificates::{Authority, NAME, Valid, pinned};
use imrs_node::chain;
use imrs_node::config::{Identity, Tls};
use imrs_node::dial::tls::{Client, Server};
use std::path::{Path, PathBuf};

/// The error of a client, in which `DIR` stands for the folder of the file.
fn check(tls: &Tls, file: &Path, expected: &str) {
    let error = Client::read(tls).unwrap_err();
    let folder = format!("{}/", file.parent().unwrap().display());
    assert_eq!(chain(&error).replace(&folder, "DIR/"), expected);
}

#[test]
fn nobody_is_spoken_to_who_could_be_anybody() {
    let authority = Authority::new("a");
    let file = authority.file();
    let expected = "tls `test` does not say who the peer is; add `ca` and `server-name`, or `pins`";
    check(&pinned(&[]), &file, expected);
    let tls = Tls {
        server_name: None,
        ..authority.tls()
    };
    check(&tls, &file, expected);
    let tls = Tls {
        ca: None,
        ..authority.tls()
    };
    check(&tls, &file, expected);
}

#[test]
fn a_file_of_authorities_has_to_hold_nothing_but_good_ones() {
    let authority = Authority::new("a");
    let issued = authority.issue(NAME, Valid::Now);
    let with = |ca: &Path| Tls {
        ca: Some(ca.into()),
        ..authority.tls()
    };
    let missing = authority.file().with_file_name("none.pem");
    check(
        &with(&missing),
        &missing,
        "no certificates of authorities without its file: cannot read DIR/none.pem: \
         No such file or directory (os error 2)",
    );
    let text = authority.file_of("text", "not PEM\n");
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    check(
        &with(&text),
        &text,
        &format!(
            "DIR/{} holds no certificates of authorities; it should have a section \
             `-----BEGIN CERTIFICATE-----`: no line of it begins with `-----BEGIN`",
            name(&text)
        ),
    );
    let key = &issued.identity.private_key;
    check(
        &with(key),
        key,
        &format!(
            "DIR/{} holds no certificates of authorities; it should have a section \
             `-----BEGIN CERTIFICATE-----`: line 1 begins a section `PRIVATE KEY`",
            name(key)
        ),
    );
    let good = std::fs::read_to_string(authority.file()).unwrap();
    let cut = authority.file_of("cut", &good[..good.len() - 30]);
    check(
        &with(&cut),
        &cut,
        &format!(
            "DIR/{} is no file of certificates of authorities in PEM: the section at line 1 has no \
             end; write `-----END CERTIFICATE-----` behind it, or copy the file anew",
            name(&cut)
        ),
    );
    let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let second = authority.file_of("second", &[&good, bad].concat());
    let error = Client::read(&with(&second)).unwrap_err().to_string();
    assert!(error.starts_with("certificate 2 in "), "{error}");
    assert!(error.ends_with(" cannot be an authority's"), "{error}");
}

#[test]
fn a_certificate_and_its_key_have_to_belong_together() {
    let authority = Authority::new("a");
    let (one, other) = (
        authority.issue(NAME, Valid::Now).identity,
        authority.issue(NAME, Valid::Now).identity,
    );
    let check = |certificate: &PathBuf, private_key: &PathBuf, expected: &str| {
        let identity = Identity {
            certificate: certificate.clone(),
            private_key: private_key.clone(),
        };
        let tls = Tls {
            identity: Some(identity.clone()),
            ..authority.tls()
        };
        let client = chain(&Client::read(&tls).unwrap_err());
        assert!(client.contains(expected), "{client}");
        let server = chain(&Server::read(&identity, None).unwrap_err());
        assert_eq!(server, client);
    };
    check(
        &one.certificate,
        &other.private_key,
        "cannot be used together",
    );
    check(&one.certificate, &one.certificate, "holds no private key");
    check(&one.private_key, &one.private_key, "holds no certificates");
    let missing = authority.file().with_file_name("none.pem");
    check(
        &one.certificate,
        &missing,
        "no private key without its file",
    );
    check(
        &missing,
        &one.private_key,
        "no certificates without its file",
    );
    let secret = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let bad = authority.file_of("bad", secret);
    check(&one.certificate, &bad, "cannot be used together");
    Server::read(&one, Some(&authority.file())).unwrap();
    let error = Server::read(&one, Some(&missing)).unwrap_err();
    assert!(chain(&error).contains("no certificates of authorities"));
}
