//! Service addresses on an interface: the kernel is asked to have them there, never to drop them.

use crate::config::anycast::{Anycast, Interface};
use crate::route::limits::NETLINK_PATIENCE;
use rustix::net::netdevice::name_to_index;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};
use rustix::net::{recv, sendto, socket, socket_with};
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::os::fd::OwnedFd;

/// Sees to it that the service addresses are there, if the configuration says where.
pub(super) fn tend(anycast: &Anycast) -> Result<(), String> {
    let Some(interface) = &anycast.interface else {
        return Ok(());
    };
    for &address in &anycast.addresses {
        // What can be bound is there, and only who lacks one needs the right to add it.
        if UdpSocket::bind((address, 0)).is_ok() {
            continue;
        }
        add(interface, address).map_err(|cause| {
            let name = interface.name();
            format!(
                "cannot put {address} on {name}: {cause}; run `ip address add {address} dev {name}`, \
                 or give the keeper CAP_NET_ADMIN"
            )
        })?;
        tracing::info!("{address} is put on {}", interface.name());
    }
    Ok(())
}

/// Has an address added, alone in its prefix (rtnetlink(7)).
fn add(interface: &Interface, address: IpAddr) -> io::Result<()> {
    let any = socket(AddressFamily::UNIX, SocketType::DGRAM, None)?;
    let index = name_to_index(any, interface.name())?;
    let kernel = kernel()?;
    let request = request(index, address);
    sendto(
        &kernel,
        &request,
        SendFlags::empty(),
        &SocketAddrNetlink::new(0, 0),
    )?;
    let mut reply = [0; 1024];
    let (count, _) = recv(&kernel, &mut reply[..], RecvFlags::empty())?;
    match outcome(&reply[..count]) {
        Some(0) => Ok(()),
        // Another was as quick.
        Some(code) if code == -libc::EEXIST => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(-code)),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn kernel() -> io::Result<OwnedFd> {
    // No protocol is number 0, which is NETLINK_ROUTE.
    let kernel = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None,
    )?;
    sockopt::set_socket_timeout(&kernel, sockopt::Timeout::Recv, Some(NETLINK_PATIENCE))?;
    Ok(kernel)
}

/// RTM_NEWADDR with an acknowledgement: `nlmsghdr`, `ifaddrmsg`, and three attributes.
fn request(index: u32, address: IpAddr) -> Vec<u8> {
    let (family, octets) = match address {
        IpAddr::V4(address) => (libc::AF_INET, address.octets().to_vec()),
        IpAddr::V6(address) => (libc::AF_INET6, address.octets().to_vec()),
    };
    let octet = |number: i32| u8::try_from(number).unwrap_or(0);
    let bits = u8::try_from(octets.len() * 8).unwrap_or(u8::MAX);
    let mut body = vec![octet(family), bits, 0, 0];
    body.extend_from_slice(&index.to_ne_bytes());
    attribute(&mut body, libc::IFA_LOCAL, &octets);
    attribute(&mut body, libc::IFA_ADDRESS, &octets);
    if address.is_ipv6() {
        // Others have the address too: who asks for duplicates would find them and not use it.
        attribute(&mut body, IFA_FLAGS, &libc::IFA_F_NODAD.to_ne_bytes());
    }
    let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL;
    let length = u32::try_from(16 + body.len()).unwrap_or(u32::MAX);
    let mut message = length.to_ne_bytes().to_vec();
    message.extend_from_slice(&libc::RTM_NEWADDR.to_ne_bytes());
    message.extend_from_slice(&u16::try_from(flags).unwrap_or(0).to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(&body);
    message
}

/// Flags of an address beyond the octet in `ifaddrmsg` (linux/if_addr.h).
const IFA_FLAGS: u16 = 8;

fn attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    // Addresses and flags fill words of four octets.
    out.extend_from_slice(value);
}

/// The code in an acknowledgement: zero, or an error below it (NLMSG_ERROR).
fn outcome(reply: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(reply.get(4..6)?.try_into().ok()?);
    let code = i32::from_ne_bytes(reply.get(16..20)?.try_into().ok()?);
    (i32::from(kind) == libc::NLMSG_ERROR).then_some(code)
}
