//! The thread that reads all recorders, holds the days and seals them.
//!
//! ```text
//! every 0.1 s    new sources are taken from the recorders
//! every second   counts are read, by the day that they belong to
//! every minute   what is known of the open days goes to disk
//! after midnight the day is sealed, with its documents
//! ```
//!
//! It gives way to the workers, and nobody waits for it. What it cannot write it holds and tries
//! again.

use super::archive::{Archive, Trouble};
use super::{Accounting, Balance, Books};
use crate::limits::{
    FOLDER_LOOK, FOLDER_PATIENCE, STATISTICS_AUDIT, STATISTICS_DAYS_KEPT, STATISTICS_DRAIN,
    STATISTICS_KEEP, STATISTICS_READ, STATISTICS_UNWRITTEN_MAX,
};
use crate::{chain, system};
use arc_swap::ArcSwap;
use imrs_telemetry::counts::Transport;
use imrs_telemetry::day::{self, Days, Lost, Sealed};
use imrs_telemetry::delays::Delays;
use imrs_telemetry::rssac002::Letter;
use imrs_telemetry::sources::Figure;
use imrs_telemetry::top::Top;
use imrs_telemetry::{Day, Moment};
use imrs_wire::Serial;
use jiff::Timestamp;
use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use tracing::{error, info, warn};

/// What an operator chose.
#[derive(Clone, Debug)]
pub(crate) struct Keeping {
    /// Where days are kept, if anywhere.
    pub(crate) folder: Option<PathBuf>,
    /// Whose RSSAC002 documents are written, if any are.
    pub(crate) letter: Option<Letter>,
    /// How long days stay open, and what sources may take.
    pub(crate) days: day::Settings,
    /// Closed days that are kept.
    pub(crate) days_kept: u32,
}

impl Default for Keeping {
    fn default() -> Self {
        Keeping {
            folder: None,
            letter: None,
            days: day::Settings::default(),
            days_kept: STATISTICS_DAYS_KEPT,
        }
    }
}

/// The running thread. Dropped without [`Statistics::stop`], it ends by itself.
pub(crate) struct Statistics {
    accounting: Arc<Accounting>,
    orders: Sender<Order>,
    standing: Arc<ArcSwap<Standing>>,
    thread: JoinHandle<()>,
}

/// How the accounts stand, as of the last second.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// The day that the clock shows.
    pub(crate) clock: Day,
    /// The day that is counted.
    pub(crate) today: Day,
    /// IPv4 sources of it, IPv6 sources, and their /64.
    pub(crate) sources: [Figure; 3],
    /// Sources of it that may be missing.
    pub(crate) sources_missed: u64,
    /// Times of it that are missing, and their seconds.
    pub(crate) gaps: (u64, u64),
    /// The last day that was sealed.
    pub(crate) sealed: Option<Day>,
    /// What cannot be written, if so.
    pub(crate) trouble: Option<String>,
    /// Whether what was counted at different places is the same.
    pub(crate) balance: Balance,
}

/// What the thread is told.
enum Order {
    /// A primary told of a serial of the root zone.
    Notified(Serial),
    /// A serial of the root zone is served from now on.
    Served(Serial),
    /// Tell who asks most.
    TellTop(Box<dyn FnOnce(&Top) + Send>),
    /// All has been counted.
    Stop,
}

/// Reads what the workers have counted so far.
pub(crate) type ReadBooks = Box<dyn Fn() -> (Books, Lost) + Send>;

impl Statistics {
    /// Begins to read. What was kept before the last end is counted on. Workers are kept on a core
    /// each, `pinned` of them.
    ///
    /// Where this node `follows` another that still counts, what that one leaves is added once it
    /// has ended: it writes last when its last connection has.
    pub(crate) fn start(
        keeping: &Keeping,
        accounting: Arc<Accounting>,
        books: ReadBooks,
        pinned: usize,
        follows: bool,
    ) -> io::Result<Statistics> {
        let follows = keeping.folder.clone().filter(|_| follows);
        let (clerk, standing) = Clerk::new(keeping, Arc::clone(&accounting), books, follows);
        let (orders, inbox) = channel();
        let shown = Arc::clone(&standing);
        let work = move || {
            system::yield_to_workers(pinned);
            clerk.run(&inbox, &shown);
        };
        let thread = thread::Builder::new().name("statistics".to_owned());
        Ok(Statistics {
            accounting,
            orders,
            standing,
            thread: thread.spawn(work)?,
        })
    }

    /// How long responses over a transport took since the start.
    pub(crate) fn delays(&self, transport: Transport) -> Delays {
        self.accounting.delays(transport)
    }

    /// How the accounts stand.
    pub(crate) fn standing(&self) -> Arc<Standing> {
        self.standing.load_full()
    }

    /// Takes that a primary told of a serial of the root zone.
    pub(crate) fn notified(&self, serial: Serial) {
        let _ = self.orders.send(Order::Notified(serial));
    }

