//! What an operator does by hand: withdraw everything without a keeper, and read what BIRD is given.

use super::bird::conf::{Settings, conf};
use super::bird::state::protocols;
use super::bird::{Bird, BirdError};
use super::keeper::folder::{File, Folder};
use super::keeper::read;
use super::limits::{SETTLE, SETTLE_LOOK};
use crate::config::anycast::{BIRD, FOLDER};
use crate::config::{ConfigError, Password};
use anyhow::{Context, bail};
use imrs_fleet::anycast::{Stand, Wish};
use imrs_wire::Both;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

/// What became of a withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// BIRD tells nobody of anything.
    Done,
    /// There is no BIRD to tell anybody.
    NoBird,
}

/// Has BIRD announce nothing, with or without a keeper. A configuration that cannot be read is no
/// reason to go on announcing: then BIRD is looked for at the usual place.
pub fn withdraw(file: &Path) -> anyhow::Result<Withdrawn> {
    let settings = read(file);
    let (socket, folder) = match &settings {
        Ok(settings) => {
            let anycast = &settings.anycast;
            (anycast.bird.clone(), anycast.folder.clone())
        }
        Err(error) => {
            eprintln!("imrs: {error}; BIRD is looked for in {FOLDER}");
            let folder = PathBuf::from(FOLDER);
            (folder.join(BIRD), folder)
        }
    };
    let mut bird = match Bird::open(&socket) {
        Ok(bird) => bird,
        Err(BirdError::Lost(cause)) if is_absent(&cause) => return Ok(Withdrawn::NoBird),
        Err(error) => return Err(error).with_context(|| socket.display().to_string()),
    };
    let started = Folder::open(&folder)
        .map_err(BirdError::Write)
        .and_then(|folder| start_again(&mut bird, &folder, settings.ok().as_ref()));
    if let Err(cause) = started {
        eprintln!("imrs: {}; all its sessions are ended", crate::chain(&cause));
        bird.ask("disable all")?;
    }
    let until = Instant::now() + SETTLE;
    loop {
        let state = protocols(&bird.ask("show protocols all")?);
        let exported: u64 = state
            .sessions
            .values()
            .map(|session| session.exported)
            .sum();
        if exported == 0 {
            return Ok(Withdrawn::Done);
        }
        if Instant::now() >= until {
            bail!("BIRD still tells of {exported} routes; stop it");
        }
        thread::sleep(SETTLE_LOOK);
    }
}

/// Loads what BIRD starts with; it is written anew if it is gone.
fn start_again(
    bird: &mut Bird,
    folder: &Folder,
    settings: Option<&Settings>,
) -> Result<(), BirdError> {
    let place = folder.place(File::Start);
    if let Some(settings) = settings.filter(|_| !place.exists()) {
        let start = conf(settings, &Wish::default());
        folder
            .write(File::Start, &start)
            .map_err(BirdError::Write)?;
    }
    bird.ask(&format!("configure \"{}\"", place.display()))
        .map(drop)
}

fn is_absent(cause: &io::Error) -> bool {
    let kind = cause.kind();
    kind == io::ErrorKind::NotFound || kind == io::ErrorKind::ConnectionRefused
}

/// The configuration that BIRD starts with, or with all announced; passwords are hidden.
pub fn bird_conf(file: &Path, stand: Stand) -> Result<String, ConfigError> {
    let mut settings = read(file)?;
    for password in settings.passwords.values_mut() {
        *password = Password::hidden();
    }
    settings.own = Password::hidden();
    let wish = Wish {
        stands: Both {
            v4: stand,
            v6: stand,
        },
        ..Wish::default()
    };
    Ok(conf(&settings, &wish).text.to_string())
}
