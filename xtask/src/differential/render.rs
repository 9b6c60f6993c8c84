//! Shows queries, responses and differences to people, in the manner of `dig`.

use super::compare::Said;
use super::constants::{DO, class_text, flag, opcode, rcode_text, type_text};
use super::message::{Message, RrSets, Section};
use super::name::text;
use super::query::Query;
use std::fmt::Write;

/// Octets in hexadecimal.
pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// The query in one line as far as it can be read, and its octets.
pub(super) fn query(query: &Query) -> String {
    let seen = &query.seen;
    let mut line = format!("{:?}: opcode {}", query.kind, seen.opcode());
    line += &flags_text(seen.flags);
    if let Some(question) = &seen.question {
        let _ = write!(
            line,
            ", {} {} {}",
            text(&question.name),
            class_text(question.class),
            type_text(question.rtype)
        );
    }
    if let Some(edns) = &seen.edns {
        let _ = write!(line, ", edns {} udp {}", edns.version, edns.udp_size);
        if edns.flags != 0 {
            let _ = write!(line, " flags {:04x}", edns.flags);
        }
        match &edns.options {
            None => line += " options not well-formed",
            Some(options) => {
                for (code, value) in options {
                    let _ = write!(line, " option {code}:{}", hex(value));
                }
            }
        }
    }
    let _ = write!(
        line,
        ", counts {:?}, {} octets\n{}",
        seen.counts,
        query.octets.len(),
        hex(&query.octets)
    );
    line
}

/// What was said in few words: to group what is alike.
pub(super) fn brief(said: &Said) -> String {
    match said {
        Said::Nothing => "silence".to_owned(),
        Said::Nonsense(malformed) => format!("nonsense ({malformed})"),
        Said::Response(message) => {
            let mut line = rcode_text(message.rcode) + &flags_text(message.flags & !flag::QR);
            if message.question.is_empty() {
                line += " no-question";
            }
            for (name, section) in SECTIONS {
                if !message.section(section).is_empty() {
                    line += name;
                }
            }
            if let Some(opt) = &message.opt {
                line += " opt";
                for (code, _) in &opt.options {
                    let _ = write!(line, "+{code}");
                }
            }
            line
        }
    }
}

const SECTIONS: [(&str, Section); 3] = [
    (" answer", Section::Answer),
    (" authority", Section::Authority),
    (" additional", Section::Additional),
];

/// Everything that was said.
pub(super) fn said(said: &Said) -> String {
    match said {
        Said::Response(response) => message(response),
        other => brief(other) + "\n",
    }
}

fn message(message: &Message) -> String {
    let mut lines = format!(
        ";; opcode: {}, status: {}, flags:{}\n",
        opcode(message.flags),
        rcode_text(message.rcode),
        flags_text(message.flags)
    );
    if let Some(opt) = &message.opt {
        let dnssec_ok = if opt.flags & DO != 0 { " do" } else { "" };
        let _ = writeln!(
            lines,
            ";; EDNS: version {}, flags {:04x}{dnssec_ok}, udp {}",
            opt.version, opt.flags, opt.udp_size
        );
        for (code, value) in &opt.options {
            let _ = writeln!(lines, ";; option {code}: {}", hex(value));
        }
    }
    let _ = writeln!(lines, ";; question: {}", hex(&message.question));
    for (name, section) in SECTIONS {
        let sets = message.section(section);
        if !sets.is_empty() {
            let _ = writeln!(lines, ";;{name}");
            lines += &rrsets(sets);
        }
    }
    lines
}

fn rrsets(sets: &RrSets) -> String {
    let mut lines = String::new();
    for (key, set) in sets {
        let mut rtype = type_text(key.rtype);
        if key.covered != 0 {
            rtype += &format!("({})", type_text(key.covered));
        }
        for data in &set.data {
            let mut shown = hex(data);
            if shown.len() > 64 {
                shown.truncate(60);
                shown += "…";
            }
            let _ = writeln!(
                lines,
                "{}\t{}\t{}\t{rtype}\t{shown}",
                text(&key.owner),
                set.ttl,
                class_text(key.class)
            );
        }
    }
    lines
}

fn flags_text(flags: u16) -> String {
    let set = flag::ALL.iter().filter(|(bit, _)| flags & bit != 0);
    set.fold(String::new(), |text, (_, name)| text + " " + name)
}
