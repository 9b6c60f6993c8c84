//! `[site]`: which node this is, and which others stand in for it.

use super::anycast::Anycast;
use super::lists::{List, check_length};
use super::prefix::is_unicast;
use super::secrets::find_key;
use super::values::{KeyName, Limited, Told};
use super::{Config, Mistake};
use crate::limits::SITE_NODES_MAX;
use imrs_fleet::identity::{NodeId, NodeNumber};
use imrs_transfer::key::Key;
use serde::Deserialize;
use std::net::SocketAddr;
use toml::Spanned;

/// The nodes that know each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Who this node is.
    pub identity: NodeId,
    /// What signs what they say to each other.
    pub key: Key,
    /// The others that can stand in for this one: of its site, or of others.
    pub nodes: Vec<SiteNode>,
    /// Nodes elsewhere, which tell whom they reach at the service addresses.
    pub witnesses: Vec<SiteNode>,
    /// Queries a second that one node can answer.
    pub capacity: Option<u64>,
}

/// Another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteNode {
    /// Who it is.
    pub identity: NodeId,
    /// Its own address, which no other node has.
    pub address: SocketAddr,
}

/// `[site]`, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenSite {
    node: Option<Spanned<u8>>,
    key: Spanned<KeyName>,
    nodes: List<WrittenSiteNode>,
    witnesses: Option<List<WrittenSiteNode>>,
    capacity_queries_per_second: Option<Limited<1, 1_000_000_000>>,
}

/// One of its nodes, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenSiteNode {
    identity: Spanned<String>,
    address: Spanned<String>,
}

impl WrittenSite {
    fn resolve(
        &self,
        place: usize,
        identity: Option<&Spanned<Told>>,
        keys: &[Key],
        anycast: &Anycast,
    ) -> Result<Site, Mistake> {
        let Some(identity) = identity else {
            let message = "a node of a site has a name; add `identity = \"aa01-ke-nbo\"` to [node]";
            return Err((place, message.to_owned()));
        };
        let identity = self.own(identity)?;
        let key = find_key(keys, self.key.get_ref())
            .map_err(|message| (self.key.span().start, message))?;
        let hint =
            "name the others as { identity = \"aa01-ke-nbo-n1\", address = \"10.1.0.11:53\" }";
        let nodes = others(&self.nodes, identity, anycast, hint)?;
        if nodes.is_empty() {
            let message = format!("this node is the only one of the list; {hint}");
            return Err((self.nodes.span().start, message));
        }
        let witnesses = self.witnesses.as_ref();
        let witnesses = witnesses.map(|list| others(list, identity, anycast, hint));
        Ok(Site {
            identity,
            key: key.clone(),
            nodes,
            witnesses: witnesses.transpose()?.unwrap_or_default(),
            capacity: { self.capacity_queries_per_second }.map(|Limited(rate)| rate),
        })
    }

    /// Who this node is: `node` is for nodes that share all the rest of their configuration.
    fn own(&self, written: &Spanned<Told>) -> Result<NodeId, Mistake> {
        let Told(text) = written.get_ref();
        let at = |message: String| (written.span().start, message);
        let identity: NodeId = text.parse().map_err(|error| at(format!("{error}")))?;
        let Some(number) = &self.node else {
            return Ok(identity);
        };
        let at = |message: String| (number.span().start, message);
        let node = NodeNumber::new(*number.get_ref())
            .ok_or_else(|| at(format!("{} is not 1 to 99", number.get_ref())))?;
        if identity.node.is_some_and(|named| named != node) {
            return Err(at(format!(
                "`identity` in [node] says {identity} already; leave one of the two out"
            )));
        }
        Ok(NodeId {
            node: Some(node),
            ..identity
        })
    }
}

/// The nodes of a list but for this one.
fn others(
    list: &List<WrittenSiteNode>,
    own: NodeId,
    anycast: &Anycast,
    hint: &str,
) -> Result<Vec<SiteNode>, Mistake> {
    check_length(list, SITE_NODES_MAX, "nodes", hint)?;
    let mut nodes: Vec<SiteNode> = Vec::new();
    for written in list.get_ref().iter().map(Spanned::get_ref) {
        let node = written.resolve(anycast)?;
        if nodes.iter().any(|other| other.identity == node.identity) {
            let message = format!("`{}` is listed twice; keep one of the two", node.identity);
            return Err((written.identity.span().start, message));
        }
        if nodes.iter().any(|other| other.address == node.address) {
            let message = format!("`{}` is listed twice; keep one of the two", node.address);
            return Err((written.address.span().start, message));
        }
        nodes.push(node);
    }
    nodes.retain(|node| node.identity != own);
    Ok(nodes)
}

impl WrittenSiteNode {
    fn resolve(&self, anycast: &Anycast) -> Result<SiteNode, Mistake> {
        let at = |message: String| (self.identity.span().start, message);
        let identity = self.identity.get_ref().parse::<NodeId>();
        let identity = identity.map_err(|error| at(format!("{error}")))?;
        let text = self.address.get_ref();
        let at = |message: String| (self.address.span().start, message);
        let address: SocketAddr = text.parse().map_err(|_| {
            at(format!(
                "`{text}` is not an address and port; write it as \"10.1.0.11:53\" or \
                 \"[2001:db8:1::11]:53\""
            ))
        })?;
        if !is_unicast(address.ip()) {
            return Err(at(format!(
                "`{}` is not an address that others reach",
                address.ip()
            )));
        }
        if anycast.addresses.contains(&address.ip()) {
            return Err(at(format!(
                "`{}` is a service address, which every node has; write the node's own",
                address.ip()
            )));
        }
        Ok(SiteNode { identity, address })
    }
}

impl Config {
    /// Looks at the table, if it is there; names the node as it says.
    pub(super) fn resolve_site(&mut self) -> Result<(), Mistake> {
        let Some(written) = &self.written_site else {
            return Ok(());
        };
        let place = written.span().start;
        let Some(anycast) = &self.anycast else {
            let message = "nodes stand in for each other in what they announce; add [anycast]";
            return Err((place, message.to_owned()));
        };
        let identity = self.node.identity.as_ref();
        let site = { written.get_ref() }.resolve(place, identity, &self.keys, anycast)?;
        if let Some(identity) = &mut self.node.identity {
            *identity.get_mut() = Told(site.identity.to_string());
        }
        self.site = Some(site);
        Ok(())
    }
}
