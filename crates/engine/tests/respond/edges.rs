//! Zones at the edges of what a message and an image can hold.

use crate::query::{Ask, name};
use crate::reply::Reply;
use crate::world;
use domain::base::iana::Rtype;
use imrs_engine::{Service, Transport, respond};
use std::fmt::Write;

const APEX: &str = ". 60 SOA a. b. 1 2 3 4 5\n. 60 NS a.gl.\ngl. 60 NS a.gl.\ngl. 60 NS b.gl.\n";

fn service(text: &str) -> Service {
    let (apex, image) = world::compile(world::records(text));
    world::service([(apex, Some(image))])
}

fn ask(service: &Service, qname: &str, dnssec: bool) -> Reply {
    let mut ask = Ask::new(name(qname), Rtype::A);
    if dnssec {
        ask = ask.dnssec(1232);
    }
    let packet = ask.packet();
    let mut out = vec![0; 65_535];
    let outcome = respond(
        service,
        Transport::Tcp { keepalive: 0 }.into(),
        &packet,
        &mut out,
    );
    Reply::read(&packet, &out[..outcome.len])
}

#[test]
fn a_referral_with_more_glue_than_a_message_holds_is_cut() {
    let mut text = APEX.to_owned();
    for number in 0..1500 {
        writeln!(text, "big. 60 NS ns{number}.gl.").unwrap();
        writeln!(
            text,
            "ns{number}.gl. 60 A 192.0.2.1\nns{number}.gl. 60 AAAA 2001:db8::1"
        )
        .unwrap();
    }
    let service = service(&text);
    for qname in [
        "big.",
        "www.big.",
        "a.name.that.is.longer.than.the.cut.big.",
    ] {
        let reply = ask(&service, qname, false);
        assert_eq!((reply.rcode, reply.flags.as_slice()), (0, &[][..]));
        assert_eq!(reply.sections[1].len(), 1500);
        assert!(
            reply.sections[1]
                .iter()
                .all(|entry| entry.owner == "big." && entry.data.ends_with(".gl."))
        );
        assert!(reply.sections[2].len() > 1000);
        for entry in &reply.sections[2] {
            assert!(
                entry.owner.starts_with("ns") && entry.owner.ends_with(".gl."),
                "{entry}"
            );
            assert!(
                ["192.0.2.1", "2001:db8::1"].contains(&entry.data.as_str()),
                "{entry}"
            );
        }
    }
}

#[test]
fn names_beyond_the_reach_of_pointers_are_written_out() {
    let mut text = APEX.to_owned();
    for number in 0..550 {
        writeln!(text, "big. 60 NS ns.host{number}.example{number}.").unwrap();
        writeln!(
            text,
            "example{number}. 60 NS ns.host{number}.example{number}."
        )
        .unwrap();
        writeln!(text, "ns.host{number}.example{number}. 60 AAAA 2001:db8::1").unwrap();
    }
    let service = service(&text);
    for qname in [
        "big.",
        "www.big.",
        &format!("{}big.", "abcdefgh.".repeat(27)),
    ] {
        let reply = ask(&service, qname, false);
        assert_eq!(reply.sections[1].len(), 550);
        assert_eq!(reply.sections[2].len(), 550);
        for (ns, glue) in reply.sections[1].iter().zip(&reply.sections[2]) {
            assert_eq!(ns.owner, "big.");
            assert_eq!(glue.owner, ns.data);
        }
    }
}

#[test]
fn a_chain_of_denial_with_holes_denies_as_well_as_it_can() {
    let service = service(
        ". 60 SOA a. b. 1 2 3 4 5\n. 60 NS a.\n. 60 NSEC c. NS SOA RRSIG NSEC\n\
         b. 60 TXT hole\nc. 60 NSEC . TXT RRSIG NSEC\nc. 60 TXT text\n",
    );
    assert_eq!(ask(&service, "x.b.", true).rcode, 3);
    assert_eq!(ask(&service, "x.c.", true).rcode, 3);
    assert_eq!(ask(&service, "x.", true).rcode, 3);
    assert_eq!(ask(&service, "b.", true).rcode, 0);
}
