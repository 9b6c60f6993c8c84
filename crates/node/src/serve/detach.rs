//! `--detach`: a server that goes on when whoever started it has its result, as a service manager
//! wants it of a reload.

use super::plan::Plan;
use crate::cli::Exit;
use crate::control::client;
use crate::control::path::Place;
use crate::control::v1::{Command as Request, Reply};
use crate::limits::{DETACH_LOOK, DETACH_PATIENCE};
use anyhow::{Context, bail};
use std::env;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

/// Starts the server that the command line asks for, and returns when it serves. One that ends
/// before, or takes too long, leaves the running one as it is.
pub(super) fn run(plan: &Plan) -> anyhow::Result<Exit> {
    let (Place::Named(path) | Place::Chosen(path)) = &plan.control;
    let program = env::current_exe().context("cannot find this program")?;
    let options = env::args_os().skip(1).filter(|option| option != DETACH);
    let mut child = Command::new(program)
        .args(options)
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .context("cannot start the server")?;
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            bail!("the server did not come to serve ({status}); what ran before goes on");
        }
        if is_serving(path, child.id()) {
            return Ok(Exit::Well);
        }
        if began.elapsed() > DETACH_PATIENCE {
            child.kill()?;
            bail!(
                "the server did not come to serve within {} s and was stopped; what ran before \
                 goes on",
                DETACH_PATIENCE.as_secs()
            );
        }
        thread::sleep(DETACH_LOOK);
    }
}

/// Whether it is this process that answers on the control socket.
fn is_serving(path: &Path, pid: u32) -> bool {
    let reply = client::ask(Some(path), Request::Status);
    matches!(reply, Ok(Reply::Status(status)) if status.pid == pid)
}

const DETACH: &str = "--detach";
