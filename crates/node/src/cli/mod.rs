//! The command line: what may be written, and which function each command runs.

mod check;
mod check_config;
mod ctl;
mod doctor;
mod fetch;
mod manual;
mod route;
mod statistics;
mod stats;
mod synth;

use crate::clock::At;
use crate::config::ConfigError;
use crate::log::LogForm;
use clap::{Args, Parser, Subcommand, ValueEnum};
use imrs_zone::Name;
use imrs_zone::synth::{Algorithm, REAL_TLDS};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

pub use statistics::Statistics;

/// How a command ended, for whoever reads only the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: all is well.
    Well,
    /// 1: it failed, or the zone does not hold.
    Failed,
    /// 2: the command line or the configuration is wrong.
    Usage,
    /// 3: it serves or would be served, and something needs attention.
    Degraded,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Well => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Degraded => 3,
        })
    }
}

/// The software of a DNS root server operator.
#[derive(Debug, Parser)]
#[command(name = "imrs", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str =
    "Exit codes: 0 well, 1 failed, 2 usage or configuration, 3 degraded but serving.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Answers for zones; without zones, for a test root of its own on loopback.
    Serve(Serve),
    /// Works on zones, without a server.
    #[command(subcommand)]
    Zone(Zone),
    /// Asks a running server, or tells it to load or fetch its zones.
    #[command(
        after_help = "Exit codes: 0 it is well, 3 it serves and something needs attention, \
                            1 it serves nothing or cannot be reached."
    )]
    Ctl(Ctl),
    /// Watches what a server counts, and works on the days that it counted.
    Stats(Statistics),
    /// Keeps BIRD announcing what the server wishes, and nothing else.
    Route(Route),
    /// Checks a configuration file and the files that it names.
    #[command(after_help = "Exit codes: 0 it is good, 2 something in it is wrong.")]
    CheckConfig {
        /// The configuration.
        file: PathBuf,
    },
    /// Looks for what keeps this node from being reached, and says whom to tell.
    #[command(
        after_help = "Exit codes: 0 all is well, 1 something is wrong, 3 something cannot be told."
    )]
    Doctor(Doctor),
    /// Writes the manual pages.
    #[command(hide = true)]
    Manual {
        /// Folder to write them to.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Prints the completions of a shell.
    #[command(hide = true)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Options of `imrs serve`.
#[derive(Args, Clone, Debug, Default)]
pub struct Serve {
    /// Configuration; the other options win over what it says.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Zone file to serve, plain or packed by xz, gzip or zstd; its SOA names the zone. May repeat.
    #[arg(long, value_name = "FILE")]
    pub zone: Vec<PathBuf>,
    /// Trust anchors of a zone, in RFC 7958 XML or as DS or DNSKEY records. May repeat.
    #[arg(long, value_name = "FILE")]
    pub anchors: Vec<PathBuf>,
    /// Addresses to answer on.
    #[arg(
        long,
        value_name = "ADDR:PORT",
        value_parser = crate::config::address,
        help = "Address to answer on, by UDP and TCP. May repeat [default: 127.0.0.1:5300 and [::1]:5300]"
    )]
    pub listen: Vec<SocketAddr>,
    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: Option<u16>,
    /// Judge signatures at this fixed time instead of the present: archived zones only.
    #[arg(long, value_name = "TIME")]
    pub at: Option<At>,
    /// Control socket [default: in the state folder, else in $XDG_RUNTIME_DIR/imrs or /run/imrs]
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,
    /// Serve in place of the server that has the control socket, on its sockets and without losing
    /// a query; that one ends once this one serves, and goes on if it does not come to that.
    #[arg(long)]
    pub take_over: bool,
    /// Return when the server serves, and let it go on by itself: for the reload of a service.
    #[arg(long)]
    pub detach: bool,
    /// Form of the log on standard error.
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    pub log: LogForm,
}

#[derive(Debug, Subcommand)]
enum Zone {
    /// Reads a zone file and makes every check that serving it makes.
    #[command(
        after_help = "Exit codes: 0 a server would serve it, 1 it would refuse it, \
                            3 it would serve it with a warning."
    )]
    Check(ZoneCheck),
    /// Fetches a zone once, proves it, and writes it as a zone file.
    #[command(
        after_help = "Exit codes: 0 it is proven and written, 1 nothing is written, 3 it is \
                            written, and a server would serve it with a warning."
    )]
    Fetch(ZoneFetch),
    /// Makes a signed test root with the proportions of the real one.
    Synth(ZoneSynth),
    /// Counts what is in a zone file.
    Stats(ZoneStats),
}

