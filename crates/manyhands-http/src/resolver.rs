//! Looking up hosts: off the calling thread, each name once at a time, remembered for a while.
//!
//! The system's resolver blocks, so it runs on a blocking thread of whichever runtime asks. All
//! clients of a session share what it says: two hundred threads that start on one host ask once.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::watch;

use crate::error::Phase;
use crate::phase::Track;

/// How long an answer is used. Short, because the system does not tell how long it is good for.
const GOOD_FOR: Duration = Duration::from_secs(30);
/// How long a failure is used: just long enough that those who ask together are told together.
const BAD_FOR: Duration = Duration::from_millis(500);
/// From so many names on, those whose time is over are thrown out.
const CROWDED: usize = 1024;

type Answer = Result<Arc<[SocketAddr]>, LookupFailed>;

/// A resolver that remembers.
#[derive(Clone, Default)]
pub(crate) struct Resolver {
    names: Arc<Mutex<HashMap<String, Lookup>>>,
}

/// One name: under way, or answered.
struct Lookup {
    answer: watch::Receiver<Option<Answer>>,
    asked: Instant,
}

impl Resolver {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Lookup>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn addresses(self, host: String) -> Answer {
        loop {
            let mut answer = self.ask(&host);
            // An error means that the runtime on whose thread the look-up was to run has ended
            // first: then it is asked again, from here.
            if let Ok(answer) = answer.wait_for(Option::is_some).await
                && let Some(answer) = &*answer
            {
                return answer.clone();
            }
        }
    }

    /// The answer to come for this host; starts a look-up if there is none that can be used.
    fn ask(&self, host: &str) -> watch::Receiver<Option<Answer>> {
        let mut names = self.lock();
        if let Some(lookup) = names.get(host).filter(|lookup| lookup.is_usable()) {
            return lookup.answer.clone();
        }
        if names.len() >= CROWDED {
            names.retain(|_, lookup| lookup.is_usable());
        }
        let (tell, answer) = watch::channel(None);
        names.insert(host.to_owned(), Lookup { answer: answer.clone(), asked: Instant::now() });
        drop(names);
        let host = host.to_owned();
        tokio::task::spawn_blocking(move || {
            let found = (host.as_str(), 0).to_socket_addrs();
            let found = found.map(|addresses| addresses.collect::<Arc<[_]>>());
            // Nobody may want it any more.
            let _ = tell.send(Some(found.map_err(|error| LookupFailed::new(&host, &error))));
        });
        answer
    }
}

impl Lookup {
    fn is_usable(&self) -> bool {
        match &*self.answer.borrow() {
            Some(Ok(_)) => self.asked.elapsed() < GOOD_FOR,
            Some(Err(_)) => self.asked.elapsed() < BAD_FOR,
            None => self.answer.has_changed().is_ok(),
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let track = Track::current();
        let lookup = self.clone().addresses(name.as_str().to_owned());
        Box::pin(async move {
            if let Some(track) = &track {
                track.set(Phase::Resolving);
            }
            let addresses = lookup.await?;
            if let Some(track) = &track {
                track.set(Phase::Connecting);
            }
            let each = (0..addresses.len()).map(move |place| addresses[place]);
            Ok(Box::new(each) as Addrs)
        })
    }
}

/// A host could not be looked up.
#[derive(Debug, Clone)]
pub(crate) struct LookupFailed {
    host: Arc<str>,
    cause: Arc<str>,
}

impl LookupFailed {
    fn new(host: &str, error: &io::Error) -> LookupFailed {
        // The standard library's own words for all of these come first and say less.
        let cause = error.to_string();
        let cause = cause.trim_start_matches("failed to lookup address information: ");
        LookupFailed { host: host.into(), cause: cause.into() }
    }
}

impl fmt::Display for LookupFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.host, self.cause)
    }
}

impl Error for LookupFailed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_asked_for_once_and_remembered() {
        let resolver = Resolver::default();
        manyhands_io::wait(async {
            let ask = || resolver.clone().addresses("localhost".into());
            let (first, second) = tokio::join!(ask(), ask());
            let (first, second) = (first.unwrap(), second.unwrap());
            assert!(!first.is_empty());
            assert!(Arc::ptr_eq(&first, &second), "the two who asked together share an answer");
            assert!(Arc::ptr_eq(&first, &ask().await.unwrap()), "and so does who asks later");
        });
    }

    #[test]
    fn a_lookup_that_died_with_its_runtime_is_made_again() {
        let resolver = Resolver::default();
        let (tell, answer) = watch::channel(None);
        drop(tell);
        let asked = Instant::now();
        resolver.lock().insert("localhost".into(), Lookup { answer, asked });
        let found = manyhands_io::wait(resolver.addresses("localhost".into()));
        assert!(found.is_ok());
    }

    #[test]
    fn a_failure_names_the_host() {
        let host = "no-such-host.invalid";
        let failed = manyhands_io::wait(Resolver::default().addresses(host.into())).unwrap_err();
        assert!(failed.to_string().starts_with("no-such-host.invalid: "), "{failed}");
        assert!(!failed.to_string().contains("failed to lookup"), "{failed}");
    }
}
