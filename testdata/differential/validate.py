#!/usr/bin/python3
"""Validates signatures and proofs in DNS responses with dnspython.

Usage: validate.py FILE TIME

FILE has lines of fields:
    zone  NAME-HEX                      a zone that is served (signed when a key follows)
    key   NAME-HEX  RDATA-HEX           a DNSKEY of that zone
    response  RESPONSE-HEX              a response to a query with one question
TIME is seconds since 1970. Prints one line for each failure and a summary; exits with 1 when
anything failed. Shares nothing with the server that it judges.
"""

import multiprocessing
import sys

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from dns.rdatatype import ANY, CNAME, DNSKEY, DS, NS, NSEC, RRSIG, SOA

FAILURES_SHOWN = 20
zones = {}
now = 0
validated = {}


class Wrong(Exception):
    """What is wrong with a response."""


def zone_of(name):
    """The deepest zone that a name lies in."""
    holders = [zone for zone in zones if name.is_subdomain(zone)]
    return max(holders, key=len) if holders else None


def validate(rrset, signatures):
    """At least one signature, and every one of them, holds under the zone's keys."""
    for signature in signatures:
        key = (rrset.name, rrset.to_text(), signature.to_text())
        if key in validated:
            continue
        keys = zones.get(signature.signer)
        if not keys:
            raise Wrong(f"{rrset.name} is signed by {signature.signer}, which has no keys")
        try:
            dns.dnssec.validate_rrsig(rrset, signature, {signature.signer: keys}, now=now)
        except (dns.dnssec.ValidationFailure, dns.dnssec.UnsupportedAlgorithm) as error:
            covered = dns.rdatatype.to_text(rrset.rdtype)
            raise Wrong(f"{rrset.name} {covered}: {error}") from error
        validated[key] = True


def check_signatures(response, qtype, dnssec_ok):
    """Each RRset of answer and authority is signed when it should be, and validly."""
    for section in (response.answer, response.authority, response.additional):
        signatures = {}
        for rrset in section:
            if rrset.rdtype == RRSIG:
                signatures.setdefault((rrset.name, rrset.covers), []).extend(rrset)
        for rrset in section:
            if rrset.rdtype == RRSIG:
                continue
            found = signatures.pop((rrset.name, rrset.rdtype), [])
            validate(rrset, found)
            zone = zone_of(rrset.name)
            is_cut = rrset.rdtype == NS and rrset.name not in zones
            wanted = dnssec_ok and zones.get(zone) and section is not response.additional
            if wanted and not is_cut and not found and rrset.rdclass == 1:
                raise Wrong(f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} is not signed")
            if is_cut and found:
                raise Wrong(f"the delegation {rrset.name} is signed")
        if signatures and qtype not in (RRSIG, ANY):
            raise Wrong(f"signatures without their RRsets: {sorted(map(str, signatures))}")


def covers(owner, following, name, apex):
    """Whether a NSEC proves that a name does not exist (RFC 4034 section 4.1.1)."""
    if following == apex:
        return owner < name
    return owner < name < following


def has_type(nsec, rdtype):
    """Whether the bitmap of a NSEC has a type."""
    for window, bitmap in nsec.windows:
        if window == rdtype >> 8:
            place = rdtype & 0xFF
            return len(bitmap) > place >> 3 and bool(bitmap[place >> 3] & (0x80 >> (place & 7)))
    return False


