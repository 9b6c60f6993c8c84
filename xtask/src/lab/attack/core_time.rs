//! How much of the server's core goes to what is no part of the drill.

use anyhow::{Context, Result};
use std::fs;

/// Time of a core so far, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CoreTime {
    all: u64,
    /// Of programs that give way to others, and of other machines. None of a server's threads that
    /// answer is such a one.
    background: u64,
}

impl CoreTime {
    /// Reads it.
    pub(super) fn now(core: usize) -> Result<CoreTime> {
        let text = fs::read_to_string("/proc/stat")?;
        read(&text, core).context("/proc/stat has no such core")
    }

    /// The part that went to the background since then.
    pub(super) fn background_since(self, from: CoreTime) -> f64 {
        let all = self.all.saturating_sub(from.all).max(1);
        self.background.saturating_sub(from.background) as f64 / all as f64
    }
}

fn read(text: &str, core: usize) -> Option<CoreTime> {
    let name = format!("cpu{core} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name))?;
    let numbers: Vec<u64> = line
        .split_whitespace()
        .map_while(|number| number.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; what follows is part of the first two.
    let (nice, steal) = (numbers.get(1)?, numbers.get(7)?);
    Some(CoreTime {
        all: numbers.iter().take(8).sum(),
        background: nice + steal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_background_is_what_gives_way_and_what_is_stolen() {
        let text = |nice: u64| format!("cpu  9\ncpu0 1\ncpu1 10 {nice} 10 40 0 0 5 5 3 3\n");
        let from = read(&text(0), 1).unwrap();
        let to = read(&text(30), 1).unwrap();
        assert_eq!((from.all, to.background), (70, 35));
        assert!((to.background_since(from) - 1.0).abs() < 1e-9);
        assert_eq!(read(&text(0), 2), None);
    }
}
