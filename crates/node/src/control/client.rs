//! Sends one request to a running node and takes its reply.

use super::path;
use super::v1::{Command, Message, Reply, Request, SCHEMA};
use crate::limits::{CONTROL_LINE_MAX, CONTROL_PATIENCE};
use anyhow::{Context, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// Asks the node whose socket is at `socket`, or the one that is found.
pub fn ask(socket: Option<&Path>, command: Command) -> anyhow::Result<Reply> {
    let socket = match socket {
        Some(socket) => socket.to_owned(),
        None => find()?,
    };
    let show = socket.display();
    let mut stream = UnixStream::connect(&socket).with_context(|| {
        format!("cannot reach a server at {show}; is it running, and as a user that you may ask?")
    })?;
    let line = exchange(&mut stream, command).with_context(|| format!("no reply from {show}"))?;
    let message: Message = serde_json::from_str(&line)
        .with_context(|| format!("the reply from {show} is not of {SCHEMA}"))?;
    Ok(message.reply)
}

fn find() -> anyhow::Result<PathBuf> {
    let candidates = path::candidates();
    if let Some(found) = candidates.iter().find(|path| path.exists()) {
        return Ok(found.clone());
    }
    let [run, state] = candidates;
    bail!(
        "no control socket at {} or {}; start `imrs serve`, or name its socket by --socket",
        run.display(),
        state.display()
    )
}

fn exchange(stream: &mut UnixStream, command: Command) -> anyhow::Result<String> {
    stream.set_read_timeout(Some(command.patience()))?;
    stream.set_write_timeout(Some(CONTROL_PATIENCE))?;
    let mut request = serde_json::to_vec(&Request {
        schema: SCHEMA.to_owned(),
        command,
    })?;
    request.push(b'\n');
    // A server that is full replies and closes without reading: its reply says more than the error.
    let sent = stream.write_all(&request);
    let mut line = String::new();
    BufReader::new(stream.take(CONTROL_LINE_MAX as u64)).read_line(&mut line)?;
    if line.is_empty() {
        sent?;
    }
    if !line.ends_with('\n') {
        bail!("the reply is cut short");
    }
    Ok(line)
}
