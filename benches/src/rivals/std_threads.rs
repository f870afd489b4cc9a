//! A thread of the operating system for each connection.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use anyhow::Context;

use crate::process::tell;

pub(crate) const NAME: &str = "std threads";

/// Answers in upper case, for ever.
///
/// # Errors
/// When it cannot listen, or there is no thread for a connection.
pub(crate) fn echo(_workers: u64) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen")?;
    tell(listener.local_addr().context("cannot tell the address")?)?;
    loop {
        let (mut stream, _peer) = listener.accept().context("cannot accept")?;
        let answer = move || {
            let mut buffer = [0; 1024];
            // An error is the client's end.
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                buffer[..read].make_ascii_uppercase();
                if stream.write_all(&buffer[..read]).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().spawn(answer).context("cannot start a thread")?;
    }
}
