//! External programs: input, output, pipelines, time limits.
//!
//! How a program is started, waited for and ended (states, invariants, rejected designs) is in the
//! `README.md` of this folder.

mod builder;
mod child;
mod environment;
mod error;
mod exchange;
mod family;
mod launch;
mod output;
mod pipeline;
mod pipes;
mod prepared;
mod quote;
mod run;
mod running;
mod streams;

pub use builder::{Command, ProcessGroup};
pub use error::{CommandError, CommandErrorKind};
pub use output::CommandOutput;
pub use pipeline::{Pipeline, PipelineOutput};
pub use pipes::{InputWriter, OutputReader};
pub use run::run_command;
pub use running::{ProgramHandle, Running};
pub use streams::{Descriptor, InputFrom, OutputTo};
