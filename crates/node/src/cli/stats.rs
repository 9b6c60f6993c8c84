//! `imrs zone stats`: counts what is in a zone file, proven or not.

use super::{Exit, Output, ZoneStats};
use crate::files::read_packed;
use crate::hosting::LoadError;
use crate::limits::TEXT_OCTETS_MAX;
use imrs_zone::Name;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::io::Write;

/// What was counted, as `--output json` prints it.
#[derive(Debug, Serialize)]
struct Counted {
    schema: &'static str,
    file: String,
    records: usize,
    names: usize,
    /// Names below the apex with NS records.
    delegations: usize,
    /// Delegations with DS records.
    signed_delegations: usize,
    types: BTreeMap<String, usize>,
}

/// Counts and prints.
pub(super) fn run(args: &ZoneStats) -> anyhow::Result<Exit> {
    let counted = count(args)?;
    let text = match args.output {
        Output::Text => render(&counted),
        Output::Json => serde_json::to_string_pretty(&counted)? + "\n",
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Well)
}

fn count(args: &ZoneStats) -> anyhow::Result<Counted> {
    let origin = super::origin(args.origin.as_deref())?;
    let text = read_packed(&args.file, "a zone", TEXT_OCTETS_MAX)?;
    let records = imrs_zone::read::read(&text, origin.as_ref())
        .map_err(|error| LoadError::read(&args.file, error))?;
    let mut types: BTreeMap<String, usize> = BTreeMap::new();
    for record in &records {
        *types.entry(record.rtype().to_string()).or_default() += 1;
    }
    let owners = |wanted: &str| -> HashSet<&Name> {
        let of_type = records
            .iter()
            .filter(|record| record.rtype().to_string() == wanted);
        of_type.map(|record| record.owner()).collect()
    };
    let apexes = owners("SOA");
    let delegations: HashSet<&Name> = owners("NS").difference(&apexes).copied().collect();
    Ok(Counted {
        schema: "imrs.zone-stats/1",
        file: args.file.display().to_string(),
        records: records.len(),
        names: records
            .iter()
            .map(|record| record.owner())
            .collect::<HashSet<_>>()
            .len(),
        signed_delegations: owners("DS").intersection(&delegations).count(),
        delegations: delegations.len(),
        types,
    })
}

fn render(counted: &Counted) -> String {
    let mut lines = vec![
        counted.file.clone(),
        format!("{:12}{:>9}", "records", counted.records),
        format!("{:12}{:>9}", "names", counted.names),
        format!("{:12}{:>9}", "delegations", counted.delegations),
        format!("{:12}{:>9}", "  with DS", counted.signed_delegations),
    ];
    let mut types: Vec<_> = counted.types.iter().collect();
    types.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    lines.extend(
        types
            .iter()
            .map(|(rtype, count)| format!("{rtype:12}{count:>9}")),
    );
    lines.join("\n") + "\n"
}
