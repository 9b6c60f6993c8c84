//! Whether the server reaches what it needs once it is the user that `[node]` names.

use super::{Config, ConfigError};
use crate::sandbox::{self, User};
use crate::{chain, files};
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Whether what a user can reach could be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All that is needed is within reach.
    Tried,
    /// Only root can look with the eyes of another user.
    NotTried,
}

impl Config {
    /// The user to become, if the configuration at `path` names one.
    pub fn user(&self, path: &Path) -> Result<Option<User>, ConfigError> {
        let Some(name) = &self.node.user else {
            return Ok(None);
        };
        match User::find(name.get_ref()) {
            Ok(user) => Ok(Some(user)),
            Err(error) => Err(at(path, name, &chain(&error))),
        }
    }

    /// Checks that `user`, or who we are, reaches without any capability what is read again
    /// whenever zones are loaded, and can write to the state folder.
    ///
    /// Keys, certificates and this configuration are read once, with the rights of the start.
    pub fn check_reach(&self, path: &Path, user: Option<&User>) -> Result<Reach, ConfigError> {
        let who = user.map_or("this user without capabilities", User::name);
        let tried = sandbox::try_as(user, || {
            for file in self.read_in_service() {
                files::open(file.get_ref()).map_err(|error| {
                    let cause = chain(&error);
                    let what = format!("{who} reads it in service, and {cause}");
                    at(path, file, &what)
                })?;
            }
            // One that is not there is missed by who needs it.
            let state = self.node.state.iter();
            for folder in state.filter(|folder| folder.get_ref().exists()) {
                sandbox::is_writable(folder.get_ref()).map_err(|cause| {
                    let shown = folder.get_ref().display();
                    let what = format!(
                        "{who} cannot write to {shown}: {cause}; make it the owner, and of what is \
                         in it"
                    );
                    at(path, folder, &what)
                })?;
            }
            Ok(())
        });
        match tried {
            None => Ok(Reach::NotTried),
            Some(found) => found.map(|()| Reach::Tried),
        }
    }

    /// What is read in service: zone files, trust anchors, blocked prefixes, secrets of cookies.
    pub fn read_again(&self) -> impl Iterator<Item = &PathBuf> {
        self.read_in_service().map(Spanned::get_ref)
    }

    fn read_in_service(&self) -> impl Iterator<Item = &Spanned<PathBuf>> {
        let zones = self.zones.iter();
        let files = zones.flat_map(|zone| zone.file.iter().chain(&zone.anchors));
        let defence = self.written_access.blocklist.iter();
        files.chain(defence.chain(&self.written_cookies.secret_file))
    }
}

fn at<T>(path: &Path, place: &Spanned<T>, message: &str) -> ConfigError {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    ConfigError::at(path, &text, place.span().start, message.to_owned())
}
