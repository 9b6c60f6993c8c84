//! Lists whose entries have their place each, and what can be wrong with any of them.

use super::Mistake;
use std::net::SocketAddr;
use toml::Spanned;

/// A list in which each has its place.
pub(super) type List<T> = Spanned<Vec<Spanned<T>>>;

/// Refuses a list that is empty or too long.
pub(super) fn check_length<T>(
    list: &List<T>,
    most: usize,
    what: &str,
    hint: &str,
) -> Result<(), Mistake> {
    let place = list.span().start;
    match list.get_ref().len() {
        0 => Err((place, format!("the list is empty; {hint}"))),
        count if count > most => Err((place, too_many(most, what))),
        _ => Ok(()),
    }
}

/// What to say of an address that stands in a list already.
pub(super) fn twice<T>(written: &Spanned<T>, address: SocketAddr) -> Mistake {
    let message = format!("`{address}` is listed twice; keep one of the two");
    (written.span().start, message)
}

/// What to say of a list that is too long.
pub(super) fn too_many(most: usize, what: &str) -> String {
    format!("more than {most} {what}; this is the limit")
}
