//! The imrs that is watched: with statistics, captures, limits and cookies as an operator has them,
//! plain and encrypted, by a clock that is ahead, with state that outlives it.

use super::stage::{ENCRYPTED, IPV4, IPV6, PLAIN, Stage};
use crate::imrs::{self, Imrs};
use crate::transfer::certificates::Certificate;
use anyhow::{Context, Result, ensure};
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How it is run.
#[derive(Debug)]
pub(super) struct Setup {
    /// A program that runs imrs by the clock of the run.
    program: PathBuf,
    /// Where its state is.
    state: PathBuf,
    zone: PathBuf,
    anchors: Option<PathBuf>,
    certificate: Certificate,
}

impl Setup {
    /// Of `program` by a clock that is so far ahead, with all its files in `folder`. It serves the
    /// root that is at [`Setup::zone`].
    pub(super) fn make(
        program: &Path,
        ahead: Duration,
        folder: &Path,
        anchors: Option<PathBuf>,
        certificate: Certificate,
    ) -> Result<Setup> {
        let state = folder.join("state");
        fs::create_dir(&state)?;
        let wrapped = folder.join("imrs-ahead");
        let script = format!(
            "#!/bin/sh\nexport {}\nexec {} \"$@\"\n",
            clock_ahead(ahead),
            program.display()
        );
        fs::write(&wrapped, script)?;
        fs::set_permissions(&wrapped, Permissions::from_mode(0o755))?;
        Ok(Setup {
            program: wrapped,
            state,
            zone: folder.join("served.zone"),
            anchors,
            certificate,
        })
    }

    /// Where the zone is that it serves.
    pub(super) fn zone(&self) -> &Path {
        &self.zone
    }

    /// Where its statistics are.
    pub(super) fn statistics(&self) -> PathBuf {
        self.state.join("statistics")
    }

    /// Where its captures are, in C-DNS and in dnstap.
    pub(super) fn captures(&self) -> [PathBuf; 2] {
        ["cdns", "dnstap"].map(|name| self.state.join("captures").join(name))
    }

    /// Where its metrics are told.
    pub(super) fn metrics(&self) -> PathBuf {
        self.state.join("metrics.sock")
    }

    /// Starts it, and returns when it says that it is ready. It is not asked, since whoever asks is
    /// counted.
    pub(super) fn start(&self, stage: &Stage) -> Result<Imrs> {
        let address = SocketAddr::from((IPV4, PLAIN));
        let text = |directory: &Path| Ok(self.configuration(directory));
        let server = stage
            .server
            .enter(|| Imrs::start_with(&self.program, address, &[], text))?;
        let deadline = Instant::now() + PATIENCE;
        while !server.daemon.log().contains(READY) {
            ensure!(
                Instant::now() < deadline,
                "imrs is not ready: {}",
                server.daemon.log()
            );
            thread::sleep(PAUSE);
        }
        // What faketime shares with children that imrs does not have would stay behind.
        for pid in server.daemon.processes() {
            for name in ["faketime_shm", "sem.faketime_sem"] {
                let _ = fs::remove_file(format!("/dev/shm/{name}_{pid}"));
            }
        }
        Ok(server)
    }

    fn configuration(&self, directory: &Path) -> String {
        let anchors = self.anchors.as_ref().map_or_else(String::new, |path| {
            format!("anchors = \"{}\"\n", path.display())
        });
        let Certificate {
            certificate,
            private_key,
            ..
        } = &self.certificate;
        let [cdns, dnstap] = self.captures();
        format!(
            "[node]
listen = [\"{IPV4}:{PLAIN}\", \"[{IPV6}]:{PLAIN}\"]
workers = 2
state = \"{}\"
control = \"{}\"
[statistics]
letter = \"l\"
[metrics]
socket = \"{}\"
[encrypted]
listen-tls = [\"{IPV4}:{ENCRYPTED}\", \"[{IPV6}]:{ENCRYPTED}\"]
listen-quic = [\"{IPV4}:{ENCRYPTED}\", \"[{IPV6}]:{ENCRYPTED}\"]
certificate = \"{}\"
private-key = \"{}\"
[[capture]]
name = \"cdns\"
format = \"c-dns\"
directory = \"{}\"
compression = \"none\"
[[capture]]
name = \"dnstap\"
format = \"dnstap\"
directory = \"{}\"
compression = \"none\"
[[zone]]
name = \".\"
file = \"{}\"
zonemd = \"off\"
dnssec = \"off\"
allow-transfer = [\"{}\"]
{anchors}",
            self.state.display(),
            imrs::control(directory).display(),
            self.metrics().display(),
            certificate.display(),
            private_key.display(),
            cdns.display(),
            dnstap.display(),
            self.zone.display(),
            super::scenes::SECONDARIES,
        )
    }
}

/// The variables by which a program has a clock that is ahead, as faketime of Debian sets them; `$LIB` is
/// for the dynamic linker. The command itself is not run: it would stay between a program and its
/// signals. The steady clock and the times of files are left alone.
fn clock_ahead(ahead: Duration) -> String {
    format!(
        "LD_PRELOAD='/usr/$LIB/faketime/libfaketimeMT.so.1' FAKETIME=+{}s \
         FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1",
        ahead.as_secs()
    )
}

/// Waits until a server serves another version of its zone than it did, after a signal to reload.
pub(super) fn reload(server: &Imrs) -> Result<()> {
    let serial = || -> Result<String> {
        let status = server.ctl("status")?;
        let zone = status["zones"].as_array().and_then(|zones| zones.first());
        Ok(zone.context("no zone")?["serial"].to_string())
    };
    let before = serial()?;
    server.daemon.signal("-HUP");
    let deadline = Instant::now() + PATIENCE;
    while serial()? == before {
        ensure!(
            Instant::now() < deadline,
            "no other version: {}",
            server.daemon.log()
        );
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// What the log says then.
const READY: &str = "ready: ";

const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);