    /// Takes that a serial of the root zone is served from now on.
    pub(crate) fn served(&self, serial: Serial) {
        let _ = self.orders.send(Order::Served(serial));
    }

    /// Has the thread tell who asks most, by way of `tell`.
    pub(crate) fn tell_top(&self, tell: impl FnOnce(&Top) + Send + 'static) {
        let _ = self.orders.send(Order::TellTop(Box::new(tell)));
    }

    /// Reads once more, when nobody records any longer, and keeps what is known.
    pub(crate) fn stop(self) {
        let _ = self.orders.send(Order::Stop);
        // What the thread panicked of was told when it did.
        let _ = self.thread.join();
    }
}

/// What the thread works with.
struct Clerk {
    accounting: Arc<Accounting>,
    books: ReadBooks,
    archive: Option<Archive>,
    /// The folder of the archive, as long as another node has it that ends.
    awaited: Option<PathBuf>,
    letter: Option<Letter>,
    sources_octets: usize,
    days: Days,
    top: Top,
    days_kept: u32,
    sealed: Option<Day>,
    /// Days that are closed and not on disk.
    unwritten: VecDeque<Sealed>,
    trouble: Option<String>,
    balance: Balance,
    began: Instant,
}

/// What comes next, and when.
struct Dues {
    read: Instant,
    keep: Instant,
    audit: Instant,
}

impl Clerk {
    fn new(
        keeping: &Keeping,
        accounting: Arc<Accounting>,
        books: ReadBooks,
        awaited: Option<PathBuf>,
    ) -> (Clerk, Arc<ArcSwap<Standing>>) {
        let began = Instant::now();
        let mut trouble = None;
        let mut note = |cause: &Trouble| {
            error!("statistics are not kept: {}", chain(cause));
            trouble = Some(chain(cause));
        };
        let folder = keeping.folder.as_deref().filter(|_| awaited.is_none());
        let archive = folder.and_then(|folder| {
            let archive = Archive::open(folder, keeping.letter);
            archive.inspect_err(&mut note).ok()
        });
        let found = archive.as_ref().map(|archive| {
            let found = archive.read(keeping.days.sources_octets);
            found.inspect_err(&mut note).unwrap_or_default()
        });
        let found = found.unwrap_or_default();
        for damaged in &found.damaged {
            error!("what was counted before the last end is missing: {damaged}");
        }
        let now = moment(began);
        let days = match awaited {
            Some(_) => Days::follow(keeping.days, now),
            None => Days::start(keeping.days, now, found.open, found.sealed),
        };
        accounting.set_today(days.today());
        let clerk = Clerk {
            accounting,
            books,
            archive,
            awaited,
            letter: keeping.letter,
            sources_octets: keeping.days.sources_octets,
            days,
            top: Top::start(now),
            days_kept: keeping.days_kept,
            sealed: found.sealed,
            unwritten: VecDeque::new(),
            trouble,
            balance: Balance::default(),
            began,
        };
        let standing = Arc::new(ArcSwap::from_pointee(clerk.standing()));
        (clerk, standing)
    }

