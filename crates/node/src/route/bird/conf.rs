//! The configuration that BIRD is given: whole, of checked values, with a mark to know it by.
//!
//! With the wish to withdraw it is what BIRD starts with. It holds no route: those that BIRD tells
//! of are the keeper's, who tells BIRD of them in a session of its own on loopback, and are gone
//! with it. BIRD touches no route of the kernel.

use crate::config::anycast::Anycast;
use crate::config::{Neighbor, Password, Passwords};
use crate::route::bgp::NEXT_HOP_V6;
use crate::route::limits::PRESENCE_HOLD;
use imrs_fleet::anycast::{Scope, Stand, Wish};
use imrs_wire::Family;
use std::fmt::Write;
use std::net::Ipv4Addr;
use zeroize::Zeroizing;

/// The protocol whose description is the mark.
pub(in crate::route) const MARKED: &str = "imrs_state";

/// The protocol of the session with the keeper.
pub(super) const OURS: &str = "imrs_keeper";

/// The keeper's address in it.
pub(in crate::route) const KEEPER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// BIRD's address in it.
pub(in crate::route) const SPEAKER: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// BIRD's port, which it has open for neighbors anyway.
pub(in crate::route) const PORT: u16 = 179;

/// The keeper's AS number in it, of those for private use (RFC 6996); nobody else hears of it.
pub(in crate::route) fn keeper_asn(ours: u32) -> u32 {
    const USUAL: u32 = 4_200_000_053;
    if ours == USUAL { USUAL + 1 } else { USUAL }
}

/// Settings with the secrets of their neighbors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::route) struct Settings {
    pub(in crate::route) anycast: Anycast,
    pub(in crate::route) passwords: Passwords,
    /// The password of the session with the keeper.
    pub(in crate::route) own: Password,
}

/// A configuration, and what BIRD tells once it is in force.
pub(in crate::route) struct Conf {
    pub(in crate::route) text: Zeroizing<String>,
    pub(in crate::route) mark: String,
}

/// The configuration of a wish.
pub(in crate::route) fn conf(settings: &Settings, wish: &Wish) -> Conf {
    let mut text = Zeroizing::new(String::new());
    // Writing to a String does not fail.
    let _ = write(&mut text, settings, wish);
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let mut mark = "imrs ".to_owned();
    for octet in &digest.as_ref()[..12] {
        let _ = write!(mark, "{octet:02x}");
    }
    let _ = writeln!(
        text,
        "protocol device {MARKED} {{ description \"{mark}\"; }}"
    );
    Conf { text, mark }
}

fn write(out: &mut String, settings: &Settings, wish: &Wish) -> std::fmt::Result {
    let anycast = &settings.anycast;
    writeln!(out, "# Written by imrs route; changes are lost.")?;
    writeln!(out, "log stderr all;\nrouter id {};", anycast.router_id)?;
    writeln!(
        out,
        "timeformat protocol \"%s\";\nprotocol bfd imrs_bfd {{ }}"
    )?;
    keeper(out, settings)?;
    for neighbor in &anycast.neighbors {
        filter(out, anycast, neighbor, wish)?;
        session(out, settings, neighbor)?;
    }
    Ok(())
}

fn keeper(out: &mut String, settings: &Settings) -> std::fmt::Result {
    let anycast = &settings.anycast;
    for family in Family::ALL {
        let channel = channel(family);
        writeln!(out, "filter imrs_{channel} {{")?;
        let ours = prefixes(anycast, family);
        if !ours.is_empty() {
            writeln!(out, "  if net !~ [ {ours} ] then reject;")?;
            // Nobody hears of the keeper's AS number.
            writeln!(out, "  bgp_path.empty;\n  accept;")?;
        }
        writeln!(out, "  reject;\n}}")?;
    }
    let hold = PRESENCE_HOLD.as_secs();
    writeln!(out, "protocol bgp {OURS} {{")?;
    writeln!(out, "  local {SPEAKER} port {PORT} as {};", anycast.asn)?;
    let asn = keeper_asn(anycast.asn);
    writeln!(out, "  neighbor {KEEPER} as {asn};\n  multihop 1; passive;")?;
    writeln!(out, "  password \"{}\";", settings.own.secret())?;
    writeln!(out, "  hold time {hold}; keepalive time 1;")?;
    // A keeper that is started again has not long to wait.
    writeln!(
        out,
        "  connect delay time 1; error wait time 1, 1; error forget time 1;\n  \
         graceful restart off; long lived graceful restart off;"
    )?;
    for family in Family::ALL {
        let channel = channel(family);
        // BIRD tells the keeper of nothing, and misses an address to tell it with nevertheless.
        let own = match family {
            Family::V4 => String::new(),
            Family::V6 => format!(" next hop address {NEXT_HOP_V6};"),
        };
        writeln!(
            out,
            "  {channel} {{ import filter imrs_{channel}; export none;{own} }};"
        )?;
    }
    writeln!(out, "}}")
}

