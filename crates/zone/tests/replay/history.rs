//! The root's real history: the first version, and what each step took out and put in.

use crate::data;
use imrs_wire::Serial;
use imrs_zone::Record;
use imrs_zone::record::UnixTime;
use std::path::Path;

/// The history as text; its lines are records without the signatures of most.
pub(crate) struct History {
    base: String,
    journal: String,
}

/// One step from a version to the next.
pub(crate) struct Step<'a> {
    pub(crate) from: Serial,
    pub(crate) to: Serial,
    /// When the version was published.
    pub(crate) at: UnixTime,
    /// Lines with their sign before them, those that are taken out first.
    lines: Vec<&'a str>,
}

impl History {
    pub(crate) fn load(folder: &Path) -> Self {
        let text = |file: &str| {
            let octets = data::octets(&folder.join("zones/history").join(file));
            String::from_utf8(octets).unwrap()
        };
        History {
            base: text("base-2023110400.txt.xz"),
            journal: text("journal-2023110400-2026082201.txt.xz"),
        }
    }

    /// The records of the first version.
    pub(crate) fn base(&self) -> Vec<Record> {
        read(self.base.lines())
    }

    /// The tag of the key that signed the first version.
    pub(crate) fn signer(&self) -> u16 {
        self.base.lines().find_map(signer).unwrap()
    }

    pub(crate) fn steps(&self) -> Vec<Step<'_>> {
        let mut steps: Vec<Step<'_>> = Vec::new();
        for line in self.journal.lines() {
            let Some(head) = line.strip_prefix("@ ") else {
                steps.last_mut().unwrap().lines.push(line);
                continue;
            };
            let mut words = head.split(' ');
            let mut serial = || Serial(words.next().unwrap().parse().unwrap());
            let (from, to) = (serial(), serial());
            steps.push(Step {
                from,
                to,
                at: UnixTime::parse(words.next().unwrap()).unwrap(),
                lines: Vec::new(),
            });
        }
        steps
    }
}

impl Step<'_> {
    pub(crate) fn removed(&self) -> Vec<Record> {
        read(self.signed_by('-'))
    }

    pub(crate) fn added(&self) -> Vec<Record> {
        read(self.signed_by('+'))
    }

    /// The tag of the key that signed the version, if this step tells.
    pub(crate) fn signer(&self) -> Option<u16> {
        self.signed_by('+').find_map(signer)
    }

    fn signed_by(&self, sign: char) -> impl Iterator<Item = &str> {
        self.lines
            .iter()
            .filter_map(move |line| line.strip_prefix(sign))
    }
}

/// The records of lines, but for signatures, which are made anew.
fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Record> {
    let is_kept = |line: &&str| line.split(' ').nth(3) != Some("RRSIG");
    let text: String = lines
        .filter(is_kept)
        .flat_map(|line| [line, "\n"])
        .collect();
    imrs_zone::read::read(text.as_bytes(), None).unwrap()
}

/// The key tag of a line that is the signature over the SOA record.
fn signer(line: &str) -> Option<u16> {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        [".", _, "IN", "RRSIG", "SOA", _, _, _, _, _, tag, ..] => tag.parse().ok(),
        _ => None,
    }
}
