//! What may be told to whom: each zone with its rules and the version that is given out.

use imrs_transfer::access::Rule;
use imrs_transfer::access::allows;
use imrs_transfer::outgoing::{Oversized, Rendered};
use imrs_wire::Serial;
use imrs_zone::Name;
use imrs_zone::difference::Difference;
use imrs_zone::packed::Packed;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// All zones, immutable; a change makes a new one that replaces it whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    /// In the order of the configuration.
    pub(crate) zones: Vec<Listing>,
}

/// One zone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    /// Its name; unknown before something is given out.
    pub(crate) name: Option<Name>,
    /// Whose NOTIFY is heard.
    pub(crate) notify_from: Vec<Rule>,
    /// Who may fetch it.
    pub(crate) allow_transfer: Vec<Rule>,
    /// Whether a NOTIFY was passed on that is not taken up yet.
    pub(crate) announced: Announced,
    /// What is given out; nothing while the zone is not served.
    pub(crate) version: Option<Arc<Version>>,
}

/// Whether a NOTIFY was passed on that is not taken up yet: bounds what a storm of them can cost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Announced(Arc<AtomicBool>);

/// Goes with a NOTIFY that is passed on. Once it is dropped, the next one may be.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<AtomicBool>);

impl Announced {
    /// A ticket, unless one is out.
    pub(super) fn take_ticket(&self) -> Option<Ticket> {
        let Announced(is_out) = self;
        (!is_out.swap(true, Ordering::AcqRel)).then(|| Ticket(Arc::clone(is_out)))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Ticket(is_out) = self;
        is_out.store(false, Ordering::Release);
    }
}

/// A version of a zone that is given out.
#[derive(Debug)]
pub(crate) struct Version {
    packed: Packed,
    /// What leads to it from versions before, the oldest first, each from where the last ended.
    differences: Vec<Arc<Difference>>,
    /// Rendered when somebody first asks for it.
    whole: OnceLock<Result<Arc<Rendered>, Oversized>>,
}

/// Who asks, as far as it matters for access.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker<'a> {
    pub(super) peer: IpAddr,
    pub(super) key: Option<&'a Name>,
    pub(super) is_over_tls: bool,
}

impl Directory {
    /// The zone of this name, and its number.
    pub(super) fn find(&self, name: &Name) -> Option<(usize, &Listing)> {
        self.zones
            .iter()
            .enumerate()
            .find(|(_, zone)| zone.name.as_ref() == Some(name))
    }
}

impl Asker<'_> {
    pub(super) fn is_allowed(&self, rules: &[Rule]) -> bool {
        allows(rules, self.peer, self.key, self.is_over_tls)
    }
}

impl Version {
    /// Takes a version and what leads to it.
    pub(super) fn new(packed: Packed, differences: Vec<Arc<Difference>>) -> Self {
        Version {
            packed,
            differences,
            whole: OnceLock::new(),
        }
    }

    /// Whether it is made of these records.
    pub(super) fn is_of(&self, packed: &Packed) -> bool {
        self.packed.octets().as_ptr() == packed.octets().as_ptr()
    }

    /// The name of the zone.
    pub(super) fn apex(&self) -> &Name {
        self.packed.apex()
    }

    /// Its serial.
    pub(super) fn serial(&self) -> Serial {
        self.packed.serial()
    }

    /// The whole zone (RFC 5936).
    pub(super) fn axfr(&self) -> Result<Arc<Rendered>, Oversized> {
        let render = || Rendered::axfr(&self.packed).map(Arc::new);
        self.whole.get_or_init(render).clone()
    }

    /// What a client that holds `serial` lacks (RFC 1995): the differences where they are kept, else
    /// the whole zone, and the SOA record alone where it lacks nothing.
    pub(super) fn ixfr(&self, serial: Serial) -> Result<Arc<Rendered>, Oversized> {
        if !self.packed.serial().is_newer_than(serial) {
            return self.current();
        }
        match self.chain_from(serial) {
            Some(chain) => Rendered::ixfr(chain, &self.packed.soa()).map(Arc::new),
            None => self.axfr(),
        }
    }

    /// As [`Version::ixfr`], but no more than may fit a datagram: else the SOA record alone.
    pub(super) fn ixfr_of_few(&self, serial: Serial) -> Result<Arc<Rendered>, Oversized> {
        let is_little = |chain: &[Arc<Difference>]| {
            let records =
                |difference: &Arc<Difference>| difference.removed.len() + difference.added.len();
            chain.iter().map(records).sum::<usize>() <= DATAGRAM_RECORDS_MAX
        };
        match self.chain_from(serial).filter(|chain| is_little(chain)) {
            Some(_) => self.ixfr(serial),
            None => self.current(),
        }
    }

    /// The SOA record alone.
    pub(super) fn current(&self) -> Result<Arc<Rendered>, Oversized> {
        Rendered::current(&self.packed.soa()).map(Arc::new)
    }

    fn chain_from(&self, serial: Serial) -> Option<&[Arc<Difference>]> {
        let mut chain = self.differences.iter();
        let at = chain.position(|difference| difference.from == serial)?;
        self.differences.get(at..)
    }
}

/// Records of differences that are worth rendering for a datagram: with less than 60 octets each
/// they do not fit.
const DATAGRAM_RECORDS_MAX: usize = 20;
