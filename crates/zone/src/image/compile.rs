//! Decides which bodies a zone has, and which question leads to which.

use super::chain::Chain;
use super::contents::{Contents, RrSet};
use super::layout::{self, Header, Node, Proof, Slot, Span, Types, node};
use super::names::NameId;
use super::pack::Pack;
use super::render::{Renderer, Section, TooLarge, TtlRule};
use super::{Image, Kind};
use crate::record::{Data, Name, Record};
use imrs_wire::{LabelEnds, Rtype, Serial};

/// Compiles the records of a proven zone, which are in canonical order and without duplicates.
pub(super) fn compile(apex: &Name, serial: Serial, records: &[Record]) -> Result<Image, TooLarge> {
    let contents = Contents::new(apex, records);
    let mut compiler = Compiler {
        renderer: Renderer::new(&contents.names),
        chain: Chain::new(&contents),
        nodes: Nodes::new(&contents),
        contents: &contents,
        pack: Pack::new(),
    };
    let (mut nodes, types) = compiler.nodes()?;
    let (gaps, proofs) = compiler.gaps()?;
    let nxdomain = compiler.nxdomain()?;
    let Compiler {
        mut pack,
        chain,
        nodes: names,
        ..
    } = compiler;
    let (seed, probes, slots) = slots(&nodes, &names.ends);
    pack.concatenate(&names.labels, |index, label| {
        nodes[index].label = label.start;
    });
    let mut keys = Vec::new();
    pack.concatenate(&chain.keys, |_, key| keys.push(key));
    let header = Header {
        seed,
        serial: serial.0,
        apex_labels: contents.names.labels(contents.apex).into(),
        nodes: pack.table(&nodes),
        slots: pack.table(&slots),
        types: pack.table(&types),
        heads: pack.table(&chain.heads),
        keys: pack.table(&keys),
        gaps: pack.table(&gaps),
        proofs: pack.table(&proofs),
        nxdomain,
        probes,
    };
    Ok(pack.finish(header))
}

struct Compiler<'a> {
    contents: &'a Contents<'a>,
    renderer: Renderer<'a>,
    chain: Chain,
    nodes: Nodes,
    pack: Pack,
}

