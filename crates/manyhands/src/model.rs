//! Models of execution by name: `"threads:8"` and the like.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use crate::AnyExecutor;

/// A model and its size, as written in options and configuration.
///
/// ```
/// use manyhands::Model;
///
/// let model: Model = "threads:8".parse().unwrap();
/// assert_eq!(model.to_string(), "threads:8");
/// assert!("threads:0".parse::<Model>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Model {
    /// `sequential`: one after the other, on the caller's thread.
    Sequential,
    /// `threads` or `threads:N`: a pool of N threads; without N of the default size.
    #[cfg(feature = "threads")]
    Threads(Option<NonZeroUsize>),
    /// `coroutines` or `coroutines:HUBS`: coroutines on so many hubs; without a number one for each
    /// core.
    #[cfg(feature = "coroutines")]
    Coroutines(Option<NonZeroUsize>),
    /// `async` or `async:N`: at most N tasks in flight on the shared runtime.
    #[cfg(feature = "async")]
    Async(Option<NonZeroUsize>),
    /// `processes` or `processes:N`: a pool of N worker processes; without N one for each core.
    /// Takes plain functions only; closures and futures are rejected.
    #[cfg(feature = "processes")]
    Processes(Option<NonZeroUsize>),
}

/// What can be written, for messages.
const POSSIBLE: &[&str] = &[
    "sequential",
    #[cfg(feature = "threads")]
    "threads",
    #[cfg(feature = "threads")]
    "threads:N",
    #[cfg(feature = "coroutines")]
    "coroutines",
    #[cfg(feature = "coroutines")]
    "coroutines:N",
    #[cfg(feature = "async")]
    "async",
    #[cfg(feature = "async")]
    "async:N",
    #[cfg(feature = "processes")]
    "processes",
    #[cfg(feature = "processes")]
    "processes:N",
];

impl Model {
    /// Whether its workers share the caller's memory, so that it takes closures and futures. The
    /// others take plain functions with arguments and results that can be encoded.
    pub fn is_in_process(self) -> bool {
        #[cfg(feature = "processes")]
        if matches!(self, Model::Processes(_)) {
            return false;
        }
        true
    }

    /// The names that can be parsed, with `N` for a number from 1.
    pub fn possible() -> &'static [&'static str] {
        POSSIBLE
    }

    /// Makes an executor of this model.
    ///
    /// # Errors
    /// If it cannot be made: the operating system refuses what a runtime needs.
    pub fn start(self) -> Result<AnyExecutor, UnknownModel> {
        AnyExecutor::of(self).map_err(|why| UnknownModel { given: self.to_string(), why })
    }
}

impl FromStr for Model {
    type Err = UnknownModel;

    fn from_str(given: &str) -> Result<Model, UnknownModel> {
        let unknown = |why: &str| UnknownModel { given: given.to_owned(), why: why.to_owned() };
        let (name, size) = match given.split_once(':') {
            None => (given, None),
            Some((name, size)) => {
                let parsed: Result<usize, _> = size.parse();
                let size = parsed.map_err(|_| unknown("the size is not a number"))?;
                (name, Some(NonZeroUsize::new(size).ok_or_else(|| unknown("the size is 0"))?))
            }
        };
        match name {
            "sequential" if size.is_some() => Err(unknown("it has no size")),
            "sequential" => Ok(Model::Sequential),
            #[cfg(feature = "threads")]
            "threads" => Ok(Model::Threads(size)),
            #[cfg(feature = "coroutines")]
            "coroutines" => Ok(Model::Coroutines(size)),
            #[cfg(feature = "async")]
            "async" => Ok(Model::Async(size)),
            #[cfg(feature = "processes")]
            "processes" => Ok(Model::Processes(size)),
            _ => Err(unknown("there is no such model")),
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, size): (&str, Option<NonZeroUsize>) = match *self {
            Model::Sequential => ("sequential", None),
            #[cfg(feature = "threads")]
            Model::Threads(size) => ("threads", size),
            #[cfg(feature = "coroutines")]
            Model::Coroutines(size) => ("coroutines", size),
            #[cfg(feature = "async")]
            Model::Async(size) => ("async", size),
            #[cfg(feature = "processes")]
            Model::Processes(size) => ("processes", size),
        };
        match size {
            Some(size) => write!(f, "{name}:{size}"),
            None => f.write_str(name),
        }
    }
}

/// A text does not name a model, or the model cannot be started. Says what is possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownModel {
    given: String,
    why: String,
}

impl fmt::Display for UnknownModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let possible = POSSIBLE.join(", ");
        write!(f, "'{}' is not an executor: {}; possible are {possible}", self.given, self.why)?;
        f.write_str(" (N from 1)")
    }
}

impl std::error::Error for UnknownModel {}

#[cfg(all(
    test,
    feature = "threads",
    feature = "async",
    feature = "coroutines",
    feature = "processes"
))]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        let names = [
            "sequential",
            "threads",
            "threads:8",
            "coroutines",
            "coroutines:2",
            "async",
            "async:200",
            "processes",
            "processes:4",
        ];
        for name in names {
            assert_eq!(name.parse::<Model>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn errors_say_what_is_possible() {
        let wrong = ["", "thread", "threads:0", "threads:x", "threads:", "threads:-1", "async:0"];
        for name in
            wrong.into_iter().chain(["sequential:2", "Threads", "threads:8:8", "threads: 8"])
        {
            let message = name.parse::<Model>().unwrap_err().to_string();
            assert!(message.contains(&format!("'{name}'")), "{message}");
            for possible in Model::possible() {
                assert!(message.contains(possible), "{message}");
            }
        }
    }
}
