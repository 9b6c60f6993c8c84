//! What needs the rights of the start: sockets, and the end of these rights.

use super::encrypted;
use super::plan::Plan;
use crate::control::server::Bound;
use crate::metrics;
use crate::outbound::Listeners;
use crate::sandbox::{self, InForce, User};
use crate::transport;
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use tracing::{info, warn};

/// The sockets of a node, open and not answered yet.
pub(super) struct Opened {
    pub(super) workers: transport::Opened,
    /// Where zones are given out over TLS, if they are.
    pub(super) transfers: Option<Listeners>,
    pub(super) control: Bound,
    /// Where DNS is answered over TLS and QUIC, if it is.
    pub(super) encrypted: Option<crate::encrypted::Bound>,
    /// Where metrics are fetched, if they are.
    pub(super) metrics: Option<metrics::Bound>,
}

impl Opened {
    /// Opens all of them.
    pub(super) fn open(plan: &Plan) -> anyhow::Result<Self> {
        let owner = plan.confinement.user.as_ref();
        // First: where another node runs, it is named by its control socket.
        let control = Bound::new(&plan.control, owner.map(|user| (user.uid(), user.gid())))?;
        let listener = plan.listener.as_ref();
        let transfers = listener.map(|(addresses, _)| Listeners::open(addresses));
        let workers = transport::Opened::new(&plan.settings)?;
        if let Some(reason) = workers.unfiltered() {
            warn!("no socket filter: {reason}");
        }
        Ok(Opened {
            workers,
            transfers: transfers.transpose()?,
            control,
            encrypted: encrypted::bind(plan)?,
            metrics: { plan.metrics.as_ref() }
                .map(|metrics| {
                    metrics::Bound::open(metrics, owner.map(|user| (user.uid(), user.gid())))
                })
                .transpose()?,
        })
    }

    /// Gives up what no one needs from here on; workers will give up more when they start.
    pub(super) fn confine(self, plan: &Plan) -> anyhow::Result<(Self, InForce)> {
        let mut wanted = plan.confinement.clone();
        for folder in &plan.folders {
            make(folder, wanted.user.as_ref());
        }
        // Names of sockets are taken away at the end.
        let metrics = self.metrics.as_ref().and_then(metrics::Bound::path);
        for socket in [Some(self.control.path()), metrics].into_iter().flatten() {
            let folder = socket.parent();
            let named = folder.filter(|folder| !folder.as_os_str().is_empty());
            let named = named.unwrap_or(Path::new("."));
            wanted.write.push(named.to_owned());
        }
        let in_force = sandbox::enter(&wanted)?;
        let user = wanted.user.as_ref().map(User::name);
        if let Some(user) = user {
            info!("user {user} from here on");
        }
        let workers = match in_force.worker_filter()? {
            Some(filter) => self.workers.confined(move || filter.apply()),
            None => self.workers,
        };
        Ok((Opened { workers, ..self }, in_force))
    }
}

/// Makes a folder for whom we become, if it is not there: the file system is narrowed down to what
/// is there. Whoever wants to write there says so when it cannot.
fn make(folder: &Path, owner: Option<&User>) {
    if folder.exists() {
        return;
    }
    let made = fs::create_dir_all(folder).and_then(|()| match owner {
        Some(user) => chown(folder, Some(user.uid()), Some(user.gid())),
        None => Ok(()),
    });
    if let Err(cause) = made {
        warn!("cannot make {}: {cause}", folder.display());
    }
}
