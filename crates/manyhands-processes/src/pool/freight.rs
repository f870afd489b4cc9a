//! What does not fit into a frame: long arguments and outcomes, and what travels beside encoded
//! bytes. The bytes go through segments, the descriptors over the socket; the frame says what is
//! where. Where there is no segment to be had, everything goes through the ring in pieces.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::channel::PIECE_MAX;
use crate::memory::attachments::Attachments;
use crate::memory::segment::{Claim, Inbox, Outbox, Parcel, Reservation};

/// Encoded bytes with what travels beside them, as the receiver has them.
#[derive(Debug)]
pub(super) struct Freight {
    pub(super) body: bytes::Bytes,
    pub(super) attachments: Attachments,
}

/// The same as it is sent.
#[derive(Debug)]
pub(super) struct Packed {
    /// What goes through the ring.
    pub(super) message: Vec<u8>,
    /// What goes over the socket, before the ring says so.
    pub(super) fds: Vec<Arc<OwnedFd>>,
    /// What is in a segment.
    parcel: Option<Parcel>,
    /// What was set aside in a segment in vain.
    unused: Option<Parcel>,
}

/// Stands at the beginning of the message, after its own length in four bytes.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// What is in a segment; nothing if everything is in the message.
    parcel: Option<Parcel>,
    /// Whether the segment's descriptor comes first.
    introduces: bool,
    /// Whether the body is the first part of the parcel, or else in the message.
    body_in_parcel: bool,
    /// How long the body in the message is, and each payload after it.
    body: u64,
    payloads: Vec<u64>,
    /// How many descriptors come, that of the segment included.
    fds: u32,
}

const LENGTH: usize = 4;

/// Whether this has to be packed.
pub(super) fn is_freight(body: &[u8], attachments: &Attachments) -> bool {
    body.len() > PIECE_MAX || !attachments.is_empty()
}

/// Packs for the peer of this outbox.
pub(super) fn pack(body: &[u8], attachments: &Attachments, outbox: &mut Outbox) -> Packed {
    let packing = Packing::reserve(body, attachments, outbox);
    let mut packed = packing.fill(body, attachments);
    packed.give_back_unused(outbox);
    packed
}

/// Where freight will be packed; nothing was copied yet.
#[derive(Debug)]
pub(super) struct Packing {
    /// Without a segment it takes longer, and works.
    reservation: Option<Reservation>,
    body_in_parcel: bool,
}

impl Packing {
    /// Has a segment set aside.
    pub(super) fn reserve(body: &[u8], attachments: &Attachments, outbox: &mut Outbox) -> Packing {
        let body_in_parcel = body.len() > PIECE_MAX;
        let parts = parts_of(body, attachments, body_in_parcel);
        let mut lengths = parts.map(<[u8]>::len).peekable();
        let has_parts = lengths.peek().is_some();
        let reservation = has_parts.then(|| outbox.reserve(lengths).ok()).flatten();
        Packing { body_in_parcel: body_in_parcel && reservation.is_some(), reservation }
    }

