//! `imrs zone fetch`: fetches a zone once, proves it, and writes it as a zone file.
//!
//! ```text
//! from whom   --from, else the primaries of the zone in --config, else the public service
//! by what     --anchors and those of --config; of a top-level domain without any, the root is
//!             fetched as well and vouches for it
//! ```
//!
//! What is not proven is not written. `report` has what is said about it.

mod report;

use super::{Exit, Output, ZoneFetch};
use crate::chain;
use crate::clock::{At, Clock};
use crate::config::{Config, ConfigError, Primary, Transfers, Zone, public_primaries};
use crate::dial::Patience;
use crate::files::write_whole;
use crate::hosting::load::{self, Held, Job, Loaded, Outcome, Scope};
use crate::hosting::trust::{self, Basis};
use crate::hosting::{Offer, Offered, Origin, Source};
use crate::keeping::{Peers, receive};
use crate::progress::Progress;
use crate::serve::plan;
use crate::store;
use anyhow::{Context, bail};
use imrs_transfer::incoming::{self, Received};
use imrs_zone::verify::Demand;
use imrs_zone::{Name, Record, record, synth};
use report::{Report, Try, TryResult};
use std::fmt::Write as _;
use std::hash::RandomState;
use std::io::{IsTerminal, Write as _};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Fetches, proves and writes; the report says what came of it.
pub(super) fn run(args: &ZoneFetch) -> anyhow::Result<Exit> {
    let errand = Errand::new(args)?;
    let mut report = Report::new(&errand.name);
    if let Some(loaded) = errand.run(&mut report) {
        let file = { args.out.clone() }.unwrap_or_else(|| default_file(&errand.name));
        let text = master_file(&loaded, &report)?;
        write_whole(&file, text.as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))?;
        report.take(&loaded, errand.job.now, &file, text.len());
    }
    let text = match args.output {
        Output::Text => report.render(),
        Output::Json => serde_json::to_string_pretty(&report)? + "\n",
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(report.exit())
}

/// What to fetch, from whom, and by what it is judged.
struct Errand {
    /// The zone.
    name: Name,
    /// The zone, behind the root where that has to vouch for it.
    stages: Vec<Peers>,
    /// Judges one stage after the other.
    job: Job,
    patience: Patience,
}

impl Errand {
    fn new(args: &ZoneFetch) -> anyhow::Result<Self> {
        let usage = ConfigError::of_options;
        let name: Name = args
            .zone
            .parse()
            .map_err(|error| usage(format!("--zone {}: {error}", args.zone)))?;
        let config = match &args.config {
            Some(file) => Config::read(file)?,
            None => Config::default(),
        };
        let mut zones = vec![(source(&config, &name), primaries(args, &config, &name)?)];
        if wants_root(args, &zones[0].0, &name)? {
            let root = Name::root_bytes();
            zones.insert(
                0,
                (source(&config, &root), primaries(args, &config, &root)?),
            );
        }
        let (mut sources, mut stages) = (Vec::new(), Vec::new());
        for (source, mut primaries) in zones {
            primaries.sort_by_key(|primary| primary.priority);
            let addresses = primaries.iter().map(|primary| primary.address).collect();
            sources.push(Source {
                origin: Origin::Primaries(addresses),
                ..source
            });
            let transfers = Transfers {
                primaries,
                ..Transfers::default()
            };
            let peers = Peers::new(&transfers, config.transfer.max_age);
            stages.push(peers.map_err(|error| usage(chain(&error)))?);
        }
        let clock = match args.at.or(config.verify.at) {
            Some(At(time)) => Clock::Fixed(time),
            None => Clock::Present,
        };
        Ok(Errand {
            name,
            job: Job {
                held: vec![None; sources.len()],
                sources,
                scope: Scope::Files,
                anchors: args.anchors.clone(),
                limits: plan::limits(&config)?,
                now: clock.now(),
                threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
                hasher: RandomState::new(),
            },
            stages,
            patience: Patience {
                wall: config.transfer.wall,
                idle: config.transfer.idle,
                ..Patience::default()
            },
        })
    }

    /// Fetches and proves one stage after the other; the last one is what is wanted.
    fn run(&self, report: &mut Report) -> Option<Loaded> {
        let mut job = self.job.clone();
        let mut last = None;
        for stage in 0..self.stages.len() {
            let loaded = self.fetch(&job, stage, report)?;
            job.held[stage] = Some(loaded.held.clone());
            last = Some(loaded);
        }
        last
    }

