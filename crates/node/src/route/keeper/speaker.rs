//! The one that speaks to BIRD: looks how it is, makes it as wished, and tells what came of it.
//!
//! Start reading at `tend`. What BIRD took last is known by its mark; whatever else is in force,
//! as somebody reconfigured or restarted it, is replaced at the next look.

use super::addresses;
use super::desk::{Desk, Proposed};
use super::folder::{File, Folder};
use super::trial::{Trial, Verdict};
use crate::chain;
use crate::route::bird::conf::{Conf, Settings, conf, session_of};
use crate::route::bird::state::{State, bfd, protocols};
use crate::route::bird::{Bird, BirdError};
use crate::route::limits::{LOOK, SEEK, SETTLE, SETTLE_LOOK, TRIAL_SPARE};
use imrs_fleet::Family;
use imrs_fleet::anycast::{Stand, Wish};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::thread;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// What the thread that speaks to BIRD knows.
#[derive(Debug)]
pub(super) struct Speaker {
    pub(super) folder: Folder,
    pub(super) settings: Settings,
    pub(super) bird: Option<Bird>,
    pub(super) seen: Seen,
    pub(super) trial: Option<Trial>,
    pub(super) trouble: Trouble,
    /// Settings that wait for their trial.
    proposed: Option<Settings>,
    /// The last configurations that BIRD took, by their marks.
    taken: VecDeque<(String, Wish)>,
}

/// How BIRD was at the last look.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) state: State,
    pub(super) bfd: BTreeMap<String, String>,
}

/// What keeps us from what is wished.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Trouble {
    /// BIRD is not there, or will not do it.
    pub(super) bird: Option<String>,
    /// Settings that were read again are not in use.
    pub(super) settings: Option<String>,
    /// Service addresses are not where they should be.
    pub(super) addresses: Option<String>,
}

/// Configurations whose marks are remembered: that of now, the one before, and those of a trial.
const TAKEN: usize = 4;

impl Speaker {
    /// One that has said nothing yet. What BIRD starts with is written.
    pub(super) fn new(folder: Folder, settings: Settings) -> io::Result<Self> {
        folder.write(File::Start, &conf(&settings, &Wish::default()))?;
        Ok(Speaker {
            folder,
            settings,
            bird: None,
            seen: Seen::default(),
            trial: None,
            trouble: Trouble::default(),
            proposed: None,
            taken: VecDeque::new(),
        })
    }

    /// Does what the desk has to do, until that ends.
    pub(super) fn run(mut self, desk: &Desk) {
        let mut due = Instant::now();
        loop {
            let mut task = desk.next(due);
            self.round(&task.wish, task.proposed.take());
            due = Instant::now() + self.pause();
            let is_last = task.is_last;
            desk.settle(task, self.report());
            if is_last {
                return;
            }
        }
    }

    fn pause(&self) -> Duration {
        match self.bird.is_none() || self.trial.is_some() {
            true => SEEK,
            false => LOOK,
        }
    }

    /// Looks, and does what there is to do.
    fn round(&mut self, wish: &Wish, proposed: Option<Proposed>) {
        match proposed {
            Some(Ok(settings)) => {
                self.trouble.settings = None;
                self.proposed = Some(settings);
            }
            Some(Err(message)) => self.keep_settings(&message),
            None => {}
        }
        let before = (self.in_force(), self.trouble.bird.clone());
        let trouble = match self.tend(wish) {
            Ok(()) => self.shortfall(wish),
            Err(error) => {
                if let BirdError::Lost(cause) = &error {
                    self.lose(cause);
                }
                Some(chain(&error))
            }
        };
        self.trouble.bird = trouble;
        self.tend_addresses();
        self.log(&before);
    }

    fn tend(&mut self, wish: &Wish) -> Result<(), BirdError> {
        if self.bird.is_none() {
            match Bird::open(&self.settings.anycast.bird) {
                Ok(bird) => self.bird = Some(bird),
                Err(error) => {
                    // Nobody hears of them, so there is nothing to lose.
                    if let Some(settings) = self.proposed.take() {
                        self.adopt(settings)?;
                    }
                    return Err(error);
                }
            }
        }
        self.look()?;
        self.tend_trial(wish)?;
        if self.trial.is_some() {
            return Ok(());
        }
        self.carry_out(wish)?;
        match self.proposed.take() {
            Some(settings) => self.try_settings(settings, wish),
            None => Ok(()),
        }
    }

    /// The connection ended, or brings nothing.
    fn lose(&mut self, cause: &io::Error) {
        self.bird = None;
        // One that hangs may go on announcing; one that is gone has taken its sessions with it.
        if !matches!(
            cause.kind(),
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
        ) {
            self.seen = Seen::default();
        }
        if self.trial.take().is_some() {
            self.keep_settings("BIRD was lost while they were on trial");
        }
    }

