//! Frame Streams, in which dnstap travels: files go one way, connections begin and end by a
//! handshake.
//!
//! ```text
//! data      length 32 | payload
//! control   0 32 | length 32 | type 32 | fields: type 32, length 32, octets
//!
//! file      START  data ...  STOP
//! socket    READY ─▶        ◀─ ACCEPT        START ─▶ data ... ─▶ STOP ─▶        ◀─ FINISH
//! ```

use crate::limits::FRAMES_CONTROL_OCTETS;

/// What the payload of dnstap is called.
pub const CONTENT_TYPE: &[u8] = b"protobuf:dnstap.Dnstap";

/// Appends what a file starts with.
pub fn start(out: &mut Vec<u8>) {
    control(out, Control::Start, Some(CONTENT_TYPE));
}

/// Appends what a file ends with.
pub fn stop(out: &mut Vec<u8>) {
    control(out, Control::Stop, None);
}

/// The writer's side of a connection. Owns no socket: takes what arrived, gives what is to be sent.
#[derive(Debug)]
pub struct Session {
    state: State,
    /// What arrived of a frame that is not whole.
    arrived: Vec<u8>,
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// READY is sent; nothing else may be until the reader accepts.
    Offered,
    /// START is sent; frames of data may follow.
    Open,
    /// STOP is sent; the reader may have frames that it did not read yet.
    Stopping,
    /// The reader read all.
    Finished,
}

/// Why a session cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The reader wants something else.
    #[error("the reader takes no dnstap")]
    ContentType,
    /// A frame that has no place here.
    #[error("the reader sent frame {0}, which is not its turn")]
    Unexpected(u32),
    /// No Frame Streams.
    #[error("the reader does not speak Frame Streams")]
    Malformed,
}

/// Types of control frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum Control {
    Accept = 1,
    Start = 2,
    Stop = 3,
    Ready = 4,
    Finish = 5,
}

impl Session {
    /// Begins, and appends what is to be sent first.
    pub fn begin(out: &mut Vec<u8>) -> Session {
        control(out, Control::Ready, Some(CONTENT_TYPE));
        Session {
            state: State::Offered,
            arrived: Vec::new(),
        }
    }

    /// How far it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// Takes octets that arrived, and appends what is to be sent.
    pub fn handle_octets(&mut self, octets: &[u8], out: &mut Vec<u8>) -> Result<(), Refused> {
        self.arrived.extend_from_slice(octets);
        while let Some((kind, accepts, len)) = parse_control(&self.arrived)? {
            self.arrived.drain(..len);
            self.state = match (self.state, kind) {
                (State::Offered, kind) if kind == Control::Accept as u32 => {
                    if !accepts {
                        return Err(Refused::ContentType);
                    }
                    start(out);
                    State::Open
                }
                (State::Stopping, kind) if kind == Control::Finish as u32 => State::Finished,
                (_, kind) => return Err(Refused::Unexpected(kind)),
            };
        }
        Ok(())
    }

    /// Appends what says that no data follows.
    pub fn stop(&mut self, out: &mut Vec<u8>) {
        if self.state == State::Open {
            stop(out);
            self.state = State::Stopping;
        }
    }
}

/// Opens a frame of data in `out`; to be closed with what this returns.
pub(super) fn open(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0; 4]);
    out.len()
}

/// Writes how long the frame is that was opened at `start`.
pub(super) fn close(out: &mut [u8], start: usize) {
    let len = (out.len() - start) as u32;
    out[start - 4..start].copy_from_slice(&len.to_be_bytes());
}

fn control(out: &mut Vec<u8>, kind: Control, content_type: Option<&[u8]>) {
    let fields_len = content_type.map_or(0, |content| 8 + content.len());
    let mut put = |number: u32| out.extend_from_slice(&number.to_be_bytes());
    put(0);
    put(4 + fields_len as u32);
    put(kind as u32);
    if let Some(content) = content_type {
        put(FIELD_CONTENT_TYPE);
        put(content.len() as u32);
        out.extend_from_slice(content);
    }
}

