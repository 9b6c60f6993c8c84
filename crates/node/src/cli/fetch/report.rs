//! What is said about a zone that was fetched, or was not.

use crate::cli::Exit;
use crate::clock::{rfc3339, span};
use crate::hosting::load::Loaded;
use imrs_zone::Name;
use imrs_zone::record::UnixTime;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;

/// What came of fetching a zone, as `--output json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema: &'static str,
    zone: String,
    verdict: Verdict,
    /// Whom was asked, and what came of it, in this order.
    pub(super) tries: Vec<Try>,
    #[serde(flatten)]
    written: Option<Written>,
}

/// What came of asking one primary.
#[derive(Debug, Serialize)]
pub(super) struct Try {
    /// The zone: the root comes first where it has to vouch for the one that is wanted.
    pub(super) zone: String,
    pub(super) primary: String,
    pub(super) result: TryResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

/// What came of asking one primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TryResult {
    /// It sent the zone, which is proven.
    Proven,
    /// It sent something that is not proven.
    Refused,
    /// It sent nothing, or not all.
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    /// It is proven and written.
    Good,
    /// It is written; a server would serve it with a warning.
    Doubtful,
    /// Nothing is written.
    Failed,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Written {
    serial: u32,
    records: usize,
    /// The hash of the good ZONEMD digest, if there is one.
    digest: Option<String>,
    /// Good signatures.
    signatures: usize,
    /// Numbers of the algorithms that sign it.
    algorithms: Vec<u8>,
    warnings: Vec<String>,
    expires: Option<String>,
    expires_in_seconds: Option<i64>,
    file: String,
    octets: usize,
}

impl Report {
    pub(super) fn new(name: &Name) -> Self {
        Report {
            schema: "imrs.zone-fetch/1",
            zone: name.fmt_with_dot().to_string(),
            verdict: Verdict::Failed,
            tries: Vec::new(),
            written: None,
        }
    }

    /// What stands above the records in the file.
    pub(super) fn heading(&self, loaded: &Loaded) -> Vec<String> {
        let serial = loaded.held.serial;
        let from = self.tries.last().map_or("", |last| last.primary.as_str());
        let mut lines = vec![
            format!("zone {} of serial {serial}, fetched from {from}", self.zone),
            format!(
                "proof: {}",
                proof(
                    &digest(loaded),
                    loaded.proof.signatures,
                    &algorithms(loaded)
                )
            ),
        ];
        lines.extend(
            loaded
                .proof
                .expires
                .map(|expires| format!("the first signature runs out at {}", rfc3339(expires))),
        );
        lines
    }

    /// Takes what was written.
    pub(super) fn take(&mut self, loaded: &Loaded, now: UnixTime, file: &Path, octets: usize) {
        let proof = &loaded.proof;
        let left =
            |expires: UnixTime| i64::try_from(i128::from(expires.0) - i128::from(now.0)).ok();
        self.verdict = match proof.warnings.is_empty() {
            true => Verdict::Good,
            false => Verdict::Doubtful,
        };
        self.written = Some(Written {
            serial: loaded.held.serial.0,
            records: loaded.held.packed.count(),
            digest: digest(loaded),
            signatures: proof.signatures,
            algorithms: algorithms(loaded),
            warnings: proof.warnings.clone(),
            expires: proof.expires.map(rfc3339),
            expires_in_seconds: proof.expires.and_then(left),
            file: file.display().to_string(),
            octets,
        });
    }

    /// The verdict for whoever reads only the exit code.
    pub(super) fn exit(&self) -> Exit {
        match self.verdict {
            Verdict::Good => Exit::Well,
            Verdict::Doubtful => Exit::Degraded,
            Verdict::Failed => Exit::Failed,
        }
    }

    /// The verdict first, then what it rests on.
    pub(super) fn render(&self) -> String {
        let mut lines = Vec::new();
        match &self.written {
            None => lines.push(format!(
                "zone {} is NOT fetched; nothing is written",
                self.zone
            )),
            Some(written) => {
                lines.push(format!(
                    "zone {} of serial {}, {} records, is written to {} ({} octets)",
                    self.zone, written.serial, written.records, written.file, written.octets
                ));
                let proof = proof(&written.digest, written.signatures, &written.algorithms);
                lines.push(format!("proof    {proof}"));
                let warnings = written.warnings.iter();
                lines.extend(warnings.map(|warning| format!("warning  {warning}")));
                if let (Some(at), Some(left)) = (&written.expires, written.expires_in_seconds) {
                    let left = span(u64::try_from(left).unwrap_or(0));
                    lines.push(format!("expires  in {left}, at {at}"));
                }
            }
        }
        lines.extend(self.tries.iter().map(|tried| {
            let result = match tried.result {
                TryResult::Proven => "it sent the zone",
                TryResult::Refused => "what it sent is REFUSED",
                TryResult::Broken => "FAILED",
            };
            let zone = match tried.zone == self.zone {
                true => String::new(),
                false => format!(" for zone {}", tried.zone),
            };
            let reason = { tried.reason.as_ref() }.map_or(String::new(), |why| format!(": {why}"));
            format!("asked    {}{zone}: {result}{reason}", tried.primary)
        }));
        lines.join("\n") + "\n"
    }
}

fn digest(loaded: &Loaded) -> Option<String> {
    loaded.proof.digest.map(|hash| hash.to_string())
}

fn algorithms(loaded: &Loaded) -> Vec<u8> {
    let signing = loaded.proof.keys.iter().filter(|key| key.signatures > 0);
    let numbers: BTreeSet<u8> = signing.map(|key| key.algorithm).collect();
    numbers.into_iter().collect()
}

/// What was proven, in one line.
fn proof(digest: &Option<String>, signatures: usize, algorithms: &[u8]) -> String {
    let digest = digest.as_deref().unwrap_or("none");
    let algorithms: Vec<String> = algorithms.iter().map(u8::to_string).collect();
    match signatures {
        0 => format!("ZONEMD {digest}; signatures not asked for"),
        count => format!(
            "ZONEMD {digest}; {count} signatures, algorithm {}",
            algorithms.join(", ")
        ),
    }
}
