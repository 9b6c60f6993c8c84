//! The node and its process.

use super::{Family, Kind, Unit, Value};
use crate::control::v1::Health;
use jiff::Timestamp;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        kind: Kind::Info,
        ..Family::gauge(
            "imrs_build",
            &["version"],
            "The program",
            |snapshot, rows| rows.count([&snapshot.told.status.version], 1),
        )
    },
    Family::gauge(
        "imrs_node_state",
        &["state"],
        "How the node is: 1 at its state, 0 at the others",
        |snapshot, rows| {
            let states = [
                ("well", Health::Well),
                ("degraded", Health::Degraded),
                ("failed", Health::Failed),
            ];
            for (name, health) in states {
                rows.whether([name], snapshot.told.status.health == health);
            }
        },
    ),
    Family::gauge(
        "imrs_node_attention",
        &[],
        "Things beside the zones that need attention; `imrs ctl status` has them in words",
        |snapshot, rows| rows.count([], snapshot.told.status.attention.len() as u64),
    ),
    Family::gauge(
        "imrs_workers",
        &[],
        "Threads that answer packets",
        |snapshot, rows| rows.count([], snapshot.told.status.workers as u64),
    ),
    Family::gauge(
        "imrs_longest_turn",
        &[],
        "The longest time since the start that a worker was busy before it looked at its sockets",
        |snapshot, rows| {
            let seconds = snapshot.told.stats.longest_turn_us as f64 / 1e6;
            rows.put([], Value::Fraction(seconds));
        },
    )
    .of(Unit::Seconds),
    Family::gauge(
        "imrs_clock_is_present",
        &[],
        "1 if signatures are judged at the present time, 0 if at a fixed one",
        |snapshot, rows| rows.whether([], snapshot.told.status.time.is_present),
    ),
    Family::gauge(
        "imrs_sandbox_in_force",
        &["part"],
        "Whether the kernel holds the process to less: files, system calls, no new privileges",
        |snapshot, rows| {
            let Some(sandbox) = &snapshot.told.status.sandbox else {
                return;
            };
            rows.whether(["landlock"], sandbox.landlock.is_some());
            rows.whether(["seccomp"], sandbox.seccomp.is_some());
            rows.whether(["no-new-privs"], sandbox.no_new_privs);
        },
    ),
    Family::gauge(
        "imrs_sandbox_missing",
        &[],
        "Restrictions that were wanted and are not there",
        |snapshot, rows| {
            if let Some(sandbox) = &snapshot.told.status.sandbox {
                rows.count([], sandbox.missing.len() as u64);
            }
        },
    ),
    Family::gauge(
        "imrs_socket_filter_in_force",
        &[],
        "Whether the kernel drops most of a flood before it costs time",
        |snapshot, rows| rows.whether([], snapshot.told.status.unfiltered.is_none()),
    ),
    Family::gauge(
        "process_start_time",
        &[],
        "When the process started, in seconds since 1970",
        |snapshot, rows| {
            let started: Option<Timestamp> = snapshot.told.status.started_at.parse().ok();
            rows.known([], started.map(Timestamp::as_second));
        },
    )
    .of(Unit::Seconds),
    Family::counter(
        "process_cpu",
        &[],
        "Time on cores, of all threads, in the program and in the kernel for it",
        |snapshot, rows| {
            if let Some(cpu) = snapshot.process.cpu {
                rows.put([], Value::Fraction(cpu.as_secs_f64()));
            }
        },
    )
    .of(Unit::Seconds),
    Family::gauge(
        "process_resident_memory",
        &[],
        "Memory of the process that is in RAM",
        |snapshot, rows| {
            if let Some(octets) = snapshot.process.resident {
                rows.count([], octets);
            }
        },
    )
    .of(Unit::Bytes),
    Family::gauge(
        "process_open_fds",
        &[],
        "Open files, sockets among them; absent before Linux 6.2",
        |snapshot, rows| {
            if let Some(count) = snapshot.process.descriptors {
                rows.count([], count);
            }
        },
    ),
];
