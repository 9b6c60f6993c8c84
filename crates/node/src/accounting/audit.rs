//! Whether what was counted at different places is the same.
//!
//! A worker counts each message when it has decided about it, by transport and by reason; what it
//! sent is recorded once more, by contents, for the day. So two equations hold whenever nobody is
//! between two of these places:
//!
//! ```text
//! received  = composed + dropped for a reason
//! composed  = recorded + own probes + refused by the kernel on sending   (UDP)
//! ```
//!
//! Workers are never stopped to be read. But all these numbers only grow, so one side of an equation
//! is read between two readings of the other: it lies between them, or something is not counted.

use std::fmt;

/// What the workers count by the time they decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Books {
    /// Messages received.
    pub(crate) received: u64,
    /// Messages that were dropped, for whatever reason.
    pub(crate) dropped: u64,
    /// Responses composed, over UDP and over TCP.
    pub(crate) composed_udp: u64,
    /// The same over TCP.
    pub(crate) composed_tcp: u64,
    /// Responses over UDP that the kernel did not take.
    pub(crate) unsent: u64,
    /// Messages that can be between two places at once: what is on the hands of all workers.
    pub(crate) in_hand: u64,
}

/// What the equations came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    /// Messages received of which it is not known what became, or below 0 fates without a message.
    pub(crate) unexplained: i64,
    /// Responses that were sent and not recorded, or below 0 recorded and not sent.
    pub(crate) unrecorded: i64,
}

impl Books {
    /// What became of messages, all together.
    fn explained(&self) -> u64 {
        self.dropped + self.composed_udp + self.composed_tcp
    }

    fn sent(&self) -> u64 {
        self.composed_udp.saturating_sub(self.unsent)
    }
}

impl Balance {
    /// Compares by three readings of the books, one after the other, and the responses over UDP that
    /// were recorded by the time of the second.
    pub(crate) fn of([before, between, after]: &[Books; 3], recorded: u64) -> Balance {
        let in_hand = after.in_hand;
        let fates = between.explained();
        Balance {
            unexplained: missing(before.received, fates, after.received, in_hand),
            unrecorded: missing(before.sent(), recorded, after.sent(), in_hand),
        }
    }

    /// Whether all is accounted for.
    pub(crate) fn holds(self) -> bool {
        self == Balance::default()
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Balance {
            unexplained,
            unrecorded,
        } = self;
        write!(
            f,
            "{unexplained} messages without a fate, {unrecorded} responses without a record"
        )
    }
}

/// By how much a number is below what it has to equal, or above it as a number below 0.
fn missing(least: u64, number: u64, most: u64, in_hand: u64) -> i64 {
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let (least, most) = (least.saturating_sub(in_hand), most.saturating_add(in_hand));
    if number > most {
        -signed(number - most)
    } else {
        signed(least.saturating_sub(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many messages over UDP, of which some were dropped, and some could not be sent.
    fn books(received: u64, dropped: u64, unsent: u64) -> Books {
        Books {
            received,
            dropped,
            composed_udp: received - dropped,
            unsent,
            in_hand: 64,
            ..Books::default()
        }
    }

    fn check(books: [Books; 3], responses: u64, unexplained: i64, unrecorded: i64) {
        let balance = Balance::of(&books, responses);
        let expected = Balance {
            unexplained,
            unrecorded,
        };
        assert_eq!(balance, expected, "{balance}");
    }

    #[test]
    fn what_is_on_hand_is_no_difference() {
        check([books(1000, 100, 10); 3], 890, 0, 0);
        check([books(1000, 100, 10); 3], 826, 0, 0);
        let grows = [
            books(1000, 100, 10),
            books(3000, 300, 10),
            books(5000, 500, 10),
        ];
        check(grows, 2600, 0, 0);
    }

    #[test]
    fn what_is_not_counted_somewhere_shows() {
        check([books(1000, 100, 10); 3], 825, 0, 1);
        check([books(1000, 100, 10); 3], 955, 0, -1);
        let mut lost = books(1000, 100, 10);
        lost.dropped = 35;
        check([lost; 3], 890, 1, 0);
    }
}
