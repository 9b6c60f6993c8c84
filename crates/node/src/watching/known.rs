//! The zone in service, by which answers are judged: its records, not the image that is served.

use arc_swap::ArcSwapOption;
use domain::base::iana::Rtype;
use imrs_probe::Data;
use imrs_probe::judge::Zone;
use imrs_zone::Name;
use imrs_zone::packed::Packed;
use imrs_zone::record::UnixTime;
use std::sync::{Arc, Mutex, PoisonError};

/// A version of the zone that is watched.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// Its records.
    pub(crate) packed: Packed,
    /// The other zones that are served: what is asked about them is not answered from this one.
    pub(crate) others: Vec<Name>,
}

/// The zone that is served, once it is indexed.
#[derive(Debug, Default)]
pub(crate) struct Known {
    facts: ArcSwapOption<Facts>,
    /// What is to be indexed.
    expected: Mutex<Option<Watched>>,
}

/// The zone that is served, and what follows from its records.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) zone: Zone<'static>,
    pub(crate) others: Vec<Name>,
    /// When the signature over its SOA record began: the zone is no older.
    pub(crate) made: Option<UnixTime>,
    /// When the last of its signatures began.
    pub(crate) begun: Option<UnixTime>,
}

impl Known {
    /// Another version is about to be served, or none.
    pub(crate) fn expect(&self, watched: Option<Watched>) {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        self.facts.store(None);
        *expected = watched;
    }

    /// The zone that is served, if it is indexed.
    pub(crate) fn facts(&self) -> Option<Arc<Facts>> {
        self.facts.load_full()
    }

    /// Whether this is still what is known.
    pub(crate) fn is(&self, facts: &Arc<Facts>) -> bool {
        self.facts().is_some_and(|now| Arc::ptr_eq(&now, facts))
    }

    /// Indexes what is expected, if anything is. Takes some 50 ms for the root.
    pub(super) fn index(&self) {
        let expected = || self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(watched) = expected().take() else {
            return;
        };
        let facts = Arc::new(Facts::of(watched));
        let expected = expected();
        // Yet another may have come meanwhile.
        if expected.is_none() {
            self.facts.store(Some(facts));
        }
    }
}

impl Facts {
    pub(crate) fn of(watched: Watched) -> Facts {
        let Watched { packed, others } = watched;
        let records = packed.records();
        let mut facts = Facts {
            others,
            made: None,
            begun: None,
            zone: Zone::new(packed.apex(), Vec::new()),
        };
        for record in &records {
            let Data::Rrsig(rrsig) = record.data() else {
                continue;
            };
            let began = UnixTime(u64::from(rrsig.inception().into_int()));
            facts.begun = facts.begun.max(Some(began));
            if rrsig.type_covered() == Rtype::SOA {
                facts.made = facts.made.max(Some(began));
            }
        }
        facts.zone = Zone::new(packed.apex(), records);
        facts
    }
}