/// Options of `imrs zone check`.
#[derive(Args, Debug)]
pub struct ZoneCheck {
    /// Zone file, plain or packed by xz, gzip or zstd.
    pub file: PathBuf,
    /// Judge signatures at this time instead of the present.
    #[arg(long, value_name = "TIME")]
    pub at: Option<At>,
    /// Name that completes relative names before the first $ORIGIN.
    #[arg(long, value_name = "NAME")]
    pub origin: Option<String>,
    /// Trust anchors, in RFC 7958 XML or as DS or DNSKEY records [default: built in for the root]
    #[arg(long, value_name = "FILE")]
    pub anchors: Option<PathBuf>,
    /// Form of the output.
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    pub output: Output,
}

/// Options of `imrs zone fetch`.
#[derive(Args, Debug)]
pub struct ZoneFetch {
    /// Name of the zone.
    #[arg(long, value_name = "NAME", default_value = ".")]
    pub zone: String,
    /// Primary to fetch it from, with or without a port. May repeat; the next is asked if one
    /// fails [default: that of --config, else the public service of the root, arpa and
    /// root-servers.net]
    #[arg(long, value_name = "ADDR")]
    pub from: Vec<String>,
    /// Configuration, of which the zone, its primaries, keys and TLS are taken.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Key of the configuration that signs requests to --from.
    #[arg(long, value_name = "NAME", requires = "from", requires = "config")]
    pub key: Option<String>,
    /// Table of `tls` in the configuration that says how to speak TLS to --from.
    #[arg(long, value_name = "NAME", requires = "from", requires = "config")]
    pub tls: Option<String>,
    /// Trust anchors of a zone, in RFC 7958 XML or as DS or DNSKEY records. May repeat.
    #[arg(long, value_name = "FILE")]
    pub anchors: Vec<PathBuf>,
    /// Judge signatures at this time instead of the present.
    #[arg(long, value_name = "TIME")]
    pub at: Option<At>,
    /// File to write it to, in the place of what is there [default: root.zone, NAME.zone]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Form of the output.
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    pub output: Output,
}

/// Options of `imrs zone synth`.
#[derive(Args, Debug)]
pub struct ZoneSynth {
    /// Folder to write the zones and the trust anchor to; made if absent.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Delegations.
    #[arg(long, value_name = "N", default_value_t = REAL_TLDS)]
    pub tlds: usize,
    /// Algorithm to sign with, by number or mnemonic: 8, 13, 14, 15. Several, by commas, each sign
    /// everything, as in an algorithm roll.
    #[arg(long, value_name = "A", default_value = "13", value_delimiter = ',')]
    pub algorithm: Vec<Algorithm>,
    /// What chance follows: the same seed makes the same names and servers.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Time at which the zones are made; signatures hold for 13 days [default: the present]
    #[arg(long, value_name = "TIME")]
    pub at: Option<At>,
    /// Serial of the zones [default: the first of the day]
    #[arg(long, value_name = "N")]
    pub serial: Option<u32>,
    /// Replace files that are already there.
    #[arg(long)]
    pub force: bool,
}

/// Options of `imrs zone stats`.
#[derive(Args, Debug)]
pub struct ZoneStats {
    /// Zone file, plain or packed by xz, gzip or zstd.
    pub file: PathBuf,
    /// Name that completes relative names before the first $ORIGIN.
    #[arg(long, value_name = "NAME")]
    pub origin: Option<String>,
    /// Form of the output.
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    pub output: Output,
}

/// Options of `imrs ctl`, which may stand before and after what is asked.
#[derive(Args, Debug)]
#[command(disable_help_subcommand = true)]
pub struct Ctl {
    /// What to ask.
    #[command(subcommand)]
    pub request: crate::control::v1::Command,
    /// Control socket of the server [default: the first that exists of those `serve` would choose]
    #[arg(long, value_name = "PATH", global = true)]
    pub socket: Option<PathBuf>,
    /// Form of the output.
    #[arg(long, value_name = "FORM", value_enum, default_value_t, global = true)]
    pub output: Output,
}

/// Options of `imrs route`.
#[derive(Args, Clone, Debug)]
#[command(disable_help_subcommand = true)]
pub struct Route {
    /// Configuration, of which `[anycast]` and `[[neighbor]]` are taken.
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        default_value = "/etc/imrs/imrs.toml"
    )]
    pub config: PathBuf,
    /// Form of the log on standard error.
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    pub log: LogForm,
    /// What to do instead of keeping routes.
    #[command(subcommand)]
    pub command: Option<RouteCommand>,
}

