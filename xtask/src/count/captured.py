"""Counts what is in the captures that a DNS server wrote of its own messages.

    captured.py CDNS_FOLDER DNSTAP_FOLDER

Reads C-DNS (RFC 8618) by cbor2, and dnstap by its own reading of Frame Streams and Protocol Buffers. Prints
JSON: of each format the numbers over all its files under the names that count.py has, the addresses of
those who asked, how many messages were malformed, and what is declared to be missing. Shares nothing with
what it checks: the keys and fields are written down here once more.
"""

import collections
import functools
import ipaddress
import json
import pathlib
import re
import sys

ADDRESS_OCTETS = {4: 4, 6: 16}
MISSING = ("lost", "sampled-away", "over-budget")


class Captured:
    """What was counted in the files of one format."""

    def __init__(self):
        self.numbers = collections.Counter()
        self.sources = set()
        self.missing = collections.Counter(dict.fromkeys(MISSING, 0))
        self.malformed = 0

    def query(self, transport, version, client):
        self.numbers[f"{prefix(transport)}dns-{transport}-queries-received-ipv{version}"] += 1
        self.sources.add(address(version, client))

    def response(self, transport, version, rcode):
        start = prefix(transport)
        self.numbers[f"{start}dns-{transport}-responses-sent-ipv{version}"] += 1
        self.numbers[f"{start}dns-{transport}-rcode-{rcode}" if start else f"rcode {rcode}"] += 1

    def json(self):
        return {
            "numbers": self.numbers,
            "sources": sorted(self.sources),
            "missing": self.missing,
            "malformed": self.malformed,
        }


def prefix(transport):
    return "" if transport in ("udp", "tcp") else "l-"


@functools.lru_cache(maxsize=None)
def address(version, octets):
    assert len(octets) == ADDRESS_OCTETS[version], "an address of another family than its message"
    return str(ipaddress.ip_address(octets))


def files(folder, ending):
    """The octets of all files of a capture, each of which has to be whole."""
    paths = sorted(pathlib.Path(folder).iterdir())
    assert paths, f"no files in {folder}"
    for path in paths:
        assert path.name.endswith(ending), f"{path} is not whole, or something else"
        yield path.read_bytes()


# --- C-DNS

# RFC 8618 section 7.3.2.3.2, bits 1 to 4. 15 is a transport that it does not name, here QUIC.
CDNS_TRANSPORTS = {0: "udp", 1: "tcp", 2: "tls", 15: "quic"}
CDNS_MISSING = {-1: "lost", -2: "sampled-away", -3: "over-budget"}


def by_cdns(folder):
    import cbor2

    captured = Captured()
    for octets in files(folder, ".cdns"):
        file_type, preamble, blocks = cbor2.loads(octets)
        assert file_type == "C-DNS" and preamble[0] == 1, "another format"
        for block in blocks:
            cdns_block(captured, block)
    return captured


def cdns_block(captured, block):
    """Items by way of the tables, which have to tell the same as the statistics of the block."""
    statistics, tables = block[1], block.get(2, {})
    told = collections.Counter()
    for item in block.get(3, []):
        signature = tables[3][item[4]]
        has_query, has_response = signature[4] & 1, signature[4] >> 1 & 1
        assert has_query, "an item without a query"
        assert has_response == (9 in item) == (16 in signature), "a response of which half is told"
        if 7 in item:
            assert tables[2][item[7]].endswith(b"\0") and tables[1][signature[8]], "half a question"
        flags = signature[2]
        transport, version = CDNS_TRANSPORTS[flags >> 1 & 15], 6 if flags & 1 else 4
        captured.query(transport, version, tables[0][item[1]])
        told["items"] += 1
        if has_response:
            captured.response(transport, version, signature[16])
            told["responses"] += 1
    unanswered = told["items"] - told["responses"]
    # Processed messages, items, queries and responses alone, opcodes that are left out.
    expected = [told["items"] + told["responses"], told["items"], unanswered, 0, 0]
    assert [statistics[key] for key in range(5)] == expected, f"{statistics} of {told}"
    captured.malformed += statistics[5]
    for key, name in CDNS_MISSING.items():
        captured.missing[name] += statistics[key]


# --- dnstap

CONTENT_TYPE = b"protobuf:dnstap.Dnstap"
START, STOP = 2, 3
AUTH_QUERY, AUTH_RESPONSE = 1, 2
DNSTAP_TRANSPORTS = {1: "udp", 2: "tcp", 3: "tls", 7: "quic"}
DNSTAP_FAMILIES = {1: 4, 2: 6}


def by_dnstap(folder):
    captured = Captured()
    for octets in files(folder, ".dnstap"):
        for payload in frames(octets):
            dnstap_message(captured, payload)
    return captured


def frames(octets):
    """The data between START and STOP."""
    at = 0
    controls = []
    while at < len(octets):
        length, at = int.from_bytes(octets[at : at + 4], "big"), at + 4
        is_control = length == 0
        if is_control:
            length, at = int.from_bytes(octets[at : at + 4], "big"), at + 4
        frame, at = octets[at : at + length], at + length
        assert len(frame) == length, "a frame was cut"
        if is_control:
            controls.append(int.from_bytes(frame[:4], "big"))
            assert controls[-1] != START or frame[12:] == CONTENT_TYPE, "another format"
        else:
            assert controls == [START], "data at the wrong place"
            yield frame
    assert controls == [START, STOP], "not a whole file"


def fields(octets):
    """Fields of Protocol Buffers by number, each of which is there once."""
    found = {}
    at = 0
    while at < len(octets):
        key, at = varint(octets, at)
        number, kind = key >> 3, key & 7
        assert number not in found, f"field {number} twice"
        if kind == 0:
            found[number], at = varint(octets, at)
            continue
        length = 4
        if kind != 5:
            assert kind == 2, f"kind {kind} of field {number}"
            length, at = varint(octets, at)
        found[number], at = octets[at : at + length], at + length
    assert at == len(octets), "a field was cut"
    return found


def varint(octets, at):
    value = shift = 0
    while True:
        octet = octets[at]
        value, shift, at = value | (octet & 0x7F) << shift, shift + 7, at + 1
        if octet < 0x80:
            return value, at


def dnstap_message(captured, payload):
    outer = fields(payload)
    for name, count in re.findall(r"([a-z-]+)=(\d+)", outer.get(3, b"").decode()):
        assert name in MISSING, f"{name} is missing"
        captured.missing[name] += int(count)
    message = fields(outer[14])
    transport, version = DNSTAP_TRANSPORTS[message[3]], DNSTAP_FAMILIES[message[2]]
    if message[1] == AUTH_QUERY:
        assert len(message[10]) >= 12 and not message[10][2] & 0x80, "no query"
        captured.query(transport, version, message[4])
    else:
        assert message[1] == AUTH_RESPONSE and message[14][2] & 0x80, "no response"
        captured.response(transport, version, rcode(message[14][2:]))


@functools.lru_cache(maxsize=None)
def rcode(behind_id):
    """The extended RCODE (RFC 6891 section 6.1.3)."""
    import dns.message

    message = b"\0\0" + behind_id
    if message[10:12] == b"\0\0":
        return message[3] & 15
    return int(dns.message.from_wire(message).rcode())


def main():
    cdns, dnstap = sys.argv[1:]
    print(json.dumps({"c-dns": by_cdns(cdns).json(), "dnstap": by_dnstap(dnstap).json()}))


if __name__ == "__main__":
    main()
