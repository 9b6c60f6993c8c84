//! Sockets, clients and HTTP: one thread with a runtime of its own, behind the workers.

use super::process::Source;
use super::text::MEDIA_TYPE;
use super::{Snapshot, Told, render};
use crate::config::Metrics;
use crate::control::server::{Owner, bind_privately};
use crate::limits::{
    METRICS_CLIENTS_MAX, METRICS_FIELDS_MAX, METRICS_FRESH, METRICS_PATIENCE, METRICS_REQUEST_MAX,
    METRICS_WAIT,
};
use crate::system;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fs, io};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net;
use tokio::runtime::{self, Runtime};
use tokio::sync::{Mutex, Notify, oneshot};
use tokio::task::{AbortHandle, LocalSet, spawn_local};
use tokio::time::{Instant, sleep, timeout};

/// What asks the node; it sends what it has to tell when it comes to it.
pub type Asked = dyn Fn(oneshot::Sender<Box<Told>>) + Send;

/// Why metrics cannot be fetched.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} for metrics")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Another node answers there.
    #[error("a running server has the metrics socket {}; write another path", .0.display())]
    Taken(PathBuf),
    /// Something else has the name.
    #[error("{} exists and is not a socket; remove it, or write another path", .0.display())]
    NotASocket(PathBuf),
    /// The system would not make it.
    #[error("cannot make the metrics socket {}", path.display())]
    Make {
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The thread could not be started, or its sockets not be waited for.
    #[error("cannot start a thread for metrics")]
    Thread(#[source] io::Error),
}

/// Sockets that are open and not answered yet.
#[derive(Debug)]
pub struct Bound {
    tcp: Vec<TcpListener>,
    unix: Option<(UnixListener, Name)>,
    places: Vec<String>,
    source: Source,
}

/// The running thread. Dropped, it ends, and the socket's name is gone.
#[derive(Debug)]
pub struct Endpoint {
    places: Vec<String>,
    tcp: Vec<(SocketAddr, OwnedFd)>,
    unix: Option<OwnedFd>,
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
    name: Option<Name>,
}

/// Listeners of another node, which may still be accepting from them.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    /// With their addresses.
    pub(crate) tcp: Vec<(SocketAddr, TcpListener)>,
    /// That of the socket at the path that is configured.
    pub(crate) unix: Option<UnixListener>,
}

/// The name of a socket in the file system, gone when dropped if it is ours.
#[derive(Debug)]
struct Name {
    path: PathBuf,
    is_ours: bool,
}