/// Reads a control frame, if it is whole: its type, whether it has our content type or none at
/// all, which is any, and its octets.
fn parse_control(octets: &[u8]) -> Result<Option<(u32, bool, usize)>, Refused> {
    let number = |at: usize| {
        let octets = octets.get(at..)?.first_chunk()?;
        Some(u32::from_be_bytes(*octets))
    };
    let [Some(escape), Some(len)] = [number(0), number(4)] else {
        return Ok(None);
    };
    let len = len as usize;
    // A reader sends no data.
    if escape != 0 || !(4..=FRAMES_CONTROL_OCTETS).contains(&len) {
        return Err(Refused::Malformed);
    }
    let (Some(kind), Some(mut fields)) = (number(8), octets.get(12..8 + len)) else {
        return Ok(None);
    };
    let [mut is_any, mut is_ours] = [true, false];
    while let Some((head, rest)) = fields.split_first_chunk::<8>() {
        let field = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let len = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let (value, rest) = rest.split_at_checked(len).ok_or(Refused::Malformed)?;
        if field == FIELD_CONTENT_TYPE {
            is_any = false;
            is_ours |= value == CONTENT_TYPE;
        }
        fields = rest;
    }
    if !fields.is_empty() {
        return Err(Refused::Malformed);
    }
    Ok(Some((kind, is_any || is_ours, 8 + len)))
}

const FIELD_CONTENT_TYPE: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: Control, content_type: Option<&[u8]>) -> Vec<u8> {
        let mut out = Vec::new();
        control(&mut out, kind, content_type);
        out
    }

    /// What comes of octets that a reader sends first, in pieces of so many.
    #[track_caller]
    fn check(octets: &[u8], piece: usize, expected: Result<State, Refused>) {
        let mut session = Session::begin(&mut Vec::new());
        let mut sent = Vec::new();
        let done = octets
            .chunks(piece)
            .try_for_each(|octets| session.handle_octets(octets, &mut sent));
        assert_eq!(done.map(|()| session.state()), expected);
    }

    #[test]
    fn a_session_goes_through_its_handshakes() {
        let mut sent = Vec::new();
        let mut session = Session::begin(&mut sent);
        assert_eq!(sent, frame(Control::Ready, Some(CONTENT_TYPE)));
        sent.clear();
        session.stop(&mut sent);
        assert!(sent.is_empty());
        let accept = frame(Control::Accept, Some(CONTENT_TYPE));
        session.handle_octets(&accept, &mut sent).unwrap();
        assert_eq!(session.state(), State::Open);
        assert_eq!(sent, frame(Control::Start, Some(CONTENT_TYPE)));
        sent.clear();
        session.stop(&mut sent);
        assert_eq!(sent, frame(Control::Stop, None));
        let finish = frame(Control::Finish, None);
        session.handle_octets(&finish, &mut sent).unwrap();
        assert_eq!(session.state(), State::Finished);
    }

    #[test]
    fn an_acceptance_may_come_in_pieces_and_name_no_type_or_several() {
        let accept = frame(Control::Accept, Some(CONTENT_TYPE));
        for piece in 1..accept.len() {
            check(&accept, piece, Ok(State::Open));
            check(&accept[..piece], 100, Ok(State::Offered));
        }
        check(&frame(Control::Accept, None), 100, Ok(State::Open));
        let mut several = frame(Control::Accept, Some(b"other"));
        let field = &frame(Control::Accept, Some(CONTENT_TYPE))[12..];
        several.extend_from_slice(field);
        several[7] += field.len() as u8;
        check(&several, 100, Ok(State::Open));
    }

    #[test]
    fn a_reader_that_wants_or_speaks_something_else_is_left() {
        let other = frame(Control::Accept, Some(b"protobuf:other"));
        check(&other, 100, Err(Refused::ContentType));
        let finish = frame(Control::Finish, None);
        check(&finish, 100, Err(Refused::Unexpected(5)));
        check(b"HTTP/1.1 400", 100, Err(Refused::Malformed));
        check(&[0, 0, 0, 0, 0, 0, 9, 9], 100, Err(Refused::Malformed));
        let torn = [&finish[..7], &[7, 0, 0, 0, 5, 0, 0, 0]].concat();
        check(&torn, 100, Err(Refused::Malformed));
    }
}
