//! What the standard streams of a program are connected with.

use std::fmt;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::memory::{Bytes, attachments};

/// Where a program's standard input comes from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum InputFrom {
    /// From nowhere: the program finds the end at once (`< /dev/null`). The default.
    #[default]
    Null,
    /// What is the standard input of this program.
    Inherit,
    /// These bytes. The program sees a file, as with `< file` in a shell: it may read it when and as
    /// far as it likes, and nothing has to be fed to it meanwhile. Where a program insists on a pipe,
    /// use [`Pipe`](Self::Pipe).
    Bytes(Bytes),
    /// A file. A relative path is meant from the working directory of this program.
    File(PathBuf),
    /// A pipe, into which [`Running::stdin`](super::Running::stdin) writes. Only for
    /// [`Command::start`](super::Command::start).
    #[doc(alias = "PIPE")]
    Pipe,
    /// Any open descriptor: a socket, a terminal, one end of a pipe. With it a
    /// [`Command`](super::Command) can be sent to workers of manyhands, but not be encoded for others.
    Descriptor(Descriptor),
}

/// Where a program's output goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub enum OutputTo {
    /// To this program: into the result of [`Command::output`](super::Command::output), or to the
    /// readers of a [`Running`](super::Running).
    #[doc(alias = "PIPE")]
    Capture,
    /// Where that of this program goes.
    Inherit,
    /// Nowhere (`> /dev/null`).
    #[doc(alias = "DEVNULL")]
    Null,
    /// Into a file that is made anew (`> file`). A relative path is meant from the working directory
    /// of this program.
    File(PathBuf),
    /// To the end of a file (`>> file`).
    Append(PathBuf),
    /// Where standard output goes (`2>&1`). Only for standard error.
    #[doc(alias = "STDOUT")]
    Stdout,
    /// Any open descriptor. With it a [`Command`](super::Command) can be sent to workers of
    /// manyhands, but not be encoded for others.
    Descriptor(Descriptor),
}

/// An open descriptor that several clones of a [`Command`](super::Command) may use.
#[derive(Clone)]
pub struct Descriptor(Arc<OwnedFd>);

impl Descriptor {
    pub(super) fn get(&self) -> &OwnedFd {
        &self.0
    }
}

impl<T: Into<OwnedFd>> From<T> for Descriptor {
    fn from(owner: T) -> Descriptor {
        Descriptor(Arc::new(owner.into()))
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match attachments::attach(&self.0) {
            Some(number) => number.serialize(serializer),
            None => Err(attachments::failure(stays(), ser::Error::custom)),
        }
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Descriptor, D::Error> {
        match attachments::descriptor(u32::deserialize(deserializer)?) {
            Some(descriptor) => Ok(Descriptor(descriptor)),
            None => Err(attachments::failure(stays(), de::Error::custom)),
        }
    }
}

fn stays() -> String {
    format!(
        "a command has an open descriptor for a standard stream: {}; use a path or bytes",
        attachments::NOT_TRAVELLING
    )
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_descriptor_travels_beside_the_bytes() {
        let descriptor = Descriptor::from(std::fs::File::open("/dev/null").unwrap());
        let to = OutputTo::Descriptor(descriptor.clone());
        let (bytes, attached) = attachments::collect(|| postcard::to_stdvec(&to).unwrap());
        let decoded =
            attachments::provide(attached, || postcard::from_bytes::<OutputTo>(&bytes).unwrap());
        let OutputTo::Descriptor(decoded) = decoded else { panic!("{decoded:?}") };
        assert_eq!(decoded.get().as_raw_fd(), descriptor.get().as_raw_fd());
        assert!(postcard::to_stdvec(&to).is_err());
        assert!(postcard::from_bytes::<OutputTo>(&bytes).is_err());
    }
}
