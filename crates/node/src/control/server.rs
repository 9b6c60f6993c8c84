//! Takes requests on the control socket and hands them to the node, one thread a client.

use super::path::Place;
use super::v1::{Command, Message, Reply, Request, SCHEMA};
use crate::bell::Bell;
use crate::limits::{CONTROL_CLIENTS_MAX, CONTROL_PATIENCE, CONTROL_REQUEST_MAX};
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// What takes a request: it sends the reply when it has one.
pub type Asked = dyn Fn(Command, SyncSender<Reply>) + Send + Sync;

/// What deals with a process that asks for our sockets, which it has told the number of.
pub(crate) type TakeOver = dyn Fn(&UnixStream, u32) + Send + Sync;

/// The control socket of a running node. Gone from the file system when dropped.
#[derive(Debug)]
pub struct Server {
    path: PathBuf,
    listener: Arc<UnixListener>,
    bell: Arc<Bell>,
    /// Whether the name in the file system is ours, to be taken away at the end.
    owns_name: bool,
}

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Another node answers there.
    #[error(
        "a running server has the control socket {}; stop it, or choose another path by --control",
        .0.display()
    )]
    Taken(PathBuf),
    /// Something else has the name.
    #[error("{} exists and is not a socket; remove it, or choose another path by --control", .0.display())]
    NotASocket(PathBuf),
    /// The system would not make it.
    #[error("cannot make the control socket {}", path.display())]
    Make {
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

/// A control socket that is there, and on which nobody takes requests yet.
#[derive(Debug)]
pub struct Bound {
    server: Server,
}

/// Whose the socket is, and a folder that is made for it: the numbers of a user and a group.
pub type Owner = (u32, u32);

impl Bound {
    /// Makes the socket, for the user of this process or for `owner`.
    pub fn new(place: &Place, owner: Option<Owner>) -> Result<Self, ControlError> {
        let path = free_path(place)?;
        let listener = bind_privately(&path, owner, 0o600).map_err(|cause| ControlError::Make {
            path: path.clone(),
            cause,
        })?;
        Bound::of(path, listener, true)
    }

    /// The socket of another node, which goes on taking requests until ours are started.
    pub(crate) fn inherited(path: &Path, listener: UnixListener) -> Result<Self, ControlError> {
        Bound::of(path.to_owned(), listener, false)
    }

    fn of(path: PathBuf, listener: UnixListener, owns_name: bool) -> Result<Self, ControlError> {
        // Two processes may accept from it for a while.
        let made = listener.set_nonblocking(true).and_then(|()| Bell::new());
        let bell = made.map_err(|cause| ControlError::Make {
            path: path.clone(),
            cause,
        })?;
        Ok(Bound {
            server: Server {
                path,
                listener: Arc::new(listener),
                bell: Arc::new(bell),
                owns_name,
            },
        })
    }

    /// Where the socket is.
    pub fn path(&self) -> &Path {
        self.server.path()
    }

    /// Takes requests from now on.
    pub fn start(self, asked: Arc<Asked>) -> Result<Server, ControlError> {
        self.start_with(asked, Arc::new(|stream, _| nothing_to_hand_over(stream)))
    }

    /// The same, and hands sockets over to who asks for them.
    pub(crate) fn start_with(
        self,
        asked: Arc<Asked>,
        take_over: Arc<TakeOver>,
    ) -> Result<Server, ControlError> {
        let Bound { mut server } = self;
        let (listener, bell) = (Arc::clone(&server.listener), Arc::clone(&server.bell));
        let handlers = Arc::new(Handlers { asked, take_over });
        thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || accept(&listener, &bell, &handlers))
            .map_err(|cause| ControlError::Make {
                path: server.path.clone(),
                cause,
            })?;
        server.owns_name = true;
        Ok(server)
    }
}

impl Server {
    /// Opens the socket and takes requests from then on.
    pub fn start(place: &Place, asked: Arc<Asked>) -> Result<Self, ControlError> {
        Bound::new(place, None)?.start(asked)
    }

    /// Where the socket is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The socket, for another process.
    pub(crate) fn lend(&self) -> io::Result<OwnedFd> {
        self.listener.as_fd().try_clone_to_owned()
    }

