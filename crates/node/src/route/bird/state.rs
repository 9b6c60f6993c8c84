//! What BIRD tells of its protocols, read tolerantly: what is not understood is not there.

use super::Lines;
use super::conf::{MARKED, OURS};
use super::shortened;
use crate::clock::rfc3339;
use imrs_wire::{Both, Family};
use imrs_zone::record::UnixTime;
use std::collections::BTreeMap;

/// What is in force, and how the sessions are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::route) struct State {
    /// The mark of the configuration, if it is one of ours.
    pub(in crate::route) mark: Option<String>,
    /// Sessions by the names of neighbors.
    pub(in crate::route) sessions: BTreeMap<String, Session>,
    /// The session with the keeper, if there is one.
    pub(in crate::route) keeper: Option<Session>,
    /// Routes that BIRD has of it.
    pub(in crate::route) own: Both<u64>,
}

/// One session.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::route) struct Session {
    pub(in crate::route) state: String,
    pub(in crate::route) since: Option<String>,
    pub(in crate::route) imported: u64,
    pub(in crate::route) exported: u64,
    pub(in crate::route) trouble: Option<String>,
}

impl Session {
    pub(in crate::route) fn is_established(&self) -> bool {
        self.state == "established"
    }
}

/// Reads the reply to `show protocols all`.
pub(in crate::route) fn protocols(lines: &Lines) -> State {
    let mut state = State::default();
    let mut current = "";
    let mut family = None;
    for (number, line) in &lines.0 {
        match number {
            1002 => {
                let words: Vec<&str> = line.split_whitespace().collect();
                let [name, _, _, is_up, since, ..] = words[..] else {
                    current = "";
                    continue;
                };
                current = name;
                let session = Session {
                    state: is_up.to_lowercase(),
                    since: since.parse().ok().map(|time| rfc3339(UnixTime(time))),
                    ..Session::default()
                };
                if let Some(neighbor) = neighbor(name) {
                    state.sessions.insert(neighbor, session);
                } else if name == OURS {
                    state.keeper = Some(session);
                }
            }
            1006 if current == OURS && line.trim().starts_with("Channel ") => {
                family = match line.trim() {
                    "Channel ipv4" => Some(Family::V4),
                    "Channel ipv6" => Some(Family::V6),
                    _ => None,
                };
            }
            1006 => detail(&mut state, current, family, line.trim()),
            _ => {}
        }
    }
    state
}

fn detail(state: &mut State, protocol: &str, family: Option<Family>, line: &str) {
    let Some((key, value)) = line.split_once(':') else {
        return;
    };
    let value = value.trim();
    if protocol == MARKED && key == "Description" {
        state.mark = Some(shortened(value));
    }
    let session = match protocol == OURS {
        true => state.keeper.as_mut(),
        false => neighbor(protocol).and_then(|name| state.sessions.get_mut(&name)),
    };
    let Some(session) = session else { return };
    match key {
        "BGP state" => session.state = shortened(value).to_lowercase(),
        "Last error" => session.trouble = Some(shortened(value)),
        "Routes" => {
            for part in value.split(',') {
                match part.trim().split_once(' ') {
                    Some((count, "imported")) => {
                        session.imported = count.parse().unwrap_or(0);
                        if let Some(family) = family.filter(|_| protocol == OURS) {
                            *state.own.of_mut(family) = session.imported;
                        }
                    }
                    Some((count, "exported")) => session.exported = count.parse().unwrap_or(0),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// The neighbor that a protocol is for.
fn neighbor(protocol: &str) -> Option<String> {
    protocol
        .strip_prefix("n_")
        .map(|name| name.replace('_', "-"))
}

/// Reads the reply to `show bfd sessions`: states by the texts of addresses.
pub(in crate::route) fn bfd(lines: &Lines) -> BTreeMap<String, String> {
    let rows = lines.0.iter().filter(|(number, _)| *number == 1020);
    let rows = rows.map(|(_, line)| line.split_whitespace().collect::<Vec<_>>());
    rows.filter_map(|words| match words[..] {
        [address, _, state, ..] if address.parse::<std::net::IpAddr>().is_ok() => {
            Some((address.to_owned(), state.to_lowercase()))
        }
        _ => None,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Lines {
        let mut lines = Lines::default();
        for line in text.lines() {
            lines.take(line).unwrap();
        }
        lines
    }

    /// As BIRD 2.0.12 says it.
    const PROTOCOLS: &str = "\
2002-Name       Proto      Table      State  Since         Info
1002-imrs_state Device     ---        up     1795648774
1006-  Description:    imrs 0123
 
1002-imrs_keeper BGP        ---        up     1795648774  Established
1006-  BGP state:          Established
   Channel ipv4
     State:          UP
     Routes:         1 imported, 0 exported, 1 preferred
   Channel ipv6
     State:          UP
     Routes:         2 imported, 0 exported, 2 preferred
 
1002-n_host_a   BGP        ---        up     1795648774  Established
1006-  Description:    host-a
   BGP state:          Established
     Last error:       Socket: Connection closed
   Channel ipv4
     Routes:         0 imported, 1 exported, 0 preferred
 
0000 ";

    #[test]
    fn what_bird_says_of_sessions_and_of_itself_is_read() {
        let state = protocols(&lines(PROTOCOLS));
        assert_eq!(state.mark.as_deref(), Some("imrs 0123"));
        assert!(state.keeper.as_ref().is_some_and(Session::is_established));
        assert_eq!(state.own, Both { v4: 1, v6: 2 });
        let session = &state.sessions["host-a"];
        assert!(session.is_established());
        assert_eq!((session.imported, session.exported), (0, 1));
        assert_eq!(session.since.as_deref(), Some("2026-11-25T23:19:34Z"));
        let trouble = session.trouble.as_deref();
        assert_eq!(trouble, Some("Socket: Connection closed"));
    }

    #[test]
    fn bfd_is_read_by_address() {
        let text = "1020-imrs_bfd:\n IP address  Interface  State  Since  Interval  Timeout\n \
                    203.0.113.1  lo  Down  2026-11-25 23:19:34  1.000  0.000\n0000 ";
        assert_eq!(bfd(&lines(text))["203.0.113.1"], "down");
    }

    #[test]
    fn what_is_not_understood_is_not_there() {
        assert_eq!(
            protocols(&lines("1002-\n1006-x\n1006-a:b\n0000 ")),
            State::default()
        );
        assert!(bfd(&lines("1020-\n a\n0000 ")).is_empty());
    }
}
