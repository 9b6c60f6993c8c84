//! Whether a node is announced, and how all nodes stand, for people.

use crate::clock::span;
use crate::control::v1::{
    Brief, BriefFamily, Effect, Family, Health, Keeper, Route, Site, Standing, State,
};
use crate::route::v1::{Bird, FamilyName, Neighbor, Stand};
use std::fmt::Write;

pub(super) fn write_route(text: &mut String, route: &Route) -> std::fmt::Result {
    let identity = route.identity.as_deref().unwrap_or("a node without a name");
    writeln!(text, "{identity}, {}", word(route.health))?;
    for family in &route.families {
        write_family(text, family)?;
    }
    write_keeper(text, &route.keeper)
}

fn write_family(text: &mut String, family: &Family) -> std::fmt::Result {
    let (name, standing) = (family_word(family.family), standing_word(family.standing));
    let prefixes = family.prefixes.join(", ");
    writeln!(text, "\n{name}  {prefixes}  {standing}")?;
    if let Some(detail) = &family.detail {
        writeln!(text, "  route    {detail}")?;
    }
    if family.drained {
        writeln!(text, "  order    drained; `imrs ctl undrain` ends that")?;
    }
    let (state, time) = (state_word(family.state), span(family.state_seconds));
    writeln!(text, "  health   {state} for {time}")?;
    for reason in &family.reasons {
        let effect = match reason.effect {
            Effect::Hard => "withdraws",
            Effect::Soft => "withdraws if others stand in",
            Effect::Told => "only told",
        };
        writeln!(text, "           {} ({effect})", reason.text)?;
    }
    writeln!(
        text,
        "  queries  {:.1} per second",
        family.queries_per_second
    )
}

fn write_keeper(text: &mut String, keeper: &Keeper) -> std::fmt::Result {
    if let Some(why) = &keeper.unreached {
        return writeln!(text, "\nkeeper   NOT REACHED: {why}");
    }
    let bird = match keeper.bird {
        Bird::Up => "BIRD answers",
        Bird::Down => "BIRD DOES NOT ANSWER: nothing is known of what is announced",
    };
    writeln!(text, "\nkeeper   {bird}")?;
    if let Some(trouble) = &keeper.trouble {
        writeln!(text, "  TROUBLE  {trouble}")?;
    }
    if let Some(pending) = &keeper.pending {
        writeln!(text, "  pending  {pending}")?;
    }
    let mut neighbors = keeper.neighbors.iter();
    neighbors.try_for_each(|neighbor| write_neighbor(text, neighbor))
}

fn write_neighbor(text: &mut String, neighbor: &Neighbor) -> std::fmt::Result {
    let Neighbor {
        name,
        address,
        asn,
        state,
        imported,
        exported,
        ..
    } = neighbor;
    write!(text, "  {name}  {address} AS{asn}  {state}")?;
    if let Some(since) = &neighbor.since {
        write!(text, " since {since}")?;
    }
    if let Some(bfd) = &neighbor.bfd {
        write!(text, ", BFD {bfd}")?;
    }
    let stand = match neighbor.stand {
        Stand::Withdrawn => "withdrawn",
        Stand::Leaving => "leaving",
        Stand::Announced => "announced",
    };
    write!(text, ", {stand}, {exported} routes out, {imported} in")?;
    match &neighbor.trouble {
        Some(trouble) => writeln!(text, "; last error: {trouble}"),
        None => writeln!(text),
    }
}

pub(super) fn write_site(text: &mut String, site: &Site) -> std::fmt::Result {
    writeln!(text, "site {}, {}", site.site, word(site.health))?;
    for node in &site.nodes {
        let place = node.address.as_deref().unwrap_or("this node");
        write!(text, "\n{}  {place}  ", node.identity)?;
        match (&node.brief, &node.trouble) {
            (Some(brief), _) => write_brief(text, brief)?,
            (None, trouble) => {
                let trouble = trouble.as_deref().unwrap_or("it says nothing");
                writeln!(text, "NOT REACHED: {trouble}")?;
            }
        }
    }
    if let Some(capacity) = &site.capacity {
        writeln!(
            text,
            "\nasked    {:.0} of {:.0} queries per second that the nodes can answer; {} nodes to spare",
            capacity.load, capacity.total, capacity.spare_nodes
        )?;
    }
    Ok(())
}

fn write_brief(text: &mut String, brief: &Brief) -> std::fmt::Result {
    match brief.serial {
        Some(serial) => writeln!(text, "serial {serial}, imrs {}", brief.version)?,
        None => writeln!(text, "NO ZONE, imrs {}", brief.version)?,
    }
    for family in &brief.families {
        let BriefFamily {
            state,
            standing,
            queries_per_second,
            ..
        } = family;
        let name = family_word(family.family);
        let (state, standing) = (state_word(*state), standing_word(*standing));
        write!(
            text,
            "  {name}  {standing}, {state}, {queries_per_second:.1} queries per second"
        )?;
        match &family.why {
            Some(why) => writeln!(text, ": {why}")?,
            None => writeln!(text)?,
        }
    }
    Ok(())
}

fn word(health: Health) -> &'static str {
    match health {
        Health::Well => "well",
        Health::Degraded => "NEEDS ATTENTION",
        Health::Failed => "NOT ANNOUNCED",
    }
}

fn family_word(family: FamilyName) -> &'static str {
    match family {
        FamilyName::Ipv4 => "IPv4",
        FamilyName::Ipv6 => "IPv6",
    }
}

fn state_word(state: State) -> &'static str {
    match state {
        State::Serving => "serving",
        State::Degraded => "degraded",
        State::Unfit => "UNFIT",
    }
}

fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Announced => "announced",
        Standing::Announcing => "ANNOUNCED TO NOBODY",
        Standing::Starting => "not announced yet",
        Standing::Withdrawn => "WITHDRAWN",
        Standing::HeldUp => "HELD UP: announced though it should not be",
        Standing::Draining => "draining",
        Standing::Drained => "drained",
    }
}
