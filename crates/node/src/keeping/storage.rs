//! Puts proven zones on disk on a thread of its own, so that a slow disk keeps back no zone.

use super::{Delivery, Event, Happened, Post};
use crate::hosting::Version;
use crate::limits::{FOLDER_LOOK, FOLDER_PATIENCE};
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
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

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
    /// The node that has the stores ends.
    TakeOver,
}

/// Where proven zones are put.
#[derive(Debug)]
pub(crate) struct Storage {
    tasks: Sender<Task>,
    thread: JoinHandle<()>,
}

/// The stores of all zones that are fetched, by their numbers, before anything is put into them.
#[derive(Debug, Default)]
pub(crate) struct Stores {
    stores: Vec<(usize, ZoneStore)>,
    /// Whether another node has them, which this one takes over from.
    are_lent: bool,
}

impl Stores {
    /// Those of a node that is taken over from: they are read, and written to once it has let go of
    /// them.
    pub(crate) fn lent() -> Stores {
        Stores {
            are_lent: true,
            ..Stores::default()
        }
    }

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
        let disk = match self.are_lent {
            true => RealDisk::beside(state, name)?,
            false => RealDisk::open(state, name)?,
        };
        let (store, dropped) = Store::open(disk, name.clone(), keep)?;
        self.stores.push((number, store));
        Ok(dropped.iter().map(|dropped| chain(dropped)).collect())
    }

    /// The store of a zone.
    pub(crate) fn of(&mut self, number: usize) -> Option<&mut ZoneStore> {
        let mut stores = self.stores.iter_mut();
        stores.find_map(|(of, store)| (*of == number).then_some(store))
    }

    /// Puts from now on what is told on disk, on a thread of its own.
    pub(crate) fn start(self, pinned: usize, post: Post) -> std::io::Result<Storage> {
        let (tasks, inbox) = channel();
        let Stores { stores, are_lent } = self;
        let mut stores = stores;
        let work = move || {
            system::yield_to_workers(pinned);
            let early = match are_lent {
                true => wait_for_stores(&inbox, &mut stores, &post),
                false => Vec::new(),
            };
            for task in early.into_iter().chain(inbox) {
                let (Task::Save { zone, .. } | Task::Confirm { zone, .. }) = &task else {
                    continue;
                };
                let zone = *zone;
                if let Some((_, store)) = stores.iter_mut().find(|(number, _)| *number == zone) {
                    report(&post, zone, store, |store| carry_out(store, task));
                }
            }
        };
        let thread = thread::Builder::new()
            .name("storage".to_owned())
            .spawn(work)?;
        Ok(Storage { tasks, thread })
    }
}

/// Waits until another node lets go of the stores, and looks at what it left there. What comes back
/// is to be put there since.
fn wait_for_stores(
    inbox: &Receiver<Task>,
    stores: &mut [(usize, ZoneStore)],
    post: &Post,
) -> Vec<Task> {
    let is_early = |task: &Task| !matches!(task, Task::TakeOver);
    let early = inbox.iter().take_while(is_early).collect();
    let by = Instant::now() + FOLDER_PATIENCE;
    for (zone, store) in stores {
        report(post, *zone, store, |store| take_over(store, by));
    }
    early
}

/// Does something with the store of a zone, and tells what came of it.
fn report(
    post: &Post,
    zone: usize,
    store: &mut ZoneStore,
    work: impl FnOnce(&mut ZoneStore) -> Result<Vec<String>, StoreError>,
) {
    // What a library does not survive, the thread does.
    let done = panic::catch_unwind(AssertUnwindSafe(|| work(store)));
    let result = match done {
        Ok(result) => result.map_err(|error| chain(&error)),
        Err(_) => Err("the server panicked over it".to_owned()),
    };
    let copies = store.copies().to_vec();
    let what = Happened::Stored { copies, result };
    post.put(Event { zone, what });
}

/// Waits for another node to let go of a store, and looks at what it left there.
fn take_over(store: &mut ZoneStore, by: Instant) -> Result<Vec<String>, StoreError> {
    while let Err(error) = store.disk().lock() {
        if !matches!(error, StoreError::InUse { .. }) || Instant::now() >= by {
            return Err(error);
        }
        thread::sleep(FOLDER_LOOK);
    }
    let dropped = store.look_again()?;
    Ok(dropped.iter().map(|dropped| chain(dropped)).collect())
}

/// Does one task. The result has what went wrong beside.
fn carry_out(store: &mut ZoneStore, task: Task) -> Result<Vec<String>, StoreError> {
    // Where another node did not let go in time, this says so each time.
    store.disk().lock()?;
    match task {
        Task::TakeOver => Ok(Vec::new()),
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

    /// The node that has the stores ends: they are ours from now on.
    pub(super) fn take_over(&self) {
        let _ = self.tasks.send(Task::TakeOver);
    }

    /// Puts all on disk that is to be there, and lets go of the stores.
    pub(super) fn stop(self) {
        drop(self.tasks);
        // What the thread panicked of was told when it did.
        let _ = self.thread.join();
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
