//! Judgements over evidence: the machine and the server here, the network in the others.

mod seen;
mod session;
mod site;
mod standing;
#[cfg(test)]
mod tests;

use super::Finding;
use super::evidence::{Answer, Evidence};
use crate::control::v1::Health;
use crate::doctor::evidence::Meant;
use imrs_wire::Family;

/// All findings, from the machine outwards.
#[must_use]
pub fn judge(evidence: &Evidence) -> Vec<Finding> {
    let mut findings = vec![server(evidence)];
    findings.extend(
        evidence
            .answers
            .iter()
            .map(|answer| answered(answer, &evidence.meant)),
    );
    findings.push(clock(evidence));
    findings.extend(kernel(evidence));
    if !evidence.meant.is_announced {
        let remedy = "fill in [anycast] and [[neighbor]] when the host is ready";
        findings.push(Finding::unsure(
            "announced",
            "nothing is to be announced",
            remedy,
        ));
        return findings;
    }
    findings.extend(addresses(evidence));
    findings.extend(
        Family::ALL
            .into_iter()
            .filter_map(|family| route(evidence, family)),
    );
    findings.extend(ways(evidence));
    findings.extend(standing::standing(evidence));
    findings.extend(site::site(evidence));
    findings.extend(session::keeper(evidence));
    findings.extend(seen::seen(evidence));
    findings
}

fn server(evidence: &Evidence) -> Finding {
    let check = "server";
    match &evidence.status {
        Err(why) => Finding::wrong(check, why, "systemctl status imrs; journalctl -u imrs"),
        Ok(status) => match status.health {
            Health::Well => Finding::well(check, format!("imrs {} is well", status.version)),
            Health::Degraded => Finding::unsure(check, "needs attention", "imrs ctl status"),
            Health::Failed => Finding::wrong(check, "serves no zone", "imrs ctl zones"),
        },
    }
}

fn answered(answer: &Answer, meant: &Meant) -> Finding {
    let check = "answer";
    let place = format!("{} over {}", answer.address, answer.transport);
    match (&answer.serial, &meant.identity, &answer.identity) {
        (Err(why), _, _) => Finding::wrong(
            check,
            format!("{place}: {why}"),
            "see to it that imrs runs, the address is on an interface, and no packet filter of \
             this machine stops port 53",
        ),
        (Ok(_), Some(ours), other) if other.as_ref() != Some(ours) => Finding::wrong(
            check,
            format!(
                "{place}: {} answers, not {ours}",
                other.as_deref().unwrap_or("nobody named")
            ),
            "another server has this address: stop it, or take the address from it (ss -lnp)",
        ),
        (Ok(serial), _, _) => Finding::well(check, format!("{place}: serial {serial}")),
    }
}

fn clock(evidence: &Evidence) -> Finding {
    let check = "clock";
    let remedy = "install and start one, such as chrony: signatures are judged by this clock";
    match evidence.is_clock_synchronised {
        Some(true) => Finding::well(check, "follows others"),
        Some(false) => Finding::wrong(check, "follows nobody", remedy),
        None => Finding::unsure(check, "nobody tells whether it follows others", remedy),
    }
}

fn kernel(evidence: &Evidence) -> Vec<Finding> {
    let check = "kernel";
    let mut findings = Vec::new();
    if let Ok(status) = &evidence.status {
        let missing = status.sandbox.iter().flat_map(|sandbox| &sandbox.missing);
        for what in missing.chain(&status.unfiltered) {
            let remedy = "use a kernel of Debian 12 or later, and the unit of the package";
            findings.push(Finding::unsure(check, what, remedy));
        }
        if findings.is_empty() {
            findings.push(Finding::well(check, "has all that the server uses"));
        }
    }
    if evidence.tracks_flows {
        let remedy = "leave port 53 out: nft add rule … udp dport 53 notrack, and sport likewise; \
                      a full table drops queries";
        findings.push(Finding::unsure(
            check,
            "tracks connections (nf_conntrack)",
            remedy,
        ));
    }
    findings
}

fn addresses(evidence: &Evidence) -> Vec<Finding> {
    let check = "address";
    let interfaces = match &evidence.interfaces {
        Ok(interfaces) => interfaces,
        Err(why) => return vec![Finding::unsure(check, why, "ip address show")],
    };
    let judge = |address| {
        let on = interfaces
            .iter()
            .find(|interface| interface.addresses.contains(address));
        match on {
            Some(interface) => Finding::well(check, format!("{address} is on {}", interface.name)),
            None => Finding::wrong(
                check,
                format!("{address} is on no interface"),
                format!(
                    "write interface = \"lo\" in [anycast], or: ip address add {address} dev lo"
                ),
            ),
        }
    };
    evidence.meant.addresses.iter().map(judge).collect()
}

fn route(evidence: &Evidence, family: Family) -> Option<Finding> {
    let check = "default route";
    let serves = evidence
        .meant
        .addresses
        .iter()
        .any(|address| Family::of(*address) == family);
    serves.then(|| match evidence.default_routes.of(family) {
        Some(device) => Finding::well(check, format!("{family} by {device}")),
        None => Finding::wrong(
            check,
            format!("{family} has none: responses reach nobody beyond the link"),
            format!("ask the host for the {family} router of this network and set it"),
        ),
    })
}

fn ways(evidence: &Evidence) -> Vec<Finding> {
    let interfaces = evidence.interfaces.as_deref().unwrap_or_default();
    let judge = |(neighbor, way): &(String, Result<String, String>)| {
        let device = match way {
            Ok(device) => device,
            Err(why) => {
                return Finding::wrong(
                    "way to neighbor",
                    format!("{neighbor}: {why}"),
                    "check `address` of the neighbor and the addresses of this machine",
                );
            }
        };
        let mtu = interfaces
            .iter()
            .find(|one| &one.name == device)
            .map(|one| one.mtu);
        match mtu {
            Some(mtu) if mtu < MTU => Finding::wrong(
                "mtu",
                format!("{device} towards {neighbor} takes {mtu} octets"),
                format!("ask the host for {MTU}: ip link set {device} mtu {MTU}"),
            ),
            Some(mtu) => Finding::well("mtu", format!("{device} towards {neighbor}: {mtu}")),
            None => Finding::unsure("mtu", format!("{device} is not listed"), "ip link show"),
        }
    };
    evidence.ways.iter().map(judge).collect()
}

/// Octets of a packet that every Ethernet takes (RFC 894); below, responses are in fragments.
const MTU: u32 = 1500;
