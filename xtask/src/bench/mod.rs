//! `cargo xtask bench`: imrs and its peers side by side.
//!
//! Start reading at [`run`]. The parts: `servers` starts them, `base` builds imrs of another commit, `queries` makes what they are
//! asked, `clients` who asks, `load` asks, `cost` measures the CPU time of an answer in alternating bursts, and the
//! other commands measure memory, reloads, proof, instructions and zone transfers.
//! `docs/benchmarks.md` tells the method.

mod base;
mod clients;
mod cost;
mod echo;
mod instructions;
pub(crate) mod kernel;
mod load;
mod memory;
mod proof;
pub(crate) mod queries;
mod reload;
mod report;
mod servers;
mod statistics;
mod transfer;

use crate::root;
use anyhow::{Result, ensure};
use report::Output;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;

/// Options of `cargo xtask bench`. Without a command: CPU time per answered query.
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    cost: cost::Options,
    #[command(flatten)]
    common: Common,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Resident memory with the root, of imrs with one and with two workers.
    Memory(Common),
    /// Queries lost and pauses when imrs reloads under full load.
    Reload(reload::Options),
    /// CPU time of a whole proof of the zone, against `ldns-verify-zone`.
    Proof(proof::Options),
    /// Instructions per query in `respond`, counted by callgrind.
    Instructions(Common),
    /// How soon a new serial is answered, and what transfers take from answering.
    Transfer(Box<transfer::Options>),
    /// Answers every datagram with 600 octets: the floor that the kernel sets.
    #[command(hide = true)]
    Echo {
        /// Where to listen.
        address: SocketAddr,
    },
}

/// What all benchmarks are told.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Common {
    #[command(flatten)]
    root: root::Choice,
    /// First of the ports that the servers use.
    #[arg(long, default_value_t = 16_000)]
    port: u16,
    /// Core that the servers run on [default: the last]
    #[arg(long)]
    server_core: Option<usize>,
    /// Core that the load comes from.
    #[arg(long, default_value_t = 0)]
    load_core: usize,
    /// Seed of the queries.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

impl Common {
    /// The core of the servers; the load has another one.
    fn server_core(&self) -> Result<usize> {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let core = self.server_core.unwrap_or(cores - 1);
        ensure!(
            core != self.load_core,
            "servers and load need a core each: this machine has {cores}; \
             see --server-core and --load-core"
        );
        Ok(core)
    }

    /// The address of server `index` on loopback.
    fn address(&self, index: usize) -> Result<SocketAddr> {
        self.address_on(Ipv4Addr::LOCALHOST, index)
    }

    fn address_on(&self, host: Ipv4Addr, index: usize) -> Result<SocketAddr> {
        let port = self.port.checked_add(u16::try_from(index)?);
        let port = port.ok_or_else(|| anyhow::anyhow!("no port after 65535: lower --port"))?;
        Ok(SocketAddr::from((host, port)))
    }
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.what {
        None => cost::run(&args.cost, &args.common),
        Some(What::Memory(common)) => memory::run(common),
        Some(What::Reload(options)) => reload::run(options),
        Some(What::Proof(options)) => proof::run(options),
        Some(What::Instructions(common)) => instructions::run(common),
        Some(What::Transfer(options)) => transfer::run(options),
        Some(What::Echo { address }) => echo::run(*address),
    }
}
