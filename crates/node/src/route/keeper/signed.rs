//! Signatures of TCP segments by MD5 (RFC 2385).
//!
//! JUSTIFICATION: every user of the machine may connect to BIRD from the keeper's address, and one
//! who did so could keep the prefixes in BIRD after the keeper has died. The password that prevents
//! it is an option of the socket that no safe wrapper has.
#![expect(
    unsafe_code,
    reason = "an option of sockets without a safe wrapper; see above"
)]

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd};

/// Octets of `struct tcp_md5sig` (linux/tcp.h): an address in 128, flags, the length of a prefix,
/// that of the key in two octets, the number of an interface, and a key of up to 80.
const OCTETS: usize = 216;
const KEY_LENGTH_AT: usize = 130;
const KEY_AT: usize = 136;

/// Signs what goes to an address from now on, and takes nothing unsigned from it.
pub(super) fn sign(socket: impl AsFd, peer: Ipv4Addr, password: &str) -> io::Result<()> {
    let mut option = [0_u8; OCTETS];
    let family = u16::try_from(libc::AF_INET).unwrap_or(0);
    option[..2].copy_from_slice(&family.to_ne_bytes());
    option[4..8].copy_from_slice(&peer.octets());
    let key =
        { option.get_mut(KEY_AT..KEY_AT + password.len()) }.ok_or(io::ErrorKind::InvalidInput)?;
    key.copy_from_slice(password.as_bytes());
    let length = u16::try_from(password.len()).map_err(io::Error::other)?;
    option[KEY_LENGTH_AT..KEY_LENGTH_AT + 2].copy_from_slice(&length.to_ne_bytes());
    let size = libc::socklen_t::try_from(OCTETS).map_err(io::Error::other)?;
    // SAFETY: `option` has as many octets as are said and outlives the call, which only reads it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_MD5SIG,
            option.as_ptr().cast(),
            size,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
