//! Where the control socket is.

use crate::system;
use std::env;
use std::path::{Path, PathBuf};

/// The name of the socket in its folder.
pub const SOCKET: &str = "control.sock";

/// The folder of state of an installed node.
pub const STATE: &str = "/var/lib/imrs";

/// Where the socket of a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Named by the operator: there or nowhere.
    Named(PathBuf),
    /// Chosen by the node: beside it if another node is there.
    Chosen(PathBuf),
}

/// The place for a node of which nothing is configured: the user's run-time folder, or the
/// system's for root.
pub fn chosen() -> Place {
    Place::Chosen(run_folder().join(SOCKET))
}

/// Where a client looks, in this order.
pub fn candidates() -> [PathBuf; 2] {
    [run_folder().join(SOCKET), Path::new(STATE).join(SOCKET)]
}

fn run_folder() -> PathBuf {
    if let Some(folder) = env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
        return PathBuf::from(folder).join("imrs");
    }
    match system::user() {
        0 => PathBuf::from("/run/imrs"),
        user => env::temp_dir().join(format!("imrs-{user}")),
    }
}