    /// Another process takes requests from now on; the name is its own.
    pub(crate) fn leave(mut self) {
        self.owns_name = false;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.bell.ring();
        if self.owns_name {
            // A name that is left behind is replaced by the next node that starts here.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What requests go to.
struct Handlers {
    asked: Arc<Asked>,
    take_over: Arc<TakeOver>,
}

/// A socket that hands nothing over.
fn nothing_to_hand_over(stream: &UnixStream) {
    let _ = send(stream, refuse("there are no sockets to hand over"));
}

/// The path to take: what was named if no node answers there; what was chosen, or beside it.
fn free_path(place: &Place) -> Result<PathBuf, ControlError> {
    let (Place::Named(path) | Place::Chosen(path)) = place;
    match fs::symlink_metadata(path) {
        Err(_) => return Ok(path.clone()),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(ControlError::NotASocket(path.clone()));
        }
        Ok(_) => {}
    }
    // Nobody accepts on the socket of a node that died.
    if UnixStream::connect(path).is_err() {
        return Ok(path.clone());
    }
    match place {
        Place::Named(_) => Err(ControlError::Taken(path.clone())),
        Place::Chosen(_) => Ok(path.with_extension(format!("{}.sock", std::process::id()))),
    }
}

/// Binds where only this user can reach, then moves the socket into place with these rights: at no
/// time may anyone else connect, and a stale socket is replaced in one step.
pub(crate) fn bind_privately(
    path: &Path,
    owner: Option<Owner>,
    rights: u32,
) -> io::Result<UnixListener> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let give = |path: &Path| match owner {
        Some((user, group)) => chown(path, Some(user), Some(group)),
        None => Ok(()),
    };
    if !folder.is_dir() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        give(folder)?;
    }
    let private = folder.join(format!(".imrs-{}", std::process::id()));
    DirBuilder::new().mode(0o700).create(&private)?;
    let inside = private.join("s");
    let bound = UnixListener::bind(&inside).and_then(|listener| {
        fs::set_permissions(&inside, Permissions::from_mode(rights))?;
        give(&inside)?;
        fs::rename(&inside, path)?;
        Ok(listener)
    });
    let _ = fs::remove_file(&inside);
    let removed = fs::remove_dir(&private);
    bound.and_then(|listener| removed.map(|()| listener))
}

fn accept(listener: &UnixListener, bell: &Bell, handlers: &Arc<Handlers>) {
    // Each client holds a copy; their number is that of the clients.
    let clients = Arc::new(());
    while bell.has_not_rung(listener) {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(_) => {
                // Out of descriptors, most likely: others have to end first.
                thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        let client = Arc::clone(&clients);
        let handlers = Arc::clone(handlers);
        let is_full = Arc::strong_count(&clients) > CONTROL_CLIENTS_MAX + 1;
        let serve = move || {
            let _client = client;
            let reply = if is_full {
                Some(refuse("too many clients of the control socket; try again"))
            } else {
                answer(&stream, &handlers)
            };
            if let Some(reply) = reply {
                // A client that does not take its reply has none.
                let _ = send(&stream, reply);
            }
        };
        if is_full {
            serve();
        } else {
            // Without a thread for it, the client is dropped and sees its connection end.
            let _ = thread::Builder::new()
                .name("control-client".to_owned())
                .spawn(serve);
        }
    }
}

pub(crate) fn refuse(message: impl Into<String>) -> Reply {
    Reply::Error {
        message: message.into(),
    }
}

/// The reply to a client, unless it has had all that is for it.
fn answer(stream: &UnixStream, handlers: &Handlers) -> Option<Reply> {
    let line = match read_request(stream) {
        Ok(line) => line,
        Err(error) => return Some(refuse(format!("the request did not arrive: {error}"))),
    };
    let command = match Request::read(&line) {
        Ok(command) => command,
        Err(message) => return Some(refuse(message)),
    };
    if let Command::TakeOver { pid } = command {
        (handlers.take_over)(stream, pid);
        return None;
    }
    let (sender, receiver): (_, Receiver<Reply>) = sync_channel(1);
    let patience = command.patience();
    (handlers.asked)(command, sender);
    let reply = receiver.recv_timeout(patience);
    Some(reply.unwrap_or_else(|_| refuse("the server is too busy to reply; it goes on, ask again")))
}

/// Reads one line: at most [`CONTROL_REQUEST_MAX`] octets within [`CONTROL_PATIENCE`] in all, so
/// that an octet now and then does not buy more time.
fn read_request(mut stream: &UnixStream) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + CONTROL_PATIENCE;
    let mut line = Vec::new();
    let mut chunk = [0; 512];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let read = match stream.read(&mut chunk) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => &chunk[..read],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if let Some(end) = read.iter().position(|&octet| octet == b'\n') {
            line.extend_from_slice(&read[..end]);
            return Ok(line);
        }
        line.extend_from_slice(read);
        if line.len() > CONTROL_REQUEST_MAX {
            return Err(io::Error::other(format!(
                "more than {CONTROL_REQUEST_MAX} octets"
            )));
        }
    }
}

