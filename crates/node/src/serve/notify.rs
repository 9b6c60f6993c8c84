//! What the service manager is told (sd_notify(3)).

use crate::hand_over::send_with;
use crate::limits::{CONTROL_PATIENCE, WATCHDOG_LOOK};
use sd_notify::NotifyState;
use std::env;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::time::Duration;
use tracing::warn;

/// Tells systemd, where it started the node; elsewhere this does nothing.
pub(crate) fn notify(state: &[NotifyState<'_>]) {
    if let Err(cause) = sd_notify::notify(state) {
        warn!("cannot tell the service manager: {cause}");
    }
}

/// Tells it that the node is alive. It listens whether or not it has a watchdog, and a process that
/// took over is not told which.
pub(super) fn pet_watchdog() {
    notify(&[NotifyState::Watchdog]);
}

/// How long the node may wait before it is to say so again, if there is a service manager.
pub(super) fn watchdog_look() -> Option<Duration> {
    env::var_os("NOTIFY_SOCKET").map(|_| WATCHDOG_LOOK)
}

/// Tells it that zones are being loaded.
pub(super) fn notify_reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(cause) => warn!("cannot tell the service manager: {cause}"),
    }
}

/// Tells it that this process is the service from now on, and waits until it knows: before that, the
/// end of the process that was the service would end the service.
pub(super) fn notify_main() {
    let Some(place) = env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    notify(&[NotifyState::MainPid(std::process::id()), NotifyState::Ready]);
    if let Err(cause) = wait_until_known(&place) {
        warn!("the service manager may not know that this process is the service now: {cause}");
    }
}

/// Sends it a socket, which it closes when it has dealt with all that was sent before
/// (sd_notify_barrier(3)).
fn wait_until_known(place: &OsStr) -> io::Result<()> {
    let manager = UnixDatagram::unbound()?;
    match place.as_bytes().strip_prefix(b"@") {
        Some(name) => manager.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
        None => manager.connect(place)?,
    }
    let (mut ours, theirs) = UnixStream::pair()?;
    send_with(&manager, b"BARRIER=1", &theirs)?;
    drop(theirs);
    ours.set_read_timeout(Some(CONTROL_PATIENCE))?;
    ours.read_to_end(&mut Vec::new()).map(drop)
}
