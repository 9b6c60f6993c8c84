//! Orders of operators that outlive a restart: what is drained, and what differs for neighbors.

use crate::chain;
use crate::files::{self, FileError};
use crate::route::v1::{self, FamilyName};
use imrs_fleet::anycast::{self, Saved};
use imrs_wire::Both;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use tracing::warn;

/// Where orders are kept, if anywhere.
pub(crate) struct Orders(Option<PathBuf>);

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    schema: String,
    #[serde(default)]
    drained: BTreeMap<FamilyName, Drained>,
    #[serde(default)]
    neighbors: BTreeMap<String, v1::Policy>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Drained {
    force: bool,
}

/// The schema of the file.
const SCHEMA: &str = "imrs.orders/1";

/// Its name in the folder of the node's state.
const FILE: &str = "orders.json";

/// Octets that it may have: a policy for each neighbor takes under 200.
const OCTETS_MAX: u64 = 64 << 10;

impl Orders {
    /// Those in a state folder, and what they are. A file that is not understood is an error: a
    /// node that was drained for a reason does not come back by accident.
    pub(crate) fn read(state: Option<&Path>) -> Result<(Orders, Saved), String> {
        let Some(state) = state else {
            return Ok((Orders(None), Saved::default()));
        };
        let path = state.join(FILE);
        let saved = match files::read_plain(&path, "orders", OCTETS_MAX) {
            Ok(octets) => understood(&octets).map_err(|why| {
                let path = path.display();
                format!("{path}: {why}; remove it, and give the orders again")
            })?,
            Err(FileError::Read { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
                Saved::default()
            }
            Err(error) => return Err(chain(&error)),
        };
        Ok((Orders(Some(path)), saved))
    }

    /// Writes down what holds from now on.
    pub(crate) fn save(&self, saved: &Saved) -> Result<(), String> {
        let Orders(Some(path)) = self else {
            warn!("no `state` folder is configured, so that this order ends with the process");
            return Ok(());
        };
        let drain = |family, force: Option<bool>| Some((family, Drained { force: force? }));
        let drained = [
            drain(FamilyName::Ipv4, saved.drains.v4),
            drain(FamilyName::Ipv6, saved.drains.v6),
        ];
        let written = Written {
            schema: SCHEMA.to_owned(),
            drained: drained.into_iter().flatten().collect(),
            neighbors: v1::policies(&saved.neighbors),
        };
        let text = serde_json::to_vec_pretty(&written).map_err(|error| error.to_string())?;
        files::write_whole(path, &text).map_err(|cause| {
            let path = path.display();
            format!("it is carried out, but ends with the process: cannot write {path}: {cause}")
        })
    }
}

fn understood(octets: &[u8]) -> Result<Saved, String> {
    let written: Written = serde_json::from_slice(octets).map_err(|error| error.to_string())?;
    if written.schema != SCHEMA {
        return Err(format!("schema {} is not {SCHEMA}", written.schema));
    }
    let drain = |family| written.drained.get(&family).map(|drained| drained.force);
    let policies = written.neighbors.iter();
    Ok(Saved {
        drains: Both {
            v4: drain(FamilyName::Ipv4),
            v6: drain(FamilyName::Ipv6),
        },
        neighbors: policies
            .map(|(name, policy)| (name.clone(), anycast::Policy::from(policy)))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_outlive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (orders, saved) = Orders::read(Some(folder.path())).unwrap();
        assert_eq!(saved, Saved::default());
        let policy = anycast::Policy {
            prepend: Some(3),
            scope: Some(anycast::Scope::NoExport),
            withdrawn: Both {
                v4: false,
                v6: true,
            },
        };
        let saved = Saved {
            drains: Both {
                v4: Some(true),
                v6: None,
            },
            neighbors: [("host-a".to_owned(), policy)].into(),
        };
        orders.save(&saved).unwrap();
        let (_, read) = Orders::read(Some(folder.path())).unwrap();
        assert_eq!(read, saved);
    }

    #[test]
    fn a_file_that_is_not_understood_is_no_lack_of_orders() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for text in ["", "{}", "{\"schema\":\"imrs.orders/2\"}"] {
            std::fs::write(&path, text).unwrap();
            let error = Orders::read(Some(folder.path())).err().unwrap();
            assert!(
                error.contains("remove it, and give the orders again"),
                "{error}"
            );
        }
    }
}
