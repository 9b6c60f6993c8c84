//! The files and folders that a configuration names.

use super::anycast::WrittenAnycast;
use super::capture::WrittenCapture;
use super::neighbor::WrittenNeighbor;
use super::secrets::{WrittenKey, WrittenTls};
use super::{Config, ConfigError};
use std::path::{Path, PathBuf};
use toml::Spanned;

impl Config {
    /// What is wrong with a file, with the place where the configuration at `path` names it.
    pub fn error_of(&self, path: &Path, file: &Path, message: String) -> ConfigError {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        match self.files().find(|named| named.get_ref() == file) {
            Some(named) => ConfigError::at(path, &text, named.span().start, message),
            None => ConfigError::of_options(message),
        }
    }

    /// All files that are named and have to be there.
    pub(super) fn files(&self) -> impl Iterator<Item = &Spanned<PathBuf>> {
        let zones = self.zones.iter();
        let zones = zones.flat_map(|zone| zone.file.iter().chain(&zone.anchors));
        let listener = self.written_transfer.tls.iter();
        let listener =
            listener.flat_map(|tls| [&tls.certificate].into_iter().chain(&tls.client_ca));
        let tls = self.written_tls.iter().flat_map(WrittenTls::certificates);
        let defence = [
            &self.written_cookies.secret_file,
            &self.written_access.blocklist,
        ];
        let defence = defence.into_iter().flatten();
        let encrypted = self.written_encrypted.iter();
        let encrypted = encrypted.map(|encrypted| &encrypted.certificate);
        let captures = self.written_captures.iter().map(Spanned::get_ref);
        let captures = captures.flat_map(|capture| &capture.key_file);
        let others = tls.chain(listener).chain(encrypted).chain(defence);
        let others = others.chain(captures);
        zones.chain(others).chain(self.private_keys())
    }

    /// Takes paths that are not absolute as from this folder.
    pub(super) fn rebase(&mut self, folder: &Path) {
        let rebase = |path: &mut PathBuf| *path = folder.join(&*path);
        let state = self.node.state.iter_mut();
        state.map(Spanned::get_mut).for_each(rebase);
        self.node.control.iter_mut().for_each(rebase);
        self.statistics.directory.iter_mut().for_each(rebase);
        for zone in &mut self.zones {
            let files = [&mut zone.file, &mut zone.anchors].into_iter().flatten();
            files.map(Spanned::get_mut).for_each(rebase);
        }
        let keys = self.written_keys.iter_mut();
        keys.filter_map(WrittenKey::file_mut).for_each(rebase);
        let named = [
            &mut self.written_cookies.secret_file,
            &mut self.written_access.blocklist,
        ];
        let named = named.into_iter().flatten();
        named.map(Spanned::get_mut).for_each(rebase);
        let tls = self.written_tls.iter_mut();
        tls.flat_map(WrittenTls::files_mut).for_each(rebase);
        if let Some(tls) = &mut self.written_transfer.tls {
            [&mut tls.certificate, &mut tls.private_key]
                .into_iter()
                .chain(&mut tls.client_ca)
                .map(Spanned::get_mut)
                .for_each(rebase);
        }
        let anycast = self.written_anycast.iter_mut().map(Spanned::get_mut);
        anycast.flat_map(WrittenAnycast::paths_mut).for_each(rebase);
        let neighbors = self.written_neighbors.iter_mut().map(Spanned::get_mut);
        { neighbors.filter_map(WrittenNeighbor::file_mut) }.for_each(rebase);
        if let Some(metrics) = &mut self.written_metrics {
            metrics.get_mut().socket.iter_mut().for_each(rebase);
        }
        let captures = self.written_captures.iter_mut().map(Spanned::get_mut);
        captures
            .flat_map(WrittenCapture::paths_mut)
            .for_each(rebase);
        if let Some(encrypted) = &mut self.written_encrypted {
            [&mut encrypted.certificate, &mut encrypted.private_key]
                .map(Spanned::get_mut)
                .into_iter()
                .for_each(rebase);
        }
    }
}
