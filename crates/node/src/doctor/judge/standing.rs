//! Whether the server wishes to be announced, and why not.

use crate::control::v1::{Family, Reason, Standing};
use crate::doctor::Finding;
use crate::doctor::evidence::Evidence;
use crate::doctor::judge::session::family as shown;

/// One finding for each family with a prefix. A server that cannot be asked is named elsewhere.
pub(super) fn standing(evidence: &Evidence) -> Vec<Finding> {
    let families = { evidence.route.as_ref() }.map_or(&[][..], |route| &route.families);
    families.iter().map(judge).collect()
}

fn judge(family: &Family) -> Finding {
    let check = "wish";
    let name = shown(family.family);
    let reasons: Vec<&str> = { family.reasons.iter() }
        .map(|Reason { text, .. }| text.as_str())
        .collect();
    let because = match reasons.as_slice() {
        [] => family.detail.clone().unwrap_or_default(),
        _ => reasons.join("; "),
    };
    let seen = |what: &str| match because.as_str() {
        "" => format!("{name} {what}"),
        because => format!("{name} {what}: {because}"),
    };
    match family.standing {
        Standing::Announced if reasons.is_empty() => {
            Finding::well(check, format!("{name} is to be announced"))
        }
        Standing::Announced => Finding::unsure(
            check,
            seen("is to be announced, and not well"),
            "see to what is named; imrs ctl route tells when it is gone",
        ),
        Standing::HeldUp => Finding::wrong(
            check,
            seen("is announced only because nobody else is"),
            "see to what is named; imrs ctl route tells when it is gone",
        ),
        Standing::Starting | Standing::Announcing => Finding::unsure(
            check,
            seen("is not announced yet"),
            "ask again in a minute; imrs ctl route tells what is waited for",
        ),
        Standing::Withdrawn => Finding::wrong(
            check,
            seen("is withdrawn by the node itself"),
            "see to what is named; once it is gone and a probation is over, it is announced again",
        ),
        Standing::Draining | Standing::Drained => Finding::unsure(
            check,
            format!("{name} was taken out by an operator"),
            "when the work is done: imrs ctl undrain",
        ),
    }
}
