//! Whether the other nodes of the site, and the witnesses, are who and where they should be.

use crate::control::v1::SiteNode;
use crate::doctor::Finding;
use crate::doctor::evidence::Evidence;

/// One finding for each other node.
pub(super) fn site(evidence: &Evidence) -> Vec<Finding> {
    match &evidence.site {
        None => Vec::new(),
        Some(Err(why)) => vec![Finding::unsure(CHECK, why, "imrs ctl site")],
        Some(Ok(site)) => site.nodes.iter().filter_map(judge).collect(),
    }
}

/// Nothing of the node that tells.
fn judge(node: &SiteNode) -> Option<Finding> {
    let address = node.address.as_ref()?;
    let name = format!("{} ({address})", node.identity);
    let brief = match (&node.brief, &node.trouble) {
        (Some(brief), _) => brief,
        (None, trouble) => {
            let trouble = trouble.as_deref().unwrap_or("it says nothing");
            let seen = format!("{name}: {trouble}");
            return Some(match trouble.contains("signed") {
                true => Finding::wrong(
                    CHECK,
                    seen,
                    "write the same key, by name, algorithm and secret, in [[key]] of both nodes, \
                     and have both clocks kept",
                ),
                false => Finding::unsure(
                    CHECK,
                    seen,
                    "check its address in [site], whether it runs with the same key in a [site] of \
                     its own, and whether its port 53 can be reached from here",
                ),
            });
        }
    };
    if brief.identity == node.identity {
        return Some(Finding::well(CHECK, format!("{name} answers")));
    }
    Some(Finding::wrong(
        CHECK,
        format!("{name} is {} in truth", brief.identity),
        "correct its identity or address in [site]: each address is that of one node alone",
    ))
}

const CHECK: &str = "site";
