//! The table on standard output.

use super::capacity::Capacity;
use super::outcome::{Story, Verdict};
use super::resolver::Class;

/// One line for each server: where the kernel begins to drop.
pub(super) fn capacity(name: &str, found: Capacity) {
    println!(
        "{name:<6} the kernel begins to drop at {:>7} queries a second; at {:>7} it answers {:>7}",
        found.point, found.offered, found.beyond
    );
}

/// All scenes of a server. `socket` and `core` are what was dropped since their queues were full.
pub(super) fn story(story: &Story) {
    println!(
        "\n{:<6}{:<21}{:>9}{:>9}{:>9}{:>9}{:>9}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}{:>7}  the server says, a second",
        "",
        "scene",
        "offered",
        "answered",
        "socket",
        "core",
        "filtered",
        "with %",
        "w/o %",
        "p99 ms",
        "tcp %",
        "p50 ms",
        "p99 ms",
        "amp."
    );
    for span in &story.spans {
        let means = story.means(span);
        let [with, without, tcp] =
            [Class::Cookied, Class::Uncookied, Class::Tcp].map(|class| story.in_scene(class, span));
        let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1e3;
        let amplification = means.amplification.map_or("–".to_owned(), |amplification| {
            format!("{amplification:.2}")
        });
        let reasons: Vec<String> = means
            .reasons
            .iter()
            .map(|(name, rate)| format!("{name} {rate:.0}"))
            .collect();
        println!(
            "{:<6}{:<21}{:>9.0}{:>9.0}{:>9.0}{:>9.0}{:>9.0}{:>8.2}{:>8.2}{:>8.1}{:>8.2}{:>8.1}{:>8.1}{:>7}  {}",
            story.name,
            span.scene.name,
            means.offered,
            means.answered,
            means.queue_full,
            means.backlog_full,
            means.filtered,
            with.share() * 100.0,
            without.share() * 100.0,
            ms(without.p99.max(with.p99)),
            tcp.share() * 100.0,
            ms(tcp.p50),
            ms(tcp.p99),
            amplification,
            reasons.join(", ")
        );
    }
    let mib = |octets: u64| octets as f64 / f64::from(1 << 20);
    println!(
        "{:<6}resident: {:.1} MiB before, {:.1} MiB after",
        story.name,
        mib(story.memory.0),
        mib(story.memory.1)
    );
}

/// What holds and what does not. Gives how many do not.
pub(super) fn verdicts(verdicts: &[Verdict]) -> usize {
    println!();
    for verdict in verdicts {
        let holds = if verdict.holds {
            "holds"
        } else {
            "DOES NOT HOLD"
        };
        println!("{holds:<14} {}", verdict.sentence);
    }
    let failed = verdicts.iter().filter(|verdict| !verdict.holds).count();
    println!("{} passed, {failed} failed", verdicts.len() - failed);
    failed
}
