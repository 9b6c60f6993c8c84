//! Random zones, and names around those that they have.

use crate::model::oracle::Qname;
use crate::world::{self, master_form};
use domain::base::{Name, ToName};
use imrs_zone::record::{Record, sort_canonically};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::fmt::Write;

type Label = Vec<u8>;

/// What to make a zone of. Whatever it says, the zone has the shape of one.
#[derive(Clone, Debug)]
pub(crate) struct ZonePlan {
    apex: &'static [u8],
    signed: bool,
    apex_servers: Vec<Server>,
    names: Vec<(Vec<Label>, What)>,
}

/// What a name has.
#[derive(Clone, Debug)]
enum What {
    Cut { servers: Vec<Server>, secure: bool },
    Host(Addresses),
    Text,
}

/// A name server.
#[derive(Clone, Debug)]
enum Server {
    /// These labels below the owner of the NS record, or the owner itself.
    Below(Vec<Label>, Addresses),
    /// Some other server of the zone.
    Sibling(Index),
    Outside,
}

#[derive(Clone, Copy, Debug)]
struct Addresses {
    v4: u8,
    v6: u8,
}

impl ZonePlan {
    pub(crate) fn records(&self) -> Vec<Record> {
        let apex = Name::from_octets(self.apex.to_vec()).unwrap();
        let owners = self.owners(&apex);
        let all = self.cuts(&apex, &owners);
        let hosts = hosts(&apex, &owners, &all);
        let mut text = String::new();
        let top = master_form(&apex);
        writeln!(text, "{top} 900 SOA a.b. c.d. 7 1 2 3 600").unwrap();
        writeln!(text, "{top} 800 NS never.outside.").unwrap();
        for (owner, servers) in &all {
            for server in *servers {
                let target = match server {
                    Server::Below(labels, _) => join(labels, owner),
                    Server::Sibling(_) if hosts.is_empty() => None,
                    Server::Sibling(index) => Some(index.get(&hosts).0.clone()),
                    Server::Outside => Some("ns.outside.invalid.".parse().unwrap()),
                };
                if let Some(target) = target {
                    let (owner, target) = (master_form(owner), master_form(&target));
                    writeln!(text, "{owner} 800 NS {target}").unwrap();
                }
            }
        }
        for (owner, what) in &owners {
            let name = master_form(owner);
            match what {
                // A cut whose servers all turned out too long needs one.
                What::Cut { secure, .. } => {
                    writeln!(text, "{name} 800 NS never.outside.").unwrap();
                    if *secure {
                        writeln!(text, "{name} 700 DS 1 8 2 00ff").unwrap();
                    }
                }
                What::Text => writeln!(text, "{name} 500 TXT text").unwrap(),
                What::Host(_) => {}
            }
        }
        for (name, addresses) in &hosts {
            let name = master_form(name);
            for last in 0..addresses.v4 {
                writeln!(text, "{name} 400 A 192.0.2.{last}").unwrap();
            }
            for last in 0..addresses.v6 {
                writeln!(text, "{name} 300 AAAA 2001:db8::{last}").unwrap();
            }
        }
        let mut records = world::records(&text);
        sort_canonically(&mut records);
        if self.signed {
            world::signed(records)
        } else {
            records
        }
    }

    /// The apex and the zone cuts, with their servers.
    fn cuts<'a>(
        &'a self,
        apex: &'a Qname,
        owners: &'a [(Qname, &'a What)],
    ) -> Vec<(&'a Qname, &'a [Server])> {
        let apex: (_, &[Server]) = (apex, &self.apex_servers);
        let cuts = owners.iter().filter_map(|(owner, what)| match what {
            What::Cut { servers, .. } => Some((owner, servers.as_slice())),
            What::Host(_) | What::Text => None,
        });
        std::iter::once(apex).chain(cuts).collect()
    }

    /// The names, each once, none below a cut.
    fn owners(&self, apex: &Qname) -> Vec<(Qname, &What)> {
        let mut owners: Vec<(Qname, &What)> = self
            .names
            .iter()
            .filter_map(|(labels, what)| Some((join(labels, apex)?, what)))
            .filter(|(owner, _)| owner != apex)
            .collect();
        owners.sort_by(|left, right| left.0.name_cmp(&right.0));
        owners.dedup_by(|later, earlier| later.0 == earlier.0);
        let mut kept: Vec<(Qname, &What)> = Vec::new();
        for (owner, what) in owners {
            let occludes = |(above, what): &(Qname, &What)| {
                matches!(what, What::Cut { .. }) && owner.ends_with(above)
            };
            if !kept.iter().any(occludes) {
                kept.push((owner, what));
            }
        }
        kept
    }
}

/// Every host and every server, for others to be referred to.
fn hosts(
    apex: &Qname,
    owners: &[(Qname, &What)],
    cuts: &[(&Qname, &[Server])],
) -> Vec<(Qname, Addresses)> {
    let mut hosts = Vec::new();
    for (owner, what) in owners {
        if let What::Host(addresses) = what {
            hosts.push((owner.clone(), *addresses));
        }
    }
    let is_cut = |name: &Qname| {
        owners
            .iter()
            .any(|(cut, what)| matches!(what, What::Cut { .. }) && name.ends_with(cut))
    };
    for (owner, servers) in cuts {
        for server in *servers {
            if let Server::Below(labels, addresses) = server
                && let Some(name) = join(labels, owner)
                && (*owner != apex || !is_cut(&name))
            {
                hosts.push((name, *addresses));
            }
        }
    }
    hosts
}

