//! H6: where the time went.
//!
//! Follows the use of cProfile around two ways to fetch pages. A table of functions (calls, total
//! and average time) stands for the profile until recording comes, which will do this for every task
//! without being asked in the code.
//!
//! Better here: the time of a fetch is told apart from what is done with the response, and where
//! they overlap the sum is more than the clock shows, which is the point of doing it at once.
//!
//! URLs may be given as arguments; without any, a local site is fetched.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use examples::{Options, Site};
use manyhands::http::{HttpError, Session};
use manyhands::{AnyExecutor, InProcess, Model};

/// Calls and seconds of a few functions; clones write into one table.
#[derive(Clone, Default)]
struct Profile {
    rows: Arc<Mutex<Vec<Row>>>,
}

/// A function, its calls, and how long they took in all.
type Row = (&'static str, u32, Duration);

impl Profile {
    fn timed<T>(&self, function: &'static str, call: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let value = call();
        let took = start.elapsed();
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        match rows.iter_mut().find(|(name, _, _)| *name == function) {
            Some((_, calls, total)) => {
                *calls += 1;
                *total += took;
            }
            None => rows.push((function, 1, took)),
        }
        value
    }

    fn print(&self) {
        println!("  ncalls   tottime   percall  function");
        for (function, calls, total) in &*self.rows.lock().unwrap_or_else(PoisonError::into_inner) {
            let (total, each) = (total.as_secs_f64(), total.as_secs_f64() / f64::from(*calls));
            println!("{calls:8}{total:10.3}{each:10.4}  {function}");
        }
    }
}

fn words_of(profile: &Profile, session: &Session, url: &str) -> Result<usize, HttpError> {
    let response = profile.timed("get", || session.get(url).send())?;
    Ok(profile.timed("count words", || response.text().split_whitespace().count()))
}

pub(crate) fn main() -> anyhow::Result<()> {
    let (options, mut urls) = Options::with_words()?;
    if urls.is_empty() {
        urls = Site::start(options.scale())?.front_pages();
    }
    for model in ["sequential", "threads:12"] {
        let executor: AnyExecutor = model.parse::<Model>()?.start()?;
        let (profile, session) = (Profile::default(), Session::new());
        let start = Instant::now();
        let words = {
            let profile = profile.clone();
            executor
                .map_closure(move |url: String| words_of(&profile, &session, &url), urls.clone())
        };
        let words = words.map(|words| Ok(words??)).sum::<anyhow::Result<usize>>()?;
        let clock = start.elapsed().as_secs_f64();
        println!("{model}: {words} words in {clock:.3} s");
        profile.print();
    }
    Ok(())
}
