//! A finished message, to which `domain` appends its record.
//!
//! `domain` signs what its message builder built. Here messages are finished before they are
//! signed, some of them rendered once for many peers. So the builder is given a target that holds
//! one already and that ignores the two things with which every builder begins: emptying the
//! target, and writing an empty header.

use domain::base::MessageBuilder;
use domain::base::message_builder::AdditionalBuilder;
use domain::base::wire::Composer;
use domain::dep::octseq::{OctetsBuilder, Truncate};
use std::convert::Infallible;

/// A message that is a builder's target.
pub(super) struct Finished<'a> {
    message: &'a mut Vec<u8>,
    begun: bool,
}

impl<'a> Finished<'a> {
    /// The message as a builder that is about to add to its additional section.
    pub(super) fn builder(message: &'a mut Vec<u8>) -> AdditionalBuilder<Self> {
        let finished = Finished {
            message,
            begun: false,
        };
        let Ok(builder) = MessageBuilder::from_target(finished);
        builder.additional()
    }
}

impl OctetsBuilder for Finished<'_> {
    type AppendError = Infallible;

    fn append_slice(&mut self, slice: &[u8]) -> Result<(), Infallible> {
        // The first slice is the header of an empty message.
        if std::mem::replace(&mut self.begun, true) {
            self.message.extend_from_slice(slice);
        }
        Ok(())
    }
}

impl Truncate for Finished<'_> {
    fn truncate(&mut self, len: usize) {
        if self.begun {
            self.message.truncate(len);
        }
    }
}

impl Composer for Finished<'_> {}

impl AsRef<[u8]> for Finished<'_> {
    fn as_ref(&self) -> &[u8] {
        self.message
    }
}

impl AsMut<[u8]> for Finished<'_> {
    fn as_mut(&mut self) -> &mut [u8] {
        self.message
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::base::Name;
    use domain::base::iana::Class;
    use domain::rdata::A;
    use std::net::Ipv4Addr;

    #[test]
    fn a_builder_appends_to_a_finished_message_and_counts() {
        let mut message = b"\xab\xcd\x84\0\0\x01\0\x07\0\0\0\x01rest".to_vec();
        let mut builder = Finished::builder(&mut message);
        assert_eq!(
            builder.as_slice(),
            b"\xab\xcd\x84\0\0\x01\0\x07\0\0\0\x01rest"
        );
        let address = A::new(Ipv4Addr::new(192, 0, 2, 1));
        let record = (Name::root_ref(), Class::IN, 5, address);
        builder.push(record).unwrap();
        assert_eq!(
            message,
            b"\xab\xcd\x84\0\0\x01\0\x07\0\0\0\x02rest\0\0\x01\0\x01\0\0\0\x05\0\x04\xc0\0\x02\x01"
        );
    }
}
