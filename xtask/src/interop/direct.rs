//! What a plain client gets of a primary: whole zones, differences, refusals.

use super::pair::{KEY_256, KEY_UNKNOWN, KEY_WRONG};
use crate::transfer::Host;
use crate::transfer::fetch::{self, Reply, Wanted};
use crate::transfer::versions::{Versions, difference};
use anyhow::{Result, bail, ensure};
use domain::base::iana::Rcode;
use imrs_zone::Record;

/// Asks a primary that starts with the first version, and is given others.
pub(super) fn ask(primary: &Host, versions: &Versions) -> Result<String> {
    let address = primary.part.address;
    let (first, second) = (versions.make_changed(0)?, versions.make_changed(1)?);
    let ask = |wanted| fetch::fetch(address, wanted, Some(&KEY_256));
    if let Some(difference) = difference(&first.records, &fetch::zone(address, Some(&KEY_256))?) {
        bail!("AXFR: {difference}");
    }
    for (secret, expected) in [
        (None, Rcode::REFUSED),
        (Some(&KEY_UNKNOWN), Rcode::NOTAUTH),
        (Some(&KEY_WRONG), Rcode::NOTAUTH),
    ] {
        match fetch::fetch(address, Wanted::Axfr, secret)? {
            Reply::Refused(rcode) if rcode == expected => {}
            other => bail!("AXFR with {secret:?}: {}", short(&other)),
        }
    }
    expect_single(&ask(Wanted::Ixfr(first.serial))?)?;
    primary.publish(&second.text())?;
    primary.wait_for(second.serial)?;
    match ask(Wanted::Ixfr(first.serial))? {
        Reply::Records(records) if is_difference(&records) => {}
        other => bail!("IXFR from the version before: {}", short(&other)),
    }
    // A version that nobody had: the whole zone instead (RFC 1995 section 4).
    match ask(Wanted::Ixfr(first.serial.wrapping_sub(100)))? {
        Reply::Records(records) if records.len() > second.records.len() => {}
        other => bail!("IXFR from a version unknown: {}", short(&other)),
    }
    // A client from the future has nothing to fetch.
    expect_single(&ask(Wanted::Ixfr(second.serial.wrapping_add(5)))?)?;
    Ok(String::new())
}

fn expect_single(reply: &Reply) -> Result<()> {
    ensure!(
        matches!(reply, Reply::Records(records) if records.len() == 1),
        "IXFR from the newest version: {}",
        short(reply)
    );
    Ok(())
}

/// Whether a response begins as a difference does: two SOA of different serials.
fn is_difference(records: &[Record]) -> bool {
    use domain::base::iana::Rtype;
    matches!(records, [one, two, ..] if one.rtype() == Rtype::SOA
        && two.rtype() == Rtype::SOA
        && one.data() != two.data())
}

fn short(reply: &Reply) -> String {
    match reply {
        Reply::Records(records) => format!("{} records", records.len()),
        Reply::Refused(rcode) => rcode.to_string(),
    }
}
