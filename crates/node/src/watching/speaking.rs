//! Says to the keeper of the route what is wished: at once when that changes, and again before it is
//! void.

use super::limits::SAY;
use super::mind::Mind;
use crate::route::Link;
use std::io;
use std::path::Path;

/// Speaks until the mind stops. What was wished is void then, as the connection ends.
pub(super) fn run(mind: &Mind, keeper: &Path) {
    let mut link = None;
    loop {
        let wish = mind.wish();
        let report = match link.take() {
            Some(link) => Ok(link),
            None => Link::open(keeper),
        };
        let report = report.and_then(|mut open| {
            let report = open.say(&wish)?;
            link = Some(open);
            Ok(report)
        });
        match report {
            Ok(report) => mind.handle_report(&wish, report),
            Err(cause) => mind.handle_silence(words(keeper, &cause)),
        }
        if !mind.wait_for_other(&wish, SAY) {
            return;
        }
    }
}

fn words(keeper: &Path, cause: &io::Error) -> String {
    let path = keeper.display();
    match cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            format!("nobody listens on {path}; start `imrs route`")
        }
        io::ErrorKind::PermissionDenied => {
            format!("this process may not speak on {path}; make its user one of the group of it")
        }
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            format!("who listens on {path} does not answer in time")
        }
        _ => format!("{path}: {cause}"),
    }
}
