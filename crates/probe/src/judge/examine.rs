//! Puts many questions to something that answers, over TCP again where a response is truncated.

use super::fault::Fault;
use super::judge;
use super::question::Question;
use super::zone::Zone;
use crate::limits::{MESSAGE_LEN_MAX, UDP_LEN};
use std::fmt;

/// How a query travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Over UDP, with room for 1220 octets.
    Udp,
    /// Over TCP.
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        })
    }
}

/// What was asked where all responses were right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Examined {
    /// Questions.
    pub questions: usize,
    /// Questions that were asked over TCP as well, since the response over UDP was truncated.
    pub truncated: usize,
}

/// The first response that was wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{question} over {transport}")]
pub struct Failed {
    /// What was asked.
    pub question: Question,
    /// How it was asked.
    pub transport: Transport,
    /// What is wrong with the response.
    #[source]
    pub fault: Fault,
}

/// Asks `questions` until a response is wrong.
///
/// `ask` gets a query, writes the response to the buffer that it is given, and returns how many
/// octets the response has: 0 if there is none.
pub fn examine<'q>(
    zone: &Zone<'_>,
    questions: impl IntoIterator<Item = &'q Question>,
    mut ask: impl FnMut(Transport, &[u8], &mut [u8]) -> usize,
) -> Result<Examined, Failed> {
    let mut room = vec![0; MESSAGE_LEN_MAX];
    let mut examined = Examined::default();
    for question in questions {
        let query = question.query(examined.questions as u16);
        let mut ask = |transport: Transport| {
            let len = ask(transport, &query, &mut room).min(MESSAGE_LEN_MAX);
            answer(zone, question, &query, transport, &room[..len])
        };
        let mut result = ask(Transport::Udp).map_err(|fault| (Transport::Udp, fault));
        if let Err((_, Fault::Truncated)) = result {
            examined.truncated += 1;
            result = ask(Transport::Tcp).map_err(|fault| (Transport::Tcp, fault));
        }
        result.map_err(|(transport, fault)| Failed {
            question: question.clone(),
            transport,
            fault,
        })?;
        examined.questions += 1;
    }
    Ok(examined)
}

fn answer(
    zone: &Zone<'_>,
    question: &Question,
    query: &[u8],
    transport: Transport,
    response: &[u8],
) -> Result<(), Fault> {
    let limit = usize::from(UDP_LEN);
    if transport == Transport::Udp && response.len() > limit {
        let octets = response.len();
        return Err(Fault::TooLong { octets, limit });
    }
    if response.first_chunk::<2>() != query.first_chunk() {
        return Err(Fault::OtherId);
    }
    judge(zone, question, response)
}
