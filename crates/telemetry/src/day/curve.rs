//! The course of a day: what was counted in each five minutes of it.
//!
//! ```text
//! slot   0      00:00:00 to 00:04:59 (UTC)     queries by flow        8 numbers
//!        1      00:05:00 to 00:09:59           responses by class     6
//!        …                                     lost                   1
//!        287    23:55:00 to 23:59:59
//! ```
//!
//! It is for drawing: the day's sums are those of its [`Counts`], and what cannot be placed in
//! time, such as what comes after midnight for the day before, stands in the nearest slot.

use crate::counts::{Counts, Flow, FlowCounts};
use crate::limits::CURVE_SLOT_S;
use crate::time::Day;
use imrs_wire::Rcode;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What was counted in each five minutes of a day, of one node or of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Curve {
    slots: Box<[Slot]>,
}

/// What was counted in five minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    queries: [u64; Flow::ALL.len()],
    responses: [u64; RcodeClass::ALL.len()],
    lost: u64,
}

/// RCODEs, as far as the course of a day tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RcodeClass {
    /// NOERROR.
    NoError,
    /// NXDOMAIN.
    NxDomain,
    /// REFUSED.
    Refused,
    /// FORMERR.
    FormErr,
    /// SERVFAIL.
    ServFail,
    /// Any other.
    Other,
}

impl Curve {
    /// The slots of a day.
    pub const SLOTS: usize = (DAY_S / CURVE_SLOT_S) as usize;

    /// Nothing counted.
    pub fn new() -> Curve {
        Curve {
            slots: vec![Slot::default(); Curve::SLOTS].into_boxed_slice(),
        }
    }

    /// Adds what was counted since the last time, read at this second of Unix time. What is read
    /// before or after the day goes into its first or last slot.
    pub fn add(&mut self, day: Day, at_s: u64, growth: &Counts) {
        if let Some(slot) = self.slot_mut(day, at_s) {
            slot.add_counts(growth);
        }
    }

    /// Adds queries that the server never saw, such as those that the kernel dropped.
    pub fn note_lost(&mut self, day: Day, at_s: u64, queries: u64) {
        if let Some(slot) = self.slot_mut(day, at_s) {
            slot.lost = slot.lost.saturating_add(queries);
        }
    }

    /// Adds what another node counted, by time of day.
    pub fn merge(&mut self, other: &Curve) {
        for (slot, other) in self.slots.iter_mut().zip(&other.slots) {
            slot.merge(other);
        }
    }

    /// The slots in order, [`Curve::SLOTS`] of [`CURVE_SLOT_S`] each.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.slots.iter().all(Slot::is_empty)
    }

    fn slot_mut(&mut self, day: Day, at_s: u64) -> Option<&mut Slot> {
        let index = at_s.saturating_sub(day.start_s()) / CURVE_SLOT_S;
        let last = self.slots.len().saturating_sub(1);
        let index = usize::try_from(index).map_or(last, |index| index.min(last));
        self.slots.get_mut(index)
    }
}

impl Slot {
    /// Queries received over a flow.
    pub fn queries(&self, flow: Flow) -> u64 {
        let counted = Flow::ALL.iter().zip(self.queries);
        let found = counted.into_iter().find(|(known, _)| **known == flow);
        found.map_or(0, |(_, queries)| queries)
    }

    /// Queries received over all flows.
    pub fn queries_sum(&self) -> u64 {
        sum(self.queries)
    }

    /// Responses sent with an RCODE of a class.
    pub fn responses(&self, class: RcodeClass) -> u64 {
        self.responses.get(class as usize).copied().unwrap_or(0)
    }

    /// Responses sent.
    pub fn responses_sum(&self) -> u64 {
        sum(self.responses)
    }

    /// Queries that the server never saw.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        *self == Slot::default()
    }

    fn add_counts(&mut self, growth: &Counts) {
        for (queries, flow) in self.queries.iter_mut().zip(Flow::ALL) {
            let counts = growth.flow(flow);
            *queries = queries.saturating_add(counts.queries());
            for class in RcodeClass::ALL {
                if let Some(sum) = self.responses.get_mut(class as usize) {
                    *sum = sum.saturating_add(class.count(counts));
                }
            }
        }
    }

    fn merge(&mut self, other: &Slot) {
        let queries = self.queries.iter_mut().zip(other.queries);
        let responses = self.responses.iter_mut().zip(other.responses);
        for (sum, count) in queries.chain(responses) {
            *sum = sum.saturating_add(count);
        }
        self.lost = self.lost.saturating_add(other.lost);
    }
}

impl RcodeClass {
    /// All classes; the last is for what the others leave over.
    pub const ALL: [RcodeClass; 6] = [
        RcodeClass::NoError,
        RcodeClass::NxDomain,
        RcodeClass::Refused,
        RcodeClass::FormErr,
        RcodeClass::ServFail,
        RcodeClass::Other,
    ];

    /// Its RCODE, if it has one.
    pub fn rcode(self) -> Option<Rcode> {
        match self {
            RcodeClass::NoError => Some(Rcode::NOERROR),
            RcodeClass::NxDomain => Some(Rcode::NXDOMAIN),
            RcodeClass::Refused => Some(Rcode::REFUSED),
            RcodeClass::FormErr => Some(Rcode::FORMERR),
            RcodeClass::ServFail => Some(Rcode::SERVFAIL),
            RcodeClass::Other => None,
        }
    }

    /// Responses of one flow with an RCODE of this class.
    pub fn count(self, counts: FlowCounts<'_>) -> u64 {
        if let Some(rcode) = self.rcode() {
            return counts.rcode(rcode);
        }
        let named = RcodeClass::ALL.into_iter().filter_map(RcodeClass::rcode);
        let named = named.map(|rcode| counts.rcode(rcode));
        let named = named.fold(0, u64::saturating_add);
        counts.responses().saturating_sub(named)
    }
}

