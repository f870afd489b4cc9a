//! Which binary this is: two processes understand each other's offsets only if it is the same.

use std::fmt;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::segments::Executable;

/// What two processes must have in common. Its encoding never changes, so that processes of
/// different versions can tell each other that they differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// How the rest of the conversation is encoded.
    pub(crate) protocol: u32,
    /// For which machine the binary was built.
    pub(crate) target: String,
    /// Which binary it is.
    pub(crate) image: ImageId,
}

/// What tells one binary from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ImageId {
    /// The linker's note `NT_GNU_BUILD_ID`.
    BuildId(Vec<u8>),
    /// A hash of the code, where there is no note.
    CodeHash([u8; 32]),
}

/// The version of what follows the identity when a process starts.
const PROTOCOL: u32 = 1;

impl Identity {
    /// This binary's.
    pub(crate) fn of_this_process() -> &'static Identity {
        static IDENTITY: OnceLock<Identity> = OnceLock::new();
        IDENTITY.get_or_init(|| Identity {
            protocol: PROTOCOL,
            target: target(),
            image: ImageId::of(Executable::of_this_process()),
        })
    }

    /// Whether `other` is the same.
    ///
    /// # Errors
    /// What differs, with both values.
    pub(crate) fn check(&self, other: &Identity) -> Result<(), IdentityMismatch> {
        let differ = |what, ours: &dyn fmt::Display, theirs: &dyn fmt::Display| {
            Err(IdentityMismatch { what, ours: ours.to_string(), theirs: theirs.to_string() })
        };
        if self.protocol != other.protocol {
            return differ("protocol", &self.protocol, &other.protocol);
        }
        if self.target != other.target {
            return differ("target", &self.target, &other.target);
        }
        if self.image != other.image {
            return differ("image", &self.image, &other.image);
        }
        Ok(())
    }
}

impl ImageId {
    fn of(executable: &Executable) -> ImageId {
        match &executable.build_id {
            Some(id) => ImageId::BuildId(id.clone()),
            None => ImageId::CodeHash(code_hash(executable)),
        }
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, bytes) = match self {
            ImageId::BuildId(bytes) => ("build id", &bytes[..]),
            ImageId::CodeHash(bytes) => ("code hash", &bytes[..]),
        };
        write!(f, "{kind} ")?;
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How two binaries differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdentityMismatch {
    what: &'static str,
    ours: String,
    theirs: String,
}

impl fmt::Display for IdentityMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let IdentityMismatch { what, ours, theirs } = self;
        write!(f, "the worker is not this program: {what} {theirs} instead of {ours}")
    }
}

/// A hash of the code and of how the segments lie: what offsets depend on.
fn code_hash(executable: &Executable) -> [u8; 32] {
    let mut hash = blake3::Hasher::new();
    for range in &executable.readable {
        hash.update(&(range.start.wrapping_sub(executable.base) as u64).to_le_bytes());
        hash.update(&(range.len() as u64).to_le_bytes());
    }
    for range in executable.code.iter().filter(|range| executable.readable.contains(range)) {
        // SAFETY: this is a segment of the executable with code that can be read and that nobody
        // writes to.
        let code = unsafe { std::slice::from_raw_parts(range.start as *const u8, range.len()) };
        hash.update(code);
    }
    *hash.finalize().as_bytes()
}

fn target() -> String {
    let environment = if cfg!(target_env = "gnu") {
        "gnu"
    } else if cfg!(target_env = "musl") {
        "musl"
    } else {
        "other"
    };
    let endian = if cfg!(target_endian = "little") { "little" } else { "big" };
    let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
    format!("{arch}-{os}-{environment}, {} bit, {endian} endian", usize::BITS)
}
