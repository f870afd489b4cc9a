//! P1: start processes, wait for them, know their numbers.
//!
//! Follows the program that starts a process for each of eight URLs, which fetches it and prints the
//! response. (There the start stands outside of the loop, so that only the last one is started.)
//!
//! Better here: what a process returns, or how it ended, is what `join` gives; Python has only the
//! exit code. There is no `if __name__ == '__main__'`: a new process begins at its function, and not
//! with the program's main part once more.
//!
//! URLs may be given as arguments; without any, a local site is fetched.

use examples::{Options, Site, truth};
use manyhands::{Context, Process, http};

fn task(url: String) -> Result<u16, String> {
    let response = http::get(url).map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    println!("{} ({}): <Response [{status}]>", Context::current().name(), std::process::id());
    Ok(status)
}

pub(crate) fn main() -> anyhow::Result<()> {
    let (options, mut urls) = Options::with_words()?;
    if urls.is_empty() {
        urls = Site::start(options.scale())?.numbered_pages().into_iter().take(8).collect();
    }
    println!("主进程 {}", std::process::id());
    let mut processes = Vec::new();
    for url in urls {
        processes.push(Process::start(task, url)?);
    }
    for process in processes {
        process.wait();
        let (name, pid, alive) = (process.name().to_owned(), process.pid(), process.is_alive());
        let code = process.exit_code();
        let returned = process.join()?;
        println!("{name}: pid {pid}, alive {}, exit code {code:?}, {returned:?}", truth(alive));
    }
    Ok(())
}
