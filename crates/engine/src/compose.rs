//! Puts responses together: header, question, body, OPT record.

use crate::client::Asking;
use crate::cookie::Pair;
use crate::outcome::{Kind, Outcome};
use crate::respond::{Service, Transport};
use imrs_wire::limits::{HEADER_LEN, OPT_LEN, UDP_LEN_CLASSIC, UDP_LEN_DEFAULT};
use imrs_wire::{Counts, Ede, Edns, Flags, OptionCode, Partial, Query, Rcode, Writer};
use imrs_zone::Image;
use imrs_zone::image::Body;

/// The OPT record of a response, or its absence: a query without one gets none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opt<'a> {
    edns: Option<Edns>,
    nsid: Option<&'a [u8]>,
    /// Idle timeout in units of 100 ms.
    keepalive: Option<u16>,
    ede: Option<Ede>,
    /// Labels of the zone's name and its serial.
    zone_version: Option<(u8, u32)>,
    /// The cookies of the client and of this server.
    cookie: Option<Pair>,
    /// Octets of which the length of the message is to be a multiple.
    block: Option<usize>,
}

impl<'a> Opt<'a> {
    /// The OPT record that answers `edns`; `image` is the zone that answers, if one does.
    #[inline]
    pub(crate) fn new(
        service: &'a Service,
        asking: &Asking,
        edns: Option<Edns>,
        image: Option<&Image>,
        ede: Option<Ede>,
    ) -> Self {
        let none = Opt {
            edns,
            nsid: None,
            keepalive: None,
            ede,
            zone_version: None,
            cookie: None,
            block: None,
        };
        match edns {
            Some(edns) if edns.asks_any() => none.with_options(service, asking, edns, image),
            _ => none,
        }
    }

    /// Adds the options that were asked for.
    fn with_options(
        mut self,
        service: &'a Service,
        asking: &Asking,
        edns: Edns,
        image: Option<&Image>,
    ) -> Self {
        if edns.asks(OptionCode::Nsid) {
            self.nsid = service.identity.name.as_deref();
        }
        match asking.transport {
            Transport::Tcp { keepalive } | Transport::Tls { keepalive }
                if edns.asks(OptionCode::Keepalive) =>
            {
                self.keepalive = Some(keepalive);
            }
            _ => {}
        }
        self.cookie = asking.cookie;
        if asking.transport.is_encrypted() && edns.asks(OptionCode::Padding) {
            self.block = Some(PADDING_BLOCK);
        }
        if edns.asks(OptionCode::ZoneVersion) {
            self.zone_version = image.map(|image| (image.apex_labels(), image.serial().0));
        }
        self
    }

    /// Octets of the record.
    #[inline]
    fn len(&self) -> usize {
        if self.edns.is_some() {
            OPT_LEN.wrapping_add(self.options_len())
        } else {
            0
        }
    }

    /// Octets of its options, codes and lengths with them.
    #[inline]
    fn options_len(&self) -> usize {
        let option = |len: Option<usize>| len.map_or(0, |len| len.wrapping_add(4));
        option(self.nsid.map(<[u8]>::len))
            .wrapping_add(option(self.keepalive.map(|_| 2)))
            .wrapping_add(option(self.ede.map(|_| 2)))
            .wrapping_add(option(self.zone_version.map(|_| 6)))
            .wrapping_add(option(self.cookie.map(|cookie| cookie.len())))
    }

    /// Octets of padding behind `len` octets of message, if a message of `room` octets has them: the
    /// option itself counts (RFC 7830 section 3).
    fn padding(&self, len: usize, room: usize) -> Option<usize> {
        let with_option = len.wrapping_add(OPTION_HEAD_LEN);
        let padded = with_option.checked_next_multiple_of(self.block?)?;
        let room = room.min(usize::from(u16::MAX));
        (padded <= room).then(|| padded.wrapping_sub(with_option))
    }

