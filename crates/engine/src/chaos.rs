//! What a server says about itself in class CHAOS (RFC 4892).

use crate::client::Asking;
use crate::compose::{self, Opt};
use crate::outcome::Outcome;
use crate::respond::{Service, refuse};
use imrs_wire::{Ede, Query, Rtype};

/// Answers `id.server.`, `hostname.bind.`, `version.server.` and `version.bind.` TXT; refuses all
/// else, and what the operator does not tell.
pub(crate) fn answer(
    service: &Service,
    asking: &Asking,
    query: &Query<'_>,
    out: &mut [u8],
) -> Outcome {
    let identity = &service.identity;
    let question = query.question;
    let is = |name: &[u8]| question.qname.octets().eq_ignore_ascii_case(name);
    let text = if is(b"\x02id\x06server\0") || is(b"\x08hostname\x04bind\0") {
        identity.name.as_deref()
    } else if is(b"\x07version\x06server\0") || is(b"\x07version\x04bind\0") {
        identity.version.as_deref()
    } else {
        None
    };
    let Some(text) = text.filter(|_| question.qtype == Rtype::TXT) else {
        return refuse(service, asking, query, Ede::Prohibited, out);
    };
    // A character-string has 255 octets at most; `Identity` promises that.
    let text = text.get(..255).unwrap_or(text);
    let opt = Opt::new(service, asking, query.edns, None, None);
    compose::record(query, asking, &[&[text.len() as u8], text], &opt, out)
        .unwrap_or(Outcome::DROPPED)
}
