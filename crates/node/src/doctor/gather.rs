//! Asks the machine, the server and the keeper. Nothing is changed.

use super::evidence::{Answer, Evidence, Interface, Meant};
use crate::clock::present;
use crate::config::Config;
use crate::config::anycast::Anycast;
use crate::control::{client, path, v1};
use crate::dial::{Patience, Session, Target, ask};
use crate::limits::DOCTOR_PATIENCE;
use crate::route::Link;
use crate::system::clock_error;
use domain::base::iana::{Class, Rtype};
use domain::base::{Message, MessageBuilder, Name, Question, ToName};
use domain::rdata::{Soa, Txt};
use imrs_wire::{Both, Family};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Gathers what there is to know of the node of a configuration.
pub fn gather(config: &Config) -> Evidence {
    let socket = socket(config);
    let anycast = config.anycast.as_ref();
    let meant = meant(config);
    // Ahead of what is asked here, which is counted too.
    let callers = callers(socket.as_deref());
    Evidence {
        interfaces: interfaces(),
        ways: anycast.map_or_else(Vec::new, ways),
        default_routes: Both {
            v4: default_route("-4"),
            v6: default_route("-6"),
        },
        answers: answers(config, &meant.listen),
        is_clock_synchronised: clock_error().ok().map(|error| error.is_some()),
        tracks_flows: Path::new("/proc/sys/net/netfilter/nf_conntrack_count").exists(),
        status: status(socket.as_deref()),
        route: route(socket.as_deref()),
        callers,
        site: { config.site.as_ref() }.map(|_| site(socket.as_deref())),
        now: present(),
        keeper: keeper(anycast),
        meant,
    }
}

fn meant(config: &Config) -> Meant {
    let identity = config.node.identity.as_ref();
    let anycast = config.anycast.as_ref();
    let prefixes = |family| {
        let all = anycast.map_or(&[][..], |anycast| &anycast.prefixes);
        let own = all.iter().filter(|prefix| prefix.family() == family);
        own.map(ToString::to_string).collect()
    };
    Meant {
        listen: config.node.addresses.clone(),
        identity: identity.map(|told| told.get_ref().0.clone()),
        is_announced: anycast.is_some(),
        asn: anycast.map_or(0, |anycast| anycast.asn),
        addresses: anycast.map_or_else(Vec::new, |anycast| anycast.addresses.clone()),
        prefixes: Both {
            v4: prefixes(Family::V4),
            v6: prefixes(Family::V6),
        },
        passwords: { anycast.iter().flat_map(|anycast| &anycast.neighbors) }
            .filter(|neighbor| neighbor.password_file.is_some())
            .map(|neighbor| neighbor.name.clone())
            .collect(),
    }
}

/// The control socket that the configuration leads to.
fn socket(config: &Config) -> Option<PathBuf> {
    let named = config.node.control.clone();
    named.or_else(|| Some(config.state()?.join(path::SOCKET)))
}

fn status(socket: Option<&Path>) -> Result<v1::Status, String> {
    match client::ask(socket, v1::Command::Status) {
        Ok(v1::Reply::Status(status)) => Ok(status),
        Ok(_) => Err("the server answers something else than its status".to_owned()),
        Err(error) => Err(format!("{error:#}")),
    }
}

fn route(socket: Option<&Path>) -> Result<v1::Route, String> {
    match client::ask(socket, v1::Command::Route) {
        Ok(v1::Reply::Route(route)) => Ok(*route),
        Ok(_) => Err("the server answers something else than its route".to_owned()),
        Err(error) => Err(format!("{error:#}")),
    }
}

