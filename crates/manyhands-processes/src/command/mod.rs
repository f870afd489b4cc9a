//! External programs: input, output, pipelines, time limits.