pub(crate) fn send(mut stream: &UnixStream, reply: Reply) -> io::Result<()> {
    let message = Message {
        schema: SCHEMA.to_owned(),
        reply,
    };
    let mut line = serde_json::to_vec(&message)?;
    line.push(b'\n');
    stream.set_write_timeout(Some(CONTROL_PATIENCE))?;
    stream.write_all(&line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{client, v1};

    fn started(folder: &Path) -> Server {
        let stats = v1::Stats {
            uptime_seconds: 7,
            ..v1::Stats::default()
        };
        let asked: Arc<Asked> = Arc::new(move |_, sender| {
            sender.send(Reply::Stats(stats.clone())).unwrap();
        });
        Server::start(&Place::Named(folder.join("c.sock")), asked).unwrap()
    }

    fn ask_raw(path: &Path, octets: &[u8]) -> String {
        let mut stream = UnixStream::connect(path).unwrap();
        stream.write_all(octets).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    #[test]
    fn a_client_that_stalls_keeps_no_other_from_its_reply() {
        let folder = tempfile::tempdir().unwrap();
        let server = started(folder.path());
        let stalled: Vec<_> = (0..CONTROL_CLIENTS_MAX - 1)
            .map(|_| UnixStream::connect(server.path()).unwrap())
            .collect();
        let reply = client::ask(Some(server.path()), Command::Stats).unwrap();
        assert!(matches!(reply, Reply::Stats(stats) if stats.uptime_seconds == 7));
        drop(stalled);
    }

    #[test]
    fn more_clients_than_the_limit_are_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let server = started(folder.path());
        let stalled: Vec<_> = (0..CONTROL_CLIENTS_MAX)
            .map(|_| UnixStream::connect(server.path()).unwrap())
            .collect();
        let reply = client::ask(Some(server.path()), Command::Stats).unwrap();
        assert_eq!(
            reply,
            refuse("too many clients of the control socket; try again")
        );
        drop(stalled);
    }

    #[test]
    fn requests_that_are_not_understood_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let server = started(folder.path());
        let check = |octets: &[u8], expected: &str| {
            let reply = ask_raw(server.path(), octets);
            assert!(reply.contains(expected), "{reply}");
        };
        check(b"hello\n", "the request is not of imrs.control/1");
        check(
            b"{\"schema\":\"imrs.control/9\",\"command\":\"stats\"}\n",
            "imrs.control/9 is not",
        );
        check(
            b"{\"schema\":\"imrs.control/1\",\"command\":\"fly\"}\n",
            "unknown variant",
        );
        check(b"", "the request did not arrive");
        // Nine reads, the last of which is one too many.
        check(&[b'x'; 4608], "more than 4096 octets");
    }

    #[test]
    fn only_its_user_may_open_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let server = started(folder.path());
        let mode = fs::metadata(server.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_live_socket_is_not_taken_over_and_a_dead_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let server = started(folder.path());
        let path = server.path().to_owned();
        let nothing: Arc<Asked> = Arc::new(|_, _| {});
        let named = Server::start(&Place::Named(path.clone()), Arc::clone(&nothing));
        assert!(matches!(named, Err(ControlError::Taken(_))), "{named:?}");
        let chosen = Server::start(&Place::Chosen(path), Arc::clone(&nothing)).unwrap();
        assert_ne!(chosen.path(), server.path());

        let dead = folder.path().join("dead.sock");
        drop(UnixListener::bind(&dead).unwrap());
        Server::start(&Place::Named(dead), nothing).unwrap();
    }
}
