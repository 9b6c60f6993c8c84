//! `cargo xtask lab`: scripted scenes with real servers, in network namespaces that the task makes
//! and removes.
//!
//! Start reading at [`run`]. `transfer` is about zone transfers, with the scenes in `play`; `stage` has the namespaces
//! and the servers on it, `load` the queries that go on all the while, `transcript` what is
//! printed. `attack` is a drill of its own, and `site` has networks
//! and all nodes of a fleet.

mod attack;
mod load;
mod made;
pub(crate) mod namespace;
mod play;
mod queries;
mod site;
mod stage;
mod task;
mod transcript;
mod transfer;

use anyhow::Result;

/// Options of `cargo xtask lab`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    scene: Scene,
}

#[derive(clap::Subcommand, Debug)]
enum Scene {
    /// Knot as primary, imrs as secondary under load: new serials, lies, deaths.
    Transfer(transfer::Options),
    /// imrs, NSD and Knot with equal limits under floods and slow connections.
    Attack(attack::Options),
    /// Singles and a Cluster in networks with BGP, under load, and all that may happen to them.
    Site(site::Options),
}

/// Plays a scene.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.scene {
        Scene::Transfer(options) => transfer::run(options),
        Scene::Attack(options) => attack::run(options),
        Scene::Site(options) => site::run(options),
    }
}