    fn ask(&mut self, command: &str) -> Result<crate::route::bird::Lines, BirdError> {
        let gone = || BirdError::Lost(io::ErrorKind::NotConnected.into());
        self.bird.as_mut().ok_or_else(gone)?.ask(command)
    }

    fn look(&mut self) -> Result<(), BirdError> {
        let state = protocols(&self.ask("show protocols all")?);
        let bfd = match self.ask("show bfd sessions") {
            Ok(lines) => bfd(&lines),
            // The configuration in force may be somebody else's, without BFD.
            Err(BirdError::Refused(_)) => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        self.seen = Seen { state, bfd };
        Ok(())
    }

    /// Makes BIRD as wished, unless it is.
    fn carry_out(&mut self, wish: &Wish) -> Result<(), BirdError> {
        let conf = conf(&self.settings, wish);
        if self.is_as(&conf.mark, wish) {
            return Ok(());
        }
        let loaded = self.load(File::Announced, &conf, wish, None);
        match loaded {
            Ok(()) => self.settle(&conf.mark, wish),
            Err(BirdError::Lost(_)) => loaded,
            Err(_) => self.withdraw_by_hand(wish).and(loaded),
        }
    }

    /// Gives BIRD a configuration, which it undoes after a time if one is named.
    fn load(
        &mut self,
        file: File,
        conf: &Conf,
        wish: &Wish,
        undo_after: Option<Duration>,
    ) -> Result<(), BirdError> {
        self.folder.write(file, conf).map_err(BirdError::Write)?;
        let place = self.folder.place(file);
        let place = place.display();
        self.ask(&format!("configure check \"{place}\""))?;
        // It may be in force though the reply is lost.
        self.taken.push_front((conf.mark.clone(), wish.clone()));
        self.taken.truncate(TAKEN);
        let undo = undo_after.map_or(String::new(), |time| {
            format!(" timeout {}", time.as_secs().max(1))
        });
        self.ask(&format!("configure \"{place}\"{undo}")).map(drop)
    }

    /// Looks until it shows what BIRD was told.
    fn settle(&mut self, mark: &str, wish: &Wish) -> Result<(), BirdError> {
        let until = Instant::now() + SETTLE;
        loop {
            self.look()?;
            if self.is_as(mark, wish) || Instant::now() >= until {
                return Ok(());
            }
            thread::sleep(SETTLE_LOOK);
        }
    }

    /// Ends the sessions of families that are to be withdrawn and are not, as BIRD takes nothing
    /// finer. The next configuration that it takes brings them back.
    fn withdraw_by_hand(&mut self, wish: &Wish) -> Result<(), BirdError> {
        for family in Family::ALL {
            if *wish.stands.of(family) != Stand::Withdrawn
                || self.in_force_of(family) == Stand::Withdrawn
            {
                continue;
            }
            let sessions: Vec<String> = { self.settings.anycast.neighbors_of(family) }
                .map(|neighbor| session_of(&neighbor.name))
                .collect();
            warn!("{family} is withdrawn by ending all its sessions");
            for session in sessions {
                match self.ask(&format!("disable \"{session}\"")) {
                    Ok(_) | Err(BirdError::Refused(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            self.look()?;
        }
        Ok(())
    }

    /// Whether BIRD is as wished.
    fn is_as(&self, mark: &str, wish: &Wish) -> bool {
        self.seen.state.mark.as_deref() == Some(mark) && self.shortfall(wish).is_none()
    }

    /// What is not as wished though BIRD has the configuration.
    fn shortfall(&self, wish: &Wish) -> Option<String> {
        let state = &self.seen.state;
        if let Some(protocol) = state.disabled.first() {
            return Some(format!("BIRD has {protocol} disabled"));
        }
        for neighbor in &self.settings.anycast.neighbors {
            let name = &neighbor.name;
            let Some(session) = state.sessions.get(name) else {
                continue;
            };
            if session.state == "down" {
                let why = session.trouble.as_deref();
                let why = why.map_or(String::new(), |why| format!(": {why}"));
                return Some(format!("BIRD has the session with {name} disabled{why}"));
            }
            if wish.towards(name, neighbor.family()) == Stand::Withdrawn && session.exported > 0 {
                return Some(format!("BIRD still tells {name} of routes"));
            }
        }
        None
    }

    /// How each family stands in BIRD.
    pub(super) fn in_force(&self) -> [Stand; 2] {
        Family::ALL.map(|family| self.in_force_of(family))
    }

    fn in_force_of(&self, family: Family) -> Stand {
        let state = &self.seen.state;
        if let Some(wish) = self.wish_in_force() {
            let stand = *wish.stands.of(family);
            let is_disabled = state.disabled.iter().any(|name| is_of(name, family));
            return if is_disabled { Stand::Withdrawn } else { stand };
        }
        // It is somebody else's configuration: what counts is whether anybody is told of routes.
        let neighbors = self.settings.anycast.neighbors_of(family);
        let mut sessions = neighbors.filter_map(|neighbor| state.sessions.get(&neighbor.name));
        match sessions.any(|session| session.exported > 0) {
            true => Stand::Announced,
            false => Stand::Withdrawn,
        }
    }

    /// The wish that BIRD's configuration is of, if it is one of ours.
    pub(super) fn wish_in_force(&self) -> Option<&Wish> {
        let mark = self.seen.state.mark.as_ref()?;
        let found = self.taken.iter().find(|(taken, _)| taken == mark);
        found.map(|(_, wish)| wish)
    }

    fn tend_addresses(&mut self) {
        let outcome = addresses::tend(&self.settings.anycast);
        let trouble = outcome.err();
        if let Some(message) = trouble
            .as_ref()
            .filter(|_| trouble != self.trouble.addresses)
        {
            warn!("{message}");
        }
        self.trouble.addresses = trouble;
    }

    fn log(&self, before: &([Stand; 2], Option<String>)) {
        let now = self.in_force();
        if now != before.0 {
            let [v4, v6] = now.map(words);
            info!("in force: IPv4 {v4}, IPv6 {v6}");
        }
        match &self.trouble.bird {
            trouble if *trouble == before.1 => {}
            Some(message) => warn!("{message}"),
            None => info!("BIRD answers and is as wished"),
        }
    }
}

/// Changes of settings.
impl Speaker {
    /// Has settings tried, unless there is nothing to try.
    fn try_settings(&mut self, settings: Settings, wish: &Wish) -> Result<(), BirdError> {
        let conf = conf(&settings, wish);
        if self.seen.state.mark.as_deref() == Some(&conf.mark) {
            return self.adopt(settings);
        }
        let trial = Trial::new(settings, wish, &conf.mark, &self.seen.state);
        let undo_after = trial.time() + TRIAL_SPARE;
        match self.load(File::Trial, &conf, wish, Some(undo_after)) {
            Ok(()) => {
                info!("new settings are on trial for {} s", trial.time().as_secs());
                self.trial = Some(trial);
                self.look()
            }
            Err(error @ BirdError::Lost(_)) => {
                self.keep_settings("BIRD was lost when they were to be tried");
                Err(error)
            }
            Err(error) => {
                self.keep_settings(&chain(&error));
                Ok(())
            }
        }
    }

    /// Ends a trial if it can be judged.
    fn tend_trial(&mut self, wish: &Wish) -> Result<(), BirdError> {
        let Some(trial) = &self.trial else {
            return Ok(());
        };
        match trial.judge(wish, &self.seen.state, Instant::now()) {
            Verdict::Open => Ok(()),
            Verdict::Good => {
                self.ask("configure confirm")?;
                match self.trial.take() {
                    Some(trial) => self.adopt(trial.settings),
                    None => Ok(()),
                }
            }
            Verdict::Bad(why) => {
                // What is carried out next is of the old ones, and ends BIRD's own wait for them.
                self.trial = None;
                self.keep_settings(&why);
                Ok(())
            }
        }
    }

    /// Uses settings from now on.
    fn adopt(&mut self, settings: Settings) -> Result<(), BirdError> {
        self.settings = settings;
        self.trouble.settings = None;
        let start = conf(&self.settings, &Wish::default());
        { self.folder.write(File::Start, &start) }.map_err(BirdError::Write)?;
        if let Some(wish) = self.wish_in_force() {
            let conf = conf(&self.settings, wish);
            { self.folder.write(File::Announced, &conf) }.map_err(BirdError::Write)?;
        }
        info!("new settings are in use");
        Ok(())
    }

    fn keep_settings(&mut self, why: &str) {
        let message = format!("the new settings are not in use, the old ones are: {why}");
        warn!("{message}");
        self.trouble.settings = Some(message);
    }
}

fn is_of(protocol: &str, family: Family) -> bool {
    let v6 = protocol.ends_with('6');
    v6 == (family == Family::V6)
}

fn words(stand: Stand) -> &'static str {
    match stand {
        Stand::Withdrawn => "withdrawn",
        Stand::Leaving => "leaving",
        Stand::Announced => "announced",
    }
}
