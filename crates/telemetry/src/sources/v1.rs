//! Sources as octets, first version: postcard of [`SourcesForm`].
//!
//! IPv4 addresses are in the form that all libraries of Roaring bitmaps share, numbers as what each
//! is larger than the one before. Reading checks everything; what a checksum lets pass by mistake
//! is an error too.

use super::Sources;
use super::distinct::{Distinct, Key};
use super::ipv4::Ipv4;
use super::sketch::Sketch;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

/// Why octets are not the sources of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// The form cannot be read.
    #[error("the sources are not in the form of version 1")]
    Form,
    /// The set of IPv4 addresses cannot be read.
    #[error("the set of IPv4 addresses is broken")]
    Ipv4,
    /// The IPv6 addresses or the /64 are not in order, or too large.
    #[error("the IPv6 addresses or prefixes are not in order")]
    Order,
    /// The registers of a sketch are none.
    #[error("a sketch of addresses or prefixes has impossible registers")]
    Sketch,
}

#[derive(Serialize, Deserialize)]
struct SourcesForm<'a> {
    missed: u64,
    #[serde(borrow)]
    ipv4: Ipv4Form<'a>,
    ipv6: DistinctForm<'a>,
    prefixes: DistinctForm<'a>,
}

#[derive(Serialize, Deserialize)]
enum Ipv4Form<'a> {
    /// In the form that all libraries of Roaring bitmaps share.
    Exact(&'a [u8]),
    Sketch(&'a [u8]),
}

#[derive(Serialize, Deserialize)]
enum DistinctForm<'a> {
    Exact(Vec<u128>),
    Sketch(&'a [u8]),
}

impl Sources {
    /// Its octets, to be read by [`Sources::decode`].
    pub fn encode(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        let ipv4 = match self.ipv4.content() {
            Ok(bitmap) => {
                octets.reserve_exact(bitmap.serialized_size());
                // Writing to memory does not fail; a set that were cut short would be refused by
                // its reader.
                let written = bitmap.serialize_into(&mut octets);
                debug_assert!(written.is_ok(), "memory takes all octets");
                Ipv4Form::Exact(&octets)
            }
            Err(sketch) => Ipv4Form::Sketch(sketch.registers()),
        };
        let form = SourcesForm {
            missed: self.missed,
            ipv4,
            ipv6: form_of(&self.ipv6),
            prefixes: form_of(&self.prefixes),
        };
        postcard::to_allocvec(&form).unwrap_or_default()
    }

    /// Reads what [`Sources::encode`] wrote. What exceeds the budget becomes a sketch.
    pub fn decode(octets: &[u8], budget_octets: usize) -> Result<Sources, Corrupt> {
        let (form, rest): (SourcesForm<'_>, _) =
            postcard::take_from_bytes(octets).map_err(|_| Corrupt::Form)?;
        if !rest.is_empty() {
            return Err(Corrupt::Form);
        }
        Ok(Sources {
            ipv4: read_ipv4(&form.ipv4)?,
            ipv6: read(form.ipv6, budget_octets)?,
            prefixes: read(form.prefixes, budget_octets)?,
            missed: form.missed,
        })
    }
}

fn read_ipv4(form: &Ipv4Form<'_>) -> Result<Ipv4, Corrupt> {
    match form {
        Ipv4Form::Exact(octets) => {
            let mut octets = *octets;
            let set = RoaringBitmap::deserialize_from(&mut octets).map_err(|_| Corrupt::Ipv4)?;
            match octets.is_empty() {
                true => Ok(Ipv4::of_bitmap(set)),
                false => Err(Corrupt::Ipv4),
            }
        }
        Ipv4Form::Sketch(registers) => {
            let sketch = Sketch::of_registers(registers).ok_or(Corrupt::Sketch)?;
            Ok(Ipv4::of_sketch(sketch))
        }
    }
}

fn form_of<K: Key>(distinct: &Distinct<K>) -> DistinctForm<'_> {
    match distinct.content() {
        Ok(keys) => {
            let mut before = 0;
            let steps = keys.iter().map(|key| {
                let wide = key.widen();
                wide.wrapping_sub(std::mem::replace(&mut before, wide))
            });
            DistinctForm::Exact(steps.collect())
        }
        Err(sketch) => DistinctForm::Sketch(sketch.registers()),
    }
}

fn read<K: Key>(form: DistinctForm<'_>, budget_octets: usize) -> Result<Distinct<K>, Corrupt> {
    let steps = match form {
        DistinctForm::Exact(steps) => steps,
        DistinctForm::Sketch(registers) => {
            let sketch = Sketch::of_registers(registers).ok_or(Corrupt::Sketch)?;
            return Ok(Distinct::of_sketch(sketch, budget_octets));
        }
    };
    let mut keys = Vec::with_capacity(steps.len());
    let mut before: Option<u128> = None;
    for step in steps {
        let wide = match before {
            None => step,
            Some(_) if step == 0 => return Err(Corrupt::Order),
            Some(before) => before.checked_add(step).ok_or(Corrupt::Order)?,
        };
        before = Some(wide);
        keys.push(K::narrow(wide).ok_or(Corrupt::Order)?);
    }
    Ok(Distinct::of_sorted(keys, budget_octets))
}