    /// Copies everything, the same that was reserved for. Needs no outbox, and so no lock; what could
    /// not be used is [given back](Packed::give_back_unused) after it.
    pub(super) fn fill(self, body: &[u8], attachments: &Attachments) -> Packed {
        let Packing { reservation, mut body_in_parcel } = self;
        let (mut parcel, mut unused, mut fds) = (None, None, Vec::new());
        if let Some(reservation) = reservation {
            let parts: Vec<&[u8]> = parts_of(body, attachments, body_in_parcel).collect();
            match reservation.fill(&parts) {
                Ok(()) => {
                    fds.extend(reservation.introduction().cloned());
                    parcel = Some(reservation.parcel().clone());
                }
                Err(_) => {
                    body_in_parcel = false;
                    unused = Some(reservation.parcel().clone());
                }
            }
        }
        let introduces = !fds.is_empty();
        fds.extend(attachments.fds.iter().cloned());
        let in_message = |payload: &bytes::Bytes| payload.len() as u64;
        let manifest = Manifest {
            introduces,
            body_in_parcel,
            body: if body_in_parcel { 0 } else { body.len() as u64 },
            payloads: match parcel {
                Some(_) => Vec::new(),
                None => attachments.payloads.iter().map(in_message).collect(),
            },
            fds: u32::try_from(fds.len()).unwrap_or(u32::MAX),
            parcel,
        };
        let mut message = vec![0; LENGTH];
        // A manifest is numbers; encoding it into memory cannot fail.
        message = postcard::to_extend(&manifest, message).unwrap_or_default();
        let length = u32::try_from(message.len() - LENGTH).unwrap_or(u32::MAX);
        message[..LENGTH].copy_from_slice(&length.to_le_bytes());
        if manifest.body > 0 {
            message.extend_from_slice(body);
        }
        if manifest.parcel.is_none() {
            attachments.payloads.iter().for_each(|payload| message.extend_from_slice(payload));
        }
        Packed { message, fds, parcel: manifest.parcel, unused }
    }
}

/// What goes into a parcel.
fn parts_of<'a>(
    body: &'a [u8],
    attachments: &'a Attachments,
    with_body: bool,
) -> impl Iterator<Item = &'a [u8]> {
    let payloads = attachments.payloads.iter().map(|payload| &payload[..]);
    with_body.then_some(body).into_iter().chain(payloads)
}

impl Packed {
    /// The descriptors were sent.
    pub(super) fn sent(&self, outbox: &mut Outbox) {
        if let Some(parcel) = &self.parcel {
            outbox.introduced(parcel);
        }
    }

    /// The peer will not open it.
    pub(super) fn withdraw(&self, outbox: &mut Outbox) {
        if let Some(parcel) = &self.parcel {
            outbox.withdraw(parcel);
        }
    }

    /// Gives back what was set aside and could not be written.
    pub(super) fn give_back_unused(&mut self, outbox: &mut Outbox) {
        if let Some(parcel) = self.unused.take() {
            outbox.withdraw(&parcel);
        }
    }
}

/// A message whose descriptors are still to come.
#[derive(Debug)]
pub(super) struct Announced {
    manifest: Manifest,
    message: bytes::Bytes,
}

impl Announced {
    /// Reads what a message says.
    ///
    /// # Errors
    /// If it makes no sense.
    pub(super) fn read(message: Vec<u8>) -> Result<Announced, &'static str> {
        const NONSENSE: &str = "a message about a large payload makes no sense";
        let message = bytes::Bytes::from(message);
        let length = message.first_chunk::<LENGTH>().ok_or(NONSENSE)?;
        let length = u32::from_le_bytes(*length) as usize;
        let end = LENGTH.checked_add(length).filter(|end| *end <= message.len()).ok_or(NONSENSE)?;
        let manifest: Manifest =
            postcard::from_bytes(&message[LENGTH..end]).map_err(|_| NONSENSE)?;
        let mut rest = (message.len() - end) as u64;
        for length in std::iter::once(&manifest.body).chain(&manifest.payloads) {
            rest = rest.checked_sub(*length).ok_or(NONSENSE)?;
        }
        if rest > 0 || (manifest.introduces && manifest.fds == 0) {
            return Err(NONSENSE);
        }
        Ok(Announced { manifest, message: message.slice(end..) })
    }

    /// How many descriptors belong to it.
    pub(super) fn fds(&self) -> usize {
        self.manifest.fds as usize
    }

    /// Finds its parts, to be [opened](Arrived::open) without the inbox.
    ///
    /// # Errors
    /// In words, if something is missing or is not what it should be.
    pub(super) fn arrive(self, fds: Vec<OwnedFd>, inbox: &mut Inbox) -> Result<Arrived, String> {
        let Announced { manifest, message } = self;
        let mut fds = fds.into_iter();
        let mut claim = None;
        if let Some(parcel) = &manifest.parcel {
            if manifest.introduces
                && let Some(fd) = fds.next()
            {
                inbox.add(parcel.segment(), fd).map_err(|error| error.to_string())?;
            }
            claim = Some(inbox.claim(parcel).map_err(|error| error.to_string())?);
        }
        Ok(Arrived { fds: fds.map(Arc::new).collect(), claim, manifest, message })
    }
}

