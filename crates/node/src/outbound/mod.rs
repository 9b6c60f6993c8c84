//! What goes out beside answers: zones to secondaries, and what is said to NOTIFY.
//!
//! ```text
//! desk       answers messages that zones alone do not answer, on the worker's thread
//! directory  what may be told to whom
//! transfers  sends zones, on threads of their own
//! pace       how fast, all together
//! listener   takes connections over TLS (RFC 9103)
//! ```
//!
//! Knows nothing of where zones come from.

mod desk;
mod directory;
mod listener;
mod pace;
mod transfers;

pub(crate) use desk::Desk;
pub(crate) use directory::{Directory, Listing, Ticket};
pub(crate) use listener::{ListenError, Listeners, Listening};
pub(crate) use transfers::Bounds;

use crate::accounting::Recorder;
use crate::dial::tls;
use crate::hosting::Hosting;
use crate::keeping::Post;
use crate::site::Neighborhood;
use arc_swap::ArcSwap;
use directory::Version;
use imrs_engine::Service;
use imrs_transfer::tsig::Keys;
use std::io;
use std::sync::Arc;
use transfers::Transfers;

/// What goes out beside answers.
pub(crate) struct Outbound {
    directory: Arc<ArcSwap<Directory>>,
    desk: Arc<Desk>,
}

impl Outbound {
    /// Gives nothing out before the first [`Outbound::update`].
    pub(crate) fn new(
        directory: Directory,
        keys: Keys,
        bounds: Bounds,
        service: Arc<ArcSwap<Service>>,
        post: Post,
        recorder: Recorder,
        neighborhood: Option<Arc<Neighborhood>>,
    ) -> io::Result<Self> {
        let directory = Arc::new(ArcSwap::from_pointee(directory));
        let transfers = Transfers::new(bounds, service, recorder);
        let shown = Arc::clone(&directory);
        let desk = Arc::new(Desk::new(keys, shown, transfers, post, neighborhood));
        desk.transfers().take_handed(&desk)?;
        Ok(Outbound { directory, desk })
    }

    /// What answers messages that zones alone do not answer.
    pub(crate) fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Takes connections over TLS until what it returns is dropped.
    pub(crate) fn listen(
        &self,
        listeners: Listeners,
        server: tls::Server,
    ) -> Result<Listening, ListenError> {
        listener::listen(listeners, &Arc::new(server), &self.desk)
    }

    /// Whether a transfer is being sent.
    pub(crate) fn is_sending(&self) -> bool {
        self.desk.transfers().are_running()
    }

    /// Gives out from now on what is served from now on.
    pub(crate) fn update(&self, hosting: &Hosting) {
        let before = self.directory.load();
        let listings = before.zones.iter().zip(hosting.zones());
        let zones = listings.map(|(listing, hosted)| {
            let served = hosted.version.as_ref().filter(|_| hosted.is_served());
            let version = served.map(|served| {
                let packed = &served.held().packed;
                let same = listing.version.as_ref();
                match same.filter(|version| version.is_of(packed)) {
                    Some(version) => Arc::clone(version),
                    None => Arc::new(Version::new(packed.clone(), served.differences().to_vec())),
                }
            });
            Listing {
                name: Some(hosted.name().clone()),
                version,
                ..listing.clone()
            }
        });
        let zones = zones.collect();
        self.directory.store(Arc::new(Directory { zones }));
    }
}
