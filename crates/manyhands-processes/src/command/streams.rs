//! What the standard streams of a program are connected with.

use std::fmt;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

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
    /// Any open descriptor: a socket, a terminal, one end of a pipe. It stays behind when a
    /// [`Command`](super::Command) is sent to another process, which fails then.
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
    /// Any open descriptor. It stays behind when a [`Command`](super::Command) is sent to another
    /// process, which fails then.
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

const STAYS: &str = "a command whose standard streams are open descriptors works in this process \
                     only; use a path or bytes";

impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(ser::Error::custom(STAYS))
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Descriptor, D::Error> {
        Err(de::Error::custom(STAYS))
    }
}
