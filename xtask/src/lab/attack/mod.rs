//! Attack drill.
mod capacity;
mod field;
mod flood;
mod packet;
mod query;
mod servers;
use crate::bench::queries::Delegations;
use crate::transfer::Program;
use crate::peers::Software;
use anyhow::Result;
use std::path::PathBuf;
use std::time::Duration;
#[derive(clap::Args, Debug)]
pub(super) struct Options {
    #[arg(long)]
    program: Option<PathBuf>,
    #[command(flatten)]
    root: crate::root::Choice,
}
pub(super) fn run(o: &Options) -> Result<()> {
    let imrs = Program::imrs(o.program.as_deref())?;
    let root = o.root.resolve()?;
    let delegations = Delegations::read(&root.file)?;
    let field = field::Field::build(1)?;
    let flood = field.attackers.enter(|| flood::Flood::start(0))?;
    println!("highest {}", capacity::highest(&field, &flood, &delegations, Duration::from_secs(2))?);
    for program in [imrs, Program::Peer(Software::Nsd), Program::Peer(Software::Knot)] {
        let server = servers::Server::start(&program, &root, &field, servers::Limits::Off, 1)?;
        println!("{} {:?}", program.name(), capacity::search(&field, &flood, &delegations, Duration::from_secs(1))?);
        println!("{:?} {}", server.teller().ask(), server.memory());
        println!("{:?}", field.kernel()?);
    }
    Ok(())
}
