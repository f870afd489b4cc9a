//! Who fetches: the executor, and how a URL becomes a task of it.
//!
//! Executors in this process are given futures, which see by themselves that they are not wanted any
//! more. Worker processes are given [errands](super::errand), which are cancelled one by one.

use std::collections::HashMap;

use manyhands::http::{Session, Url};
use manyhands::{
    AnyExecutor, CancelToken, Executor, ExecutorExt, InProcess, Model, TaskError, TaskErrorKind,
    TaskHandle,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::args::FetchArgs;
use super::client::ClientOptions;
use super::errand::{Errand, run_errand};
use super::flight::{Closed, fetch};
use super::record::Record;
use super::store::Destination;
use crate::exit::Usage;
use crate::interrupt::Interrupt;

/// How many requests are under way on `async` and `coroutines` if nobody says otherwise.
const UNDER_WAY: usize = 50;

/// How a task ended.
pub(crate) enum Ended {
    /// With a record, or because standard output is closed.
    Done(Result<Record, Closed>),
    /// Without, because the command was interrupted.
    GivenUp,
}

/// The executor and what is under way on it.
pub(crate) struct Crew {
    executor: AnyExecutor,
    options: ClientOptions,
    session: Session,
    /// How many tasks there may be at a time.
    room: usize,
    under_way: usize,
    interrupt: Interrupt,
    /// Cancelled when nobody wants the rest.
    stop: CancelToken,
    /// The tasks that worker processes have, by their numbers.
    away: HashMap<u64, TaskHandle>,
    launched: u64,
    tell: UnboundedSender<(u64, Ended)>,
    ended: UnboundedReceiver<(u64, Ended)>,
}

impl Crew {
    /// Makes what the arguments ask for.
    ///
    /// # Errors
    /// If they ask for what cannot be.
    pub(crate) fn new(args: &FetchArgs, interrupt: Interrupt) -> anyhow::Result<Crew> {
        let options = ClientOptions::of(args);
        let session = options.session().map_err(|error| Usage(error.message().to_owned()))?;
        let executor = model(args).start().map_err(|error| Usage(error.to_string()))?;
        let wanted = args.concurrency.map(usize::from);
        let room = match executor.limit() {
            Some(limit) => wanted.map_or(limit, |wanted| limit.min(wanted)),
            None => wanted.unwrap_or(UNDER_WAY),
        };
        check_per_host(args, executor.model(), room)?;
        let (tell, ended) = unbounded_channel();
        Ok(Crew {
            executor,
            options,
            session,
            room,
            under_way: 0,
            interrupt,
            stop: CancelToken::new(),
            away: HashMap::new(),
            launched: 0,
            tell,
            ended,
        })
    }

    /// How many tasks are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way
    }

    /// Whether another may be launched.
    pub(crate) fn has_room(&self) -> bool {
        self.under_way < self.room
    }

    /// Makes a task of a URL.
    pub(crate) fn launch(&mut self, url: Url, destination: Destination) {
        self.launched += 1;
        self.under_way += 1;
        if self.executor.model().is_in_process() {
            self.launch_here(url, destination);
        } else {
            self.send_away(url, destination);
        }
    }

    /// The next that ends; completes only if one is under way.
    pub(crate) async fn next(&mut self) -> Option<Ended> {
        if self.under_way == 0 {
            return None;
        }
        let (number, ended) = self.ended.recv().await?;
        self.under_way -= 1;
        self.away.remove(&number);
        Some(ended)
    }

    /// Has what is under way end soon.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
        for task in self.away.values() {
            task.cancel();
        }
    }

    fn launch_here(&self, url: Url, destination: Destination) {
        let (number, tell, tell_failure) = (self.launched, self.tell.clone(), self.tell.clone());
        let (stop, interrupt) = (self.stop.clone(), self.interrupt.clone());
        let asked = url.to_string();
        let fetched = fetch(self.session.clone(), url, destination);
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
            let _ = tell.send((number, ended));
        });
        task.on_error(move |error| {
            let _ = tell_failure.send((number, failed(asked, error)));
        });
    }

    fn send_away(&mut self, url: Url, destination: Destination) {
        let (number, tell) = (self.launched, self.tell.clone());
        let asked = url.to_string();
        let options = self.options.clone();
        let errand = Errand { options, url: url.into(), destination };
        let task = self.executor.submit(run_errand, errand);
        self.away.insert(number, task.handle());
        task.on_done(move |outcome| {
            let ended = match outcome {
                Ok(record) => Ended::Done(record.clone()),
                Err(error) => failed(asked, error),
            };
            // As above.
            let _ = tell.send((number, ended));
        });
    }
}

/// What becomes of a URL whose task failed.
fn failed(asked: String, error: &TaskError) -> Ended {
    let reason = match error.kind() {
        TaskErrorKind::Cancelled => return Ended::GivenUp,
        TaskErrorKind::WorkerDied => "worker died",
        _ => "not run",
    };
    Ended::Done(Ok(Record::not_tried(asked, error.to_string(), reason)))
}

/// The model that was asked for, with the size that was asked for if it has none.
fn model(args: &FetchArgs) -> Model {
    let size = args.concurrency.map(usize::from);
    let sized = |size: Option<usize>| size.and_then(|size| size.try_into().ok());
    match args.with {
        None | Some(Model::Async(None)) => Model::Async(sized(Some(size.unwrap_or(UNDER_WAY)))),
        Some(Model::Threads(None)) => Model::Threads(sized(size)),
        Some(Model::Processes(None)) => Model::Processes(sized(size)),
        Some(model) => model,
    }
}

/// Worker processes do not know of each other's requests, so that a limit per host holds among them
/// only if it allows as many as there are at all.
fn check_per_host(args: &FetchArgs, model: Model, room: usize) -> Result<(), Usage> {
    match args.per_host.map(usize::from) {
        Some(limit) if limit < room && !model.is_in_process() => Err(Usage(format!(
            "--per-host {limit} cannot be kept by {room} worker processes, which do not know of each \
             other's requests: use --with processes:{limit}, or another executor"
        ))),
        _ => Ok(()),
    }
}
