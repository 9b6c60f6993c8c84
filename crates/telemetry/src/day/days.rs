//! Opens and closes days.
//!
//! ```text
//! clock ──tick──▶ ┌────────────┐   midnight   ┌─────────┐   late time over
//! counts ───────▶ │ today open │ ───────────▶ │ closing │ ────────────────▶ Sealed
//! sources ──────▶ └────────────┘              └─────────┘
//! ```
//!
//! Workers count in two banks, by the parity of the day; a day's counts are what its bank grew by
//! while it was that day's. A day is closing while it can still get what was under way. Clocks are
//! not trusted: a day that is sealed is never opened again, days that a clock showed by mistake are
//! folded into the one that is right, and the time that was jumped over is a gap. Whether it is a
//! mistake shows only when the clock goes back, so the late time runs by the clock that is never
//! set.

use super::{Account, Gap, Gaps, Lost, Sealed, Why};
use crate::counts::Counts;
use crate::limits::{CLOCK_STEP_MS, EARLY_MAX, LATE_MS, SOURCES_OCTETS};
use crate::time::{Day, Moment};
use imrs_wire::Serial;
use std::net::IpAddr;

/// The days that are open on one node: today, and yesterday for a while.
#[derive(Debug)]
pub struct Days {
    settings: Settings,
    now: Moment,
    /// In order; the last is today.
    open: Vec<Open>,
    /// What is counted on even and on odd days.
    banks: [Bank; 2],
    /// What the kernel had dropped when that was read last.
    lost: Lost,
    /// Sources of a day that our clock has not reached.
    early: Vec<(Day, IpAddr)>,
    sealed: Option<Day>,
    /// When it began, in seconds of Unix time.
    began_s: u64,
}

/// What an operator may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a day stays open after its end, in ms.
    pub late_ms: u64,
    /// Octets that IPv6 sources and prefixes may have each.
    pub sources_octets: usize,
}

#[derive(Debug)]
struct Open {
    account: Account,
    /// When it is to be sealed, by the steady clock; while it is today, never.
    due_ms: Option<u64>,
}

#[derive(Debug)]
struct Bank {
    /// Whose growth it is.
    owner: Day,
    /// What was read of it last.
    read: Counts,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            late_ms: LATE_MS,
            sources_octets: SOURCES_OCTETS,
        }
    }
}

impl Days {
    /// Begins to count, with the accounts that were open when the process ended, and the last day
    /// that is sealed. What came to pass between is a gap.
    pub fn start(settings: Settings, now: Moment, kept: Vec<Account>, sealed: Option<Day>) -> Days {
        let today = day_of(now, sealed);
        let bank = || Bank {
            owner: today,
            read: Counts::new(),
        };
        let mut days = Days {
            settings,
            now,
            open: Vec::new(),
            banks: [bank(), bank()],
            lost: Lost::default(),
            early: Vec::new(),
            sealed,
            began_s: now.unix_s(),
        };
        let unsealed = kept.into_iter().filter(|kept| Some(kept.day) > sealed);
        let (known, ahead): (Vec<_>, Vec<_>) = unsealed.partition(|kept| kept.day <= today);
        let until = known.iter().map(|kept| kept.until_s).max();
        for mut account in known {
            let gap = Gap {
                from_s: account.until_s.min(now.unix_s()),
                to_s: account.until_s.max(now.unix_s()),
                why: if account.until_s > now.unix_s() {
                    Why::ClockBack
                } else {
                    Why::Down
                },
            };
            if let Some(gap) = gap.within(account.day).filter(|gap| gap.seconds() > 0) {
                account.gaps.add(gap);
            }
            days.account_mut_or_new(account.day).absorb(&account);
        }
        let is_new = days.place(today).is_err();
        let account = days.account_mut_or_new(today);
        let gap = Gap {
            from_s: until.unwrap_or(0),
            to_s: now.unix_s(),
            why: Why::Down,
        };
        if let Some(gap) = gap.within(today).filter(|gap| is_new && gap.seconds() > 0) {
            account.gaps.add(gap);
        }
        for ahead in ahead {
            account.absorb(&ahead);
        }
        for open in &mut days.open {
            open.due_ms = (open.account.day < today).then_some(now.steady_ms);
        }
        days.note_until();
        days
    }

    /// Begins to count while another process still does, whose accounts come by [`Days::adopt`] once
    /// it has ended. So there is no gap.
    pub fn follow(settings: Settings, now: Moment) -> Days {
        let mut days = Days::start(settings, now, Vec::new(), None);
        for open in &mut days.open {
            open.account.gaps = Gaps::default();
        }
        days
    }

