//! `manyhands serve`: a small site on a loopback address that answers after waits, as far servers
//! do, and the process that `compare` starts it in.

mod args;
mod pages;
mod process;
mod server;

use std::io::Write;

use anyhow::Context;
use tokio::io::{AsyncReadExt, stdin};

pub(crate) use self::args::ServeArgs;
pub(crate) use self::pages::{front_paths, json_paths};
pub(crate) use self::process::SiteProcess;
use self::server::Server;
use crate::exit::Exit;
use crate::interrupt::Interrupt;

/// Serves until interrupted, or until standard input ends if asked so.
///
/// # Errors
/// When the port cannot be bound or standard output is closed.
pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::install()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the server's threads")?;
    let ended = runtime.block_on(serve(args, &interrupt));
    // A read of standard input that is still under way would otherwise be waited for.
    runtime.shutdown_background();
    ended.map(|()| Exit::Success)
}

async fn serve(args: &ServeArgs, interrupt: &Interrupt) -> anyhow::Result<()> {
    let server = Server::bind(args.port, args.latency)
        .await
        .with_context(|| format!("cannot listen on port {} of 127.0.0.1", args.port))?;
    let address = server.address().context("cannot tell the server's address")?;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "http://{address}/")?;
    stdout.flush()?;
    drop(stdout);
    tokio::select! {
        () = server.run() => {}
        () = interrupt.requested() => {}
        () = end_of_input(), if args.until_eof => {}
    }
    Ok(())
}

/// Ends when standard input does; whatever stands there is of no interest.
async fn end_of_input() {
    let mut input = stdin();
    let mut buffer = [0; 64];
    while matches!(input.read(&mut buffer).await, Ok(1..)) {}
}
