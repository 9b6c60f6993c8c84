//! Counts as `serde` has them: how many cells there are, and those that are not 0, by number.
//!
//! The number of cells changes with their layout, so counts of another layout are refused.

use super::Counts;
use super::layout::CELLS;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sparse {
    layout: u32,
    cells: Vec<(u32, u64)>,
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counted = (0..).zip(self.cells.iter().copied());
        let sparse = Sparse {
            layout: CELLS as u32,
            cells: counted.filter(|(_, count)| *count > 0).collect(),
        };
        sparse.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sparse = Sparse::deserialize(deserializer)?;
        if sparse.layout != CELLS as u32 {
            return Err(D::Error::custom("counts of another layout"));
        }
        let mut counts = Counts::new();
        let mut free = 0;
        for (number, count) in sparse.cells {
            let cell = counts.cells.get_mut(number as usize);
            match cell {
                Some(cell) if number >= free && count > 0 => *cell = count,
                _ => return Err(D::Error::custom("counts out of order or of no cell")),
            }
            free = number.saturating_add(1);
        }
        Ok(counts)
    }
}
