//! Who asks most, and for what, for people.

use crate::control::v1::{Ranked, Top};
use std::fmt::Write;

/// Three tables with queries a second and their share of all.
pub(super) fn write_top(text: &mut String, top: &Top) -> std::fmt::Result {
    let seconds = top.covered_ms / 1000;
    writeln!(
        text,
        "estimated from one query in {} of the last {seconds} s: {} queries looked at",
        top.sampled_one_in, top.samples
    )?;
    if top.lost_samples > 0 {
        let lost = top.lost_samples;
        writeln!(
            text,
            "TOO LOW: {lost} more were passed over, since too many waited"
        )?;
    }
    for (title, ranked) in [
        ("top-level domains that exist", &top.existing),
        ("top-level domains that do not exist", &top.missing),
        ("clients", &top.clients),
    ] {
        writeln!(
            text,
            "\n{title:<40}{:>12}{:>9}{:>8}",
            "a second", "±", "share"
        )?;
        if ranked.is_empty() {
            writeln!(text, "  none seen")?;
        }
        for one in ranked {
            write_ranked(text, top, one)?;
        }
    }
    Ok(())
}

fn write_ranked(text: &mut String, top: &Top, one: &Ranked) -> std::fmt::Result {
    let per_second = |queries: u64| queries.saturating_mul(1000) / top.covered_ms.max(1);
    let all = top.samples.saturating_mul(u64::from(top.sampled_one_in));
    let share = one.queries as f64 * 100.0 / all.max(1) as f64;
    write!(
        text,
        "  {:<38}{:>12}{:>9}{share:>7.1}%",
        one.name,
        per_second(one.queries),
        per_second(one.sampling_error)
    )?;
    if one.excess_max > 0 {
        let least = one.queries.saturating_sub(one.excess_max);
        write!(text, "  at least {}", per_second(least))?;
    }
    writeln!(text)
}

#[cfg(test)]
mod tests {
    use crate::control::text::render;
    use crate::control::v1::{Ranked, Reply, Top};

    fn ranked(name: &str, queries: u64, excess_max: u64, sampling_error: u64) -> Ranked {
        Ranked {
            name: name.to_owned(),
            queries,
            excess_max,
            sampling_error,
        }
    }

    #[test]
    fn who_asks_most_is_told_with_the_error_of_each_figure() {
        let top = Top {
            covered_ms: 55_400,
            sampled_one_in: 64,
            samples: 8656,
            lost_samples: 3,
            existing: vec![ranked("com", 277_000, 0, 4210)],
            missing: vec![],
            clients: vec![ranked("2001:db8::53", 55_400, 5540, 1883)],
        };
        let expected = "\
estimated from one query in 64 of the last 55 s: 8656 queries looked at
TOO LOW: 3 more were passed over, since too many waited

top-level domains that exist                a second        ±   share
  com                                           5000       75   50.0%

top-level domains that do not exist         a second        ±   share
  none seen

clients                                     a second        ±   share
  2001:db8::53                                  1000       33   10.0%  at least 900
";
        assert_eq!(render(&Reply::Top(top)), expected);
    }
}