    /// Takes the accounts that the process before this one left open, and the last day that is
    /// sealed. Where it did not count until this one began, what came to pass between is a gap.
    pub fn adopt(&mut self, kept: Vec<Account>, sealed: Option<Day>) {
        self.sealed = self.sealed.max(sealed);
        let today = self.today();
        let mut until_s = 0;
        for account in kept.into_iter().filter(|kept| Some(kept.day) > sealed) {
            until_s = until_s.max(account.until_s);
            let day = account.day.min(today);
            let is_new = self.place(day).is_err();
            self.account_mut_or_new(day).absorb(&account);
            if let (true, Ok(at)) = (is_new, self.place(day)) {
                self.open[at].due_ms = Some(self.now.steady_ms);
            }
        }
        let gap = Gap {
            from_s: until_s,
            to_s: self.began_s,
            why: Why::Down,
        };
        for open in &mut self.open {
            let gap = gap.within(open.account.day);
            if let Some(gap) = gap.filter(|gap| gap.seconds() > 0) {
                open.account.gaps.add(gap);
            }
        }
        self.note_until();
    }

    /// The day that is counted now. Workers count by their own look at the clock, but for no day
    /// before this one.
    pub fn today(&self) -> Day {
        match self.open.last() {
            Some(open) => open.account.day,
            None => day_of(self.now, self.sealed),
        }
    }

    /// Takes the time; to be called every few seconds, and at [`Days::poll_timeout`].
    pub fn handle_time(&mut self, now: Moment) {
        let steady_ms = now.steady_ms.saturating_sub(self.now.steady_ms);
        let expected_ms = self.now.unix_ms.saturating_add(steady_ms);
        let gap = |from_ms: u64, to_ms: u64, why| Gap {
            from_s: from_ms / 1000,
            to_s: to_ms.div_ceil(1000),
            why,
        };
        let jump = if now.unix_ms > expected_ms.saturating_add(CLOCK_STEP_MS) {
            Some(gap(expected_ms, now.unix_ms, Why::ClockForward))
        } else if now.unix_ms.saturating_add(CLOCK_STEP_MS) < expected_ms {
            Some(gap(now.unix_ms, expected_ms, Why::ClockBack))
        } else {
            None
        };
        self.now = now;
        self.turn_to(day_of(now, self.sealed));
        for (day, address) in std::mem::take(&mut self.early) {
            self.handle_source(day, address);
        }
        if let Some(jump) = jump {
            self.note_jump(jump);
        }
        self.note_until();
    }

    /// Takes what all workers' banks of an open day hold together, as [`crate::counts::Cells`]
    /// adds it up.
    pub fn handle_counts(&mut self, day: Day, read: &Counts) {
        let now_s = self.now.unix_s();
        let bank = &mut self.banks[usize::from(day.is_odd())];
        let growth = read.since(&bank.read);
        bank.read.clone_from(read);
        let owner = bank.owner;
        let account = self.account_mut(owner);
        match growth {
            Some(growth) => {
                account.counts.add(&growth);
                account.curve.add(account.day, now_s, &growth);
            }
            None => account.gaps.add(Gap {
                from_s: now_s,
                to_s: now_s,
                why: Why::Unread,
            }),
        }
    }

    /// Takes what the kernel has dropped since the start. It is counted today: the kernel does not
    /// say when.
    pub fn handle_lost(&mut self, read: Lost) {
        let growth = read.since(self.lost);
        self.lost = read;
        let now_s = self.now.unix_s();
        let account = self.account_mut(self.today());
        account.lost.add(growth);
        let lost = growth.queue.saturating_add(growth.filter);
        account.curve.note_lost(account.day, now_s, lost);
    }

    /// Takes a source that a worker handed over. A worker's look at the clock can be ahead of ours
    /// by moments; such sources wait.
    pub fn handle_source(&mut self, day: Day, address: IpAddr) {
        if day > self.today() && self.early.len() < EARLY_MAX {
            self.early.push((day, address));
        } else {
            self.account_mut(day).sources.insert(address);
        }
    }

    /// Takes how many sources may be missing, as [`crate::sources::Drain`] says.
    pub fn handle_missed(&mut self, day: Day, sources: u64) {
        self.account_mut(day).sources.note_missed(sources);
    }

    /// Takes that the primary told of a serial now.
    pub fn handle_notified(&mut self, serial: Serial) {
        let at_ms = self.now.unix_ms;
        self.account_of(serial).loads.note_notified(serial, at_ms);
    }