/// What `imrs route` does beside the keeper.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum RouteCommand {
    /// Asks the keeper what is announced to whom.
    #[command(
        after_help = "Exit codes: 0 all sessions are established, 3 something needs attention, \
                            1 the keeper cannot be reached."
    )]
    Show {
        /// Form of the output.
        #[arg(long, value_name = "FORM", value_enum, default_value_t)]
        output: Output,
    },
    /// Has BIRD announce nothing; needs no keeper, and one that runs undoes it.
    Withdraw,
    /// Prints what BIRD is configured with when it starts, without passwords.
    Config {
        /// What it is configured with when everything is announced.
        #[arg(long)]
        announced: bool,
    },
}

/// Options of `imrs doctor`.
#[derive(Args, Debug)]
pub struct Doctor {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "/etc/imrs/imrs.toml")]
    pub config: PathBuf,
    /// Form of the output.
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    pub output: Output,
}

/// The form in which a reading command prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs; the object names its schema.
    Json,
}

/// Runs the command. Whatever fails is returned whole: `main` prints it once.
pub fn run(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Serve(args) => crate::serve::run(&args),
        Command::Zone(Zone::Check(args)) => check::run(&args),
        Command::Zone(Zone::Fetch(args)) => fetch::run(&args),
        Command::Zone(Zone::Synth(args)) => synth::run(&args),
        Command::Zone(Zone::Stats(args)) => stats::run(&args),
        Command::Ctl(args) => ctl::run(&args),
        Command::Stats(args) => statistics::run(&args),
        Command::Route(args) => route::run(&args),
        Command::CheckConfig { file } => check_config::run(&file),
        Command::Doctor(args) => doctor::run(&args),
        Command::Manual { out } => manual::write_pages(&out),
        Command::Completions { shell } => manual::print_completions(shell),
    }
}

/// The value of `--origin`.
fn origin(text: Option<&str>) -> anyhow::Result<Option<Name>> {
    let Some(text) = text else { return Ok(None) };
    let name = text
        .parse()
        .map_err(|error| ConfigError::of_options(format!("--origin {text}: {error}")))?;
    Ok(Some(name))
}

#[cfg(test)]
mod tests {
    use super::{Cli, Command, Output};
    use crate::control::v1;
    use clap::{CommandFactory, Parser};
    use std::path::Path;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    /// The request that `imrs ctl` makes of these arguments, or what is wrong with them.
    fn ctl(args: &str) -> Result<v1::Command, String> {
        let words = ["imrs", "ctl"].into_iter().chain(args.split(' '));
        let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        let Command::Ctl(ctl) = cli.command else {
            panic!("{args} is not of ctl");
        };
        assert_eq!(ctl.socket.as_deref(), Some(Path::new("s")), "{args}");
        assert_eq!(ctl.output, Output::Json, "{args}");
        Ok(ctl.request)
    }

    #[test]
    fn options_of_ctl_stand_before_or_after_the_request() {
        let zone = |text: &str| Some(text.to_owned());
        for (request, expected) in [
            ("status", v1::Command::Status),
            ("reload", v1::Command::Reload),
            ("stats", v1::Command::Stats),
            ("top", v1::Command::Top),
            ("zones", v1::Command::Zones { zone: None }),
            (
                "zones ARPA",
                v1::Command::Zones {
                    zone: zone("ARPA."),
                },
            ),
            ("refresh .", v1::Command::Refresh { zone: zone(".") }),
            ("retransfer", v1::Command::Retransfer { zone: None }),
            (
                "accept . 2026080101",
                v1::Command::Accept {
                    zone: ".".to_owned(),
                    serial: 2_026_080_101,
                },
            ),
        ] {
            let options = "--socket s --output json";
            assert_eq!(ctl(&format!("{options} {request}")).unwrap(), expected);
            assert_eq!(ctl(&format!("{request} {options}")).unwrap(), expected);
        }
    }

    #[test]
    fn what_ctl_does_not_know_is_refused() {
        for (args, expected) in [
            ("fly", "unrecognized subcommand 'fly'"),
            ("accept .", "required arguments were not provided"),
            ("accept . -1", "unexpected argument '-1'"),
            ("accept . 4294967296", "4294967296 is not in 0..=4294967295"),
            ("refresh a..b", "not a domain name"),
        ] {
            let error = ctl(args).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
