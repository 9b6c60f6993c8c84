//! `imrs route`: the loop of the keeper.
//!
//! Start reading at [`run`]. `clients` takes what is wished, `desk` brings it together, `speaker`
//! makes BIRD so, and `trial` is what changed settings go through. The thread that [`run`] is called
//! on takes signals and tells the service manager.

mod addresses;
mod clients;
mod desk;
pub(super) mod folder;
mod presence;
mod report;
mod signed;
mod speaker;
mod trial;

use super::bird::conf::Settings;
use super::limits::{END_PATIENCE, SPEAKER_STALL};
use crate::chain;
use crate::config::{Config, ConfigError, Password};
use crate::control::server::bind_privately;
use crate::serve::notify::notify;
use anyhow::{Context, bail};
use desk::{Desk, Proposed};
use folder::Folder;
use sd_notify::NotifyState;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use speaker::Speaker;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// Keeps routes as they are wished, until a signal ends it: then nothing is announced.
pub fn run(file: &Path) -> anyhow::Result<()> {
    let settings = read(file)?;
    let path = settings.anycast.keeper.clone();
    let signals = signals().context("cannot take signals")?;
    let folder = { Folder::open(&settings.anycast.folder) }
        .with_context(|| format!("cannot use {}", settings.anycast.folder.display()))?;
    // The socket first: where another keeper has it, the files are that one's.
    let listener = bind(&path)?;
    let speaker = Speaker::new(folder, settings.clone())
        .with_context(|| format!("cannot write to {}", settings.anycast.folder.display()))?;
    let desk = Arc::new(Desk::new());
    let thread_desk = Arc::clone(&desk);
    { thread::Builder::new().name("speaker".to_owned()) }
        .spawn(move || speaker.run(&thread_desk))
        .context("cannot start a thread")?;
    clients::start(listener, Arc::clone(&desk)).context("cannot start a thread")?;
    info!("ready: wishes are taken on {}", path.display());
    notify(&[NotifyState::Ready]);
    let signal = tend(&desk, &signals, file, &settings);
    info!("ending on {signal}: everything is withdrawn");
    notify(&[NotifyState::Stopping]);
    if !desk.end(END_PATIENCE) {
        warn!("BIRD did not say in time that everything is withdrawn");
    }
    let _ = fs::remove_file(&path);
    Ok(())
}

/// What the configuration says of routes, with the passwords that BIRD needs.
pub(super) fn read(file: &Path) -> Result<Settings, ConfigError> {
    let config = Config::read(file)?;
    let passwords = config.read_passwords(file)?;
    let Some(anycast) = config.anycast else {
        return Err(ConfigError::of_options(format!(
            "{} has no [anycast], so there is nothing to announce; add it, with a [[neighbor]]",
            file.display()
        )));
    };
    Ok(Settings {
        anycast,
        passwords,
        own: Password::random(),
    })
}

/// Signals, by their numbers, from now on.
fn signals() -> std::io::Result<Receiver<i32>> {
    let mut signals = Signals::new([SIGHUP, SIGTERM, SIGINT])?;
    let (sender, receiver) = channel();
    let forward = move || {
        for signal in signals.forever() {
            let _ = sender.send(signal);
        }
    };
    { thread::Builder::new().name("signals".to_owned()) }.spawn(forward)?;
    Ok(receiver)
}

/// Makes the keeper's socket, for its user and its group.
fn bind(path: &Path) -> anyhow::Result<UnixListener> {
    if let Ok(found) = fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            bail!("{} is there and no socket; remove it", path.display());
        }
        if UnixStream::connect(path).is_ok() {
            bail!(
                "another keeper has {}; stop it, or name another `keeper` in [anycast]",
                path.display()
            );
        }
    }
    bind_privately(path, None, 0o660).with_context(|| format!("cannot make {}", path.display()))
}

/// Takes signals until one ends the process, and tells the service manager that all is well while
/// it is. The name of the signal.
fn tend(desk: &Desk, signals: &Receiver<i32>, file: &Path, first: &Settings) -> &'static str {
    let watchdog = sd_notify::watchdog_enabled();
    let pause = watchdog.map_or(Duration::from_secs(3600), |time| time / 3);
    loop {
        match signals.recv_timeout(pause) {
            Ok(SIGHUP) => desk.propose(read_again(file, first)),
            Ok(SIGINT) => return "SIGINT",
            Ok(_) | Err(RecvTimeoutError::Disconnected) => return "SIGTERM",
            Err(RecvTimeoutError::Timeout) => {}
        }
        let silence = Instant::now().saturating_duration_since(desk.last_sign());
        if watchdog.is_some() && silence < SPEAKER_STALL {
            notify(&[NotifyState::Watchdog]);
        }
    }
}

/// Reads the configuration again; where the sockets and files are stays as it was.
fn read_again(file: &Path, first: &Settings) -> Proposed {
    let mut settings = read(file).map_err(|error| chain(&error))?;
    settings.own = first.own.clone();
    let places = |settings: &Settings| {
        let anycast = &settings.anycast;
        [&anycast.keeper, &anycast.bird, &anycast.folder].map(Clone::clone)
    };
    if places(&settings) != places(first) {
        return Err(
            "`keeper`, `bird` and `folder` in [anycast] change with a restart of the keeper"
                .to_owned(),
        );
    }
    Ok(settings)
}
