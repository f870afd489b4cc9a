//! Every context and what it waits for, at one moment.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::context::{ContextKind, look_at_all};
use crate::deadlock::Holder;
use crate::layer::TaskLabel;
use crate::place::Place;
use crate::publication::WaitSeen;

/// Lists every context that has waited or asked for itself, and what each one waits for now.
///
/// May be called from anywhere at any time; it takes only short locks. The list is not one instant
/// of the whole process: contexts are looked at one after the other.
///
/// ```
/// # let me = manyhands_wait::Context::current();
/// println!("{}", manyhands_wait::dump());
/// ```
#[doc(alias = "faulthandler.dump_traceback")]
#[doc(alias = "print_run_info")]
pub fn dump() -> Dump {
    let now = Instant::now();
    let contexts = look_at_all()
        .into_iter()
        .map(|seen| ContextDump {
            id: seen.id,
            kind: seen.kind,
            name: seen.name,
            wait: seen.wait.map(|wait| WaitDump::new(wait, now)),
        })
        .collect();
    Dump { contexts }
}

/// What [`dump`] found; prints as one line per context.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Dump {
    /// The contexts, in the order in which they became known.
    pub contexts: Vec<ContextDump>,
}

/// One context in a [`Dump`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ContextDump {
    /// Its number.
    pub id: u64,
    /// What kind of context it is.
    pub kind: ContextKind,
    /// Its name.
    pub name: Arc<str>,
    /// What it waits for, if it waits.
    pub wait: Option<WaitDump>,
}

/// One wait in a [`Dump`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WaitDump {
    /// The kind of wait.
    pub reason: &'static str,
    /// Where the wait was called.
    pub at: Place,
    /// For how long it has lasted.
    pub age: Duration,
    /// How much longer it may last, if it has an end.
    pub left: Option<Duration>,
    /// The number of the task it is for, if it is for a task.
    pub on_task: Option<u64>,
    /// The task whose code waits, if it is a task's.
    pub in_task: Option<TaskLabel>,
    /// What it waits for in words, such as `mutex 'fork'`, if the wait-for graph knows it.
    pub waits_for: Option<String>,
    /// Who would have to go on for the wait to end, as far as that is known.
    pub held_by: Vec<Holder>,
}

impl WaitDump {
    fn new(wait: WaitSeen, now: Instant) -> WaitDump {
        let (waits_for, held_by) = wait.edge.unzip();
        WaitDump {
            reason: wait.reason.text(),
            at: wait.at,
            age: wait.since.age(),
            left: wait.until.map(|until| until.saturating_duration_since(now)),
            on_task: wait.on_task,
            in_task: wait.in_task,
            waits_for,
            held_by: held_by.unwrap_or_default(),
        }
    }
}

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.contexts.iter().filter(|context| context.wait.is_some()).count();
        writeln!(f, "{} contexts, {waiting} waiting", self.contexts.len())?;
        self.contexts.iter().try_for_each(|context| writeln!(f, "  {context}"))
    }
}

impl fmt::Display for ContextDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {} '{}'", self.id, self.kind, self.name)?;
        match &self.wait {
            None => f.write_str(" runs"),
            Some(wait) => wait.fmt(f),
        }
    }
}

impl fmt::Display for WaitDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(task) = &self.in_task {
            write!(f, " in {task}")?;
        }
        let what = self.waits_for.as_deref().unwrap_or(self.reason);
        write!(f, " waits {:.3} s for {what}", self.age.as_secs_f64())?;
        for (place, holder) in self.held_by.iter().enumerate() {
            f.write_str(if place == 0 { " held by " } else { " and by " })?;
            write!(f, "{holder}")?;
        }
        if let (Some(id), None) = (self.on_task, &self.waits_for) {
            write!(f, " (task {id})")?;
        }
        if let Some(left) = self.left {
            write!(f, ", {:.3} s left", left.as_secs_f64())?;
        }
        write!(f, ", at {}", self.at)
    }
}

impl fmt::Display for TaskLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "task {} '{name}'", self.id),
            None => write!(f, "task {}", self.id),
        }
    }
}