    /// Appends the record.
    #[inline]
    fn write(&self, rcode: Rcode, writer: &mut Writer<'_>) -> Option<()> {
        let Some(edns) = self.edns else {
            return Some(());
        };
        let len = self.options_len();
        let around = writer.len().wrapping_add(OPT_LEN).wrapping_add(len);
        let padding = self.padding(around, writer.capacity());
        let padded = len.wrapping_add(padding.map_or(0, |octets| octets.wrapping_add(4)));
        writer.write(&edns.encode(rcode, UDP_LEN_DEFAULT as u16, padded as u16))?;
        if len > 0 {
            self.write_options(writer)?;
        }
        match padding {
            Some(octets) => {
                writer.write_u16(OptionCode::Padding as u16)?;
                writer.write_u16(octets as u16)?;
                writer.take(octets)?.fill(0);
                Some(())
            }
            None => Some(()),
        }
    }

    fn write_options(&self, writer: &mut Writer<'_>) -> Option<()> {
        if let Some(nsid) = self.nsid {
            write_option(writer, OptionCode::Nsid, &[nsid])?;
        }
        if let Some(timeout) = self.keepalive {
            write_option(writer, OptionCode::Keepalive, &[&timeout.to_be_bytes()])?;
        }
        if let Some(ede) = self.ede {
            write_option(writer, OptionCode::Ede, &[&(ede as u16).to_be_bytes()])?;
        }
        if let Some((labels, serial)) = self.zone_version {
            // Type 0 is SOA-SERIAL (RFC 9660 section 7.2).
            write_option(
                writer,
                OptionCode::ZoneVersion,
                &[&[labels, 0], &serial.to_be_bytes()],
            )?;
        }
        if let Some(cookie) = &self.cookie {
            write_option(writer, OptionCode::Cookie, &[cookie])?;
        }
        Some(())
    }

    /// The record without the options that can be done without.
    fn bare(self) -> Self {
        Opt {
            nsid: None,
            keepalive: None,
            ede: None,
            zone_version: None,
            block: None,
            ..self
        }
    }
}

/// Code and length of an option.
const OPTION_HEAD_LEN: usize = 4;

/// Octets of which the length of an encrypted response is a multiple (RFC 8467 section 4.1).
const PADDING_BLOCK: usize = 468;

fn write_option(writer: &mut Writer<'_>, code: OptionCode, parts: &[&[u8]]) -> Option<()> {
    let len = parts
        .iter()
        .fold(0usize, |len, part| len.wrapping_add(part.len()));
    writer.write_u16(code as u16)?;
    writer.write_u16(len as u16)?;
    parts.iter().try_for_each(|part| writer.write(part))
}

/// Octets that a response may have.
#[inline]
pub(crate) fn limit(edns: Option<Edns>, asking: &Asking, out: &[u8]) -> usize {
    match asking.transport {
        Transport::Tcp { .. } | Transport::Tls { .. } | Transport::Quic => out.len(),
        Transport::Udp if asking.is_short => UDP_LEN_CLASSIC.min(out.len()),
        Transport::Udp => {
            let asked = edns.map_or(UDP_LEN_CLASSIC, |edns| edns.udp_len_max.into());
            asked.max(UDP_LEN_CLASSIC).min(out.len())
        }
    }
}

/// Writes a response with a body, or a truncated one where the body does not fit.
#[inline]
pub(crate) fn response(
    query: &Query<'_>,
    asking: &Asking,
    body: &Body<'_>,
    rcode: Rcode,
    opt: &Opt<'_>,
    out: &mut [u8],
) -> Option<Outcome> {
    let question = query.question.octets();
    let limit = limit(query.edns, asking, out);
    let around = HEADER_LEN
        .wrapping_add(question.len())
        .wrapping_add(opt.len());
    let Some(cut) = limit.checked_sub(around).and_then(|room| body.fit(room)) else {
        let outcome = truncated(query, body.flags(), rcode, opt, limit, out)?;
        return Some(Outcome {
            kind: body.kind().into(),
            ..outcome
        });
    };
    let (answer, authority) = body.counts();
    let additional = cut.additional.wrapping_add(opt.edns.is_some().into());
    let counts = Counts {
        question: 1,
        answer,
        authority,
        additional,
    };
    let mut writer = Writer::new(out);
    writer.write(&query.header(body.flags(), rcode, counts))?;
    writer.write(question)?;
    body.write(query.question.qname.len(), writer.take(cut.len.into())?);
    opt.write(rcode, &mut writer)?;
    let kind = Kind::from(body.kind());
    Some(Outcome {
        len: writer.len(),
        kind,
        rcode,
        truncated: false,
        ..Outcome::DROPPED
    })
}

