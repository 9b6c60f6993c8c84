//! What a node tells of what it may no longer do.

use serde::{Deserialize, Serialize};

/// What is in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sandbox {
    /// Whom the process acts for.
    pub user: String,
    /// Capabilities that are left, by name.
    pub capabilities: Vec<String>,
    /// Whether no program that it might start could have more rights.
    pub no_new_privs: bool,
    /// How far the file system is narrowed down; none where it is not.
    pub landlock: Option<Landlock>,
    /// How system calls are filtered; none where they are not.
    pub seccomp: Option<Seccomp>,
    /// What was wanted and is not there, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// What can be reached of the file system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Landlock {
    /// The version of Landlock that the kernel has.
    pub abi: u32,
    /// Folders that can be read, with all below them.
    pub read: Vec<String>,
    /// Folders that can be written to as well.
    pub write: Vec<String>,
}

/// What is left of system calls, in words, for each class of threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seccomp {
    /// All threads.
    pub process: String,
    /// Packet workers, on top.
    pub workers: String,
}
