//! What the node does against attacks, as it stands now: the secrets of cookies, who is blocked,
//! and the limits on responses.
//!
//! The node's own thread owns it and makes of it what the workers are given.

pub mod blocklist;
mod jar;

pub(crate) use blocklist::{Blocked, BlocklistError};
pub use jar::{Jar, JarError};

use crate::{chain, config};
use imrs_engine::{Defence, Identity, Prefixes, Service};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Nobody outside can forge these addresses, as the system takes them from nowhere else.
const LOOPBACK: [(IpAddr, u8); 2] = [
    (IpAddr::V4(Ipv4Addr::LOCALHOST), 8),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
];

/// What the node does against attacks.
#[derive(Debug)]
pub(crate) struct Guard {
    identity: Identity,
    jar: Option<Jar>,
    defence: Arc<Defence>,
    blocklist: Option<PathBuf>,
    /// Why the file of blocked prefixes was not taken when it was read last.
    refusal: Option<String>,
}

/// Whether the files that the configuration names have what they are named for. Writes nothing.
pub(crate) fn check(config: &config::Defence) -> anyhow::Result<()> {
    let cookies = config.cookies.as_ref();
    if let Some(file) = cookies.and_then(|cookies| cookies.secret_file.as_ref()) {
        Jar::read(file)?;
    }
    if let Some(file) = &config.blocklist {
        blocklist::read(file)?;
    }
    Ok(())
}

impl Guard {
    /// What the configuration says, with the secrets and the blocked prefixes that its files have.
    pub(crate) fn new(
        identity: &Identity,
        config: &config::Defence,
        state: Option<&Path>,
        workers: u32,
    ) -> anyhow::Result<Guard> {
        let jar = match &config.cookies {
            None => None,
            Some(cookies) => Some(match (&cookies.secret_file, state) {
                (Some(file), _) => Jar::read(file)?,
                (None, Some(state)) => Jar::read_or_make(state)?,
                (None, None) => Jar::at_random(),
            }),
        };
        let blocked = match &config.blocklist {
            Some(file) => blocklist::read(file)?,
            None => Blocked::default(),
        };
        let exempt = { config.exempt.iter() }.map(|prefix| (prefix.address(), prefix.len()));
        let exempt = exempt.chain(LOOPBACK);
        Ok(Guard {
            identity: identity.clone(),
            jar,
            defence: Arc::new(Defence {
                rates: config.rates.map(|rates| rates.shared_among(workers)),
                require_cookies: { config.cookies.as_ref() }.is_some_and(|cookies| cookies.require),
                exempt: Prefixes::new(exempt),
                blocked: blocked.0,
            }),
            blocklist: config.blocklist.clone(),
            refusal: None,
        })
    }

    /// What the workers answer with, but for the zones.
    pub(crate) fn service(&self) -> Service {
        Service {
            identity: self.identity.clone(),
            cookies: { self.jar.as_ref() }.map(|jar| Arc::new(jar.secrets())),
            defence: Arc::clone(&self.defence),
            ..Service::default()
        }
    }

    /// The secrets of cookies, if cookies are used.
    pub(crate) fn jar(&mut self) -> Option<&mut Jar> {
        self.jar.as_mut()
    }

    /// Whether a cookie is demanded of everybody.
    pub(crate) fn requires_cookies(&self) -> bool {
        self.defence.require_cookies
    }

    /// Demands a cookie of everybody from now on, or no longer.
    pub(crate) fn require_cookies(&mut self, is_required: bool) {
        let mut defence = Defence::clone(&self.defence);
        defence.require_cookies = is_required;
        self.defence = Arc::new(defence);
    }

    /// The file of the blocked prefixes.
    pub(crate) fn blocklist(&self) -> Option<&PathBuf> {
        self.blocklist.as_ref()
    }

    /// How many prefixes are blocked.
    pub(crate) fn blocked(&self) -> usize {
        self.defence.blocked.len()
    }

    /// Blocks what the file says now, in place of what it said before; one that is not good
    /// changes nothing.
    pub(crate) fn block(&mut self, read: Result<Blocked, BlocklistError>) {
        match read {
            Ok(blocked) => {
                let mut defence = Defence::clone(&self.defence);
                defence.blocked = blocked.0;
                self.defence = Arc::new(defence);
                self.refusal = None;
            }
            Err(refusal) => self.refusal = Some(chain(&refusal)),
        }
    }

    /// Why who is blocked is not what the file says, if so.
    pub(crate) fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }
}