/// The prefixes of a family as a set.
fn prefixes(anycast: &Anycast, family: Family) -> String {
    let prefixes = anycast.prefixes_of(family);
    let prefixes: Vec<String> = prefixes.map(|prefix| prefix.to_string()).collect();
    prefixes.join(", ")
}

fn filter(
    out: &mut String,
    anycast: &Anycast,
    neighbor: &Neighbor,
    wish: &Wish,
) -> std::fmt::Result {
    writeln!(out, "filter f_{} {{", symbol(&neighbor.name))?;
    let family = neighbor.family();
    let stand = wish.towards(&neighbor.name, family);
    if stand != Stand::Withdrawn {
        let policy = wish
            .neighbors
            .get(&neighbor.name)
            .copied()
            .unwrap_or_default();
        let ours = prefixes(anycast, family);
        writeln!(out, "  if proto != \"{OURS}\" then reject;")?;
        writeln!(out, "  if net !~ [ {ours} ] then reject;")?;
        for _ in 0..policy.prepend.unwrap_or(neighbor.prepend) {
            writeln!(out, "  bgp_path.prepend({});", anycast.asn)?;
        }
        if stand == Stand::Leaving {
            // GRACEFUL_SHUTDOWN (RFC 8326 section 5).
            writeln!(out, "  bgp_community.add((65535, 0));")?;
        }
        match policy.scope.unwrap_or(neighbor.scope) {
            Scope::Global => {}
            Scope::NoExport => writeln!(out, "  bgp_community.add((65535, 65281));")?,
            Scope::NoAdvertise => writeln!(out, "  bgp_community.add((65535, 65282));")?,
        }
        writeln!(out, "  accept;")?;
    }
    writeln!(out, "  reject;\n}}")
}

fn session(out: &mut String, settings: &Settings, neighbor: &Neighbor) -> std::fmt::Result {
    let anycast = &settings.anycast;
    let symbol = symbol(&neighbor.name);
    writeln!(out, "protocol bgp {} {{", session_of(&neighbor.name))?;
    match neighbor.source {
        Some(source) => writeln!(out, "  local {source} as {};", anycast.asn)?,
        None => writeln!(out, "  local as {};", anycast.asn)?,
    }
    writeln!(out, "  neighbor {} as {};", neighbor.address, neighbor.asn)?;
    match neighbor.multihop {
        Some(hops) => writeln!(out, "  multihop {hops};")?,
        None => writeln!(out, "  direct;")?,
    }
    if let Some(password) = settings.passwords.get(&neighbor.name) {
        writeln!(out, "  password \"{}\";", password.secret())?;
    }
    match neighbor.bfd {
        Some(time) => writeln!(
            out,
            "  bfd {{ interval {} ms; multiplier 3; }};",
            time.as_millis()
        )?,
        None => writeln!(out, "  bfd off;")?,
    }
    // After BFD has seen a router go, the defaults would keep us from it for a minute.
    writeln!(
        out,
        "  hold time 9; keepalive time 3; connect delay time 1; connect retry time 2;\n  \
         error wait time 1, 5; error forget time 30;\n  \
         graceful restart off; long lived graceful restart off;\n  \
         {} {{ import none; export filter f_{symbol}; next hop self; }};\n}}",
        channel(neighbor.family())
    )
}

fn channel(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}

/// The protocol of the session with a neighbor.
pub(in crate::route) fn session_of(neighbor: &str) -> String {
    format!("n_{}", symbol(neighbor))
}