    /// Asks one primary after the other until what one sends is proven.
    fn fetch(&self, job: &Job, stage: usize, report: &mut Report) -> Option<Loaded> {
        let source = &job.sources[stage];
        let name = source.name.as_ref().unwrap_or(&self.name);
        let limits = incoming::Limits::default();
        for peer in &self.stages[stage].primaries {
            let mut note = |result, reason| {
                report.tries.push(Try {
                    zone: name.fmt_with_dot().to_string(),
                    primary: peer.place(),
                    result,
                    reason,
                });
            };
            if std::io::stderr().is_terminal() {
                eprintln!("asking {} for zone {}", peer.place(), name.fmt_with_dot());
            }
            let records = match receive(name, peer, None, &self.patience, limits) {
                Ok(Received::Zone(records)) => records,
                Ok(Received::Differences(_) | Received::Current(_)) => {
                    note(TryResult::Broken, Some("it sent no whole zone".to_owned()));
                    continue;
                }
                Err(fault) => {
                    note(TryResult::Broken, Some(fault.reason));
                    continue;
                }
            };
            match prove(job, stage, records) {
                Ok(loaded) => {
                    note(TryResult::Proven, None);
                    return Some(loaded);
                }
                Err(reason) => note(TryResult::Refused, Some(reason)),
            }
        }
        None
    }
}

/// Makes of the records what a server would make of them.
fn prove(job: &Job, stage: usize, records: Vec<Record>) -> Result<Loaded, String> {
    let offer = Offer {
        what: Offered::Whole(records),
        accepted: None,
    };
    let mut job = Job {
        scope: Scope::Offer(stage, offer),
        ..job.clone()
    };
    let progress = Progress::on_terminal();
    let mut results = load::load(&mut job, &|zone, done, all| progress.show(zone, done, all));
    progress.clear();
    match results.swap_remove(stage) {
        Ok(Outcome::Loaded(loaded)) => Ok(*loaded),
        Ok(Outcome::Unchanged | Outcome::Unread) => Err("nothing came of it".to_owned()),
        Err(error) => Err(chain(&error)),
    }
}

/// The zone as configured, if it is.
fn configured<'a>(config: &'a Config, name: &Name) -> Option<&'a Zone> {
    let mut zones = config.zones.iter();
    zones.find(|zone| zone.name.get_ref().0 == *name)
}

/// What is asked of the zone. Nothing is held of it, so that no step is judged.
fn source(config: &Config, name: &Name) -> Source {
    let zone = configured(config, name);
    Source {
        name: Some(name.clone()),
        anchors: zone.and_then(|zone| Some(zone.anchors.as_ref()?.get_ref().clone())),
        digest: zone.and_then(|zone| Some(zone.zonemd?.0)),
        signatures: zone.and_then(|zone| Some(zone.dnssec?.0)),
        ..Source::of(Origin::Primaries(Vec::new()))
    }
}

/// Whom to ask.
fn primaries(args: &ZoneFetch, config: &Config, name: &Name) -> anyhow::Result<Vec<Primary>> {
    let usage = ConfigError::of_options;
    if !args.from.is_empty() {
        let of = |option: &'static str| move |what: String| usage(format!("--{option}: {what}"));
        let key = { args.key.as_deref() }
            .map(|key| config.key(key))
            .transpose();
        let tls = { args.tls.as_deref() }
            .map(|tls| config.tls(tls))
            .transpose();
        let (key, tls) = (key.map_err(of("key"))?, tls.map_err(of("tls"))?);
        let primaries = args
            .from
            .iter()
            .map(|text| Primary::at(text, key.clone(), tls.clone()).map_err(of("from")));
        return Ok(primaries.collect::<Result<_, _>>()?);
    }
    let zone = configured(config, name);
    let primaries = zone.map_or(Vec::new(), |zone| zone.transfers.primaries.clone());
    let primaries = match primaries.is_empty() {
        true => public_primaries(name),
        false => primaries,
    };
    if primaries.is_empty() {
        let message = format!(
            "nothing says where zone {} comes from; name a primary by --from: the public service \
             has the root, arpa and root-servers.net alone",
            name.fmt_with_dot()
        );
        return Err(usage(message).into());
    }
    Ok(primaries)
}

/// Whether nothing but the root can vouch for the zone.
fn wants_root(args: &ZoneFetch, source: &Source, name: &Name) -> anyhow::Result<bool> {
    let basis = trust::basis(source, &args.anchors, name, &[])
        .map_err(|error| ConfigError::of_options(chain(&error)))?;
    let is_below_root = name.label_count() == 2;
    Ok(basis == Basis::Nothing && is_below_root && source.signatures != Some(Demand::Off))
}

/// Where a zone is written to unless that is said.
fn default_file(name: &Name) -> PathBuf {
    let name = store::folder(name);
    PathBuf::from(format!("{}.zone", name.trim_end_matches('.')))
}

/// The zone as a master file, which reads back as the records that were proven.
fn master_file(loaded: &Loaded, report: &Report) -> anyhow::Result<String> {
    let Held { packed, .. } = &loaded.held;
    let mut text = String::new();
    for line in report.heading(loaded) {
        writeln!(text, "; {line}")?;
    }
    text.push_str(&synth::text(&packed.records()));
    let mut read = imrs_zone::read::read(text.as_bytes(), None)
        .map_err(|error| anyhow::anyhow!("line {}: {}", error.line, error.problem))
        .context("the zone cannot be written as a master file, which is a fault of imrs")?;
    record::sort_canonically(&mut read);
    if imrs_zone::packed::pack(&read) != **packed.octets() {
        bail!("the zone does not read back as it was written, which is a fault of imrs");
    }
    Ok(text)
}
