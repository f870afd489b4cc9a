//! Addresses to bind and to connect to, with host names looked up where nobody is held up.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use manyhands_wait::Reason;

static LOOK_UP: Reason = Reason::new("look-up of a host name");

/// What sockets can be bound and connected to: everything that std's trait of the same name takes.
///
/// A host name is looked up by the system's resolver on a blocking thread, while the caller waits
/// as it always does: a coroutine does not hold up its hub. Addresses in numbers need no look-up.
/// The trait is sealed.
pub trait ToSocketAddrs: sealed::Sealed {}

mod sealed {
    pub trait Sealed {
        /// The addresses as they are, or the name to look up.
        fn target(&self) -> std::io::Result<super::Target>;
    }
}

use sealed::Sealed;

/// Addresses, or a host and a port.
#[derive(Debug)]
pub enum Target {
    /// One address.
    One(SocketAddr),
    /// Any of these.
    Any(Vec<SocketAddr>),
    /// Those that the resolver knows.
    Name(String, u16),
}

/// Looks up the addresses of `target`.
///
/// # Errors
/// If its text is no address, and what the resolver says.
#[track_caller]
pub(super) fn resolve(target: &impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    match target.target()? {
        Target::One(address) => Ok(vec![address]),
        Target::Any(addresses) => Ok(addresses),
        Target::Name(host, port) => {
            manyhands_io::prepare()?;
            let look_up = tokio::net::lookup_host((host.as_str(), port));
            let found = async { look_up.await.map(Iterator::collect) };
            manyhands_io::wait_for(&LOOK_UP, None, found)
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        }
    }
}

/// Calls `f` with each address until it succeeds.
///
/// # Errors
/// The last error; [`io::ErrorKind::InvalidInput`] if there is no address.
#[track_caller]
pub(super) fn first_that_works<T>(
    target: &impl ToSocketAddrs,
    f: impl Fn(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for address in resolve(target)? {
        match f(address) {
            Ok(value) => return Ok(value),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "there is no address to connect or bind to")
    }))
}

macro_rules! one_address {
    ($($type:ty),+) => {$(
        impl ToSocketAddrs for $type {}
        impl Sealed for $type {
            fn target(&self) -> io::Result<Target> {
                Ok(Target::One(SocketAddr::from(*self)))
            }
        }
    )+};
}

one_address!(SocketAddr, SocketAddrV4, SocketAddrV6);
one_address!((IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

impl ToSocketAddrs for (&str, u16) {}
impl Sealed for (&str, u16) {
    fn target(&self) -> io::Result<Target> {
        let (host, port) = *self;
        Ok(match host.parse::<IpAddr>() {
            Ok(address) => Target::One(SocketAddr::new(address, port)),
            Err(_) => Target::Name(host.to_owned(), port),
        })
    }
}

impl ToSocketAddrs for (String, u16) {}
impl Sealed for (String, u16) {
    fn target(&self) -> io::Result<Target> {
        (self.0.as_str(), self.1).target()
    }
}

impl ToSocketAddrs for str {}
impl Sealed for str {
    fn target(&self) -> io::Result<Target> {
        if let Ok(address) = self.parse() {
            return Ok(Target::One(address));
        }
        let invalid = |what: &str| {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{what} in {self:?}, which should be `host:port`"),
            ))
        };
        match self.rsplit_once(':') {
            None => invalid("there is no port"),
            Some((host, port)) => match port.parse() {
                Ok(port) => (host, port).target(),
                Err(_) => invalid("the port is not a number up to 65535"),
            },
        }
    }
}

impl ToSocketAddrs for String {}
impl Sealed for String {
    fn target(&self) -> io::Result<Target> {
        self.as_str().target()
    }
}

impl ToSocketAddrs for [SocketAddr] {}
impl Sealed for [SocketAddr] {
    fn target(&self) -> io::Result<Target> {
        Ok(Target::Any(self.to_vec()))
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {}
impl<T: ToSocketAddrs + ?Sized> Sealed for &T {
    fn target(&self) -> io::Result<Target> {
        (**self).target()
    }
}
