//! Numbers and names for people.

use domain::base::iana::{OptRcode, Rtype};
use imrs_telemetry::counts::{Buffer, Flow, Qtype, Transport};
use imrs_telemetry::sources::{Figure, Method};
use imrs_wire::Family;
use imrs_wire::Rcode;

/// A number with a comma between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number to three digits: `987`, `1.23 k`, `45.6 M`, `12.0 G`.
pub(super) fn short(number: f64) -> String {
    let mut rest = number;
    let mut units = ["", " k", " M", " G", " T", " P", " E"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    // What would be rounded to 1000 has the next unit.
    while rest >= 999.5 {
        let Some(next) = units.next() else { break };
        (rest, unit) = (rest / 1000.0, next);
    }
    match rest {
        _ if unit.is_empty() && (rest >= 9.95 || rest.fract() == 0.0) => format!("{rest:.0}"),
        ..9.995 if !unit.is_empty() => format!("{rest:.2}{unit}"),
        ..99.95 => format!("{rest:.1}{unit}"),
        _ => format!("{rest:.0}{unit}"),
    }
}

/// A part of a whole in percent: `12.3 %`, and `<0.1 %` for what would be rounded to nothing.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let percent = part as f64 * 100.0 / whole.max(1) as f64;
    match percent {
        0.0 => "0 %".to_owned(),
        ..0.05 => "<0.1 %".to_owned(),
        99.95..100.0 => ">99.9 %".to_owned(),
        _ => format!("{percent:.1} %"),
    }
}

/// A flow as the control socket calls it, such as `udp-ipv4`.
pub(super) fn flow(flow: Flow) -> String {
    let family = match flow.family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    };
    format!("{}-{family}", transport(flow.transport))
}

/// A transport, such as `udp`.
pub(super) fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
        Transport::Quic => "quic",
    }
}

/// An RCODE by its name, or its number where it has none.
pub(super) fn rcode(rcode: Rcode) -> String {
    // The registry calls 16 BADVERS in OPT records.
    match rcode {
        Rcode::BADVERS => "BADVERS".to_owned(),
        rcode => OptRcode::masked_from_int(rcode.0).to_string(),
    }
}

/// A query type by its mnemonic.
pub(super) fn qtype(qtype: Qtype) -> String {
    match qtype {
        Qtype::Type(rtype) => Rtype::from_int(rtype.0).to_string(),
        Qtype::Other => "other".to_owned(),
        Qtype::Absent => "unreadable".to_owned(),
    }
}

/// A class of buffer sizes.
pub(super) fn buffer(buffer: Buffer) -> &'static str {
    match buffer {
        Buffer::NoEdns => "none",
        Buffer::UpTo512 => "0-512",
        Buffer::UpTo1231 => "513-1231",
        Buffer::Exactly1232 => "1232",
        Buffer::UpTo1452 => "1233-1452",
        Buffer::UpTo4095 => "1453-4095",
        Buffer::Exactly4096 => "4096",
        Buffer::Over4096 => "4097-",
    }
}

/// How a number of sources was found.
pub(super) fn method(figure: Figure) -> String {
    match figure.method {
        Method::Exact => "exact".to_owned(),
        Method::Sketch { error_ppm } => {
            format!("sketch, ±{:.2} %", f64::from(error_ppm) / 10_000.0)
        }
    }
}

/// The time of a second of Unix time within its day, in UTC.
pub(super) fn time(unix_s: u64) -> String {
    let second = unix_s % 86_400;
    format!(
        "{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::{grouped, percent, rcode, short};
    use imrs_wire::Rcode;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (12_345_678, "12,345,678"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn numbers_are_shortened_to_three_digits() {
        for (number, expected) in [
            (0.0, "0"),
            (7.0, "7"),
            (0.5, "0.5"),
            (9.96, "10"),
            (987.4, "987"),
            (999.6, "1.00 k"),
            (1234.0, "1.23 k"),
            (45_600.0, "45.6 k"),
            (999_600.0, "1.00 M"),
            (12_000_000_000.0, "12.0 G"),
        ] {
            assert_eq!(short(number), expected, "{number}");
        }
    }

    #[test]
    fn a_share_that_is_not_nothing_and_not_all_is_not_told_as_such() {
        for (part, whole, expected) in [
            (0, 0, "0 %"),
            (0, 9, "0 %"),
            (1, 10_000_000, "<0.1 %"),
            (1, 8, "12.5 %"),
            (9_999_999, 10_000_000, ">99.9 %"),
            (9, 9, "100.0 %"),
        ] {
            assert_eq!(percent(part, whole), expected);
        }
    }

    #[test]
    fn rcodes_have_the_names_of_the_registry() {
        for (number, expected) in [(0, "NOERROR"), (3, "NXDOMAIN"), (5, "REFUSED")] {
            assert_eq!(rcode(Rcode(number)), expected);
        }
        assert_eq!(rcode(Rcode::BADVERS), "BADVERS");
        assert_eq!(rcode(Rcode::BADCOOKIE), "BADCOOKIE");
    }
}
