//! How many connections there are, in all and per client prefix, over all workers.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The network that a client is counted by: IPv4 /24, IPv6 /56.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Prefix {
    V4([u8; 3]),
    V6([u8; 7]),
}

impl From<IpAddr> for Prefix {
    fn from(address: IpAddr) -> Prefix {
        match address {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Prefix::V4([a, b, c])
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, ..] = address.octets();
                Prefix::V6([a, b, c, d, e, f, g])
            }
        }
    }
}

/// Which limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// That of all connections.
    All,
    /// That of the client's prefix.
    Prefix,
}

/// The count that the workers share. A connection takes the lock twice in its life, for some
/// 50 ns of the 30 µs that it costs.
#[derive(Debug)]
pub(crate) struct Admission {
    limit: usize,
    limit_per_prefix: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_prefix: HashMap<Prefix, usize>,
}

impl Admission {
    pub(crate) fn new(limit: usize, limit_per_prefix: usize) -> Admission {
        Admission {
            limit,
            limit_per_prefix,
            open: Mutex::default(),
        }
    }

    /// Counts a connection, or says which limit is in its way.
    pub(crate) fn admit(&self, prefix: Prefix) -> Result<(), Full> {
        let mut open = self.lock();
        let of_prefix = open.by_prefix.get(&prefix).copied().unwrap_or(0);
        if of_prefix >= self.limit_per_prefix {
            return Err(Full::Prefix);
        }
        if open.all >= self.limit {
            return Err(Full::All);
        }
        open.all += 1;
        open.by_prefix.insert(prefix, of_prefix + 1);
        Ok(())
    }

    /// Takes back what [`Admission::admit`] counted.
    pub(crate) fn release(&self, prefix: Prefix) {
        let mut open = self.lock();
        open.all = open.all.saturating_sub(1);
        if let Entry::Occupied(mut entry) = open.by_prefix.entry(prefix) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Admission, Full, Prefix};
    use std::net::IpAddr;

    fn prefix(address: &str) -> Prefix {
        Prefix::from(address.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn clients_are_counted_by_their_network() {
        assert_eq!(prefix("192.0.2.1"), prefix("192.0.2.254"));
        assert_ne!(prefix("192.0.2.1"), prefix("192.0.3.1"));
        assert_eq!(prefix("2001:db8:0:12::1"), prefix("2001:db8:0:34::1"));
        assert_ne!(prefix("2001:db8:0:100::1"), prefix("2001:db8:0:200::1"));
    }

    #[test]
    fn limits_hold_in_all_and_per_prefix_and_room_comes_back() {
        let admission = Admission::new(3, 2);
        let [a, b, c] = ["192.0.2.1", "198.51.100.1", "2001:db8::1"].map(prefix);
        assert_eq!(admission.admit(a), Ok(()));
        assert_eq!(admission.admit(a), Ok(()));
        assert_eq!(admission.admit(a), Err(Full::Prefix));
        assert_eq!(admission.admit(b), Ok(()));
        assert_eq!(admission.admit(c), Err(Full::All));
        admission.release(a);
        assert_eq!(admission.admit(c), Ok(()));
        for prefix in [a, b, c] {
            admission.release(prefix);
        }
        assert!(admission.lock().by_prefix.is_empty());
        assert_eq!(admission.lock().all, 0);
    }
}