/// `labels` below `name`, unless that is too long.
fn join(labels: &[Label], name: &Qname) -> Option<Qname> {
    let mut octets = Vec::new();
    for label in labels {
        octets.push(label.len() as u8);
        octets.extend_from_slice(label);
    }
    octets.extend_from_slice(name.as_slice());
    // A name is to have room for a wildcard below it.
    Name::from_octets(octets)
        .ok()
        .filter(|name| name.len() < 250)
}

/// How to come from a name of the zone to one to ask for.
#[derive(Clone, Debug)]
pub(crate) struct Tweak {
    from: Index,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Up,
    Down(Label),
    /// The octet before or behind in the order, at the end of the first label.
    Less,
    More,
    /// One octet more or less at its end.
    Longer(u8),
    Shorter,
    Case(u64),
}

impl Tweak {
    pub(crate) fn apply(&self, names: &[Qname]) -> Option<Qname> {
        let mut name = self.from.get(names).clone();
        for step in &self.steps {
            let mut first: Label = name.first().as_slice().to_vec();
            let above = name.parent().map(|above| above.to_name::<Vec<u8>>());
            name = match (step, above) {
                (Step::Down(label), _) => join(std::slice::from_ref(label), &name)?,
                (Step::Case(bits), _) => {
                    let flip = |(at, octet): (usize, &u8)| match octet.is_ascii_alphabetic() {
                        true => octet ^ ((bits >> (at % 64) & 1) as u8) << 5,
                        false => *octet,
                    };
                    Name::from_octets(name.as_slice().iter().enumerate().map(flip).collect())
                        .ok()?
                }
                (_, None) => return None,
                (Step::Up, Some(above)) => above,
                (step, Some(above)) => {
                    let last = first.last_mut()?;
                    match step {
                        Step::Less => *last = last.wrapping_sub(1),
                        Step::More => *last = last.wrapping_add(1),
                        Step::Longer(octet) => first.push(*octet),
                        _ => drop(first.pop()),
                    }
                    if first.is_empty() || first.len() > 63 {
                        return None;
                    }
                    join(&[first], &above)?
                }
            };
        }
        Some(name)
    }
}

/// Labels that are hard to keep apart or to sort, and any.
fn label() -> impl Strategy<Value = Label> {
    let hard: Vec<&[u8]> = vec![
        b"a",
        b"A",
        b"b",
        b"ab",
        b"aB",
        b"-",
        b"!",
        b"+",
        b"@",
        b"[",
        b"`",
        b"{",
        b".",
        b"\\",
        b"\"",
        b" ",
        b"\0",
        b"\0\0",
        b"\x01",
        b"\x01\0",
        b"\x01\x01",
        b"\x02",
        b"\xff",
        b"\xff\xff",
        b"a\0",
        b"a\0\0",
        b"a\x01",
        b"a\xff",
        b"\xc1",
        b"\xe1",
        b"aaaaaaa",
        b"aaaaaaa\0",
        b"aaaaaaaa",
        b"aaaaaaaa\0",
        b"aaaaaaaa\x01",
        b"aaaaaaaab",
        b"AAAAAAAAC",
        b"aaaaaaaa1bbbbbbbb",
        b"aaaaaaaa2bbbbbbbb",
        b"aaaaaaaa1bbbbbbbc",
        b"xn--mgbaa",
        b"xn--mgbab",
        b"**",
        b"*a",
        b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
    ];
    let any_label = vec(any::<u8>(), 1..12).prop_filter("no wildcard", |label| label != b"*");
    prop_oneof![8 => select(hard).prop_map(<[u8]>::to_vec), 1 => any_label]
}

fn addresses() -> impl Strategy<Value = Addresses> {
    prop_oneof![
        4 => (0..3u8, 0..3u8),
        1 => (0..30u8, 0..30u8),
    ]
    .prop_map(|(v4, v6)| Addresses { v4, v6 })
}

fn server() -> impl Strategy<Value = Server> {
    prop_oneof![
        4 => (vec(label(), 0..3), addresses()).prop_map(|(labels, a)| Server::Below(labels, a)),
        3 => any::<Index>().prop_map(Server::Sibling),
        1 => Just(Server::Outside),
    ]
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        3 => (vec(server(), 0..6), any::<bool>())
            .prop_map(|(servers, secure)| What::Cut { servers, secure }),
        2 => addresses().prop_map(What::Host),
        1 => Just(What::Text),
    ]
}

pub(crate) fn zone() -> impl Strategy<Value = ZonePlan> {
    let apex = select(vec![
        &b"\0"[..],
        b"\x01x\0",
        b"\x01a\x08aaaaaaaa\0",
        b"\x03a\0\xff\0",
    ]);
    let names = vec((vec(label(), 1..5), what()), 0..16);
    (apex, any::<bool>(), vec(server(), 0..4), names).prop_map(
        |(apex, signed, apex_servers, names)| ZonePlan {
            apex,
            signed,
            apex_servers,
            names,
        },
    )
}

pub(crate) fn tweak() -> impl Strategy<Value = Tweak> {
    let step = prop_oneof![
        2 => Just(Step::Up),
        4 => label().prop_map(Step::Down),
        1 => Just(Step::Less),
        1 => Just(Step::More),
        1 => prop_oneof![Just(0u8), Just(1), Just(0xff)].prop_map(Step::Longer),
        1 => Just(Step::Shorter),
        2 => any::<u64>().prop_map(Step::Case),
    ];
    (any::<Index>(), vec(step, 0..4)).prop_map(|(from, steps)| Tweak { from, steps })
}
