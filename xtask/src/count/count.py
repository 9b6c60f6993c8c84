"""Counts what a DNS server was asked and what it sent, from a capture of its packets.

    count.py dnspython CAPTURE SHIFT   reads packets by itself and messages by dnspython
    count.py tshark CAPTURE SHIFT KEYS has tshark read everything, TLS and QUIC by the secrets in KEYS

SHIFT is by how many seconds the server's clock is ahead. Prints JSON: by UTC day the numbers, under the
names that RSSAC002 has where it has one, and the addresses of those who asked. Shares nothing with what
it checks: what is counted is written down here once more, from RSSAC002v5 and the RFCs.

A query is a message to the service of 12 octets or more without QR; a response is a message from it.
"""

import collections
import functools
import ipaddress
import json
import struct
import subprocess
import sys
import time

SERVICES = {ipaddress.ip_address("192.0.2.53"), ipaddress.ip_address("2001:db8::53")}
PORT = 53
OPEN = {"request": 288, "response": 4096}


class Day:
    """What was counted on one day."""

    def __init__(self):
        self.numbers = collections.Counter()
        self.sources = set()

    def query(self, prefix, transport, client, octets):
        self.numbers[f"{prefix}dns-{transport}-queries-received-{family(client)}"] += 1
        self.size(prefix, transport, "request", octets)
        self.sources.add(str(client))

    def response(self, prefix, transport, client, octets, rcode):
        self.numbers[f"{prefix}dns-{transport}-responses-sent-{family(client)}"] += 1
        self.size(prefix, transport, "response", octets)
        name = f"{prefix}dns-{transport}-rcode-{rcode}" if prefix else f"rcode {rcode}"
        self.numbers[name] += 1

    def size(self, prefix, transport, kind, octets):
        low = octets // 16 * 16
        last = OPEN[kind]
        bin_name = f"{last}-" if low >= last else f"{low}-{low + 15}"
        self.numbers[f"{prefix}{transport}-{kind}-sizes {bin_name}"] += 1


def family(address):
    return f"ipv{address.version}"


class Days(dict):
    """Days by name, made when asked for."""

    def __init__(self, shift):
        super().__init__()
        self.shift = shift

    def at(self, moment):
        name = time.strftime("%Y-%m-%d", time.gmtime(moment + self.shift))
        if name not in self:
            self[name] = Day()
        return self[name]

    def json(self, **facts):
        days = {
            name: {"numbers": day.numbers, "sources": sorted(day.sources)}
            for name, day in self.items()
        }
        return json.dumps({"days": days, **facts})


# --- packets, read here


def packets(path):
    """Time, source, destination, protocol and payload of all IP packets."""
    with open(path, "rb") as file:
        header = file.read(24)
        magic, link = struct.unpack("<I16xI", header)
        assert magic == 0xA1B2C3D4 and link == 1, "no pcap of Ethernet in this byte order"
        while record := file.read(16):
            seconds, micros, length, whole = struct.unpack("<IIII", record)
            assert length == whole, "a packet was cut"
            packet = ip_packet(file.read(length))
            if packet:
                yield (seconds + micros / 1e6, *packet)


def ip_packet(frame):
    kind = int.from_bytes(frame[12:14], "big")
    packet = frame[14:]
    if kind == 0x0800:
        start = (packet[0] & 15) * 4
        end = int.from_bytes(packet[2:4], "big")
        offset = int.from_bytes(packet[6:8], "big")
        assert offset & 0x3FFF == 0, "fragments are not put together here"
        source, destination = packet[12:16], packet[16:20]
        protocol = packet[9]
    elif kind == 0x86DD:
        start, end = 40, 40 + int.from_bytes(packet[4:6], "big")
        source, destination = packet[8:24], packet[24:40]
        protocol = packet[6]
        assert protocol != 44, "fragments are not put together here"
    else:
        return None
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    return source, destination, protocol, packet[start:end]


class Connection:
    """How many queries of a connection are without a response, and whether one had several."""

    open = 0
    is_of_transfer = False


class Stream:
    """One direction of a connection: gives messages when they are whole (RFC 1035 section 4.2.2)."""

    def __init__(self, first):
        self.next = first
        self.early = {}
        self.octets = b""

    def segment(self, sequence, data):
        self.early[sequence] = max(self.early.get(sequence, b""), data, key=len)
        messages = []
        while self.take():
            continue
        while len(self.octets) >= 2:
            length = int.from_bytes(self.octets[:2], "big")
            if len(self.octets) < 2 + length:
                break
            messages.append(self.octets[2 : 2 + length])
            self.octets = self.octets[2 + length :]
        return messages

    def take(self):
        for sequence, data in list(self.early.items()):
            known = (self.next - sequence) % 2**32
            if known < 2**31:
                del self.early[sequence]
                if known < len(data):
                    self.octets += data[known:]
                    self.next = (self.next + len(data) - known) % 2**32
                    return True
        return False