impl Drop for Name {
    fn drop(&mut self) {
        if self.is_ours {
            // A name that is left behind is replaced by the next node that starts here.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Rights of the socket: for the server's user and its group, of which who fetches can be made a
/// member.
const SOCKET_RIGHTS: u32 = 0o660;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 64;

impl Bound {
    /// Opens all sockets, and what of the system is read later.
    pub fn open(metrics: &Metrics, owner: Option<Owner>) -> Result<Self, MetricsError> {
        Bound::with(metrics, owner, Inherited::default())
    }

    /// The same, but for those that another node has handed over.
    pub(crate) fn with(
        metrics: &Metrics,
        owner: Option<Owner>,
        mut inherited: Inherited,
    ) -> Result<Self, MetricsError> {
        let mut bound = Bound {
            tcp: Vec::new(),
            unix: None,
            places: Vec::new(),
            source: Source::open(),
        };
        for &address in &metrics.listen {
            let failed = |cause| MetricsError::Listen { address, cause };
            let same = |(at, _): &(SocketAddr, TcpListener)| *at == address;
            let listener = match inherited.tcp.iter().position(same) {
                Some(at) => inherited.tcp.swap_remove(at).1,
                None => listen(address).map_err(failed)?,
            };
            let address = listener.local_addr().map_err(failed)?;
            bound.places.push(format!("http://{address}/metrics"));
            bound.tcp.push(listener);
        }
        if let Some(path) = &metrics.socket {
            let failed = |cause| MetricsError::Make {
                path: path.clone(),
                cause,
            };
            let is_ours = inherited.unix.is_none();
            let listener = match inherited.unix {
                Some(listener) => listener,
                None => {
                    refuse_taken(path)?;
                    bind_privately(path, owner, SOCKET_RIGHTS).map_err(failed)?
                }
            };
            let path = path.clone();
            let name = Name { path, is_ours };
            let failed = |cause| MetricsError::Make {
                path: name.path.clone(),
                cause,
            };
            listener.set_nonblocking(true).map_err(failed)?;
            bound.places.push(name.path.display().to_string());
            bound.unix = Some((listener, name));
        }
        Ok(bound)
    }

    /// Where the Unix socket is, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.unix.as_ref().map(|(_, name)| name.path.as_path())
    }

    /// Answers from now on. The first `pinned` cores are the workers'.
    pub fn start(self, pinned: usize, asked: Box<Asked>) -> Result<Endpoint, MetricsError> {
        let (unix, mut name) = self.unix.unzip();
        if let Some(name) = &mut name {
            name.is_ours = true;
        }
        let lend = || -> io::Result<_> {
            let tcp = { self.tcp.iter() }
                .map(|listener| Ok((listener.local_addr()?, OwnedFd::from(listener.try_clone()?))));
            let unix = unix.as_ref().map(UnixListener::try_clone).transpose()?;
            Ok((tcp.collect::<io::Result<_>>()?, unix.map(OwnedFd::from)))
        };
        let (lent_tcp, lent_unix) = lend().map_err(MetricsError::Thread)?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(MetricsError::Thread)?;
        let within = runtime.enter();
        let tcp = self.tcp.into_iter().map(net::TcpListener::from_std);
        let tcp = tcp.collect::<io::Result<Vec<_>>>();
        let unix = unix.map(net::UnixListener::from_std).transpose();
        let (tcp, unix) = (
            tcp.map_err(MetricsError::Thread)?,
            unix.map_err(MetricsError::Thread)?,
        );
        drop(within);
        let stop = Arc::new(Notify::new());
        let until = Arc::clone(&stop);
        let source = self.source;
        let run = move || {
            system::yield_to_workers(pinned);
            let room = Rc::new(Room {
                asked,
                source,
                page: Mutex::new(None),
                clients: RefCell::default(),
            });
            serve(&runtime, room, tcp, unix, &until);
        };
        let thread = thread::Builder::new().name("metrics".to_owned()).spawn(run);
        Ok(Endpoint {
            places: self.places,
            tcp: lent_tcp,
            unix: lent_unix,
            stop,
            thread: Some(thread.map_err(MetricsError::Thread)?),
            name,
        })
    }
}

impl Endpoint {
    /// Where metrics can be fetched, with the ports that the system chose where 0 was asked for.
    pub fn places(&self) -> &[String] {
        &self.places
    }

    /// The listeners at addresses, for another node.
    pub(crate) fn lend(&self) -> io::Result<Vec<(SocketAddr, OwnedFd)>> {
        let lend = |(at, listener): &(SocketAddr, OwnedFd)| Ok((*at, listener.try_clone()?));
        self.tcp.iter().map(lend).collect()
    }

    /// The listener at a path, for another node.
    pub(crate) fn lend_socket(&self) -> io::Result<Option<(PathBuf, OwnedFd)>> {
        let (Some(name), Some(listener)) = (&self.name, &self.unix) else {
            return Ok(None);
        };
        Ok(Some((name.path.clone(), listener.try_clone()?)))
    }

    /// Another node answers from now on; the socket's name is its own.
    pub(crate) fn leave(mut self) {
        if let Some(name) = &mut self.name {
            name.is_ours = false;
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            // What the thread panicked of was told when it did.
            let _ = thread.join();
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let kind = Type::STREAM.nonblocking();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Lets a restarted server listen while connections of the last one linger (TIME_WAIT).
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Refuses a path that another server or another file has. A dead server's socket is replaced.
fn refuse_taken(path: &Path) -> Result<(), MetricsError> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            Err(MetricsError::NotASocket(path.to_owned()))
        }
        Ok(_) if UnixStream::connect(path).is_ok() => Err(MetricsError::Taken(path.to_owned())),
        _ => Ok(()),
    }
}

/// What the clients share.
struct Room {
    asked: Box<Asked>,
    source: Source,
    /// What was written last, and when.
    page: Mutex<Option<(Instant, Bytes)>>,
    /// The oldest first.
    clients: RefCell<VecDeque<AbortHandle>>,
}

fn serve(
    runtime: &Runtime,
    room: Rc<Room>,
    tcp: Vec<net::TcpListener>,
    unix: Option<net::UnixListener>,
    stop: &Notify,
) {
    let local = LocalSet::new();
    local.block_on(runtime, async {
        for listener in tcp {
            let room = Rc::clone(&room);
            spawn_local(async move {
                loop {
                    admit(&room, listener.accept().await).await;
                }
            });
        }
        if let Some(listener) = unix {
            spawn_local(async move {
                loop {
                    admit(&room, listener.accept().await).await;
                }
            });
        }
        stop.notified().await;
    });
}

/// Takes a client in. One too many sends the oldest away: who stalls keeps nobody out.
async fn admit<S, A>(room: &Rc<Room>, accepted: io::Result<(S, A)>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    /// Out of descriptors, most likely: others have to end first.
    const PAUSE: Duration = Duration::from_millis(100);
    let Ok((stream, _)) = accepted else {
        sleep(PAUSE).await;
        return;
    };
    let mut clients = room.clients.borrow_mut();
    clients.retain(|client| !client.is_finished());
    while clients.len() >= METRICS_CLIENTS_MAX {
        if let Some(oldest) = clients.pop_front() {
            oldest.abort();
        }
    }
    let client = spawn_local(converse(Rc::clone(room), stream));
    clients.push_back(client.abort_handle());
}

/// One request, one response.
async fn converse<S: AsyncRead + AsyncWrite + Unpin + 'static>(room: Rc<Room>, stream: S) {
    let answer = |request| {
        let room = Rc::clone(&room);
        async move { Ok::<_, Infallible>(answer(&room, &request).await) }
    };
    let conversation = http1::Builder::new()
        .keep_alive(false)
        // Who has sent all that it has to say still reads.
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(METRICS_PATIENCE)
        .max_buf_size(METRICS_REQUEST_MAX)
        .max_headers(METRICS_FIELDS_MAX)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    // A client's mistake, or its slowness, is its own affair.
    let _ = timeout(METRICS_PATIENCE, conversation).await;
}

async fn answer(room: &Room, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n");
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "use GET or HEAD\n");
        return with(refusal, ALLOW, "GET, HEAD");
    }
    match room.page().await {
        Some(page) => with(Response::new(Full::new(page)), CONTENT_TYPE, MEDIA_TYPE),
        None => plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "the server is too busy to tell; it goes on, ask again\n",
        ),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    with(response, CONTENT_TYPE, "text/plain; charset=utf-8")
}

fn with(
    mut response: Response<Full<Bytes>>,
    name: HeaderName,
    value: &'static str,
) -> Response<Full<Bytes>> {
    let headers = response.headers_mut();
    headers.insert(name, HeaderValue::from_static(value));
    response
}

impl Room {
    /// All metrics as they are now; none if the node has no time for it.
    async fn page(&self) -> Option<Bytes> {
        let mut page = self.page.lock().await;
        if let Some((written, page)) = page.as_ref()
            && written.elapsed() < METRICS_FRESH
        {
            return Some(page.clone());
        }
        let (sender, told) = oneshot::channel();
        (self.asked)(sender);
        let told = timeout(METRICS_WAIT, told).await.ok()?.ok()?;
        let snapshot = Snapshot {
            told: *told,
            process: self.source.read(),
        };
        let written = Bytes::from(render(snapshot).ok()?);
        *page = Some((Instant::now(), written.clone()));
        Some(written)
    }
}