    /// Takes that a serial is served from now on.
    pub fn handle_served(&mut self, serial: Serial) {
        let at_ms = self.now.unix_ms;
        self.account_of(serial).loads.note_served(serial, at_ms);
    }

    /// The accounts that are open, to be kept in case the process ends.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.open.iter().map(|open| &open.account)
    }

    /// The next account that is closed. Its counts are to be handed over before, once more after
    /// its day ended.
    pub fn poll_sealed(&mut self) -> Option<Sealed> {
        let first = self.open.first()?;
        if first.due_ms? > self.now.steady_ms {
            return None;
        }
        let mut account = self.open.remove(0).account;
        account.until_s = account.day.end_s();
        self.sealed = Some(account.day);
        Some(Sealed(account))
    }

    /// In how many ms a day begins or is to be sealed.
    pub fn poll_timeout(&self) -> u64 {
        let end_ms = self.today().end_s().saturating_mul(1000);
        let sealing = self.open.iter().filter_map(|open| open.due_ms);
        sealing
            .map(|due_ms| due_ms.saturating_sub(self.now.steady_ms))
            .chain([end_ms.saturating_sub(self.now.unix_ms)])
            .min()
            .unwrap_or(0)
    }

    /// Makes `today` the last open day: closes what is before it, folds in what is behind it.
    fn turn_to(&mut self, today: Day) {
        let before = self.today();
        if today == before {
            return;
        }
        let due_ms = self.now.steady_ms.saturating_add(self.settings.late_ms);
        if today > before {
            self.account_mut_or_new(today);
            self.banks[usize::from(today.is_odd())].owner = today;
        } else {
            let ahead = self.open.partition_point(|open| open.account.day <= today);
            let ahead = self.open.split_off(ahead);
            let account = self.account_mut_or_new(today);
            for open in ahead {
                account.absorb(&open.account);
            }
            for bank in &mut self.banks {
                bank.owner = bank.owner.min(today);
            }
        }
        for open in &mut self.open {
            open.due_ms = if open.account.day == today {
                None
            } else {
                Some(open.due_ms.unwrap_or(due_ms))
            };
        }
    }

    /// Notes a step of the clock in the days that it touches. Whatever day a clock showed that was
    /// set back, it is today that has what was counted then.
    fn note_jump(&mut self, jump: Gap) {
        let today = self.today();
        for open in &mut self.open {
            let account = &mut open.account;
            if jump.why == Why::ClockBack && account.day == today {
                // However far it went, no more than a day of it was in this one.
                let day_s = account.day.end_s() - account.day.start_s();
                let to_s = jump.to_s.min(jump.from_s.saturating_add(day_s));
                account.gaps.add(Gap { to_s, ..jump });
            } else if let Some(gap) = jump.within(account.day) {
                account.gaps.add(gap);
            }
        }
    }

    fn note_until(&mut self) {
        let now_s = self.now.unix_s();
        for open in &mut self.open {
            let account = &mut open.account;
            account.until_s = now_s.clamp(account.day.start_s(), account.day.end_s());
        }
    }

    /// Where a day is among the open ones, or where it would be.
    fn place(&self, day: Day) -> Result<usize, usize> {
        self.open
            .binary_search_by_key(&day, |open| open.account.day)
    }

    fn account_mut_or_new(&mut self, day: Day) -> &mut Account {
        let at = match self.place(day) {
            Ok(at) => at,
            Err(at) => {
                let open = Open {
                    account: Account::new(day, self.settings.sources_octets),
                    due_ms: None,
                };
                self.open.insert(at, open);
                at
            }
        };
        &mut self.open[at].account
    }

    /// The account of an open day; what comes for another one goes to the nearest.
    fn account_mut(&mut self, day: Day) -> &mut Account {
        match self.place(day) {
            Ok(at) => &mut self.open[at].account,
            Err(_) if self.open.is_empty() => self.account_mut_or_new(day),
            Err(at) => {
                let nearest = at.min(self.open.len() - 1);
                &mut self.open[nearest].account
            }
        }
    }

    /// The account that knows of a serial: its NOTIFY may have come before midnight.
    fn account_of(&mut self, serial: Serial) -> &mut Account {
        let known = self.open.iter().find(|open| open.account.loads.has(serial));
        let day = known.map_or(self.today(), |open| open.account.day);
        self.account_mut(day)
    }
}

/// The day of a time; a day that is sealed is over, whatever the clock says.
fn day_of(now: Moment, sealed: Option<Day>) -> Day {
    match sealed {
        Some(sealed) => now.day().max(sealed.next()),
        None => now.day(),
    }
}
