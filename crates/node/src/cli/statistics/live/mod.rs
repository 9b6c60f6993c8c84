//! `imrs stats` alone: watches a running server over its control socket.
//!
//! [`measure`] is what two replies are apart, [`view`] is how that looks in so many columns and
//! rows, [`terminal`] is the screen. Where standard output is no terminal, each measurement is one
//! line.

mod measure;
mod terminal;
mod view;

use super::{Exit, Live, Output};
use crate::control::client;
use crate::control::v1::{Command, Reply, Stats, Top};
use anyhow::bail;
use measure::Measurement;
use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::{Duration, Instant};
use terminal::{Key, Terminal};

/// Measures and prints, once or until it is told to end.
pub(super) fn run(args: &Live) -> anyhow::Result<Exit> {
    let ended = match (args.output, args.once) {
        (Output::Json, _) => {
            let text = serde_json::to_string_pretty(&measured(args)?)? + "\n";
            io::stdout().write_all(text.as_bytes())
        }
        (Output::Text, true) => {
            let lines = view::whole(&measured(args)?);
            io::stdout().write_all((lines.join("\n") + "\n").as_bytes())
        }
        (Output::Text, false) if io::stdout().is_terminal() => watch(args)?,
        (Output::Text, false) => print_lines(args)?,
    };
    match ended {
        // Who reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Well),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(Exit::Well),
    }
}

/// What was told at a time.
struct Told {
    at: Instant,
    stats: Stats,
    top: Option<Top>,
}

fn ask(args: &Live) -> anyhow::Result<Told> {
    let socket = args.socket.as_deref();
    let stats = match client::ask(socket, Command::Stats)? {
        Reply::Stats(stats) => stats,
        Reply::Error { message } => bail!("the server: {message}"),
        _ => bail!("the server replied to something else"),
    };
    let at = Instant::now();
    // A server that does not look at who asks most is shown without.
    let top = match client::ask(socket, Command::Top)? {
        Reply::Top(top) => Some(top),
        _ => None,
    };
    Ok(Told { at, stats, top })
}

fn between(before: &Told, now: Told) -> (Measurement, Told) {
    let passed = now.at.duration_since(before.at);
    let measurement = Measurement::new(&before.stats, &now.stats, passed, now.top.clone());
    (measurement, now)
}

/// One measurement of the time that is asked for.
fn measured(args: &Live) -> anyhow::Result<Measurement> {
    let before = ask(args)?;
    thread::sleep(args.period());
    Ok(between(&before, ask(args)?).0)
}

/// A line for each measurement, for ever.
fn print_lines(args: &Live) -> anyhow::Result<io::Result<()>> {
    let mut before = ask(args)?;
    let mut due = before.at;
    loop {
        due += args.period();
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let (measurement, now) = between(&before, ask(args)?);
        before = now;
        let mut out = io::stdout();
        let line = view::line(&measurement);
        if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
            return Ok(Err(error));
        }
    }
}

/// Fills the screen anew with each measurement, until a key or a signal ends it. A server that
/// cannot be reached is asked again: it may be starting.
fn watch(args: &Live) -> anyhow::Result<io::Result<()>> {
    // What is wrong from the beginning is told where it can be read afterwards.
    let mut before = Some(ask(args)?);
    let mut terminal = Terminal::open()?;
    let mut due = Instant::now();
    let mut shown: Option<Measurement> = None;
    let mut trouble: Option<String> = None;
    let mut history = VecDeque::new();
    loop {
        let size = terminal.size();
        let mut lines = match &shown {
            Some(measurement) => view::screen(measurement, history.make_contiguous(), size),
            None => vec!["measuring …".to_owned()],
        };
        if let Some(trouble) = &trouble {
            lines.insert(0, view::cut(trouble, size.0));
        }
        lines.truncate(size.1);
        if let Err(error) = terminal.draw(&lines) {
            return Ok(Err(error));
        }
        // A screen that was resized is drawn anew at once, and measured when it is due.
        if Instant::now() < due + args.period() {
            let left = (due + args.period()).saturating_duration_since(Instant::now());
            match terminal.wait(left) {
                Key::End => return Ok(Ok(())),
                Key::Resized => continue,
                Key::None => {}
            }
        }
        due = Instant::now();
        match (ask(args), before.take()) {
            (Ok(now), Some(earlier)) => {
                let (measurement, now) = between(&earlier, now);
                if history.len() == HISTORY {
                    history.pop_front();
                }
                history.push_back(measurement.queries);
                (shown, before, trouble) = (Some(measurement), Some(now), None);
            }
            (Ok(now), None) => (before, trouble) = (Some(now), None),
            (Err(error), _) => trouble = Some(format!("NOT REACHED  {error:#}")),
        }
    }
}

impl Live {
    fn period(&self) -> Duration {
        Duration::from_secs(u64::from(self.seconds))
    }
}

/// Measurements that are drawn as a curve at most: more than a screen has columns.
const HISTORY: usize = 512;
