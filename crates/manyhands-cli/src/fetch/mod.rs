//! `manyhands fetch`: many URLs, each a task of one executor.
//!
//! The list is read on a thread of its own ([`list`]). The main thread keeps as many tasks under
//! way as there is room for ([`crew`]), gives files their names in the order of the list
//! ([`names`]), and prints what became of each ([`record`], [`summary`]) in the order in which they
//! end. A task is one URL ([`flight`]) whose body goes where it belongs as it comes ([`store`]); in a
//! worker process it is the same, with a session of that process ([`errand`], [`client`]).

mod args;
mod client;
mod crew;
mod errand;
mod flight;
mod list;
mod names;
mod record;
mod status;
mod store;
mod summary;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;
use manyhands::http::Url;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::mpsc::Receiver;

pub(crate) use self::args::FetchArgs;
use self::args::Source;
use self::crew::{Crew, Ended};
use self::list::Item;
use self::names::Names;
use self::record::Record;
use self::status::Status;
use self::store::Destination;
use self::summary::Summary;
use crate::exit::{Exit, complain};
use crate::interrupt::Interrupt;

/// Fetches what the arguments name.
///
/// # Errors
/// When the list cannot be opened, there is no directory for the files, or standard output is
/// closed. A URL that cannot be fetched is part of the result instead.
pub(crate) fn run(args: &FetchArgs) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::install()?;
    allow_many_files();
    let mut fetching = Fetching::new(args, interrupt)?;
    let items = list::read(args)?;
    let outcome = fetching.work_off(items);
    fetching.give_up_the_rest();
    outcome?;
    fetching.conclude();
    Ok(match fetching.interrupt.signal() {
        Some(signal) => Exit::Interrupted(signal),
        None if fetching.summary.failed() == 0 && !fetching.list_broke => Exit::Success,
        None => Exit::Failures,
    })
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    /// The body of the only URL.
    Body,
    /// A line for people for each URL.
    Lines,
    /// An object for each URL.
    Json,
}

/// What the main thread has to do something about.
enum Event {
    Next(Option<Item>),
    Ended(Ended),
    Interrupted,
}

struct Fetching {
    output: Output,
    crew: Crew,
    given_up: usize,
    directory: Option<PathBuf>,
    names: Names,
    summary: Summary,
    status: Status,
    list_broke: bool,
    interrupt: Interrupt,
}

impl Fetching {
    fn new(args: &FetchArgs, interrupt: Interrupt) -> anyhow::Result<Fetching> {
        let crew = Crew::new(args, interrupt.clone())?;
        if let Some(directory) = &args.output {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("cannot make the directory {}", directory.display()))?;
        }
        let output = match (&*args.sources, args.json, &args.output) {
            (_, true, _) => Output::Json,
            ([Source::Url(_)], false, None) if args.files.is_empty() => Output::Body,
            _ => Output::Lines,
        };
        // Beside a single body there is nothing to be shown.
        let is_shown = output != Output::Body && io::stderr().is_terminal();
        let length = if is_shown { list::length(args) } else { None };
        Ok(Fetching {
            output,
            crew,
            given_up: 0,
            directory: args.output.clone(),
            names: Names::default(),
            summary: Summary::new(),
            status: Status::new(length, is_shown),
            list_broke: false,
            interrupt,
        })
    }

    /// Fetches the whole list, or what of it there is time for before an interrupt.
    fn work_off(&mut self, mut items: Receiver<Item>) -> anyhow::Result<()> {
        let mut more = true;
        while more || self.crew.under_way() > 0 {
            match self.next_event(&mut items, more) {
                Event::Next(Some(Item::Url(url))) => self.launch(url),
                Event::Next(Some(Item::Invalid(line))) => {
                    let record =
                        Record::not_tried(line.text.clone(), line.to_string(), "not a URL");
                    match self.output {
                        Output::Json => self.print(&record)?,
                        Output::Lines | Output::Body => {
                            self.status.aside(|| complain(&line.to_string()));
                        }
                    }
                    self.summary.count(&record);
                }
                Event::Next(Some(Item::Broken(why))) => {
                    self.list_broke = true;
                    self.status.aside(|| complain(&why));
                }
                Event::Next(None) => more = false,
                Event::Ended(ended) => self.note(ended)?,
                Event::Interrupted => return Ok(()),
            }
            self.status.show(&self.summary, self.crew.under_way());
        }
        Ok(())
    }

    fn next_event(&mut self, items: &mut Receiver<Item>, more: bool) -> Event {
        let has_room = more && self.crew.has_room();
        manyhands::wait(async {
            tokio::select! {
                biased;
                () = self.interrupt.requested() => Event::Interrupted,
                Some(ended) = self.crew.next() => Event::Ended(ended),
                item = items.recv(), if has_room => Event::Next(item),
            }
        })
    }

    /// Makes a task of a URL.
    fn launch(&mut self, url: Url) {
        let destination = match (&self.directory, self.output) {
            (Some(directory), _) => Destination::File {
                directory: directory.into(),
                name: self.names.give(&url, directory),
            },
            (None, Output::Body) => Destination::Stdout,
            (None, Output::Lines | Output::Json) => Destination::Nowhere,
        };
        self.crew.launch(url, destination);
    }

    fn note(&mut self, ended: Ended) -> anyhow::Result<()> {
        match ended {
            Ended::Done(record) => {
                let record = record.map_err(io::Error::from)?;
                self.summary.count(&record);
                self.print(&record)
            }
            Ended::GivenUp => {
                self.given_up += 1;
                Ok(())
            }
        }
    }

    fn print(&self, record: &Record) -> anyhow::Result<()> {
        let line = match self.output {
            Output::Json => record.json()?,
            Output::Lines => record.line(),
            Output::Body => {
                if let Some(error) = &record.error {
                    complain(&format!("{}: {error}", record.url));
                }
                return Ok(());
            }
        };
        let print = || writeln!(io::stdout(), "{line}");
        // A bar is in the way only where both are on the screen.
        if io::stdout().is_terminal() { self.status.aside(print) } else { print() }
            .context("cannot print")
    }

    /// Stops what is under way, and waits until nothing of it is left behind. What ends well in
    /// that moment counts.
    fn give_up_the_rest(&mut self) {
        self.crew.stop();
        while let Some(ended) = manyhands::wait(self.crew.next()) {
            // Standard output may be closed, which was said already.
            let _ = self.note(ended);
        }
    }

    /// Prints the summary.
    fn conclude(&self) {
        if self.output == Output::Body {
            return;
        }
        self.status.end();
        let text = self.summary.text(self.given_up);
        // Without standard error there is nobody to tell.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// Raises the limit on open files to what the system allows: a request takes one, a thread that
/// drives requests a few more.
fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum {
        // With less, fewer requests work at a time; each that does not says why.
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        let _ = setrlimit(Resource::Nofile, raised);
    }
}
