//! A slab whose entries stay in order of their last progress.
//!
//! All connections have the same time to make progress, so the first in this order is the first
//! to run out of time, and the one to close when room is needed. Every operation takes constant
//! time. Knows nothing of connections.

/// Entries in slots, linked from the stalest to the freshest.
#[derive(Debug)]
pub(crate) struct Ordered<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    stalest: Option<u32>,
    freshest: Option<u32>,
}

#[derive(Debug)]
struct Slot<T> {
    entry: Option<T>,
    staler: Option<u32>,
    fresher: Option<u32>,
}

impl<T> Ordered<T> {
    pub(crate) fn new() -> Ordered<T> {
        Ordered {
            slots: Vec::new(),
            free: Vec::new(),
            stalest: None,
            freshest: None,
        }
    }

    /// Adds an entry as the freshest, in a slot that may have belonged to another before.
    pub(crate) fn insert(&mut self, entry: T) -> u32 {
        let filled = Slot {
            entry: Some(entry),
            staler: None,
            fresher: None,
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = filled;
                slot
            }
            None => {
                self.slots.push(filled);
                u32::try_from(self.slots.len() - 1).expect("fewer connections than descriptors")
            }
        };
        self.link(slot);
        slot
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<T> {
        let entry = self.slots.get_mut(slot as usize)?.entry.take()?;
        self.unlink(slot);
        self.free.push(slot);
        Some(entry)
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.slots.get_mut(slot as usize)?.entry.as_mut()
    }

    /// Makes an entry the freshest.
    pub(crate) fn refresh(&mut self, slot: u32) {
        if self.freshest != Some(slot) {
            self.unlink(slot);
            self.link(slot);
        }
    }

    pub(crate) fn stalest(&self) -> Option<(u32, &T)> {
        self.iter().next()
    }

    /// The entries from the stalest on.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let mut next = self.stalest;
        std::iter::from_fn(move || {
            let number = next?;
            let slot = self.slots.get(number as usize)?;
            next = slot.fresher;
            Some((number, slot.entry.as_ref()?))
        })
    }

    fn link(&mut self, slot: u32) {
        let staler = self.freshest.replace(slot);
        match staler {
            Some(staler) => self.slots[staler as usize].fresher = Some(slot),
            None => self.stalest = Some(slot),
        }
        let linked = &mut self.slots[slot as usize];
        (linked.staler, linked.fresher) = (staler, None);
    }

    fn unlink(&mut self, slot: u32) {
        let Slot {
            staler, fresher, ..
        } = self.slots[slot as usize];
        match staler {
            Some(staler) => self.slots[staler as usize].fresher = fresher,
            None => self.stalest = fresher,
        }
        match fresher {
            Some(fresher) => self.slots[fresher as usize].staler = staler,
            None => self.freshest = staler,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Ordered;

    fn check(order: &Ordered<char>, expected: &str) {
        let found: String = order.iter().map(|(_, entry)| *entry).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn entries_stay_in_order_of_progress() {
        let mut order = Ordered::new();
        check(&order, "");
        let [a, b, c] = ['a', 'b', 'c'].map(|name| order.insert(name));
        check(&order, "abc");
        order.refresh(a);
        check(&order, "bca");
        order.refresh(a);
        check(&order, "bca");
        order.refresh(c);
        check(&order, "bac");
        assert_eq!(order.remove(a), Some('a'));
        check(&order, "bc");
        assert_eq!(order.remove(a), None);
        assert_eq!(order.insert('d'), a, "the free slot is used again");
        check(&order, "bcd");
        for slot in [c, b, a] {
            order.remove(slot);
        }
        check(&order, "");
        order.insert('e');
        check(&order, "e");
    }
}
