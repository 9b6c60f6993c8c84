//! What moves packets of QUIC, so that it can be stopped at once.
//!
//! An endpoint that is closed still reads its socket until its last connection is forgotten, and
//! would take what is another process's by then.

use quinn::{AsyncTimer, AsyncUdpSocket, Runtime, TokioRuntime};
use std::fmt;
use std::future::Future;
use std::io;
use std::net::UdpSocket;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::task::AbortHandle;

/// The tasks of all endpoints and connections of a thread.
#[derive(Default)]
pub(super) struct Drivers(Mutex<Vec<AbortHandle>>);

impl Drivers {
    /// Stops all of them.
    pub(super) fn stop(&self) {
        for driver in { self.0.lock().unwrap_or_else(PoisonError::into_inner) }.drain(..) {
            driver.abort();
        }
    }
}

impl fmt::Debug for Drivers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Drivers")
    }
}

impl Runtime for Drivers {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        TokioRuntime.new_timer(at)
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let driver = tokio::spawn(future).abort_handle();
        let mut drivers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of connections come and go; these are looked through when they have doubled.
        if drivers.len() == drivers.capacity() {
            drivers.retain(|driver| !driver.is_finished());
            let as_many = drivers.len();
            drivers.reserve(as_many + 1);
        }
        drivers.push(driver);
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        TokioRuntime.wrap_udp_socket(socket)
    }
}
