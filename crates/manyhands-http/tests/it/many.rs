//! Many requests at once.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use manyhands_executor::{
    Executor, InProcess, Job, Rejected, RejectedReason, Sequential, Shutdown,
};
use manyhands_http::{HttpErrorKind, Request, Session};

use crate::server::{Server, until};

#[test]
fn responses_come_in_the_order_of_the_list_and_errors_lose_nothing() {
    let server = Server::plain();
    let session = Session::new();
    let requests: Vec<Request> = (0..60)
        .map(|n| match n % 3 {
            0 => Request::get(server.url(&format!("/sleep/{}", 60 - n))),
            1 => Request::get(server.url(&format!("/bytes/{n}"))),
            _ => Request::get("http://127.0.0.1:1/"),
        })
        .collect();
    for outcomes in [
        session.map(requests.clone(), 10).collect::<Vec<_>>(),
        session.map_on(&Sequential::new(), requests.clone(), 10).collect(),
    ] {
        assert_eq!(outcomes.len(), 60);
        for (n, outcome) in outcomes.iter().enumerate() {
            match (n % 3, outcome) {
                (0, Ok(response)) => assert_eq!(response.text(), format!("/sleep/{}", 60 - n)),
                (1, Ok(response)) => assert_eq!(response.body_length(), n as u64),
                (2, Err(error)) => assert_eq!(error.kind(), HttpErrorKind::Connect),
                (_, other) => panic!("request {n}: {other:?}"),
            }
        }
    }
}

#[test]
fn at_most_size_requests_are_under_way() {
    let server = Server::plain();
    let session = Session::new();
    let urls: Vec<_> = (0..40).map(|_| server.url("/sleep/20")).collect();
    assert!(session.map(urls, 8).all(|outcome| outcome.is_ok()));
    assert_eq!(server.most_under_way(), 8);
    assert!(server.connections() <= 8, "{} connections", server.connections());
}

#[test]
fn the_limit_per_host_holds_over_threads() {
    let server = Server::plain();
    let session = Session::builder().per_host(3).build().unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let session = session.clone();
            let urls: Vec<_> = (0..10).map(|_| server.url("/sleep/10")).collect();
            std::thread::spawn(move || session.map(urls, 10).all(|outcome| outcome.is_ok()))
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    assert_eq!(server.requests(), 40);
    assert!(server.most_under_way() <= 3, "{} at a time", server.most_under_way());
}

#[test]
fn imap_yields_what_ends_first_with_its_index() {
    let server = Server::plain();
    let session = Session::new();
    let urls = [server.url("/sleep/300"), server.url("/sleep/0"), "nonsense".to_owned()];
    let mut indices: Vec<usize> = session.imap(urls, 3).map(|(index, _)| index).collect();
    assert_eq!(indices.pop(), Some(0), "the slow one comes last");
    indices.sort_unstable();
    assert_eq!(indices, [1, 2]);
}

#[test]
fn an_endless_list_is_taken_as_there_is_room() {
    let server = Server::plain();
    let session = Session::new();
    let mut taken = 0;
    let urls = std::iter::repeat_with(|| {
        taken += 1;
        server.url("/bytes/1")
    });
    assert_eq!(session.imap(urls, 5).take(50).filter(|(_, outcome)| outcome.is_ok()).count(), 50);
    assert!(taken <= 55, "{taken}");
}

#[test]
fn dropping_the_iterator_cancels_what_is_under_way() {
    let server = Server::plain();
    let session = Session::builder().per_host(4).build().unwrap();
    let mut urls = vec![server.url("/sleep/0")];
    urls.extend((0..10).map(|_| server.url("/sleep/600000")));
    let mut outcomes = session.imap(urls, 4);
    assert!(outcomes.next().unwrap().1.is_ok());
    drop(outcomes);
    // The places are free at once, and the connections are closed without another wait.
    until("connections are closed", || {
        std::thread::sleep(Duration::from_millis(2));
        server.open() <= 1
    });
    assert!(session.get(server.url("/echo")).send().is_ok());
}

#[test]
fn in_a_multi_thread_runtime_it_works_from_a_task() {
    let server = Server::plain();
    let session = Session::new();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let urls: Vec<_> = (0..20).map(|n| server.url(&format!("/bytes/{n}"))).collect();
    let lengths = runtime.block_on(runtime.spawn(async move {
        session.map(urls, 4).map(|outcome| outcome.unwrap().body_length()).collect::<Vec<_>>()
    }));
    assert_eq!(lengths.unwrap(), (0..20).collect::<Vec<_>>());
}

