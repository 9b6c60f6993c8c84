//! Questions of nodes and their answers, as messages.
//!
//! ```text
//! status.imrs.                             how are you?
//! aa01-ke-nbo-n2.promise-ipv4.imrs.        will you go on announcing IPv4, asks aa01-ke-nbo-n2
//! ```

use super::limits::TEXT_OCTETS_MAX;
use domain::base::iana::{Class, Rcode, Rtype};
use domain::base::message_builder::AdditionalBuilder;
use domain::base::name::ParsedName;
use domain::base::{Message, MessageBuilder, Name, ToName};
use domain::rdata::Txt;
use imrs_wire::Family;
use imrs_wire::limits::UDP_LEN_DEFAULT;
use std::time::Duration;

/// What a node asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// How the node is.
    Status,
    /// That it goes on announcing.
    Promise {
        /// Who asks.
        asker: String,
        /// What is to be announced.
        family: Family,
    },
}

impl Asked {
    /// What a message asks; nothing if it is no question of a node.
    pub(super) fn read(message: &[u8]) -> Option<Asked> {
        let message = Message::from_slice(message).ok()?;
        let question = message.sole_question().ok()?;
        if question.qclass() != Class::CH || question.qtype() != Rtype::TXT {
            return None;
        }
        let name = question.qname().to_string().to_ascii_lowercase();
        let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
        match labels[..] {
            ["status", "imrs"] => Some(Asked::Status),
            [asker, "promise-ipv4", "imrs"] => Some(Asked::promise(asker, Family::V4)),
            [asker, "promise-ipv6", "imrs"] => Some(Asked::promise(asker, Family::V6)),
            _ => None,
        }
    }

    fn promise(asker: &str, family: Family) -> Asked {
        Asked::Promise {
            asker: asker.to_owned(),
            family,
        }
    }

    /// The message that asks it.
    pub(super) fn query(&self, id: u16) -> Option<Vec<u8>> {
        let name = match self {
            Asked::Status => "status.imrs.".to_owned(),
            Asked::Promise { asker, family } => {
                let family = match family {
                    Family::V4 => "ipv4",
                    Family::V6 => "ipv6",
                };
                format!("{asker}.promise-{family}.imrs.")
            }
        };
        let name: Name<Vec<u8>> = name.parse().ok()?;
        let mut builder = MessageBuilder::new_vec();
        builder.header_mut().set_id(id);
        let mut builder = builder.question();
        builder.push((name, Rtype::TXT, Class::CH)).ok()?;
        let mut builder = builder.additional();
        add_opt(&mut builder)?;
        Some(builder.finish())
    }
}

/// A response that says this. What does not fit is to be asked for over TCP.
pub(super) fn respond(query: &[u8], text: &str, room: usize) -> Option<Vec<u8>> {
    let query = Message::from_slice(query).ok()?;
    let question = query.sole_question().ok()?;
    let has_opt = query.opt().is_some();
    let compose = |text: Option<&str>| {
        let mut builder = MessageBuilder::new_vec()
            .start_answer(query, Rcode::NOERROR)
            .ok()?;
        builder.header_mut().set_aa(true);
        builder.header_mut().set_tc(text.is_none());
        if let Some(text) = text {
            let text: Txt<Vec<u8>> = Txt::build_from_slice(text.as_bytes()).ok()?;
            let owner: ParsedName<_> = *question.qname();
            builder.push((owner.to_vec(), Class::CH, 0, text)).ok()?;
        }
        let mut builder = builder.additional();
        if has_opt {
            add_opt(&mut builder)?;
        }
        Some(builder.finish())
    };
    let whole = compose(Some(text))?;
    match whole.len() <= room {
        true => Some(whole),
        false => compose(None),
    }
}

fn add_opt(builder: &mut AdditionalBuilder<Vec<u8>>) -> Option<()> {
    let size = u16::try_from(UDP_LEN_DEFAULT).ok()?;
    let sized = builder.opt(|opt| {
        opt.set_udp_payload_size(size);
        Ok(())
    });
    sized.ok()
}

/// The text of a response.
pub(super) fn text(response: &[u8]) -> Option<String> {
    let response = Message::from_slice(response).ok()?;
    if response.header().rcode() != Rcode::NOERROR {
        return None;
    }
    let mut answers = response.answer().ok()?.limit_to::<Txt<_>>();
    let text: Vec<u8> = answers.next()?.ok()?.data().text();
    (text.len() <= TEXT_OCTETS_MAX).then(|| String::from_utf8_lossy(&text).into_owned())
}

/// What is said to a node that asks for a promise.
pub(super) fn promise_text(promised: Result<Duration, String>) -> String {
    match promised {
        Ok(lasting) => format!("promised {}", lasting.as_millis()),
        Err(why) => format!("refused {why}"),
    }
}

/// For how long something was promised.
pub(super) fn promised(text: &str) -> Option<Duration> {
    let milliseconds = text.strip_prefix("promised ")?.parse().ok()?;
    Some(Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_answers_survive_their_messages() {
        let promise = Asked::promise("aa01-ke-nbo-n2", Family::V6);
        for asked in [Asked::Status, promise] {
            let query = asked.query(7).unwrap();
            assert_eq!(Asked::read(&query), Some(asked));
            let long = "x".repeat(1000);
            let response = respond(&query, &long, 1232).unwrap();
            assert_eq!(text(&response), Some(long.clone()));
            let truncated = respond(&query, &long, 900).unwrap();
            assert!(truncated.len() < 100 && truncated[2] & 2 != 0);
            assert_eq!(text(&truncated), None);
        }
        let second = Duration::from_secs(1);
        assert_eq!(promised(&promise_text(Ok(second))), Some(second));
        assert_eq!(promised(&promise_text(Err("no".to_owned()))), None);
    }

    #[test]
    fn what_no_node_asks_is_not_understood() {
        for name in [
            "version.bind.",
            "imrs.",
            "a.b.promise-ipv4.imrs.",
            "status.imrs.example.",
        ] {
            let name: Name<Vec<u8>> = name.parse().unwrap();
            let mut builder = MessageBuilder::new_vec().question();
            builder.push((name, Rtype::TXT, Class::CH)).unwrap();
            assert_eq!(Asked::read(&builder.finish()), None);
        }
        assert_eq!(Asked::read(b"short"), None);
    }
}