impl Compiler<'_> {
    /// The nodes, whose labels are yet to be packed, and the types of all of them.
    fn nodes(&mut self) -> Result<(Vec<Node>, Vec<Types>), TooLarge> {
        let mut nodes = Vec::new();
        let mut types = Vec::new();
        for index in 0..self.nodes.names.len() {
            let name = self.nodes.names[index];
            let cut = self.contents.cut(name).is_some();
            let start = types.len() as u32;
            types.extend(if cut {
                self.types_at_cut(name)?
            } else {
                self.types_at(name)?
            });
            let parent = if self.nodes.has_children[index] {
                node::PARENT
            } else {
                0
            };
            nodes.push(Node {
                head: self.nodes.ends[index].head,
                parent: self.nodes.parents[index],
                label: 0,
                label_len: self.nodes.ends[index].len.into(),
                flags: parent | if cut { node::CUT } else { 0 },
                types: Span {
                    start,
                    len: types.len() as u32 - start,
                },
                otherwise: if cut {
                    self.referral(name)?
                } else {
                    self.nodata(name)?
                },
            });
        }
        Ok((nodes, types))
    }

    /// Every type that an authoritative name has, ANY and RRSIG with them.
    fn types_at(&mut self, name: NameId) -> Result<Vec<Types>, TooLarge> {
        let rrsets = self.contents.rrsets_at(name);
        let mut types = Vec::new();
        for rrset in rrsets {
            let bodies = self.pair(|this, dnssec| this.answer(name, rrset, dnssec))?;
            types.push(Types {
                rtype: rrset.rtype.into(),
                bodies,
            });
        }
        // One RRset, a small one, is answer enough to ANY (RFC 8482 section 4.1).
        let size = |rrset: &&RrSet<'_>| rrset.records.len() + rrset.signatures.len();
        if let Some(rrset) = rrsets.iter().min_by_key(size) {
            let bodies = self.pair(|this, dnssec| this.answer(name, rrset, dnssec))?;
            types.push(Types {
                rtype: Rtype::ANY.0.into(),
                bodies,
            });
        }
        if rrsets.iter().any(|rrset| !rrset.signatures.is_empty()) {
            let bodies = self.pair(|this, _| this.signatures(name))?;
            types.push(Types {
                rtype: Rtype::RRSIG.0.into(),
                bodies,
            });
        }
        types.sort_by_key(|entry| entry.rtype);
        Ok(types)
    }

    /// At a cut the parent has authority over DS alone (RFC 4035 section 3.1.4.1).
    fn types_at_cut(&mut self, name: NameId) -> Result<Vec<Types>, TooLarge> {
        let bodies = match self.contents.rrset(name, Rtype::DS.0) {
            Some(rrset) => self.pair(|this, dnssec| this.answer(name, rrset, dnssec))?,
            None => self.nodata(name)?,
        };
        Ok(vec![Types {
            rtype: Rtype::DS.0.into(),
            bodies,
        }])
    }

    fn answer(&mut self, name: NameId, rrset: &RrSet<'_>, dnssec: bool) {
        self.renderer.begin(Kind::Answer, name);
        self.renderer
            .rrset(Section::Answer, rrset, dnssec, TtlRule::Own);
        if rrset.rtype == Rtype::NS.0 {
            // All IPv4 addresses before all IPv6 ones: cut to 512 octets, each server has one.
            for rtype in [Rtype::A, Rtype::AAAA] {
                for server in self.contents.servers(name) {
                    self.address(*server, rtype, dnssec);
                }
            }
        }
    }

    /// Adds an address RRset of a server, if the zone has it, behind a place to cut.
    fn address(&mut self, server: NameId, rtype: Rtype, dnssec: bool) {
        if let Some(addresses) = self.contents.rrset(server, rtype.0) {
            self.renderer.allow_cut();
            self.renderer
                .rrset(Section::Additional, addresses, dnssec, TtlRule::Own);
        }
    }

    fn signatures(&mut self, name: NameId) {
        self.renderer.begin(Kind::Answer, name);
        for signature in self
            .contents
            .rrsets_at(name)
            .iter()
            .flat_map(|rrset| &rrset.signatures)
        {
            self.renderer
                .record(Section::Answer, name, signature, TtlRule::Own);
        }
    }

    fn referral(&mut self, cut: NameId) -> Result<[u32; 2], TooLarge> {
        let contents = self.contents;
        self.pair(|this, dnssec| {
            this.renderer.begin(Kind::Referral, cut);
            if let Some(servers) = contents.rrset(cut, Rtype::NS.0) {
                this.renderer
                    .rrset(Section::Authority, servers, false, TtlRule::Own);
            }
            match contents.rrset(cut, Rtype::DS.0) {
                Some(ds) if dnssec => {
                    this.renderer
                        .rrset(Section::Authority, ds, true, TtlRule::Own);
                }
                None if dnssec => this.proof(this.chain.covering(&Chain::key(contents, cut))),
                _ => {}
            }
            let (in_domain, others): (Vec<NameId>, Vec<NameId>) = contents
                .servers(cut)
                .iter()
                .partition(|server| contents.names.is_within(**server, cut));
            // Glue of in-domain servers is part of the referral (RFC 9471 section 3.1).
            for server in in_domain {
                for rtype in [Rtype::A, Rtype::AAAA] {
                    if let Some(glue) = contents.rrset(server, rtype.0) {
                        this.renderer
                            .rrset(Section::Additional, glue, false, TtlRule::Own);
                    }
                }
            }
            for server in others {
                this.address(server, Rtype::A, dnssec);
                this.address(server, Rtype::AAAA, dnssec);
            }
        })
    }

    fn nodata(&mut self, name: NameId) -> Result<[u32; 2], TooLarge> {
        self.pair(|this, dnssec| {
            this.renderer.begin(Kind::NoData, name);
            this.soa(dnssec);
            this.renderer.share();
            if dnssec {
                this.proof(this.chain.covering(&Chain::key(this.contents, name)));
            }
        })
    }

    /// NXDOMAIN without proofs.
    fn nxdomain(&mut self) -> Result<u32, TooLarge> {
        self.renderer.begin(Kind::NxDomain, self.contents.apex);
        self.soa(false);
        self.finish()
    }

    /// For each gap of the NSEC chain, the proofs that a name in it does not exist: by closest
    /// encloser, since that decides which wildcard is to be denied (RFC 4035 section 3.1.3.2).
    fn gaps(&mut self) -> Result<(Vec<Span>, Vec<Proof>), TooLarge> {
        let mut gaps = Vec::new();
        let mut proofs = Vec::new();
        for gap in 0..self.chain.owners.len() {
            let start = proofs.len() as u32;
            for encloser in self.chain.enclosers(gap, self.contents) {
                let wildcard = self
                    .chain
                    .covering(&Chain::wildcard_key(self.contents, encloser));
                self.renderer.begin(Kind::NxDomain, self.contents.apex);
                self.soa(true);
                if wildcard != Some(gap) {
                    self.proof(wildcard);
                }
                self.renderer.share();
                self.proof(Some(gap));
                let body = self.finish()?;
                proofs.push(Proof {
                    encloser: self.nodes.number(encloser),
                    body,
                });
            }
            gaps.push(Span {
                start,
                len: proofs.len() as u32 - start,
            });
        }
        Ok((gaps, proofs))
    }

    /// Adds the SOA record, with the TTL of negative answers (RFC 2308 section 3).
    fn soa(&mut self, dnssec: bool) {
        if let Some(soa) = self.contents.rrset(self.contents.apex, Rtype::SOA.0)
            && let Data::Soa(data) = soa.records[0].data()
        {
            let ttl = TtlRule::AtMost(data.minimum().as_secs());
            self.renderer.rrset(Section::Authority, soa, dnssec, ttl);
        }
    }

    /// Adds the NSEC record at this place of the chain; a zone without a chain proves nothing.
    fn proof(&mut self, place: Option<usize>) {
        if let Some(place) = place
            && let Some(nsec) = self.contents.rrset(self.chain.owners[place], Rtype::NSEC.0)
        {
            self.renderer
                .rrset(Section::Authority, nsec, true, TtlRule::Own);
        }
    }

    /// Renders and packs a body without and one with DNSSEC records.
    fn pair(&mut self, mut render: impl FnMut(&mut Self, bool)) -> Result<[u32; 2], TooLarge> {
        render(self, false);
        let plain = self.finish()?;
        render(self, true);
        Ok([plain, self.finish()?])
    }

    fn finish(&mut self) -> Result<u32, TooLarge> {
        Ok(self.pack.body(&self.renderer.finish()?))
    }
}

