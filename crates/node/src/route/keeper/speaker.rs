//! The one that speaks to BIRD: looks how it is, makes it as wished, and tells what came of it.
//!
//! Start reading at `tend`. What BIRD took last is known by its mark; whatever else is in force,
//! as somebody reconfigured or restarted it, is replaced at the next look.

use super::addresses;
use super::desk::{Desk, Proposed};
use super::folder::{File, Folder};
use super::presence::Presence;
use super::trial::{Trial, Verdict};
use crate::chain;
use crate::route::bird::conf::{Conf, MARKED, Settings, conf};
use crate::route::bird::state::{State, bfd, protocols};
use crate::route::bird::{Bird, BirdError};
use crate::route::limits::{LOOK, SEEK, SETTLE, SETTLE_LOOK, TRIAL_SPARE};
use imrs_fleet::anycast::{Stand, Wish};
use imrs_wire::Family;
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
    presence: Presence,
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
            presence: Presence::default(),
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
        match self.bird.is_none() || self.trial.is_some() || self.presence.trouble().is_some() {
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
        // The short way, whatever becomes of the long one.
        self.presence.lower(wish);
        self.connect()?;
        self.look()?;
        let before = self.seen.state.mark.clone();
        let outcome = self.tend_settings(wish);
        let mut settings = &self.settings;
        if let Some(trial) = &self.trial {
            settings = &trial.settings;
        }
        let is_changed = self.presence.tend(settings, wish, outcome.is_ok());
        outcome?;
        if is_changed || self.seen.state.mark != before {
            self.settle(wish)?;
        }
        Ok(())
    }

    fn connect(&mut self) -> Result<(), BirdError> {
        if self.bird.is_some() {
            return Ok(());
        }
        match Bird::open(&self.settings.anycast.bird) {
            Ok(bird) => {
                self.bird = Some(bird);
                Ok(())
            }
            Err(error) => {
                // Nobody hears of them, so there is nothing to lose.
                if let Some(settings) = self.proposed.take() {
                    self.adopt(settings)?;
                }
                Err(error)
            }
        }
    }

    /// Sees to the configuration of BIRD: that it is as wished, or that it may be better.
    fn tend_settings(&mut self, wish: &Wish) -> Result<(), BirdError> {
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

    /// Gives BIRD the configuration of the wish, unless it has it as it is.
    fn carry_out(&mut self, wish: &Wish) -> Result<(), BirdError> {
        let conf = conf(&self.settings, wish);
        if self.seen.state.mark.as_ref() == Some(&conf.mark) {
            match self.disabled() {
                None => return Ok(()),
                // To configure it is to enable what was disabled by hand.
                Some(why) => warn!("{why}; it is configured again"),
            }
        }
        let is_foreign = self.seen.state.mark.is_none();
        self.load(File::Announced, &conf, wish, None)?;
        if is_foreign {
            // BIRD 2.0.12 knows no interface any more once one device protocol took the place of
            // another of a different name.
            self.ask(&format!("restart \"{MARKED}\""))?;
        }
        self.look()
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
    fn settle(&mut self, wish: &Wish) -> Result<(), BirdError> {
        let until = Instant::now() + SETTLE;
        loop {
            self.look()?;
            if self.shortfall(wish).is_none() || Instant::now() >= until {
                return Ok(());
            }
            thread::sleep(SETTLE_LOOK);
        }
    }

    /// What somebody disabled, which the configuration has not.
    fn disabled(&self) -> Option<String> {
        let state = &self.seen.state;
        let sessions = { state.sessions.iter() }.map(|(name, session)| (name.as_str(), session));
        let ours = state.keeper.iter().map(|session| ("the keeper", session));
        let mut down = sessions
            .chain(ours)
            .filter(|(_, session)| session.state == "down");
        down.next().map(|(name, session)| {
            let why = session.trouble.as_deref();
            let why = why.map_or(String::new(), |why| format!(": {why}"));
            format!("BIRD has the session with {name} disabled{why}")
        })
    }

    /// What is not as wished though BIRD has the configuration.
    fn shortfall(&self, wish: &Wish) -> Option<String> {
        if let Some(why) = self.disabled() {
            return Some(why);
        }
        let state = &self.seen.state;
        let anycast = &self.settings.anycast;
        for neighbor in &anycast.neighbors {
            let name = &neighbor.name;
            let exported = { state.sessions.get(name) }.map_or(0, |session| session.exported);
            if wish.towards(name, neighbor.family()) == Stand::Withdrawn && exported > 0 {
                return Some(format!("BIRD still tells {name} of routes"));
            }
        }
        for family in Family::ALL {
            let held = *state.own.of(family);
            let is_wished = *wish.stands.of(family) != Stand::Withdrawn;
            if is_wished && held == 0 && anycast.prefixes_of(family).next().is_some() {
                let why = self
                    .presence
                    .trouble()
                    .map_or(String::new(), |why| format!(": {why}"));
                return Some(format!("BIRD has not heard of our {family} prefixes{why}"));
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
            return match *state.own.of(family) {
                0 => Stand::Withdrawn,
                _ => *wish.stands.of(family),
            };
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

fn words(stand: Stand) -> &'static str {
    match stand {
        Stand::Withdrawn => "withdrawn",
        Stand::Leaving => "leaving",
        Stand::Announced => "announced",
    }
}
