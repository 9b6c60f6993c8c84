//! How much load this machine carries through the lab, so that a half of it can be offered.
//!
//! Sender, routers, nodes and receivers share its cores: what is found is the capacity of all of
//! them together, far below that of a node on its own.

use super::load::PATIENCE;
use super::measure::{Span, fate};
use super::plan::Place;
use super::waiting::pause;
use super::world::World;
use anyhow::{Context, Result};
use std::time::Duration;

impl World {
    /// Offers half of what is carried without loss to the Cluster; gives how much that is. Where
    /// capacity is not looked for, a fixed rate.
    pub(super) fn half_of_capacity(&mut self) -> Result<u32> {
        let rate = match (self.half, self.is_brief) {
            (Some(rate), _) => rate,
            (None, true) => BRIEF,
            (None, false) => self.capacity()? / 2,
        };
        self.half = Some(rate);
        self.overloaded_until = self.now();
        self.clients()?.set_rate(rate);
        self.tell("c", &format!("asks {rate} times a second"));
        pause(RAMP)?;
        Ok(rate)
    }

    /// Offers what was offered before.
    pub(super) fn usual_rate(&self) {
        if let Ok(clients) = self.clients() {
            clients.set_rate(self.usual);
        }
    }

    fn capacity(&self) -> Result<u32> {
        let mut carried = BRIEF;
        for rate in STEPS {
            let begin = self.now();
            self.clients()?.set_rate(rate);
            pause(STEP)?;
            self.usual_rate();
            let end = self.now();
            pause(PATIENCE)?;
            let span = Span {
                from: begin + RAMP,
                to: end - RAMP,
            };
            let asked = self.clients()?.since(span.from);
            let fate = fate(&asked, span);
            let wanted = f64::from(rate) * (span.to - span.from).as_secs_f64();
            let sent = fate.asked as f64 / wanted;
            let what = format!(
                "of {rate} queries a second, {:.0} % are sent and {} lost",
                sent * 100.0,
                fate.lost
            );
            self.tell("c", &what);
            if fate.lost > 0 || sent < ENOUGH {
                break;
            }
            carried = rate;
        }
        Ok(carried)
    }

    fn clients(&self) -> Result<&super::load::Load> {
        let clients = self.loads.get(&Place::Clients);
        clients.context("the clients of the Cluster do not ask")
    }
}

/// Queries a second where capacity is not looked for.
const BRIEF: u32 = 2_000;

/// Queries a second that are tried.
const STEPS: [u32; 7] = [2_000, 4_000, 8_000, 16_000, 24_000, 32_000, 48_000];

/// For each.
const STEP: Duration = Duration::from_secs(2);

/// For a new rate to be one.
const RAMP: Duration = Duration::from_millis(200);

/// A sender that reaches less of what is wanted is at its own end.
const ENOUGH: f64 = 0.98;