def check_denial(response, qname, qtype, zone):
    """NXDOMAIN and NODATA carry a SOA and the NSECs that prove them (RFC 4035 section 3.1.3)."""
    nsecs = [(r.name, r[0]) for r in response.authority if r.rdtype == NSEC]
    if not any(r.rdtype == SOA for r in response.authority):
        raise Wrong("no SOA beside a negative answer")
    matching = [nsec for owner, nsec in nsecs if owner == qname]
    covering = [(o, n) for o, n in nsecs if covers(o, n.next, qname, zone)]
    if response.rcode() == dns.rcode.NOERROR:
        for nsec in matching:
            if has_type(nsec, qtype) or has_type(nsec, CNAME):
                raise Wrong("the NSEC of the name has the type that is denied")
        terminal = any(n.next.is_subdomain(qname) for _, n in covering)
        if not matching and not terminal:
            raise Wrong("no NSEC proves NODATA")
        return
    if matching or any(n.next.is_subdomain(qname) for _, n in covering):
        raise Wrong("NXDOMAIN for a name that its NSEC shows to exist")
    if not covering:
        raise Wrong("no NSEC covers the name")
    owner, nsec = covering[0]
    common = max(owner.fullcompare(qname)[2], nsec.next.fullcompare(qname)[2])
    encloser = dns.name.Name(qname.labels[-common:])
    wildcard = dns.name.Name((b"*",) + encloser.labels)
    if not any(covers(o, n.next, wildcard, zone) for o, n in nsecs):
        raise Wrong(f"no NSEC denies {wildcard}")


def check_referral(response, qname):
    """A referral has a DS, or an NSEC without DS (RFC 4035 section 3.1.4)."""
    cuts = [r for r in response.authority if r.rdtype == NS]
    if len(cuts) != 1:
        raise Wrong("a referral has one NS RRset")
    cut = cuts[0].name
    if not qname.is_subdomain(cut):
        raise Wrong(f"referral to {cut}, which {qname} is not below")
    if any(r.rdtype == DS and r.name == cut for r in response.authority):
        return
    for rrset in response.authority:
        if rrset.rdtype == NSEC and rrset.name == cut:
            bits = [has_type(rrset[0], t) for t in (NS, DS, SOA)]
            if bits == [True, False, False]:
                return
    raise Wrong(f"nothing proves whether {cut} is signed")


def judge(response_hex):
    """Judges one response; gives the failure or nothing, and what was checked."""
    try:
        response = dns.message.from_wire(bytes.fromhex(response_hex))
        question = response.question[0]
        zone = zone_of(question.name)
        # The DS of a co-hosted child belongs to its parent (RFC 4035 section 3.1.4.1).
        if question.rdtype == DS and question.name == zone and len(zone) > 1:
            zone = zone_of(zone.parent())
        dnssec_ok = bool(response.ednsflags & dns.flags.DO)
        check_signatures(response, question.rdtype, dnssec_ok)
        signed = dnssec_ok and zones.get(zone)
        if not signed or response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return None, "plain"
        if response.flags & dns.flags.AA and not response.answer:
            check_denial(response, question.name, question.rdtype, zone)
            return None, "denial"
        if not response.flags & dns.flags.AA:
            check_referral(response, question.name)
            return None, "referral"
        return None, "answer"
    except Wrong as wrong:
        return f"{wrong}\n  response {response_hex}", "wrong"
    except Exception as error:  # whatever dnspython refuses to read is a failure too
        return f"{error!r}\n  response {response_hex}", "unreadable"


def read(path):
    """Reads the file; fills the zones; gives the responses."""
    responses = []
    with open(path, encoding="ascii") as lines:
        for line in lines:
            what, *fields = line.split()
            if what == "response":
                responses.append(fields[0])
                continue
            name = dns.name.from_wire(bytes.fromhex(fields[0]), 0)[0]
            keys = zones.setdefault(name, dns.rrset.RRset(name, dns.rdataclass.IN, DNSKEY))
            if what == "key":
                data = bytes.fromhex(fields[1])
                keys.add(dns.rdata.from_wire(dns.rdataclass.IN, DNSKEY, data, 0, len(data)))
    return responses


def main():
    """Judges all responses of a file."""
    global now
    now = int(sys.argv[2])
    responses = read(sys.argv[1])
    counts, failures = {}, []
    with multiprocessing.Pool() as pool:
        for failure, kind in pool.imap_unordered(judge, responses, chunksize=256):
            counts[kind] = counts.get(kind, 0) + 1
            if failure:
                failures.append(failure)
    for failure in failures[:FAILURES_SHOWN]:
        print(f"FAILED: {failure}")
    print(", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
    sys.exit(1 if failures else 0)


main()
