//! The day's account for people.

use crate::control::v1::{Accounts, Figure};
use std::fmt::Write;

/// A line for each figure, and for what is wrong.
pub(super) fn write_accounts(text: &mut String, accounts: &Accounts) -> std::fmt::Result {
    let mut line = |name: &str, value: &str| writeln!(text, "{name:18}{value:>15}");
    line("day (UTC)", &accounts.day)?;
    line("sources ipv4", &shown(accounts.sources_ipv4))?;
    line("sources ipv6", &shown(accounts.sources_ipv6))?;
    line("sources ipv6 /64", &shown(accounts.sources_ipv6_prefixes))?;
    for (name, count) in [
        ("sources missed", accounts.sources_missed),
        ("gaps", accounts.gaps),
        ("gap seconds", accounts.gap_seconds),
    ] {
        if count > 0 {
            line(name, &count.to_string())?;
        }
    }
    if let Some(sealed) = &accounts.sealed {
        line("last sealed day", sealed)?;
    }
    for (name, count) in [
        ("NOT EXPLAINED", accounts.unexplained_messages),
        ("NOT RECORDED", accounts.unrecorded_responses),
    ] {
        if count != 0 {
            line(name, &count.to_string())?;
        }
    }
    Ok(())
}

fn shown(figure: Figure) -> String {
    match figure.error_ppm {
        None => figure.value.to_string(),
        Some(ppm) => format!("~{} ±{:.2} %", figure.value, f64::from(ppm) / 1e4),
    }
}
