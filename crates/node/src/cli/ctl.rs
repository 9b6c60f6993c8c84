//! `imrs ctl`: asks a running server.

use super::{Ctl, Exit, Output};
use crate::control::v1::{Health, Message, Reply, SCHEMA};
use crate::control::{client, text};
use anyhow::bail;
use std::io::Write;

/// Asks, prints the reply, and says by the exit code how the server is.
pub(super) fn run(args: &Ctl) -> anyhow::Result<Exit> {
    let reply = client::ask(args.socket.as_deref(), args.request.clone())?;
    if let Reply::Error { message } = &reply {
        bail!("the server: {message}");
    }
    let exit = exit_of(&reply);
    let text = match args.output {
        Output::Text => text::render(&reply),
        Output::Json => {
            let message = Message {
                schema: SCHEMA.to_owned(),
                reply,
            };
            serde_json::to_string_pretty(&message)? + "\n"
        }
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(exit)
}

fn exit_of(reply: &Reply) -> Exit {
    let health = match reply {
        Reply::Status(status) => status.health,
        Reply::Reload(reload) => reload.health,
        Reply::Zones(zones) => zones.health,
        Reply::Refresh(refreshed) => refreshed.health,
        Reply::Route(route) => route.health,
        Reply::Site(site) => site.health,
        Reply::Stats(_) | Reply::Top(_) | Reply::Cookies(_) | Reply::Sockets(_) => Health::Well,
        Reply::Error { .. } => Health::Failed,
    };
    match health {
        Health::Well => Exit::Well,
        Health::Degraded => Exit::Degraded,
        Health::Failed => Exit::Failed,
    }
}
