//! Turns: how many requests a session has under way to one host, and when a host wants to be left
//! alone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

/// Limits and pauses by host: scheme, name and port.
///
/// Shared by all threads and runtimes of a session. Only hosts with a request under way, or in a
/// pause, are held.
pub(crate) struct Hosts {
    limit: Option<usize>,
    places: Mutex<HashMap<String, Arc<Semaphore>>>,
    pauses: Mutex<HashMap<String, Instant>>,
    /// How many hosts are in `pauses`, so that the usual case takes no lock.
    paused: AtomicUsize,
}

impl Hosts {
    /// At most `limit` requests to one host at a time.
    pub(crate) fn new(limit: Option<usize>) -> Hosts {
        Hosts {
            limit,
            places: Mutex::default(),
            pauses: Mutex::default(),
            paused: AtomicUsize::new(0),
        }
    }

    /// Waits until a request to the host of `url` may begin. The request is under way until the
    /// turn is dropped.
    pub(crate) async fn turn(&self, url: &Url) -> Turn<'_> {
        loop {
            self.until_unpaused(url).await;
            let turn = self.place(url).await;
            // The host may have asked for a pause while the request waited for its place.
            if self.pause_of(url).is_none() {
                return turn;
            }
        }
    }

    /// Begins no request to the host of `url` for `length` from now.
    pub(crate) fn pause(&self, url: &Url, length: Duration) {
        let Some(until) = Instant::now().checked_add(length) else { return };
        let mut pauses = lock(&self.pauses);
        let entry = pauses.entry(host_of(url)).or_insert(until);
        *entry = until.max(*entry);
        self.paused.store(pauses.len(), Ordering::Release);
    }

    async fn until_unpaused(&self, url: &Url) {
        while let Some(until) = self.pause_of(url) {
            tokio::time::sleep_until(until.into()).await;
        }
    }

    fn pause_of(&self, url: &Url) -> Option<Instant> {
        if self.paused.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut pauses = lock(&self.pauses);
        let now = Instant::now();
        pauses.retain(|_, until| *until > now);
        self.paused.store(pauses.len(), Ordering::Release);
        pauses.get(&host_of(url)).copied()
    }

    async fn place(&self, url: &Url) -> Turn<'_> {
        let Some(limit) = self.limit else { return Turn { hosts: self, held: None } };
        let host = host_of(url);
        let places = {
            let mut places = lock(&self.places);
            let places =
                places.entry(host.clone()).or_insert_with(|| Arc::new(Semaphore::new(limit)));
            Arc::clone(places)
        };
        // The turn is there before its place, so that a request that gives up cleans up as well.
        let mut turn = Turn { hosts: self, held: Some(Held { host, places, permit: None }) };
        if let Some(held) = &mut turn.held {
            // It fails only for a semaphore that was closed, and nobody closes these.
            held.permit = Arc::clone(&held.places).acquire_owned().await.ok();
        }
        turn
    }
}

/// The right to have a request under way; given back on drop.
#[must_use = "dropping it ends the turn"]
pub(crate) struct Turn<'a> {
    hosts: &'a Hosts,
    held: Option<Held>,
}

struct Held {
    host: String,
    places: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some(Held { host, places, permit }) = self.held.take() else { return };
        drop(permit);
        let mut map = lock(&self.hosts.places);
        // Others get theirs from the map, under its lock: with two left, the map's and this one,
        // nobody is there or waiting.
        if Arc::strong_count(&places) == 2 {
            map.remove(&host);
        }
    }
}

fn host_of(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}://{}:{port}", url.scheme(), url.host_str().unwrap_or_default())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn one_hosts_limit_is_not_anothers() {
        manyhands_io::wait(async {
            let hosts = Hosts::new(Some(2));
            let first = hosts.turn(&url("http://a.example/1")).await;
            let _second = hosts.turn(&url("http://a.example:80/2")).await;
            let _other = hosts.turn(&url("https://a.example/")).await;
            let third = url("http://a.example/3");
            let mut waiting = std::pin::pin!(hosts.turn(&third));
            assert!(!is_ready(&mut waiting).await);
            drop(first);
            assert!(is_ready(&mut waiting).await);
        });
    }

    async fn is_ready<F: Future>(future: &mut std::pin::Pin<&mut F>) -> bool {
        std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_ready())).await
    }

    #[test]
    fn hosts_without_requests_are_forgotten() {
        manyhands_io::wait(async {
            let hosts = Hosts::new(Some(1));
            for number in 0..100 {
                let url = url(&format!("http://h{number}.example/"));
                let turn = hosts.turn(&url).await;
                let mut given_up = Box::pin(hosts.turn(&url));
                assert!(!is_ready(&mut given_up.as_mut()).await);
                drop(given_up);
                drop(turn);
            }
            assert!(lock(&hosts.places).is_empty());
        });
    }

    #[test]
    fn a_pause_holds_back_one_host_and_ends() {
        manyhands_io::wait(async {
            let hosts = Hosts::new(None);
            let (busy, free) = (url("http://a.example/"), url("http://b.example/"));
            let pause = Duration::from_millis(30);
            let start = Instant::now();
            hosts.pause(&busy, pause);
            hosts.pause(&busy, Duration::from_millis(1));
            let _free = hosts.turn(&free).await;
            let _busy = hosts.turn(&busy).await;
            assert!(start.elapsed() >= pause, "the longer of two pauses counts");
            assert!(lock(&hosts.pauses).is_empty());
        });
    }
}