/// The apex and all names below it which are authoritative, empty non-terminals, or cuts; parents
/// before children.
struct Nodes {
    names: Vec<NameId>,
    parents: Vec<u32>,
    has_children: Vec<bool>,
    /// In lower case.
    labels: Vec<Vec<u8>>,
    ends: Vec<LabelEnds>,
    /// The number of the node for each name that is one.
    numbers: Vec<Option<u32>>,
}

impl Nodes {
    fn new(contents: &Contents<'_>) -> Self {
        let mut nodes = Nodes {
            names: Vec::new(),
            parents: Vec::new(),
            has_children: Vec::new(),
            labels: Vec::new(),
            ends: Vec::new(),
            numbers: vec![None; contents.names.count()],
        };
        nodes.push(contents, contents.apex, 0);
        for (owner, _) in &contents.owners {
            if contents.cut(*owner).is_some_and(|cut| cut != *owner) {
                continue;
            }
            let above = contents.names.ancestry(*owner);
            let new: Vec<_> = above.take_while(|name| !nodes.knows(*name)).collect();
            for name in new.into_iter().rev() {
                let parent = nodes.number(contents.names.parent(name));
                nodes.has_children[parent as usize] = true;
                nodes.push(contents, name, parent);
            }
        }
        nodes
    }

    fn push(&mut self, contents: &Contents<'_>, name: NameId, parent: u32) {
        let label = contents.names.label(name);
        self.numbers[name.index()] = Some(self.names.len() as u32);
        self.names.push(name);
        self.parents.push(parent);
        self.has_children.push(false);
        self.labels.push(label.to_ascii_lowercase());
        self.ends.push(LabelEnds::of(label));
    }

    fn knows(&self, name: NameId) -> bool {
        self.numbers[name.index()].is_some()
    }

    fn number(&self, name: NameId) -> u32 {
        self.numbers[name.index()].expect("parents come before children")
    }
}

/// The hash table of all nodes but the apex, with its seed and the probes that look-ups need.
fn slots(nodes: &[Node], ends: &[LabelEnds]) -> (u64, u32, Vec<Slot>) {
    let size = (nodes.len() * 2).next_power_of_two();
    for size in [size, size * 2, size * 4] {
        for seed in 0..SEEDS_TRIED {
            if let Some(slots) = place(nodes, ends, size, seed, PROBES_WANTED) {
                return (seed, PROBES_WANTED, slots);
            }
        }
    }
    // Labels that have both ends and the length in common collide under every seed, so look-ups
    // go as far as they must. Half of the slots are free, so every node finds its place.
    let slots = place(nodes, ends, size, 0, size as u32).expect("a free slot for every node");
    (0, size as u32, slots)
}

/// The hash table of this size and seed, unless a node finds no free slot within so many probes.
fn place(
    nodes: &[Node],
    ends: &[LabelEnds],
    size: usize,
    seed: u64,
    probes: u32,
) -> Option<Vec<Slot>> {
    let mut slots: Vec<Slot> = vec![0; size];
    for (index, (node, ends)) in nodes.iter().zip(ends).enumerate().skip(1) {
        let hash = layout::hash(seed, node.parent, *ends);
        let free = (0..probes as usize)
            .map(|step| (hash as usize).wrapping_add(step) & (size - 1))
            .find(|slot| slots[*slot] == 0)?;
        slots[free] = hash >> 32 << 32 | (index as u64 + 1);
    }
    Some(slots)
}

/// Seeds to try before the hash table is made larger.
const SEEDS_TRIED: u64 = 64;

/// Probes that are to be enough for every look-up, if there is a seed for it.
const PROBES_WANTED: u32 = 16;