#[test]
#[should_panic(expected = "the hook's own words")]
fn a_panic_of_a_hook_goes_on_in_the_caller() {
    let server = Server::plain();
    let session =
        Session::builder().on_response(|_| panic!("the hook's own words")).build().unwrap();
    session.map([server.url("/echo")], 1).for_each(drop);
}

#[test]
fn a_panic_of_a_hook_on_an_executor_is_that_requests_error() {
    let server = Server::plain();
    let session = Session::builder()
        .on_response(|response| assert!(response.body_length() != 1, "one is too few"))
        .build()
        .unwrap();
    let urls = (0..3).map(|n| server.url(&format!("/bytes/{n}")));
    let outcomes: Vec<_> = session.map_on(&Sequential::new(), urls, 2).collect();
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    let error = outcomes[1].as_ref().unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::NotRun);
    assert!(error.to_string().contains("one is too few"), "{error}");
}

#[test]
fn an_executor_that_was_shut_down_makes_errors() {
    let executor = Sequential::new();
    executor.shutdown(Shutdown::WAIT);
    let outcomes: Vec<_> = Session::new().map_on(&executor, ["http://a.example/"], 2).collect();
    assert_eq!(outcomes[0].as_ref().unwrap_err().kind(), HttpErrorKind::NotRun);
}

/// Threads that share a queue, each with a reactor of its own.
struct Workers {
    size: usize,
    queue: mpsc::Sender<Job>,
}

impl Workers {
    fn new(size: usize) -> Workers {
        let (queue, jobs) = mpsc::channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..size {
            let jobs = Arc::clone(&jobs);
            std::thread::spawn(move || {
                loop {
                    let next = jobs.lock().unwrap().recv();
                    let Ok(job) = next else { return };
                    job.run();
                }
            });
        }
        Workers { size, queue }
    }
}

impl Executor for Workers {
    fn execute(&self, job: Job) -> Result<(), Rejected> {
        self.queue.send(job).map_err(|unsent| Rejected::new(unsent.0, RejectedReason::ShutDown))
    }

    fn parallelism(&self) -> usize {
        self.size
    }

    fn limit(&self) -> Option<usize> {
        Some(self.size)
    }

    fn shutdown(&self, _how: Shutdown) {}
}

impl InProcess for Workers {}

#[test]
fn at_most_size_requests_are_under_way_on_an_executor_of_any_size() {
    for (workers, size, most) in [(4, 4, 4), (3, 8, 3), (8, 3, 3)] {
        let server = Server::plain();
        let (session, executor) = (Session::new(), Workers::new(workers));
        let urls: Vec<_> = (0..40).map(|_| server.url("/sleep/10")).collect();
        assert!(session.map_on(&executor, urls, size).all(|outcome| outcome.is_ok()));
        assert_eq!(server.requests(), 40);
        assert!(server.most_under_way() <= most, "{} at a time", server.most_under_way());
    }
}

#[test]
fn an_executor_that_bounds_them_itself_has_the_next_ones_queued_but_not_all() {
    let server = Server::plain();
    let (session, executor) = (Session::new(), Workers::new(2));
    let mut taken = 0;
    let urls = std::iter::repeat_with(|| {
        taken += 1;
        server.url("/bytes/1")
    });
    let mut responses = session.imap_on(&executor, urls, 2);
    assert!(responses.next().is_some_and(|(_, outcome)| outcome.is_ok()));
    drop(responses);
    assert!(taken <= 4, "{taken} taken for the first response");
}

#[test]
fn a_hook_may_wait_where_its_caller_may() {
    let server = Server::plain();
    let session = Session::builder()
        .on_response(|_| manyhands_wait::sleep(Duration::from_millis(1)))
        .build()
        .unwrap();
    assert!(session.get(server.url("/bytes/1")).send().is_ok());
    let urls: Vec<_> = (0..4).map(|_| server.url("/bytes/1")).collect();
    assert!(session.map_on(&Workers::new(2), urls, 2).all(|outcome| outcome.is_ok()));
}

#[test]
fn an_iterator_outlives_a_wait_for_its_next_response_that_was_cut_short() {
    let server = Server::plain();
    let session = Session::new();
    let mut responses = session.map([server.url("/sleep/200"), server.url("/bytes/1")], 2);
    let cut_short = manyhands_wait::timeout(Duration::from_millis(20), || responses.next());
    assert!(cut_short.is_err());
    assert_eq!(responses.filter(|outcome| outcome.is_ok()).count(), 2);
    assert_eq!(server.requests(), 2);
}
