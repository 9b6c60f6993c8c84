//! The report that clients are given: of the last look at BIRD.

use super::speaker::Speaker;
use crate::route::v1::{Bird, Neighbor, Report};
use imrs_fleet::anycast::Stand;
use std::time::Instant;

impl Speaker {
    /// How things are.
    pub(super) fn report(&self) -> Report {
        let [v4, v6] = self.in_force();
        let trouble = &self.trouble;
        let all = [&trouble.bird, &trouble.settings, &trouble.addresses];
        let all: Vec<&str> = all.into_iter().flatten().map(String::as_str).collect();
        let is_up = self.bird.is_some();
        Report {
            bird: if is_up { Bird::Up } else { Bird::Down },
            trouble: (!all.is_empty()).then(|| all.join("; ")),
            ipv4: v4.into(),
            ipv6: v6.into(),
            neighbors: self.neighbors(),
            pending: { self.trial.as_ref() }.map(|trial| trial.pending(Instant::now())),
        }
    }

    fn neighbors(&self) -> Vec<Neighbor> {
        let neighbors = self.settings.anycast.neighbors.iter();
        let wish = self.wish_in_force();
        let told = neighbors.map(|neighbor| {
            let family = neighbor.family();
            let session = self.seen.state.sessions.get(&neighbor.name);
            let exported = session.map_or(0, |session| session.exported);
            let stand = match wish {
                Some(wish) => wish.towards(&neighbor.name, family),
                None if exported > 0 => Stand::Announced,
                None => Stand::Withdrawn,
            };
            Neighbor {
                name: neighbor.name.clone(),
                address: neighbor.address,
                asn: neighbor.asn,
                family: family.into(),
                state: session
                    .map_or("unknown", |session| &session.state)
                    .to_owned(),
                since: session.and_then(|session| session.since.clone()),
                bfd: self.seen.bfd.get(&neighbor.address.to_string()).cloned(),
                imported: session.map_or(0, |session| session.imported),
                exported,
                stand: stand.into(),
                trouble: session.and_then(|session| session.trouble.clone()),
            }
        });
        told.collect()
    }
}
