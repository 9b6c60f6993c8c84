//! Whether this node is announced, in the words of the control socket.

use super::mind::{FamilyView, Heard, Mind, View};
use crate::config::anycast::Anycast;
use crate::control::v1::{self, Effect, Health, Keeper, Reason, Route};
use crate::route::v1::Stand;
use imrs_fleet::anycast::{self, Standing, Step};
use imrs_fleet::health::{self, State};
use imrs_wire::Family;
use std::time::Duration;

/// All of it.
pub(crate) fn route(mind: &Mind, anycast: &Anycast, identity: Option<String>) -> Route {
    let view = mind.view();
    let families = Family::ALL.into_iter();
    let families = families.filter(|family| anycast.prefixes_of(*family).next().is_some());
    let families: Vec<v1::Family> = families
        .map(|family| of_family(family, &view, anycast))
        .collect();
    let keeper = keeper(&view.heard);
    Route {
        health: health(&families, &keeper),
        identity,
        families,
        keeper,
    }
}

fn of_family(family: Family, view: &View, anycast: &Anycast) -> v1::Family {
    let of_family: &FamilyView = view.families.of(family);
    let (standing, detail) = standing(&of_family.standing);
    v1::Family {
        family: family.into(),
        prefixes: { anycast.prefixes_of(family) }
            .map(|prefix| prefix.to_string())
            .collect(),
        state: match of_family.verdict.state {
            State::Serving => v1::State::Serving,
            State::Degraded => v1::State::Degraded,
            State::Unfit(_) => v1::State::Unfit,
        },
        state_seconds: view.now.since(of_family.verdict.since).as_secs(),
        reasons: of_family.verdict.reasons.iter().map(reason).collect(),
        standing,
        wish: of_family.stand.into(),
        detail,
        drained: of_family.drain.is_some(),
        queries_per_second: of_family.rate,
    }
}

fn reason(reason: &health::Reason) -> Reason {
    Reason {
        effect: match reason.effect {
            health::Effect::Hard => Effect::Hard,
            health::Effect::Soft => Effect::Soft,
            health::Effect::Told => Effect::Told,
        },
        text: reason.to_string(),
    }
}

fn standing(standing: &Standing) -> (v1::Standing, Option<String>) {
    let seconds = |time: &Duration| format!("{:.0} s", time.as_secs_f64().ceil());
    let lease = |left: &Option<Duration>| {
        left.map(|left| {
            format!(
                "others stand in for {} more, unless they renew it",
                seconds(&left)
            )
        })
    };
    match standing {
        Standing::Absent => (v1::Standing::Withdrawn, None),
        Standing::Announced {
            in_force: Some(anycast::Stand::Announced),
        } => (v1::Standing::Announced, None),
        Standing::Announced { .. } => {
            let detail = "no neighbor has been told, as far as is known";
            (v1::Standing::Announcing, Some(detail.to_owned()))
        }
        Standing::Starting { .. } => (v1::Standing::Starting, None),
        Standing::Withdrawn { lease_left, .. } => (v1::Standing::Withdrawn, lease(lease_left)),
        Standing::HeldUp { bound_for, .. } => {
            let detail = match bound_for {
                Some(left) => format!("it has promised others to stand in for {}", seconds(left)),
                None => "no other node stands in".to_owned(),
            };
            (v1::Standing::HeldUp, Some(detail))
        }
        Standing::Draining { step } => {
            let detail = match step {
                Step::Begun => "the routers have not been told yet".to_owned(),
                Step::Leaving(left) => format!("routers take other ways, {}", seconds(left)),
                Step::Quieting(left) => {
                    format!(
                        "queries still come, not waited for longer than {}",
                        seconds(left)
                    )
                }
            };
            (v1::Standing::Draining, Some(detail))
        }
        Standing::Drained { lease_left } => (v1::Standing::Drained, lease(lease_left)),
    }
}

fn keeper(heard: &Heard) -> Keeper {
    match heard {
        Heard::Nothing(why) => Keeper {
            unreached: Some(why.clone()),
            ..Keeper::default()
        },
        Heard::Report(report) => Keeper {
            unreached: None,
            bird: report.bird,
            trouble: report.trouble.clone(),
            pending: report.pending.clone(),
            neighbors: report.neighbors.clone(),
        },
    }
}

/// Well is what is announced and serves, and what an operator has taken out.
fn health(families: &[v1::Family], keeper: &Keeper) -> Health {
    let is_well = |family: &v1::Family| {
        let is_as_wished = match family.drained {
            true => family.wish != Stand::Announced,
            false => family.standing == v1::Standing::Announced,
        };
        is_as_wished && family.state == v1::State::Serving
    };
    let is_out = |family: &v1::Family| {
        let is_in = matches!(
            family.standing,
            v1::Standing::Announced | v1::Standing::HeldUp
        );
        !is_in && !family.drained
    };
    if keeper.unreached.is_some() || families.iter().all(is_out) {
        Health::Failed
    } else if keeper.trouble.is_none() && families.iter().all(is_well) {
        Health::Well
    } else {
        Health::Degraded
    }
}