    fn run(mut self, inbox: &Receiver<Order>, standing: &ArcSwap<Standing>) {
        let now = Instant::now();
        let mut dues = Dues {
            read: now,
            keep: now + STATISTICS_KEEP,
            audit: now + STATISTICS_AUDIT,
        };
        loop {
            match inbox.recv_timeout(STATISTICS_DRAIN) {
                Ok(Order::Notified(serial)) => self.days.handle_notified(serial),
                Ok(Order::Served(serial)) => self.days.handle_served(serial),
                Ok(Order::TellTop(tell)) => tell(&self.top),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            self.turn(&mut dues, standing);
        }
        self.read();
        self.drain();
        let by = Instant::now() + FOLDER_PATIENCE;
        while !self.adopt() && Instant::now() < by {
            thread::sleep(FOLDER_LOOK);
        }
        self.seal();
        self.keep();
    }

    /// Takes what the node before this one left, if it has ended. Says whether there is nothing to
    /// wait for.
    fn adopt(&mut self) -> bool {
        let Some(folder) = &self.awaited else {
            return true;
        };
        let opened = Archive::open(folder, self.letter);
        if opened.as_ref().is_err_and(Trouble::is_in_use) {
            return false;
        }
        self.awaited = None;
        let read = opened.and_then(|archive| {
            let found = archive.read(self.sources_octets)?;
            Ok((archive, found))
        });
        match read {
            Err(trouble) => {
                self.note(Some(trouble));
            }
            Ok((archive, found)) => {
                for damaged in &found.damaged {
                    error!("what the server before this one counted is missing: {damaged}");
                }
                self.archive = Some(archive);
                self.sealed = self.sealed.max(found.sealed);
                self.days.adopt(found.open, found.sealed);
                info!("counting goes on where the server before this one ended");
            }
        }
        true
    }

    /// Does what is due.
    fn turn(&mut self, dues: &mut Dues, standing: &ArcSwap<Standing>) {
        let now = Instant::now();
        let reads = now >= dues.read;
        if reads {
            dues.read = now + STATISTICS_READ;
            self.read();
        }
        self.drain();
        if !reads {
            return;
        }
        self.adopt();
        self.seal();
        if now >= dues.keep {
            dues.keep = now + STATISTICS_KEEP;
            self.keep();
        }
        if now >= dues.audit {
            dues.audit = now + STATISTICS_AUDIT;
            self.audit();
        }
        standing.store(Arc::new(self.standing()));
    }

    /// Takes the time, then what was counted: never what a later look at the clock may add.
    fn read(&mut self) {
        let now = moment(self.began);
        self.days.handle_time(now);
        self.top.handle_time(now);
        self.accounting.set_today(self.days.today());
        let open: Vec<Day> = self.days.accounts().map(|account| account.day).collect();
        for day in open {
            self.days.handle_counts(day, &self.accounting.read(day));
        }
        let (_, lost) = (self.books)();
        self.days.handle_lost(lost);
    }

    /// Takes the new sources and samples.
    fn drain(&mut self) {
        let days: Vec<Day> = self.days.accounts().map(|account| account.day).collect();
        for reader in self.accounting.readers().iter_mut() {
            while let Some((day, source)) = reader.drain.pop() {
                self.days.handle_source(day, source);
            }
            while let Some(sample) = reader.samples.pop() {
                self.top.handle_sample(&sample);
            }
            self.top.handle_lost(reader.samples.take_lost());
            for &day in &days {
                let missed = reader.drain.take_deferred(day);
                if missed > 0 {
                    self.days.handle_missed(day, missed);
                }
            }
        }
    }

    /// Closes what is over, and writes what is closed.
    fn seal(&mut self) {
        while let Some(sealed) = self.days.poll_sealed() {
            let day = sealed.account().day;
            self.sealed = self.sealed.max(Some(day));
            if self.archive.is_some() || self.awaited.is_some() {
                self.unwritten.push_back(sealed);
            }
            if self.unwritten.len() > STATISTICS_UNWRITTEN_MAX {
                // Its file of an open day is still there.
                self.unwritten.pop_front();
            }
        }
        while let (Some(archive), Some(sealed)) = (&self.archive, self.unwritten.front()) {
            let day = sealed.account().day;
            let written = archive.seal(sealed);
            let written = written.and_then(|()| archive.prune(self.days_kept));
            if !self.note(written.err()) {
                return;
            }
            info!("the statistics of {day} are sealed");
            self.unwritten.pop_front();
        }
    }

    /// Keeps the open days.
    fn keep(&mut self) {
        let Some(archive) = &self.archive else {
            return;
        };
        let trouble = self
            .days
            .accounts()
            .find_map(|account| archive.keep(account).err());
        self.note(trouble);
    }

    /// Takes note of what cannot be written, and tells it once. Says whether all is well.
    fn note(&mut self, trouble: Option<Trouble>) -> bool {
        let trouble = trouble.map(|trouble| chain(&trouble));
        match (&self.trouble, &trouble) {
            (None, Some(trouble)) => error!("statistics are not kept: {trouble}"),
            (Some(_), None) => info!("statistics are kept again"),
            _ => {}
        }
        self.trouble = trouble;
        self.trouble.is_none()
    }

    /// Compares what was counted at different places.
    fn audit(&mut self) {
        let (before, _) = (self.books)();
        let recorded = self.accounting.responses_over_udp();
        let (between, _) = (self.books)();
        let (after, _) = (self.books)();
        let balance = Balance::of(&[before, between, after], recorded);
        if balance != self.balance && !balance.holds() {
            warn!("what is counted does not agree: {balance}");
        }
        self.balance = balance;
    }

    fn standing(&self) -> Standing {
        let today = self.days.accounts().last();
        let zero = imrs_telemetry::sources::Sources::new(0);
        let sources = today.map_or(&zero, |account| &account.sources);
        Standing {
            clock: moment(self.began).day(),
            today: self.days.today(),
            sources: [sources.ipv4(), sources.ipv6(), sources.prefixes()],
            sources_missed: sources.missed(),
            gaps: today.map_or((0, 0), |account| {
                (account.gaps.count(), account.gaps.seconds())
            }),
            sealed: self.sealed,
            trouble: self.trouble.clone(),
            balance: self.balance,
        }
    }
}

/// What both clocks show.
fn moment(began: Instant) -> Moment {
    let ms = |ms: i128| u64::try_from(ms).unwrap_or(0);
    Moment {
        unix_ms: ms(i128::from(Timestamp::now().as_millisecond())),
        steady_ms: ms(began.elapsed().as_millis() as i128),
    }
}
