//! What is tried between a primary and a secondary.

use clap::ValueEnum;

/// One question with the answer yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Case {
    /// The first transfer, signed by hmac-sha256.
    Axfr,
    /// A new version is told by NOTIFY and fetched.
    Notify,
    /// That version comes as a difference.
    Ixfr,
    /// Several versions later, one NOTIFY brings all differences.
    Chain,
    /// The secondary is killed, misses versions, and catches up when it is started again.
    Restart,
    /// The primary is a secondary itself, and passes differences on.
    Relay,
    /// Signed by hmac-sha512.
    Sha512,
    /// No key where one is needed: no transfer.
    NoKey,
    /// A key that the primary does not know: no transfer.
    UnknownKey,
    /// The right key with a wrong secret: no transfer.
    WrongSecret,
    /// The right key from a wrong address: no transfer.
    WrongAddress,
    /// A NOTIFY signed with a wrong secret: no transfer, though there is a new version.
    WrongNotify,
    /// Over TLS, with a certificate that is checked.
    Tls,
    /// Over TLS, to a server with the certificate of someone else: no transfer.
    WrongTls,
    /// What a plain client gets: AXFR, IXFR, refusals.
    Direct,
}

impl Case {
    /// The heading of its column.
    pub(super) fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