/// Writes a response that says to ask again over TCP: its sections are empty, since a client makes
/// no use of them (RFC 2181 section 9).
#[cold]
pub(crate) fn truncated(
    query: &Query<'_>,
    flags: u16,
    rcode: Rcode,
    opt: &Opt<'_>,
    limit: usize,
    out: &mut [u8],
) -> Option<Outcome> {
    let question = query.question.octets();
    let around = HEADER_LEN
        .wrapping_add(question.len())
        .wrapping_add(opt.len());
    let opt = if around > limit { opt.bare() } else { *opt };
    let additional = opt.edns.is_some().into();
    let counts = Counts {
        question: 1,
        additional,
        ..Counts::default()
    };
    let mut writer = Writer::new(out);
    writer.write(&query.header(flags | Flags::TC, rcode, counts))?;
    writer.write(question)?;
    opt.write(rcode, &mut writer)?;
    Some(Outcome {
        len: writer.len(),
        kind: Kind::Answer,
        rcode,
        truncated: true,
        ..Outcome::DROPPED
    })
}

/// Writes an answer of one record that is in no zone; `data` is its record data.
pub(crate) fn record(
    query: &Query<'_>,
    asking: &Asking,
    data: &[&[u8]],
    opt: &Opt<'_>,
    out: &mut [u8],
) -> Option<Outcome> {
    let rcode = Rcode::NOERROR;
    let question = query.question;
    let limit = limit(query.edns, asking, out);
    let additional = opt.edns.is_some().into();
    let counts = Counts {
        question: 1,
        answer: 1,
        authority: 0,
        additional,
    };
    let mut writer = Writer::new(out);
    writer.write(&query.header(Flags::AA, rcode, counts))?;
    writer.write(question.octets())?;
    // The name of the question, its type and class, TTL 0.
    writer.write_u16(0xc000 | HEADER_LEN as u16)?;
    writer.write_u16(question.qtype.0)?;
    writer.write_u16(question.qclass.0)?;
    writer.write(&[0; 4])?;
    let len = data
        .iter()
        .fold(0usize, |len, part| len.wrapping_add(part.len()));
    writer.write_u16(len as u16)?;
    data.iter().try_for_each(|part| writer.write(part))?;
    opt.write(rcode, &mut writer)?;
    let len = writer.len();
    if len > limit {
        return truncated(query, Flags::AA, rcode, opt, limit, out);
    }
    Some(Outcome {
        len,
        kind: Kind::Answer,
        rcode,
        truncated: false,
        ..Outcome::DROPPED
    })
}

/// Writes an error response: header, what was understood of the question, OPT record.
pub(crate) fn error(
    service: &Service,
    asking: &Asking,
    query: &Partial<'_>,
    rcode: Rcode,
    ede: Option<Ede>,
    out: &mut [u8],
) -> Outcome {
    let opt = Opt::new(service, asking, query.edns(), None, ede);
    let question = query
        .question()
        .map_or(&[][..], |question| question.octets());
    let around = HEADER_LEN
        .wrapping_add(question.len())
        .wrapping_add(opt.len());
    let opt = if around > limit(query.edns(), asking, out) {
        opt.bare()
    } else {
        opt
    };
    let mut writer = Writer::new(out);
    let mut write = || {
        writer.write(&query.header(rcode, query.edns().is_some().into()))?;
        writer.write(question)?;
        opt.write(rcode, &mut writer)?;
        Some(Outcome {
            len: writer.len(),
            kind: Kind::Error,
            rcode,
            truncated: false,
            ..Outcome::DROPPED
        })
    };
    // Only a caller with no room at all gets nothing.
    write().unwrap_or(Outcome::DROPPED)
}
