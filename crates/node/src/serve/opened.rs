//! What needs the rights of the start: sockets, and the end of these rights.

use super::encrypted;
use super::plan::Plan;
use crate::control::server::Bound;
use crate::control::v1::UsedFor;
use crate::hand_over::{Taken, TakingOver};
use crate::metrics;
use crate::outbound::Listeners;
use crate::sandbox::{self, InForce, User};
use crate::transport::{self, Inherited, InheritedPair};
use std::fs;
use std::net::{SocketAddr, TcpListener};
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
    /// The node that serves these sockets now, if this one is to take its place.
    pub(super) taking_over: Option<TakingOver>,
}

impl Opened {
    /// Opens all of them, but for those that the node has that this one takes over from.
    pub(super) fn open(plan: &Plan) -> anyhow::Result<Self> {
        let owner = plan.confinement.user.as_ref();
        let owner = owner.map(|user| (user.uid(), user.gid()));
        let (taking_over, taken) = match plan.takes_over {
            true => {
                transport::allow_descriptors(&plan.settings)?;
                TakingOver::begin(&plan.control)?.unzip()
            }
            false => (None, None),
        };
        let mut taken = taken.unwrap_or_default();
        // First: where another node runs, it is named by its control socket.
        let inherited = taking_over.as_ref().and_then(|taking_over| {
            let path = taking_over.path();
            let found = taken.take(UsedFor::Control, &path.display().to_string());
            Some((path, found.into_iter().next()?.1))
        });
        let control = match inherited {
            Some((path, socket)) => Bound::inherited(path, socket.into()),
            None => Bound::new(&plan.control, owner),
        };
        let control = control?;
        let listener = plan.listener.as_ref();
        let transfers = listener.map(|(addresses, _)| {
            let inherited = listeners(&mut taken, UsedFor::TransfersTls, addresses);
            Listeners::open(addresses, inherited)
        });
        let inherited = pairs(&mut taken, &plan.settings.listen);
        let workers = transport::Opened::with(&plan.settings, inherited)?;
        if let Some(reason) = workers.unfiltered() {
            warn!("no socket filter: {reason}");
        }
        let encrypted = encrypted::bind(plan, &mut taken)?;
        let metrics = plan.metrics.as_ref().map(|metrics| {
            let unix = metrics.socket.as_ref().and_then(|path| {
                let found = taken.take(UsedFor::MetricsSocket, &path.display().to_string());
                Some(found.into_iter().next()?.1.into())
            });
            let tcp = listeners(&mut taken, UsedFor::Metrics, &metrics.listen);
            metrics::Bound::with(metrics, owner, metrics::Inherited { tcp, unix })
        });
        for socket in taken.left() {
            info!(
                "{} is not configured here: it is served as long as the server before this one runs",
                socket.at
            );
        }
        Ok(Opened {
            workers,
            transfers: transfers.transpose()?,
            control,
            encrypted,
            metrics: metrics.transpose()?,
            taking_over,
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

/// The sockets of workers that were handed over, by address.
fn pairs(taken: &mut Taken, listen: &[SocketAddr]) -> Vec<Inherited> {
    let of_address = |&address: &SocketAddr| {
        let udp = taken.take(UsedFor::Udp, &address.to_string());
        let tcp = taken.take(UsedFor::Tcp, &address.to_string());
        let pairs = udp.into_iter().zip(tcp);
        let pairs = pairs.map(|((is, udp), (_, tcp))| InheritedPair {
            udp: udp.into(),
            dropped: is.dropped,
            tcp: tcp.into(),
        });
        let pairs = pairs.collect();
        Inherited { address, pairs }
    };
    listen.iter().map(of_address).collect()
}

/// Listeners that were handed over, each with its address.
fn listeners(
    taken: &mut Taken,
    used_for: UsedFor,
    addresses: &[SocketAddr],
) -> Vec<(SocketAddr, TcpListener)> {
    let of_address = |&at: &SocketAddr| {
        let found = taken.take(used_for, &at.to_string()).into_iter().next()?;
        Some((at, found.1.into()))
    };
    addresses.iter().filter_map(of_address).collect()
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