impl Default for Curve {
    fn default() -> Self {
        Curve::new()
    }
}

/// Slots in which something was counted, each with its number, in order.
impl Serialize for Curve {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let slots = (0_u16..).zip(self.slots.iter());
        let counted: Vec<(u16, &Slot)> = slots.filter(|(_, slot)| !slot.is_empty()).collect();
        counted.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Curve {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let counted: Vec<(u16, Slot)> = Vec::deserialize(deserializer)?;
        let mut curve = Curve::new();
        let mut free = 0;
        for (number, counted) in counted {
            match curve.slots.get_mut(usize::from(number)) {
                Some(slot) if number >= free && !counted.is_empty() => *slot = counted,
                _ => {
                    return Err(D::Error::custom(
                        "slots out of order or of no time of a day",
                    ));
                }
            }
            free = number.saturating_add(1);
        }
        Ok(curve)
    }
}

/// A sum that stays at its end: what was read from a file may be anything.
fn sum<const N: usize>(counts: [u64; N]) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}

const DAY_S: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::{Curve, RcodeClass};
    use crate::counts::{Asked, Counts, Exchange, Flow, Sent, Transport};
    use crate::time::Day;
    use imrs_wire::Family;
    use imrs_wire::Rcode;

    const UDP: Flow = Flow::new(Transport::Udp, Family::V4);
    const QUIC: Flow = Flow::new(Transport::Quic, Family::V6);

    fn day() -> Day {
        Day::parse("2025-10-01").unwrap()
    }

    /// So many queries over a flow with a response each, or with none.
    fn counts(flow: Flow, queries: u64, rcode: Option<u16>) -> Counts {
        let mut counts = Counts::new();
        for _ in 0..queries {
            let exchange = Exchange {
                request_octets: 40,
                asked: Asked::default(),
                sent: rcode.map(|rcode| Sent {
                    octets: 100,
                    rcode: Rcode(rcode),
                    truncated: false,
                }),
            };
            counts.record(flow, &exchange);
        }
        counts
    }

    /// Adds at a second of the day and says in which slot it stands.
    fn check(second: i64, slot: usize) {
        let at_s = day().start_s().checked_add_signed(second).unwrap();
        let mut curve = Curve::new();
        curve.add(day(), at_s, &counts(UDP, 3, Some(0)));
        curve.note_lost(day(), at_s, 2);
        for (at, found) in curve.slots().iter().enumerate() {
            let expected = if at == slot { (3, 3, 2) } else { (0, 0, 0) };
            let found = (found.queries_sum(), found.responses_sum(), found.lost());
            assert_eq!(found, expected, "second {second}, slot {at}");
        }
    }

    #[test]
    fn what_is_counted_stands_in_the_five_minutes_in_which_it_was_read() {
        check(0, 0);
        check(299, 0);
        check(300, 1);
        check(43_200, 144);
        check(86_399, 287);
        // What a day's bank still has after midnight, and what a clock shows that goes back.
        check(86_400, 287);
        check(90_000, 287);
        check(-1, 0);
        assert_eq!(Curve::SLOTS, 288);
    }

    #[test]
    fn every_response_is_of_one_class() {
        let mut curve = Curve::new();
        let mut all = Counts::new();
        for rcode in 0..40 {
            all.add(&counts(UDP, u64::from(rcode) + 1, Some(rcode)));
        }
        all.add(&counts(QUIC, 5, None));
        curve.add(day(), day().start_s(), &all);
        let slot = curve.slots()[0];
        let classes = RcodeClass::ALL.map(|class| slot.responses(class));
        assert_eq!(classes, [1, 4, 6, 2, 3, 820 - 16]);
        assert_eq!(
            classes,
            RcodeClass::ALL.map(|class| class.count(all.flow(UDP)))
        );
        assert_eq!(slot.responses_sum(), 820);
        assert_eq!((slot.queries(UDP), slot.queries(QUIC)), (820, 5));
        assert_eq!(slot.queries_sum(), 825);
    }

    #[test]
    fn the_curves_of_two_nodes_are_added_by_time() {
        let start = day().start_s();
        let (mut one, mut other) = (Curve::new(), Curve::new());
        one.add(day(), start + 600, &counts(UDP, 3, Some(3)));
        other.add(day(), start + 899, &counts(QUIC, 4, Some(0)));
        other.note_lost(day(), start + 5000, 9);
        one.merge(&other);
        let slot = one.slots()[2];
        assert_eq!((slot.queries(UDP), slot.queries(QUIC)), (3, 4));
        assert_eq!(slot.responses(RcodeClass::NxDomain), 3);
        assert_eq!(one.slots()[16].lost(), 9);
    }

    #[test]
    fn a_curve_is_read_as_it_was_written_and_anything_else_refused() {
        let mut curve = Curve::new();
        assert_eq!(postcard::to_allocvec(&curve).unwrap(), [0]);
        curve.add(day(), day().start_s() + 700, &counts(UDP, 3, Some(0)));
        curve.note_lost(day(), day().end_s(), u64::MAX);
        let octets = postcard::to_allocvec(&curve).unwrap();
        assert_eq!(postcard::from_bytes(&octets), Ok(curve.clone()));
        // The second slot before the first, and one beyond the day.
        let slot = curve.slots()[2];
        for bad in [vec![(2_u16, slot), (2, slot)], vec![(288, slot)]] {
            let octets = postcard::to_allocvec(&bad).unwrap();
            assert!(postcard::from_bytes::<Curve>(&octets).is_err());
        }
    }
}
