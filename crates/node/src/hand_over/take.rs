//! The newer node: asks for the sockets of the running one, and tells it when it serves.

use super::pass::Receiver;
use crate::control::path::Place;
use crate::control::v1::{Command, Message, Reply, Request, SCHEMA, Socket, Sockets, UsedFor};
use crate::limits::{CONTROL_PATIENCE, HANDED_OVER_PATIENCE};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use tracing::{info, warn};

/// Why the sockets of the running node cannot be had. It goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TakeOverError {
    /// The connection broke.
    #[error("the running server at {} did not hand its sockets over; it goes on", path.display())]
    Broken {
        /// The control socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// It is of a version that cannot.
    #[error(
        "the running server at {} is of a version that cannot hand its sockets over; it goes on: \
         stop it, then start this one without --take-over (`systemctl restart imrs`)",
        .0.display()
    )]
    TooOld(PathBuf),
    /// It would not.
    #[error("the running server at {}: {message}", path.display())]
    Refused {
        /// The control socket.
        path: PathBuf,
        /// What it said.
        message: String,
    },
}

/// The sockets of the running node, which serves them still.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    sockets: Vec<(Socket, OwnedFd)>,
}

/// A take-over that is not over: the running node waits for a word. Dropped, it goes on as if
/// nothing had been asked.
#[derive(Debug)]
pub(crate) struct TakingOver {
    stream: UnixStream,
    path: PathBuf,
    /// The process that runs.
    pid: u32,
}

impl TakingOver {
    /// Asks the node at `place` for its sockets; none where no node is there.
    pub(crate) fn begin(place: &Place) -> Result<Option<(TakingOver, Taken)>, TakeOverError> {
        let (Place::Named(path) | Place::Chosen(path)) = place;
        let Ok(stream) = UnixStream::connect(path) else {
            info!(
                "no server runs at {}: nothing to take over, starting as usual",
                path.display()
            );
            return Ok(None);
        };
        let path = path.clone();
        let broken = |cause| TakeOverError::Broken {
            path: path.clone(),
            cause,
        };
        let limit = Some(CONTROL_PATIENCE + CONTROL_PATIENCE);
        stream.set_read_timeout(limit).map_err(broken)?;
        ask(&stream).map_err(broken)?;
        let mut receiver = Receiver::new(&stream);
        let told = hear(&mut receiver).map_err(broken)?;
        let told = told.map_err(|message| refusal(&path, message))?;
        let mut taken = Taken::default();
        for socket in told.sockets {
            let descriptor = receiver.socket().map_err(broken)?;
            taken.sockets.push((socket, descriptor));
        }
        info!(
            "taking over {} sockets from process {} of version {}",
            taken.sockets.len(),
            told.pid,
            told.version
        );
        let pid = told.pid;
        Ok(Some((TakingOver { stream, path, pid }, taken)))
    }

    /// The control socket of the node that runs.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Tells the node that ran so far that this one serves, and waits until it reads no more. If it
    /// does not say so, this one serves all the same.
    pub(crate) fn done(self) {
        let told = ask(&self.stream).and_then(|()| {
            self.stream.set_read_timeout(Some(HANDED_OVER_PATIENCE))?;
            hear(&mut Receiver::new(&self.stream))
        });
        let pid = self.pid;
        match told {
            Ok(Ok(_)) => info!("taken over from process {pid}, which ends with its connections"),
            Ok(Err(message)) => warn!("taken over from process {pid}, which says: {message}"),
            Err(cause) => warn!("taken over from process {pid}, which says nothing: {cause}"),
        }
    }
}

impl Taken {
    /// Takes all sockets for a use at a place, in their order.
    pub(crate) fn take(&mut self, used_for: UsedFor, at: &str) -> Vec<(Socket, OwnedFd)> {
        let is_one = |(is, _): &mut (Socket, OwnedFd)| is.used_for == used_for && is.at == at;
        self.sockets.extract_if(.., is_one).collect()
    }

    /// What is left, which this node has no use for: clients of it meet nobody once the other ends.
    pub(crate) fn left(&self) -> impl Iterator<Item = &Socket> {
        self.sockets.iter().map(|(is, _)| is)
    }
}

fn ask(mut stream: &UnixStream) -> io::Result<()> {
    let mut line = serde_json::to_vec(&Request {
        schema: SCHEMA.to_owned(),
        command: Command::TakeOver {
            pid: std::process::id(),
        },
    })?;
    line.push(b'\n');
    stream.set_write_timeout(Some(CONTROL_PATIENCE))?;
    stream.write_all(&line)
}

/// What the running node tells, or what it says instead.
fn hear(receiver: &mut Receiver<'_>) -> io::Result<Result<Sockets, String>> {
    let line = receiver.line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let message: Message = serde_json::from_slice(&line)?;
    match message.reply {
        Reply::Sockets(sockets) => Ok(Ok(sockets)),
        Reply::Error { message } => Ok(Err(message)),
        _ => Err(io::Error::other("the reply is about something else")),
    }
}

/// An error, by what the running node says.
fn refusal(path: &Path, message: String) -> TakeOverError {
    // What a version says that does not know the request.
    if message.contains("unknown variant `take-over`") {
        return TakeOverError::TooOld(path.to_owned());
    }
    TakeOverError::Refused {
        path: path.to_owned(),
        message,
    }
}