/// Freight that is there, and was not copied yet.
#[derive(Debug)]
pub(super) struct Arrived {
    manifest: Manifest,
    message: bytes::Bytes,
    claim: Option<Claim>,
    fds: Vec<Arc<OwnedFd>>,
}

impl Arrived {
    /// Whether opening it may take a while.
    pub(super) fn is_large(&self) -> bool {
        self.claim.is_some() || self.message.len() > PIECE_MAX
    }

    /// How its body begins, at most so long; nothing if that cannot be read.
    pub(super) fn beginning(&self, length_max: usize) -> Vec<u8> {
        match &self.claim {
            Some(claim) if self.manifest.body_in_parcel => {
                claim.beginning(length_max).unwrap_or_default()
            }
            _ => self.message[..length_max.min(self.manifest.body as usize)].to_vec(),
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// In words, if something is missing or is not what it should be.
    pub(super) fn open(self) -> Result<Freight, String> {
        let Arrived { manifest, mut message, claim, fds } = self;
        let parts = claim.map_or(Ok(Vec::new()), Claim::open).map_err(|error| error.to_string())?;
        let mut parts = parts.into_iter();
        let body = if manifest.body_in_parcel {
            parts.next().ok_or("the body of a large message is missing")?
        } else {
            // The lengths were found to fit when it was read.
            message.split_to(manifest.body as usize)
        };
        let mut payloads: Vec<bytes::Bytes> = parts.collect();
        for length in manifest.payloads {
            payloads.push(message.split_to(length as usize));
        }
        Ok(Freight { body, attachments: Attachments { fds, payloads } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::segment::Buffers;

    fn attachments() -> Attachments {
        let (read, write) = rustix::pipe::pipe().unwrap();
        Attachments {
            fds: vec![Arc::new(read), Arc::new(write)],
            payloads: vec![vec![1; 300_000].into(), vec![2; 7].into()],
        }
    }

    fn arrive(packed: &Packed, inbox: &mut Inbox) -> Freight {
        let announced = Announced::read(packed.message.clone()).unwrap();
        assert_eq!(announced.fds(), packed.fds.len());
        let fds = packed.fds.iter().map(|fd| fd.try_clone().unwrap()).collect();
        let arrived = announced.arrive(fds, inbox).unwrap();
        let beginning = arrived.beginning(5);
        let freight = arrived.open().unwrap();
        assert_eq!(beginning, freight.body[..freight.body.len().min(5)]);
        freight
    }

    #[test]
    fn freight_arrives_whatever_is_long() {
        let mut outbox = Outbox::new();
        let mut inbox = Inbox::copying(Buffers::new(), 1 << 30);
        for body in [Vec::new(), vec![3; 10], vec![4; PIECE_MAX + 1]] {
            for attachments in [Attachments::default(), attachments()] {
                let packed = pack(&body, &attachments, &mut outbox);
                let freight = arrive(&packed, &mut inbox);
                packed.sent(&mut outbox);
                assert_eq!(freight.body, body);
                assert_eq!(freight.attachments.payloads, attachments.payloads);
                assert_eq!(freight.attachments.fds.len(), attachments.fds.len());
            }
        }
    }

    #[test]
    fn whatever_comes_is_freight_or_refused() {
        let mut outbox = Outbox::new();
        let good = pack(&[5; PIECE_MAX + 9], &attachments(), &mut outbox).message;
        for at in 0..good.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                let mut inbox = Inbox::copying(Buffers::new(), 1 << 30);
                if let Ok(announced) = Announced::read(bad) {
                    let arrived = announced.arrive(Vec::new(), &mut inbox);
                    let _refused_or_not = arrived.and_then(Arrived::open);
                }
            }
            assert!(Announced::read(good[..at].to_vec()).is_err());
        }
    }
}
