//! Namespaces and the processes in them.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A process; killed when dropped.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A network of its own; gone when dropped.
pub(crate) struct Namespace(pub(crate) String);

impl Namespace {
    pub(crate) fn make(name: &str) -> Option<Namespace> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("imrs-{}-{number}-{name}", std::process::id());
        let added = Command::new("ip").args(["netns", "add", &name]).output();
        added
            .is_ok_and(|run| run.status.success())
            .then_some(Namespace(name))
    }

    pub(crate) fn ip(&self, arguments: &str, host: &Namespace) -> String {
        let arguments = arguments.replace("HOST", &host.0);
        let run = Command::new("ip")
            .args(["-netns", &self.0])
            .args(arguments.split(' '))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{arguments}: {said}");
        String::from_utf8(run.stdout).unwrap()
    }

    /// The command, run in it.
    pub(crate) fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.0]);
        inside.arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(key, value),
                None => inside.env_remove(key),
            };
        }
        inside
    }

    pub(crate) fn start(&self, command: &Command) -> Process {
        Process(self.inside(command).stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip")
            .args(["netns", "delete", &self.0])
            .status();
    }
}