/// A name as part of a symbol, in which BIRD takes no dash.
fn symbol(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Password};
    use imrs_fleet::anycast::Policy;
    use imrs_wire::Both;
    use std::path::Path;
    use std::process::Command;

    const TEXT: &str = "\
[node]
listen = [\"192.0.2.53:53\", \"[2001:db8:53::53]:53\", \"203.0.113.10:53\"]
[anycast]
addresses = [\"192.0.2.53\", \"2001:db8:53::53\"]
prefixes = [\"192.0.2.0/24\", \"2001:db8:53::/48\"]
asn = 64500
[[neighbor]]
name = \"host-a\"
address = \"203.0.113.1\"
asn = 64510
source = \"203.0.113.10\"
prepend = 1
[[neighbor]]
name = \"host-b\"
address = \"2001:db8::1\"
asn = 64511
bfd = false
multihop = 3
scope = \"no-export\"
";

    fn settings() -> Settings {
        let config = Config::parse(Path::new("imrs.toml"), TEXT.as_bytes()).unwrap();
        let password = Password::new("s3c;ret}").unwrap();
        Settings {
            anycast: config.anycast.unwrap(),
            passwords: [("host-a".to_owned(), password)].into(),
            own: Password::new("own").unwrap(),
        }
    }

    fn wish(stand: Stand, scope: Option<Scope>) -> Wish {
        let policy = Policy {
            scope,
            ..Policy::default()
        };
        Wish {
            stands: Both {
                v4: stand,
                v6: stand,
            },
            neighbors: [("host-a".to_owned(), policy)].into(),
        }
    }

    #[test]
    fn a_wish_to_withdraw_has_no_route_and_accepts_none() {
        let text = conf(&settings(), &Wish::default()).text;
        let (_, neighbors) = text.split_once("filter f_host_a").unwrap();
        assert!(!text.contains("route "), "{}", *text);
        assert!(!neighbors.contains("accept"), "{}", *text);
    }

    #[test]
    fn routes_go_out_with_what_is_wished_for_each_neighbor() {
        let text = conf(&settings(), &wish(Stand::Leaving, Some(Scope::NoAdvertise))).text;
        let (a, b) = text.split_once("filter f_host_b").unwrap();
        assert!(a.contains("bgp_path.prepend(64500);") && !b.contains("prepend"));
        assert!(a.contains("add((65535, 0))") && b.contains("add((65535, 0))"));
        assert!(a.contains("add((65535, 65282))") && b.contains("add((65535, 65281))"));
    }

    #[test]
    fn a_neighbor_that_is_withdrawn_is_told_of_nothing_and_others_are() {
        let mut wish = wish(Stand::Announced, None);
        let policy = wish.neighbors.get_mut("host-a").unwrap();
        policy.withdrawn.v4 = true;
        let text = conf(&settings(), &wish).text;
        let (a, b) = text.split_once("filter f_host_b").unwrap();
        let (_, a) = a.split_once("filter f_host_a").unwrap();
        assert!(!a.contains("accept") && b.contains("accept"));
    }

    #[test]
    fn different_wishes_have_different_marks() {
        let mark = |stand| conf(&settings(), &wish(stand, None)).mark;
        assert_ne!(mark(Stand::Announced), mark(Stand::Leaving));
        assert_ne!(mark(Stand::Announced), mark(Stand::Withdrawn));
        assert_eq!(mark(Stand::Announced), mark(Stand::Announced));
    }

    #[test]
    fn a_real_bird_takes_every_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bird.conf");
        for stand in [Stand::Withdrawn, Stand::Leaving, Stand::Announced] {
            for scope in [Scope::Global, Scope::NoExport, Scope::NoAdvertise] {
                let conf = conf(&settings(), &wish(stand, Some(scope)));
                std::fs::write(&file, conf.text.as_bytes()).unwrap();
                let Ok(run) = Command::new("bird").arg("-p").arg("-c").arg(&file).output() else {
                    eprintln!("skipped: there is no bird here (package bird2)");
                    return;
                };
                let said = String::from_utf8_lossy(&run.stderr);
                assert!(run.status.success(), "{said}\n{}", *conf.text);
            }
        }
    }
}
