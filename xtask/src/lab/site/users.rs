//! People behind a resolver: they ask for names below the root's one real delegation, and notice
//! when no answer comes.
//!
//! Start reading at [`Users::start`]. This file does not know what happens to the root.

use super::network::Network;
use super::plan::{DNS, Place};
use super::servers::RESOLVER;
use crate::lab::task::Task;
use anyhow::Result;
use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, Name, Rtype};
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// People in one place. They stop when dropped.
#[derive(Debug)]
pub(super) struct Users {
    asked: Arc<Mutex<Vec<(Duration, bool)>>>,
    _task: Task,
}

impl Users {
    /// They begin to ask.
    pub(super) fn start(network: &Network, place: Place, start: Instant) -> Result<Users> {
        let socket = network
            .at(place)
            .enter(|| Ok(UdpSocket::bind((RESOLVER, 0))?))?;
        socket.connect((RESOLVER, DNS))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let asked = Arc::new(Mutex::default());
        let noting: Arc<Mutex<Vec<(Duration, bool)>>> = Arc::clone(&asked);
        let work = move |ends: &AtomicBool| {
            for number in 0_u16.. {
                if ends.load(Relaxed) {
                    return;
                }
                let at = start.elapsed();
                let is_answered = ask(&socket, number);
                let mut asked = noting.lock().unwrap_or_else(PoisonError::into_inner);
                asked.push((at, is_answered));
                drop(asked);
                thread::sleep(PAUSE);
            }
        };
        Ok(Users {
            asked,
            _task: Task::start(work),
        })
    }

    /// Whether they asked since a time, and never in vain.
    pub(super) fn are_well_since(&self, since: Duration) -> bool {
        let (asked, in_vain) = self.since(since);
        asked > 0 && in_vain == 0
    }

    /// How often they asked since a time, and how often in vain.
    pub(super) fn since(&self, since: Duration) -> (usize, usize) {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = asked.iter().filter(|(at, _)| *at >= since);
        let in_vain = recent.clone().filter(|(_, is_answered)| !is_answered);
        (recent.count(), in_vain.count())
    }
}

/// Whether a name is resolved.
fn ask(socket: &UdpSocket, number: u16) -> bool {
    let name = format!("user-{number}.example.lab.");
    let name: Name<Vec<u8>> = name.parse().expect("these names are short");
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_id(number);
    message.header_mut().set_rd(true);
    let mut question = message.question();
    question.push((&name, Rtype::A)).expect("a vector grows");
    if socket.send(&question.finish()).is_err() {
        return false;
    }
    let mut response = [0; 1500];
    let deadline = Instant::now() + PATIENCE;
    while let Ok(length) = socket.recv(&mut response) {
        let message = Message::from_octets(&response[..length]);
        if let Ok(message) = message
            && message.header().id() == number
        {
            let header = message.header();
            return header.rcode() == Rcode::NOERROR && message.header_counts().ancount() > 0;
        }
        if Instant::now() > deadline {
            break;
        }
    }
    false
}

/// Whoever waits longer gives up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(250);