def messages(path, facts):
    """Time, transport, client, its port, connection if any, direction and octets of all messages."""
    streams = {}
    for moment, source, destination, protocol, payload in packets(path):
        if protocol in (1, 58):
            facts["unreachable"] += is_unreachable(source, protocol, payload)
            continue
        if protocol not in (6, 17):
            continue
        from_port, to_port = struct.unpack("!HH", payload[:4])
        if destination in SERVICES and to_port == PORT:
            client, port, is_query = source, from_port, True
        elif source in SERVICES and from_port == PORT:
            client, port, is_query = destination, to_port, False
        else:
            continue
        if protocol == 17:
            length = int.from_bytes(payload[4:6], "big")
            yield moment, "udp", client, port, None, is_query, payload[8:length]
            continue
        sequence = int.from_bytes(payload[4:8], "big")
        start, flags = (payload[12] >> 4) * 4, payload[13]
        key = (source, from_port, destination, to_port)
        if flags & 2:
            streams[key] = Stream((sequence + 1) % 2**32)
            # Both directions belong to what the client opened.
            opened = Connection() if is_query else streams[key[2:] + key[:2]].connection
            streams[key].connection = opened
        if len(payload) > start:
            for message in streams[key].segment(sequence, payload[start:]):
                yield moment, "tcp", client, port, streams[key].connection, is_query, message


def is_unreachable(source, protocol, payload):
    """Whether the server says that nobody listens (RFC 792, RFC 4443)."""
    return source in SERVICES and payload[:2] == (b"\x03\x03" if protocol == 1 else b"\x01\x04")


# --- messages, read by dnspython


def by_dnspython(path, shift):
    days = Days(shift)
    facts = collections.Counter(unreachable=0, no_queries=0)
    transferred, unreadable = collections.Counter(), Unreadable()
    for moment, transport, client, port, connection, is_query, message in messages(path, facts):
        day = days.at(moment)
        asked = transport, client, port, message[:2]
        if not is_query:
            if connection and connection.open:
                connection.open -= 1
            elif connection:
                # A transfer has one query and many responses (RFC 5936 section 2.2).
                day.numbers[f"tcp-{family(client)} further"] += 1
                name = f"dns-tcp-responses-sent-{family(client)}"
                transferred[name] += 1 if connection.is_of_transfer else 2
                connection.is_of_transfer = True
            rcode, truncated = response(message[2:])
            unreadable.response(asked, rcode)
            day.response("", transport, client, len(message), rcode)
            day.numbers[f"{transport}-{family(client)} tc"] += truncated
        elif len(message) < 12 or message[2] & 0x80:
            facts["no_queries"] += 1
        else:
            if connection:
                connection.open += 1
            day.query("", transport, client, len(message))
            unreadable.query(asked, message)
            for what in query(message[2:]):
                day.numbers[f"{transport}-{family(client)} {what}"] += 1
    return days.json(**facts, transferred=transferred, **unreadable.facts())


class Unreadable:
    """Queries whose first question cannot be read, which C-DNS counts as malformed, and their responses."""

    def __init__(self):
        self.numbers = collections.Counter()
        self.open = collections.defaultdict(collections.deque)
        self.sources = {True: set(), False: set()}

    def query(self, asked, message):
        transport, client, *_ = asked
        is_readable = has_whole_question(message)
        self.open[asked].append(is_readable)
        self.sources[is_readable].add(str(client))
        if not is_readable:
            self.numbers[f"dns-{transport}-queries-received-{family(client)}"] += 1

    def response(self, asked, rcode):
        transport, client, *_ = asked
        if self.open[asked] and not self.open[asked].popleft():
            self.numbers[f"dns-{transport}-responses-sent-{family(client)}"] += 1
            self.numbers[f"rcode {rcode}"] += 1

    def facts(self):
        nothing_else = sorted(self.sources[False] - self.sources[True])
        return {"unreadable": self.numbers, "unreadable_sources": nothing_else}


def has_whole_question(message):
    """Whether the first question can be read, if there is any; nothing of a name can be ahead of it."""
    if message[4:6] == b"\0\0":
        return True
    at = 12
    while at < len(message) and 0 < message[at] < 64:
        at += 1 + message[at]
    # Behind at most 254 octets of labels the root, then type and class (RFC 1035 section 4.1.2).
    return at < 12 + 255 and at + 5 <= len(message) and message[at] == 0


@functools.lru_cache(maxsize=None)
def response(behind_id):
    """The extended RCODE, and 1 if TC is set (RFC 6891 section 6.1.3)."""
    import dns.message

    message = b"\0\0" + behind_id
    rcode = message[3] & 15
    if message[10:12] != b"\0\0":
        rcode = int(dns.message.from_wire(message).rcode())
    return rcode, message[2] >> 1 & 1


