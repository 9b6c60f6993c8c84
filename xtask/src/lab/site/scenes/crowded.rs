//! An attack on one catchment: the others do not notice.

use super::super::figures::{Bound, Figure};
use super::super::load::{open, service};
use super::super::measure::Span;
use super::super::plan::Place;
use super::super::query::Question;
use super::super::waiting::pause;
use super::super::world::World;
use super::{fate_of, fate_of_all, let_answers_come};
use crate::lab::task::Task;
use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// Somebody in the network around Single B floods it, as fast as is allowed here.
pub(super) fn attack(world: &mut World) -> Result<Vec<Figure>> {
    let at = world.now();
    let sent = Arc::new(AtomicU64::new(0));
    let sockets = world.network.at(Place::ClientsB).enter(|| {
        let sockets = (0..SOURCES).map(|number| open(number % 2));
        sockets.collect::<Result<Vec<_>>>()
    })?;
    let kinds = Question::kinds();
    let counting = Arc::clone(&sent);
    let flood = Task::start(move |ends: &AtomicBool| {
        let begin = Instant::now();
        for number in 0_u32.. {
            if ends.load(Relaxed) {
                return;
            }
            let due = begin + Duration::from_secs(1) / RATE * number;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let which = number as usize % SOURCES;
            let query = kinds[number as usize % kinds.len()].with(number as u16);
            // What finds no room is not sent, and not counted.
            if sockets[which].send_to(&query, service(which % 2)).is_ok() {
                counting.fetch_add(1, Relaxed);
            }
        }
    });
    world.tell(
        "cb",
        &format!("floods its site with {RATE} queries a second"),
    );
    let mut least = usize::MAX;
    while world.now() < at + LAST {
        least = least.min(world.announcing(0)).min(world.announcing(1));
        pause(PAUSE)?;
    }
    drop(flood);
    world.tell("cb", &format!("has sent {} queries", sent.load(Relaxed)));
    let_answers_come()?;
    let span = Span::since(at);
    let (all, own) = (
        fate_of_all(world, span),
        fate_of(world, Place::ClientsB, span),
    );
    let others = all.lost + all.wrong - own.lost - own.wrong;
    let share = own.lost as f64 / own.asked.max(1) as f64;
    Ok(vec![
        Figure::count(
            "lost or wrong in other catchments",
            others,
            Bound::AtMost(0.0),
        ),
        Figure::percent("lost in the attacked catchment", share, Bound::None),
        Figure::count("least that announced", least, Bound::AtLeast(6.0)),
        Figure::count(
            "queries of the attack",
            sent.load(Relaxed) as usize,
            Bound::None,
        ),
    ])
}

/// Queries a second, bounded so that the machine itself is not what is attacked.
const RATE: u32 = 8_000;

/// Source ports.
const SOURCES: usize = 64;

/// How long it lasts.
const LAST: Duration = Duration::from_secs(5);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
