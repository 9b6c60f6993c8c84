//! Queries of somebody, at a time, to a server that uses cookies and may be behind: what a cookie is
//! worth, who is passed over, and what is sent instead of an answer.
#![no_main]

use arbitrary::Arbitrary;
use domain::base::Message;
use domain::base::opt::AllOptData;
use imrs_engine::cookie::{Secret, Secrets};
use imrs_engine::{Claim, Client, Defence, Fate, Outcome, Peer, Pressure, Service, slip};
use imrs_fuzz::{Asked, Form, Way, check_response, judge, service};
use libfuzzer_sys::fuzz_target;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

#[derive(Arbitrary, Debug)]
struct Input {
    way: Way,
    room: u16,
    /// How far the server is behind.
    pressure: u8,
    is_known: bool,
    /// Whether a cookie is demanded.
    is_required: bool,
    /// The step of a roll of secrets at which the server stands.
    step: u8,
    now: u32,
    address: IpAddr,
    /// Another time and another address, for the cookie that was got.
    later: i16,
    other: IpAddr,
    shown: Shown,
    form: Form,
}

/// The COOKIE option of the query.
#[derive(Arbitrary, Debug)]
enum Shown {
    /// None but those of the form.
    None,
    Any(Vec<u8>),
    Client([u8; 8]),
    /// One that a server at this step of the roll made so many seconds before.
    Made {
        client: [u8; 8],
        step: u8,
        age: i16,
    },
}

/// The steps of a roll: before it, staged, activated, with the one before forgotten. With them
/// both ways to treat those without a cookie.
static SERVICES: LazyLock<[[Service; 4]; 2]> = LazyLock::new(|| {
    let [a, b] = [[0x11; 16], [0x22; 16]].map(Secret::from_octets);
    let steps = [
        Secrets::new(a.clone(), None, None),
        Secrets::new(a.clone(), Some(b.clone()), None),
        Secrets::new(b.clone(), None, Some(a)),
        Secrets::new(b, None, None),
    ]
    .map(Arc::new);
    [false, true].map(|require_cookies| {
        steps.clone().map(|secrets| Service {
            cookies: Some(secrets),
            defence: Arc::new(Defence {
                require_cookies,
                ..Defence::default()
            }),
            ..service().clone()
        })
    })
});

fuzz_target!(|input: Input| {
    let packet = input.packet();
    let asked = Asked {
        client: input.client(),
        room: input.room,
        packet: &packet,
    };
    let (outcome, response) = judge(input.service(), asked);
    check_welcome(&input, &packet, outcome, &response);
    check_slip(&input, asked);
    if let Some(cookie) = cookie_of(&response) {
        check_cookie(&input, cookie);
    }
});

impl Input {
    fn service(&self) -> &'static Service {
        &SERVICES[usize::from(self.is_required)][usize::from(self.step % 4)]
    }

    fn client(&self) -> Client {
        let pressure = match self.pressure % 4 {
            0 => Pressure::Calm,
            1 => Pressure::Truncate,
            2 => Pressure::Shed,
            _ => Pressure::Last,
        };
        Client {
            transport: self.way.transport(),
            peer: Some(Peer {
                address: self.address,
                now: self.now,
                pressure,
                is_known: self.is_known,
            }),
        }
    }

    /// Somebody else, or the same at another time.
    fn at(&self, address: IpAddr, seconds: i16) -> Client {
        let peer = Peer {
            address,
            now: self.now.wrapping_add_signed(seconds.into()),
            pressure: Pressure::Calm,
            is_known: true,
        };
        Client {
            transport: self.way.transport(),
            peer: Some(peer),
        }
    }

    fn packet(&self) -> Vec<u8> {
        match &self.shown {
            Shown::None => self.form.packet(),
            Shown::Any(octets) => self.form.showing(&octets[..octets.len().min(255)]),
            Shown::Client(client) => self.form.showing(client),
            Shown::Made { client, step, age } => {
                let maker = &SERVICES[0][usize::from(step % 4)];
                let then = self.at(self.address, age.saturating_neg());
                match got(maker, then, &self.form.showing(client)) {
                    Some(cookie) => self.form.showing(&cookie),
                    None => self.form.showing(client),
                }
            }
        }
    }
}