@functools.lru_cache(maxsize=None)
def query(behind_id):
    """What a query says of itself, as far as it can be read.

    Nothing but flags is read of other operations than QUERY. A question is read if there is one, by
    itself; an OPT record, if the whole message is right and has nothing between the two.
    """
    import dns.message
    import dns.wire

    message = b"\0\0" + behind_id
    found = ["rd"] if message[2] & 1 else []
    found += ["cd"] if message[3] & 0x10 else []
    is_query = message[2] >> 3 & 15 == 0
    questions, answers, authorities = struct.unpack("!HHH", message[4:10])
    qtype, opt = "none", None
    if is_query and questions == 1:
        try:
            parser = dns.wire.Parser(message, 12)
            parser.get_name()
            qtype, _ = parser.get_struct("!HH")
            qtype = qtype if qtype < 272 else "other"
        except dns.exception.DNSException:
            pass
    if is_query and questions <= 1 and answers == authorities == 0:
        try:
            opt = dns.message.from_wire(message).opt
        except (dns.exception.DNSException, struct.error):
            pass
    found.append(f"qtype {qtype}")
    if opt is not None:
        found += ["edns", f"buffer {buffer_class(opt.rdclass)}"]
        found += ["do"] if opt.ttl & 0x8000 else []
        codes = {int(option.otype) for option in opt[0].options}
        found += ["nsid"] if 3 in codes else []
        found += ["cookie"] if 10 in codes else []
    return found


def buffer_class(size):
    for low, high in ((0, 512), (513, 1231), (1232, 1232), (1233, 1452), (1453, 4095), (4096, 4096)):
        if low <= size <= high:
            return high
    return "more"


# --- everything, read by tshark


PLAIN_FIELDS = [
    "udp.length",
    "tls",
    "dns.length",
    "dns.flags.response",
    "dns.flags.rcode",
    "dns.resp.ext_rcode",
]
QUIC_FIELDS = [
    "quic.connection.number",
    "quic.stream.stream_id",
    "quic.stream.off",
    "quic.stream.offset",
    "quic.stream_data",
]


def by_tshark(path, shift, keys):
    days = Days(shift)
    for moment, ends, fields in tshark(path, keys, "dns && !quic", PLAIN_FIELDS):
        plain(days.at(moment), *ends, *fields)
    streams = {}
    for moment, ends, fields in tshark(path, keys, "quic.stream_data", QUIC_FIELDS):
        quic(days.at(moment), streams, *ends, *fields)
    return days.json()


def tshark(path, keys, those, fields):
    """Time, source, destination and fields of packets; a field that is there twice has a comma."""
    command = ["tshark", "-n", "-r", path, "-o", f"tls.keylog_file:{keys}"]
    command += ["-d", "udp.port==853,quic", "-Y", f"{those} && !icmp && !icmpv6"]
    command += ["-T", "fields", "-E", "occurrence=a"]
    ends = ["frame.time_epoch", "ip.src", "ipv6.src", "ip.dst", "ipv6.dst"]
    command += [part for field in ends + fields for part in ("-e", field)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for line in lines.splitlines():
        moment, ipv4_from, ipv6_from, ipv4_to, ipv6_to, *rest = line.split("\t")
        pair = [ipaddress.ip_address(a or b) for a, b in ((ipv4_from, ipv6_from), (ipv4_to, ipv6_to))]
        yield float(moment), pair, [field.split(",") if field else [] for field in rest]


def plain(day, source, destination, udp, tls, lengths, are, rcodes, ext_rcodes):
    """All messages that end in one packet."""
    prefix, transport = ("l-", "tls") if tls else ("", "udp" if udp else "tcp")
    if udp:
        lengths = [int(udp[0]) - 8]
    for length, is_response in zip(map(int, lengths), are):
        if length < 12:
            continue
        if destination in SERVICES and is_response == "0":
            day.query(prefix, transport, source, length)
        elif source in SERVICES:
            rcode = int(rcodes.pop(0))
            # Of several responses in one packet it is not told whose the rest of the RCODE is.
            if len(are) == 1 and ext_rcodes:
                rcode += int(ext_rcodes[0], 16) << 4
            day.response(prefix, transport, destination, length, rcode)


def quic(day, streams, source, destination, connection, stream_ids, offs, offsets, contents):
    """Streams in one packet: a message each, behind its length (RFC 9250 section 4.2)."""
    for stream_id, off, data in zip(stream_ids, offs, contents):
        offset = int(offsets.pop(0)) if off == "1" else 0
        stream = streams.setdefault((*connection, stream_id, source), Stream(0))
        for message in stream.segment(offset, bytes.fromhex(data)):
            if destination in SERVICES and message[2] & 0x80 == 0:
                day.query("l-", "quic", source, len(message))
            elif source in SERVICES:
                day.response("l-", "quic", destination, len(message), message[3] & 15)


def main():
    how, path, shift, *keys = sys.argv[1:]
    if how == "dnspython":
        print(by_dnspython(path, int(shift)))
    else:
        print(by_tshark(path, int(shift), *keys))


if __name__ == "__main__":
    main()
