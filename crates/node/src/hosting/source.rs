//! Where a zone comes from, and what was asked of it.

use imrs_zone::Name;
use imrs_zone::plausible::Bounds;
use imrs_zone::verify::Demand;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// One zone as configured.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where its records come from.
    pub origin: Origin,
    /// Its name, where the configuration says one; otherwise its SOA record does.
    pub name: Option<Name>,
    /// File of its trust anchors, where one is named.
    pub anchors: Option<PathBuf>,
    /// What is asked of the digest, where it is said.
    pub digest: Option<Demand>,
    /// What is asked of the signatures, where it is said.
    pub signatures: Option<Demand>,
    /// How much one step from a primary may change; none where that is not judged.
    pub plausible: Option<Bounds>,
}

/// Where the records of a zone come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A zone file.
    File(PathBuf),
    /// A zone of the test root, which the node makes and signs itself.
    TestRoot(Part),
    /// Primaries, by their addresses.
    Primaries(Vec<SocketAddr>),
}

/// The zones of the test root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `.`, signed under an anchor of its own.
    Root,
    /// `arpa`, signed, with a DS in the root.
    Arpa,
    /// `root-servers.net`, not signed.
    RootServersNet,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(path) => path.display().fmt(f),
            Origin::TestRoot(_) => f.write_str("(test root, made in memory)"),
            Origin::Primaries(addresses) => {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                write!(f, "primaries {}", addresses.join(", "))
            }
        }
    }
}

impl Source {
    /// A zone file of which nothing else is said.
    pub fn file(path: PathBuf) -> Self {
        Source::of(Origin::File(path))
    }

    /// The zones of the test root.
    pub fn test_root() -> Vec<Self> {
        [Part::Root, Part::Arpa, Part::RootServersNet]
            .map(|part| Source::of(Origin::TestRoot(part)))
            .into()
    }

    /// Whether the node makes the zone itself.
    pub fn is_test(&self) -> bool {
        matches!(self.origin, Origin::TestRoot(_))
    }

    /// A zone of which nothing but its origin is said.
    pub fn of(origin: Origin) -> Self {
        Source {
            origin,
            name: None,
            anchors: None,
            digest: None,
            signatures: None,
            plausible: None,
        }
    }
}
