//! The program answers DNS over TLS and QUIC where it is configured, to clients that others wrote.

use super::support::{Server, TestRoot, failure};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Writes a configuration with a certificate beside it.
pub(crate) fn configure(root: &TestRoot, port: u16) -> String {
    let made: CertifiedKey<KeyPair> =
        generate_simple_self_signed(["ns.example".to_owned()]).unwrap();
    fs::write(root.path("certificate.pem"), made.cert.pem()).unwrap();
    fs::write(root.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(root.path("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    let file = root.path("imrs.toml");
    let text = format!(
        "[encrypted]\nlisten-tls = [\"127.0.0.1:{port}\"]\nlisten-quic = [\"127.0.0.1:{port}\"]\n\
         certificate = \"certificate.pem\"\nprivate-key = \"key.pem\"\n\n\
         [[zone]]\nname = \".\"\nfile = \"root.zone\"\nanchors = \"anchors.ds\"\n"
    );
    fs::write(&file, text).unwrap();
    file
}

/// A port of this machine that nobody has now.
pub(crate) fn free_port() -> u16 {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    drop(UdpSocket::bind(("127.0.0.1", port)).unwrap());
    port
}

/// What a client prints, if it is installed and speaks so.
fn client(command: &[&str], port: u16) -> Option<String> {
    let [program, options @ ..] = command else {
        return None;
    };
    let port = port.to_string();
    let asked = Command::new(program)
        .args(["@127.0.0.1", "-p", &port])
        .args(options)
        .args([".", "SOA", "+short"])
        .output();
    let Ok(output) = asked else {
        println!("skipped: {program} is not installed");
        return None;
    };
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn clients_of_others_are_answered_over_tls_and_quic_and_counted_apart() {
    let root = TestRoot::new(7);
    let port = free_port();
    let file = configure(&root, port);
    let server = Server::start(root.folder.path(), &["--config", &file]);
    let mut answered = [0, 0];
    for (over, command) in [
        (0, &["kdig", "+tls"][..]),
        (1, &["kdig", "+quic"]),
        (0, &["dig", "+tls"]),
    ] {
        if let Some(answer) = client(command, port) {
            assert!(answer.contains(" 7 1800 900 "), "{command:?}: {answer}");
            answered[over] += 1;
        }
    }
    let (text, exit) = server.ctl(&["--output", "json", "stats"]);
    assert_eq!(exit, 0, "{text}");
    let stats: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (over, answered) in [("tls", answered[0]), ("quic", answered[1])] {
        let messages = &stats["messages"][format!("{over}-ipv4")];
        assert_eq!(messages["received"], answered, "{text}");
        assert_eq!(stats["encrypted"][format!("{over}-opened")], answered);
    }
    assert_eq!(stats["messages"]["udp-ipv4"]["received"], 0);
}

#[test]
fn a_reload_shows_what_is_in_the_files_of_the_certificate() {
    let root = TestRoot::new(7);
    let file = configure(&root, free_port());
    let server = Server::start(root.folder.path(), &["--config", &file]);
    server.ctl(&["reload"]);
    server.wait_for_log("the certificate was read anew");
    fs::write(root.path("certificate.pem"), "nothing").unwrap();
    server.signal("HUP");
    server.wait_for_log("the certificate shown stays");
    let (text, exit) = server.ctl(&["status"]);
    assert!(
        text.contains("the certificate shown stays as it was: "),
        "{text}"
    );
    assert_eq!(exit, 3, "{text}");
}

#[test]
fn files_that_do_not_do_are_refused_before_anything_is_served() {
    let root = TestRoot::new(7);
    let file = configure(&root, free_port());
    let refusal = |expected: &str| {
        let (error, exit) = failure(&["check-config", &file]);
        assert_eq!(exit, 2, "{error}");
        assert!(error.contains(expected), "{error}");
    };
    fs::set_permissions(root.path("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    refusal("imrs.toml:5:15: ");
    fs::set_permissions(root.path("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(root.path("certificate.pem")).unwrap();
    refusal("imrs.toml:4:15: cannot read ");
    fs::write(root.path("certificate.pem"), "nothing").unwrap();
    refusal(&format!(
        "imrs.toml:4:15: {} holds no certificates; it should have a section `-----BEGIN \
         CERTIFICATE-----`: no line of it begins with `-----BEGIN`\n",
        root.path("certificate.pem")
    ));
}
