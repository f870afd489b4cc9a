//! `manyhands fetch`: many URLs, each a task of one executor.
//!
//! The list is read on a thread of its own ([`list`]). The main thread keeps as many tasks under
//! way as there is room for, gives files their names in the order of the list ([`names`]), and
//! prints what became of each ([`record`], [`summary`]) in the order in which they end. A task is
//! one URL ([`flight`]) whose body goes where it belongs as it comes ([`store`]).

mod args;
mod flight;
mod list;
mod names;
mod record;
mod status;
mod store;
mod summary;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use manyhands::http::{RetryPolicy, Session, Url};
use manyhands::{AnyExecutor, CancelToken, Executor, InProcess, Model};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender, unbounded_channel};

pub(crate) use self::args::FetchArgs;
use self::args::Source;
use self::list::Item;
use self::names::Names;
use self::record::Record;
use self::status::Status;
use self::store::Destination;
use self::summary::Summary;
use crate::exit::{Exit, Usage, complain};
use crate::interrupt::Interrupt;

/// How many requests are under way on `async` and `coroutines` if nobody says otherwise.
const UNDER_WAY: usize = 50;

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

/// How a task ended.
enum Ended {
    /// With a record, or because standard output is closed.
    Done(anyhow::Result<Record>),
    /// Without, because the command was interrupted.
    GivenUp,
}

/// What the main thread has to do something about.
enum Event {
    Next(Option<Item>),
    Ended(Ended),
    Interrupted,
}

struct Fetching {
    output: Output,
    session: Session,
    executor: AnyExecutor,
    /// How many tasks there may be at a time.
    room: usize,
    under_way: usize,
    given_up: usize,
    directory: Option<Arc<Path>>,
    names: Names,
    summary: Summary,
    status: Status,
    list_broke: bool,
    interrupt: Interrupt,
    /// Cancelled when nobody wants the rest.
    stop: CancelToken,
    tell: UnboundedSender<Ended>,
    ended: UnboundedReceiver<Ended>,
}

impl Fetching {
    fn new(args: &FetchArgs, interrupt: Interrupt) -> anyhow::Result<Fetching> {
        let session = session(args)?;
        let executor = model(args).start().map_err(|error| Usage(error.to_string()))?;
        let wanted = args.concurrency.map(usize::from);
        let room = match executor.limit() {
            Some(limit) => wanted.map_or(limit, |wanted| limit.min(wanted)),
            None => wanted.unwrap_or(UNDER_WAY),
        };
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
        let (tell, ended) = unbounded_channel();
        Ok(Fetching {
            output,
            session,
            room,
            executor,
            under_way: 0,
            given_up: 0,
            directory: args.output.as_deref().map(Arc::from),
            names: Names::default(),
            summary: Summary::new(),
            status: Status::new(length, is_shown),
            list_broke: false,
            interrupt,
            stop: CancelToken::new(),
            tell,
            ended,
        })
    }

    /// Fetches the whole list, or what of it there is time for before an interrupt.
    fn work_off(&mut self, mut items: Receiver<Item>) -> anyhow::Result<()> {
        let mut more = true;
        while more || self.under_way > 0 {
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
            self.status.show(&self.summary, self.under_way);
        }
        Ok(())
    }

    fn next_event(&mut self, items: &mut Receiver<Item>, more: bool) -> Event {
        let has_room = more && self.under_way < self.room;
        let is_busy = self.under_way > 0;
        manyhands::wait(async {
            tokio::select! {
                biased;
                () = self.interrupt.requested() => Event::Interrupted,
                Some(ended) = self.ended.recv(), if is_busy => Event::Ended(ended),
                item = items.recv(), if has_room => Event::Next(item),
            }
        })
    }

    /// Makes a task of a URL.
    fn launch(&mut self, url: Url) {
        let destination = match (&self.directory, self.output) {
            (Some(directory), _) => {
                Destination::File(Arc::clone(directory), self.names.give(&url, directory))
            }
            (None, Output::Body) => Destination::Stdout,
            (None, Output::Lines | Output::Json) => Destination::Nowhere,
        };
        let (tell, tell_failure) = (self.tell.clone(), self.tell.clone());
        let (stop, interrupt) = (self.stop.clone(), self.interrupt.clone());
        let asked = url.to_string();
        let fetched = flight::fetch(self.session.clone(), url, destination);
        let task = self.executor.spawn_async(async move {
            let ended = if interrupt.signal().is_some() || stop.is_cancelled() {
                Ended::GivenUp
            } else {
                tokio::select! {
                    biased;
                    done = fetched => Ended::Done(done),
                    () = stop.cancelled() => Ended::GivenUp,
                    () = interrupt.requested() => Ended::GivenUp,
                }
            };
            // The main thread listens until every task has told.
            let _ = tell.send(ended);
        });
        task.on_done(move |outcome| {
            if let Err(error) = outcome {
                let record = Record::not_tried(asked, error.to_string(), "not run");
                let _ = tell_failure.send(Ended::Done(Ok(record)));
            }
        });
        self.under_way += 1;
    }

    fn note(&mut self, ended: Ended) -> anyhow::Result<()> {
        self.under_way -= 1;
        match ended {
            Ended::Done(record) => {
                let record = record?;
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
        self.stop.cancel();
        while self.under_way > 0 {
            let Some(ended) = manyhands::wait(self.ended.recv()) else { return };
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

fn session(args: &FetchArgs) -> anyhow::Result<Session> {
    let attempts = u32::from(args.retries) + 1;
    let mut session = Session::builder()
        // One site's answer has no business in another request of the list.
        .cookies(false)
        .retries(RetryPolicy::new(attempts));
    if let Some(limit) = args.timeout {
        session = session.timeout(limit);
    }
    if let Some(limit) = args.per_host {
        session = session.per_host(limit.into());
    }
    for (name, value) in &args.headers {
        session = session.header(name, value);
    }
    session.build().map_err(|error| Usage(error.message().to_owned()).into())
}

/// The model that was asked for, with the size that was asked for if it has none.
fn model(args: &FetchArgs) -> Model {
    let size = args.concurrency.map(usize::from);
    match args.with {
        None | Some(Model::Async(None)) => Model::Async(size.unwrap_or(UNDER_WAY).try_into().ok()),
        Some(Model::Threads(None)) => Model::Threads(size.and_then(|size| size.try_into().ok())),
        Some(model) => model,
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