/// The cookie of the response.
fn got(service: &Service, client: Client, packet: &[u8]) -> Option<Vec<u8>> {
    let asked = Asked {
        client,
        room: u16::MAX,
        packet,
    };
    cookie_of(&judge(service, asked).1)
}

fn cookie_of(response: &[u8]) -> Option<Vec<u8>> {
    let message = Message::from_octets(response).ok()?;
    let opt = message.opt()?;
    let cookies = opt.opt().iter::<AllOptData<_, _>>();
    let mut cookies = cookies.filter_map(|option| match option {
        Ok(AllOptData::Cookie(cookie)) => Some(cookie),
        _ => None,
    });
    let cookie = cookies.next()?;
    assert!(cookies.next().is_none(), "two cookies");
    let server = cookie.server().expect("a server gives its own");
    assert_eq!(server.as_ref().len(), 16, "of RFC 9018");
    Some([cookie.client().as_ref(), server.as_ref()].concat())
}

/// Who has proven its address is served as long as anybody is; what others get.
fn check_welcome(input: &Input, packet: &[u8], outcome: Outcome, response: &[u8]) {
    let is_proven = !matches!(input.way, Way::Udp) || outcome.cookie == Claim::Valid;
    if is_proven {
        assert_eq!(outcome.fate, Fate::Answered);
        return;
    }
    let is_root = packet.get(12) == Some(&0);
    let is_vital = is_root && matches!(packet.get(13..15), Some([0, 2 | 6 | 48]));
    if input.pressure % 4 >= 2 && !is_vital {
        let may_answer = input.pressure % 4 == 2 && input.is_known;
        assert!(
            may_answer || !has_data(response),
            "somebody unproven is served"
        );
    }
    if input.is_required {
        assert!(!has_data(response), "served without a cookie");
    }
    if input.pressure % 4 > 0 && !is_vital && !input.is_known {
        assert!(response.len() <= 512, "{} octets", response.len());
    }
}

/// Whether a response has records but OPT.
fn has_data(response: &[u8]) -> bool {
    response.get(6..10).is_some_and(|counts| counts != [0; 4])
}

/// What is sent instead of a response of which there were too many is no use to who forges
/// addresses: it has little more than the query, and no data.
fn check_slip(input: &Input, asked: Asked<'_>) {
    let mut out = vec![0; usize::from(input.room.max(512))];
    let outcome = slip(input.service(), asked.client, asked.packet, &mut out);
    out.truncate(outcome.len);
    if outcome.len > 0 {
        check_response(asked, &out, outcome);
        assert!(!has_data(&out));
        assert!(
            outcome.len <= asked.packet.len() + SLIP_MORE || !matches!(input.way, Way::Udp),
            "{} octets for {}",
            outcome.len,
            asked.packet.len()
        );
    }
}

/// Octets that options of a response may have more than those of its query: a whole cookie for a
/// client's (16), and the identity (4).
const SLIP_MORE: usize = 16 + 4;

/// A cookie of ours is good for its address and its time, and for no other.
fn check_cookie(input: &Input, cookie: Vec<u8>) {
    let packet = input.form.showing(&cookie);
    let ask = |address, seconds| {
        let asked = Asked {
            client: input.at(address, seconds),
            room: input.room,
            packet: &packet,
        };
        judge(input.service(), asked).0.cookie
    };
    // One that went back as it came has an age already.
    let made = u32::from_be_bytes([cookie[12], cookie[13], cookie[14], cookie[15]]);
    let age = input.now.wrapping_sub(made).cast_signed();
    assert!((-300..=1800).contains(&age), "no fresh cookie: {age} s");
    assert_eq!(ask(input.address, 0), Claim::Valid);
    let age = age + i32::from(input.later);
    let expected = match (-300..=3600).contains(&age) {
        true => Claim::Valid,
        false => Claim::Invalid,
    };
    assert_eq!(ask(input.address, input.later), expected, "{age} s");
    if input.other != input.address {
        assert_eq!(ask(input.other, 0), Claim::Invalid, "another's cookie");
    }
}
