//! Sockets are opened for all workers or for none, with an error that says which could not be.

use crate::client::{quiet_port, respond, service, settings, start};
use arc_swap::ArcSwap;
use imrs_node::transport::{Running, Settings, StartError};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::num::NonZeroUsize;
use std::sync::Arc;

fn error(settings: &Settings) -> StartError {
    let service = Arc::new(ArcSwap::from_pointee(service("test")));
    Running::start_with(settings, service, respond).unwrap_err()
}

#[test]
fn a_port_is_chosen_once_for_both_protocols_and_all_workers() {
    let mut settings = settings("127.0.0.1:0");
    settings.workers = NonZeroUsize::new(3).unwrap();
    settings.pinned = true;
    let server = start(&settings);
    let [address] = server.addresses() else {
        panic!("one address")
    };
    assert_ne!(address.port(), 0);
    assert!(UdpSocket::bind(address).is_err());
    assert!(TcpListener::bind(address).is_err());
}

#[test]
fn an_address_in_use_is_named_with_its_protocol() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = udp.local_addr().unwrap();
    let message = error(&settings(&address.to_string())).to_string();
    assert!(
        message.starts_with(&format!("{address} is in use over UDP")),
        "{message}"
    );

    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let message = error(&settings(&address.to_string())).to_string();
    assert!(
        message.starts_with(&format!("{address} is in use over TCP")),
        "{message}"
    );
}

#[test]
fn another_server_that_would_share_its_address_is_noticed() {
    let mut settings = settings(&format!("127.0.0.1:{}", quiet_port()));
    settings.workers = NonZeroUsize::new(2).unwrap();
    let server = start(&settings);
    assert!(matches!(error(&settings), StartError::InUse { .. }));
    server.stop();
    start(&settings);
}

#[test]
fn an_address_of_another_machine_is_refused() {
    let error = error(&settings("192.0.2.1:15400"));
    assert!(matches!(error, StartError::NotLocal { .. }), "{error}");
}

#[test]
fn lists_that_cannot_be_meant_are_refused() {
    let check = |listen: &[&str], expected: &str| {
        let mut settings = settings("127.0.0.1:0");
        settings.listen = listen
            .iter()
            .map(|a| a.parse::<SocketAddr>().unwrap())
            .collect();
        let message = error(&settings).to_string();
        assert!(message.starts_with(expected), "{message}");
    };
    check(&[], "no address");
    check(
        &["127.0.0.1:15401", "127.0.0.1:15401"],
        "127.0.0.1:15401 is already covered",
    );
    check(
        &["0.0.0.0:15401", "127.0.0.1:15401"],
        "127.0.0.1:15401 is already covered by 0.0.0.0",
    );
    check(
        &["[::1]:15401", "[::]:15401"],
        "[::]:15401 is already covered by [::1]",
    );
}

#[test]
fn more_connections_than_files_are_refused() {
    let mut settings = settings("127.0.0.1:0");
    settings.tcp_connections = usize::MAX;
    assert!(matches!(error(&settings), StartError::Descriptors { .. }));
}
