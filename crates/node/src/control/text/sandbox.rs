//! What a node may no longer do, for people.

use crate::control::v1::Sandbox;
use std::fmt::Write;

/// A line for each kind of restriction, also where it is not in force.
pub(super) fn write_sandbox(text: &mut String, sandbox: &Sandbox) -> std::fmt::Result {
    let capabilities = match sandbox.capabilities.as_slice() {
        [] => "no capabilities".to_owned(),
        held => format!("WITH {}", held.join(", ")),
    };
    let privileges = match sandbox.no_new_privs {
        true => "no new privileges",
        false => "NEW PRIVILEGES POSSIBLE",
    };
    writeln!(
        text,
        "sandbox  user {}, {capabilities}, {privileges}",
        sandbox.user
    )?;
    match &sandbox.landlock {
        None => writeln!(text, "  files    not narrowed down")?,
        Some(landlock) => {
            let abi = landlock.abi;
            writeln!(text, "  files    narrowed down by Landlock, version {abi}")?;
            for (what, folders) in [("read", &landlock.read), ("write", &landlock.write)] {
                if !folders.is_empty() {
                    writeln!(text, "  {what:8} {}", folders.join(", "))?;
                }
            }
        }
    }
    match &sandbox.seccomp {
        None => writeln!(text, "  calls    not filtered")?,
        Some(seccomp) => {
            writeln!(text, "  threads  {}", seccomp.process)?;
            writeln!(text, "  workers  {}", seccomp.workers)?;
        }
    }
    for missing in &sandbox.missing {
        writeln!(text, "  MISSING  {missing}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::v1::{Landlock, Seccomp};

    fn check(sandbox: &Sandbox, expected: &str) {
        let mut text = String::new();
        write_sandbox(&mut text, sandbox).unwrap();
        assert_eq!(text, expected);
    }

    #[test]
    fn each_restriction_is_told_whether_it_is_in_force_or_not() {
        let all = Sandbox {
            user: "imrs".to_owned(),
            capabilities: Vec::new(),
            no_new_privs: true,
            landlock: Some(Landlock {
                abi: 7,
                read: vec!["/etc/imrs".to_owned()],
                write: vec!["/run/imrs".to_owned(), "/var/lib/imrs".to_owned()],
            }),
            seccomp: Some(Seccomp {
                process: "this and that".to_owned(),
                workers: "nothing".to_owned(),
            }),
            missing: Vec::new(),
        };
        check(
            &all,
            "sandbox  user imrs, no capabilities, no new privileges\n  \
             files    narrowed down by Landlock, version 7\n  \
             read     /etc/imrs\n  \
             write    /run/imrs, /var/lib/imrs\n  \
             threads  this and that\n  \
             workers  nothing\n",
        );
        let none = Sandbox {
            user: "root".to_owned(),
            capabilities: vec!["CAP_BPF".to_owned()],
            no_new_privs: false,
            landlock: None,
            seccomp: None,
            missing: vec!["landlock: this kernel has no Landlock".to_owned()],
        };
        check(
            &none,
            "sandbox  user root, WITH CAP_BPF, NEW PRIVILEGES POSSIBLE\n  \
             files    not narrowed down\n  \
             calls    not filtered\n  \
             MISSING  landlock: this kernel has no Landlock\n",
        );
    }
}
