//! Puts proven zones on disk on a thread of its own, so that a slow disk keeps back no zone.

use super::{Delivery, Event, Happened, Post};
use crate::hosting::Version;
use crate::store::{Facts, Keep, RealDisk, Store, StoreError, ZoneCopy};
use crate::{chain, system};
use imrs_wire::Serial;
use imrs_zone::Name;
use imrs_zone::difference::Difference;
use imrs_zone::packed::Packed;
use imrs_zone::record::UnixTime;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// The store of one zone.
type ZoneStore = Store<RealDisk>;

/// Something to put on disk.
enum Task {
    Save {
        zone: usize,
        packed: Packed,
        facts: Facts,
        difference: Option<Arc<Difference>>,
    },
    Confirm {
        zone: usize,
        serial: Serial,
        at: UnixTime,
    },
}

/// Where proven zones are put.
#[derive(Debug)]
pub(crate) struct Storage {
    tasks: Sender<Task>,
}

/// The stores of all zones that are fetched, by their numbers, before anything is put into them.
#[derive(Debug, Default)]
pub(crate) struct Stores(Vec<(usize, ZoneStore)>);

impl Stores {
    /// Opens the store of a zone below the node's state folder, which is made if need be. Says what
    /// was dropped.
    pub(crate) fn open(
        &mut self,
        state: &Path,
        number: usize,
        name: &Name,
        keep: Keep,
    ) -> Result<Vec<String>, StoreError> {
        // Where that fails, what comes next says why.
        let _ = DirBuilder::new().recursive(true).mode(0o700).create(state);
        let disk = RealDisk::open(state, name)?;
        let (store, dropped) = Store::open(disk, name.clone(), keep)?;
        let Stores(stores) = self;
        stores.push((number, store));
        Ok(dropped.iter().map(|dropped| chain(dropped)).collect())
    }

    /// The store of a zone.
    pub(crate) fn of(&mut self, number: usize) -> Option<&mut ZoneStore> {
        let Stores(stores) = self;
        let mut stores = stores.iter_mut();
        stores.find_map(|(of, store)| (*of == number).then_some(store))
    }

    /// Puts from now on what is told on disk, on a thread of its own.
    pub(crate) fn start(self, pinned: usize, post: Post) -> std::io::Result<Storage> {
        let (tasks, inbox) = channel();
        let Stores(mut stores) = self;
        let work = move || {
            system::yield_to_workers(pinned);
            for task in inbox {
                let (Task::Save { zone, .. } | Task::Confirm { zone, .. }) = &task;
                let zone = *zone;
                let Some((_, store)) = stores.iter_mut().find(|(number, _)| *number == zone) else {
                    continue;
                };
                // What a library does not survive, the thread does.
                let done = panic::catch_unwind(AssertUnwindSafe(|| carry_out(store, task)));
                let result = match done {
                    Ok(result) => result.map_err(|error| chain(&error)),
                    Err(_) => Err("the server panicked over it".to_owned()),
                };
                let copies = store.copies().to_vec();
                let what = Happened::Stored { copies, result };
                post.put(Event { zone, what });
            }
        };
        thread::Builder::new()
            .name("storage".to_owned())
            .spawn(work)?;
        Ok(Storage { tasks })
    }
}

/// Does one task. The result has what went wrong beside.
fn carry_out(store: &mut ZoneStore, task: Task) -> Result<Vec<String>, StoreError> {
    match task {
        Task::Save {
            packed,
            facts,
            difference,
            ..
        } => store
            .save(&packed, &facts, difference.as_deref())
            .map(|saved| {
                store.mark_in_service(Some(saved.header.generation));
                saved
                    .troubles
                    .iter()
                    .map(|trouble| chain(trouble))
                    .collect()
            }),
        Task::Confirm { serial, at, .. } => store.confirm(serial, at).map(|()| Vec::new()),
    }
}

impl Storage {
    /// Puts a version on disk, beside those that are there.
    pub(super) fn save(
        &self,
        zone: usize,
        packed: Packed,
        facts: Facts,
        difference: Option<Arc<Difference>>,
    ) {
        // The thread ends only with the node.
        let _ = self.tasks.send(Task::Save {
            zone,
            packed,
            facts,
            difference,
        });
    }

    /// Notes on disk that a primary confirmed the zone.
    pub(super) fn confirm(&self, zone: usize, serial: Serial, at: UnixTime) {
        let _ = self.tasks.send(Task::Confirm { zone, serial, at });
    }
}

/// What leads from the oldest version that it can to a copy.
pub(crate) fn chain_to(store: &ZoneStore, copy: &ZoneCopy) -> Vec<Arc<Difference>> {
    let to = copy.header.serial;
    let mut older = store.copies().iter().rev();
    older
        .find_map(|from| store.differences(from.serial, to))
        .unwrap_or_default()
}

/// What is put on disk beside the records.
pub(super) fn facts(delivery: &Delivery, version: &Version) -> Facts {
    let proof = &version.proof;
    let digest = match proof.digest {
        Some(hash) => format!("ZONEMD {hash} good"),
        None => "no ZONEMD".to_owned(),
    };
    let mut verdicts = vec![digest, format!("{} signatures good", proof.signatures)];
    verdicts.extend(proof.warnings.iter().cloned());
    Facts {
        source: delivery.source.clone(),
        fetched_at: delivery.received_at,
        proven_at: version.loaded_at,
        expires: proof.expires,
        verdicts,
    }
}