fn site(socket: Option<&Path>) -> Result<v1::Site, String> {
    match client::ask(socket, v1::Command::Site) {
        Ok(v1::Reply::Site(site)) => Ok(*site),
        Ok(_) => Err("the server answers something else than its site".to_owned()),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// Different addresses that queries came from today (UTC).
fn callers(socket: Option<&Path>) -> Option<Both<u64>> {
    let Ok(v1::Reply::Stats(stats)) = client::ask(socket, v1::Command::Stats) else {
        return None;
    };
    let accounts = stats.accounts?;
    Some(Both {
        v4: accounts.sources_ipv4.value,
        v6: accounts.sources_ipv6.value,
    })
}

fn keeper(anycast: Option<&Anycast>) -> Result<crate::route::v1::Report, String> {
    let Some(anycast) = anycast else {
        return Err("nothing is to be announced".to_owned());
    };
    let show = anycast.keeper.display();
    Link::open(&anycast.keeper)
        .and_then(|mut link| link.show())
        .map_err(|error| format!("the keeper at {show} does not answer: {error}"))
}

/// Runs `ip` for JSON.
fn ip(arguments: &[&str]) -> Result<Value, String> {
    let output = { Command::new("ip").arg("-json").args(arguments).output() }
        .map_err(|error| format!("cannot run ip: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("ip gave no JSON: {error}"))
}

fn interfaces() -> Result<Vec<Interface>, String> {
    let told = ip(&["address", "show"])?;
    let interface = |value: &Value| {
        let addresses = value.get("addr_info")?.as_array()?.iter();
        Some(Interface {
            name: value.get("ifname")?.as_str()?.to_owned(),
            mtu: u32::try_from(value.get("mtu")?.as_u64()?).ok()?,
            addresses: addresses
                .filter_map(|address| address.get("local")?.as_str()?.parse().ok())
                .collect(),
        })
    };
    let all = told.as_array().ok_or("ip lists no interfaces")?;
    Ok(all.iter().filter_map(interface).collect())
}

fn default_route(family: &str) -> Option<String> {
    let told = ip(&[family, "route", "show", "default"]).ok()?;
    Some(told.get(0)?.get("dev")?.as_str()?.to_owned())
}

fn ways(anycast: &Anycast) -> Vec<(String, Result<String, String>)> {
    let way = |address: IpAddr| {
        let told = ip(&["route", "get", &address.to_string()])?;
        let device = told.get(0).and_then(|route| route.get("dev")?.as_str());
        device
            .map(str::to_owned)
            .ok_or_else(|| "ip names no interface".to_owned())
    };
    let neighbors = anycast.neighbors.iter();
    neighbors
        .map(|neighbor| (neighbor.name.clone(), way(neighbor.address)))
        .collect()
}

/// Asks at each address for the first zone and for who is there.
fn answers(config: &Config, listen: &[SocketAddr]) -> Vec<Answer> {
    let apex = config.zones.first();
    let apex = apex.map(|zone| zone.name.get_ref().0.to_vec());
    let apex = apex.unwrap_or_else(Name::root_vec);
    let mut answers = Vec::new();
    for address in listen.iter().map(|address| reachable(*address)) {
        for transport in ["UDP", "TCP"] {
            let put = |query: &[u8]| exchange(address, transport, query);
            answers.push(Answer {
                address,
                transport,
                serial: serial(&apex, put),
                identity: identity(put),
            });
        }
    }
    answers
}

/// An address that stands for all of a family is asked at loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn exchange(address: SocketAddr, transport: &str, query: &[u8]) -> Result<Vec<u8>, String> {
    let target = Target::new(address, None);
    let patience = Patience {
        connect: DOCTOR_PATIENCE,
        idle: DOCTOR_PATIENCE,
        wall: DOCTOR_PATIENCE,
    };
    let asked = match transport {
        "UDP" => ask(&target, query, &patience),
        _ => Session::open(&target, &patience).and_then(|mut session| {
            session.send(query)?;
            session.receive()
        }),
    };
    asked.map_err(|error| crate::chain(&error))
}

/// A query for one name, type and class.
fn query(name: &Name<Vec<u8>>, rtype: Rtype, class: Class) -> Vec<u8> {
    let mut builder = MessageBuilder::new_vec().question();
    builder.header_mut().set_id(rand::random());
    // One question fits into any message.
    let _ = builder.push(Question::new(name, rtype, class));
    builder.finish()
}

fn serial(
    apex: &Name<Vec<u8>>,
    put: impl Fn(&[u8]) -> Result<Vec<u8>, String>,
) -> Result<u32, String> {
    let answer = put(&query(apex, Rtype::SOA, Class::IN))?;
    let message = Message::from_octets(answer).map_err(|error| error.to_string())?;
    let rcode = message.header().rcode();
    let answers = message.answer().map_err(|error| error.to_string())?;
    let soa = answers.limit_to::<Soa<_>>().find_map(Result::ok);
    soa.map(|soa| soa.data().serial().into_int())
        .ok_or_else(|| format!("{rcode} and no SOA"))
}

fn identity(put: impl Fn(&[u8]) -> Result<Vec<u8>, String>) -> Option<String> {
    let name = "id.server.".parse::<Name<Vec<u8>>>().ok()?;
    let answer = put(&query(&name, Rtype::TXT, Class::CH)).ok()?;
    let message = Message::from_octets(answer).ok()?;
    let record = message
        .answer()
        .ok()?
        .limit_to::<Txt<_>>()
        .find_map(Result::ok)?;
    let text: Vec<u8> = record.data().text();
    String::from_utf8(text).ok()
}
