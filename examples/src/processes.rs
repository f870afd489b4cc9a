//! What the operating system says of processes.

use std::fs;

use anyhow::Context;

/// A process as the operating system lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedProcess {
    /// Its number.
    pub pid: u32,
    /// The number of the process that has started it, or has inherited it.
    pub parent: u32,
    /// What it does, as one letter: `R` runs, `S` and `D` wait, `Z` is a zombie, which has ended and
    /// whose parent has not asked how.
    pub state: char,
    /// The words that it was started with, separated by spaces. A zombie has none.
    pub command_line: String,
}

impl ListedProcess {
    /// All processes that there are, from Linux' `/proc`.
    ///
    /// # Errors
    /// If there is no such folder.
    pub fn all() -> anyhow::Result<Vec<ListedProcess>> {
        let folder = fs::read_dir("/proc").context("processes are only listed on Linux")?;
        let names = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let pids = names.filter_map(|name| name.parse().ok());
        // One that ends meanwhile is not there any more.
        Ok(pids.filter_map(find).collect())
    }
}

fn find(pid: u32) -> Option<ListedProcess> {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    read(pid, &status, &words)
}

/// The name in the status stands in parentheses and may have any character in it, these included.
fn read(pid: u32, status: &str, words: &[u8]) -> Option<ListedProcess> {
    let mut fields = status.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let command_line = String::from_utf8_lossy(words).trim_end_matches('\0').replace('\0', " ");
    Some(ListedProcess { pid, parent, state, command_line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_listed() {
        let all = ListedProcess::all().unwrap();
        let this = all.iter().find(|process| process.pid == std::process::id()).unwrap();
        assert_eq!(this.parent, std::os::unix::process::parent_id());
        assert_ne!(this.state, 'Z');
        let program = std::env::args().next().unwrap();
        assert!(this.command_line.starts_with(&program), "{this:?}");
    }

    #[test]
    fn a_name_may_look_like_anything() {
        let process = read(7, "7 (a) Z 1 (b)) S 5 6 6 0 -1", b"sleep\x003600\0").unwrap();
        assert_eq!((process.parent, process.state), (5, 'S'));
        assert_eq!(process.command_line, "sleep 3600");
        assert_eq!(read(7, "7 (a", b""), None);
    }
}
