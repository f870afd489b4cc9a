//! What a request costs the thread that sends it, beside plain reqwest on a runtime of its own; and
//! what a client for one more thread costs.
//!
//! `cargo bench -p manyhands-http`. The server runs on another thread. Rivals run in turns; CPU time
//! is that of the calling thread, and the best of several turns counts.

use std::future::IntoFuture;
use std::time::{Duration, Instant};

use manyhands_http::Session;
use rustix::time::{ClockId, clock_gettime};

#[path = "../tests/it/server.rs"]
#[allow(dead_code, reason = "the benchmark needs a part of it")]
mod server;

const TURNS: usize = 5;
const IN_FLIGHT: usize = 50;

fn main() {
    let site = server::Server::plain();
    let url = site.url("/bytes/1024").replace("localhost", "127.0.0.1");
    let session = Session::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(no_tls())
        .build()
        .expect("a client can be made");

    println!(
        "{:<34}{:>12}{:>12}{:>8}",
        "CPU of the caller per request", "reqwest", "session", "ratio"
    );
    row(
        "one after the other",
        4_000,
        |requests| {
            runtime.block_on(async {
                for _ in 0..requests {
                    plain(&client, &url).await;
                }
            });
        },
        |requests| {
            for _ in 0..requests {
                assert_eq!(
                    session.get(&*url).send().expect("the site answers").body_length(),
                    1024
                );
            }
        },
    );
    row(
        "50 under way",
        10_000,
        |requests| {
            runtime.block_on(async {
                let mut tasks = tokio::task::JoinSet::new();
                for _ in 0..requests {
                    if tasks.len() == IN_FLIGHT {
                        tasks.join_next().await;
                    }
                    let (client, url) = (client.clone(), url.clone());
                    tasks.spawn(async move { plain(&client, &url).await });
                }
                while tasks.join_next().await.is_some() {}
            });
        },
        |requests| {
            let urls = std::iter::repeat_n(&*url, requests);
            assert!(session.imap(urls, IN_FLIGHT).all(|(_, outcome)| outcome.is_ok()));
        },
    );
    row(
        "50 under way, awaited",
        10_000,
        |requests| {
            runtime.block_on(async {
                let mut tasks = tokio::task::JoinSet::new();
                for _ in 0..requests {
                    if tasks.len() == IN_FLIGHT {
                        tasks.join_next().await;
                    }
                    let (client, url) = (client.clone(), url.clone());
                    tasks.spawn(async move { plain(&client, &url).await });
                }
                while tasks.join_next().await.is_some() {}
            });
        },
        |requests| {
            runtime.block_on(async {
                let mut tasks = tokio::task::JoinSet::new();
                for _ in 0..requests {
                    if tasks.len() == IN_FLIGHT {
                        tasks.join_next().await;
                    }
                    tasks.spawn(session.get(&*url).into_future());
                }
                while tasks.join_next().await.is_some() {}
            });
        },
    );

    println!();
    for threads in [1, 200] {
        let session = Session::new();
        let start = Instant::now();
        let all: Vec<_> = (0..threads)
            .map(|_| {
                let (session, url) = (session.clone(), url.clone());
                std::thread::spawn(move || {
                    session.get(url).send().map(|response| response.attempts())
                })
            })
            .collect();
        assert!(all.into_iter().all(|thread| thread.join().is_ok_and(|sent| sent.is_ok())));
        println!("{threads:>4} new threads, one request each: {:?} in all", start.elapsed());
    }
    let start = Instant::now();
    std::thread::spawn(move || {
        let clients = 200;
        for _ in 0..clients {
            let session = Session::new();
            let outcome = session.get("http://127.0.0.1:1/").send();
            assert!(outcome.is_err());
        }
        println!("a session, its client and a refused connection: {:?}", start.elapsed() / clients);
    })
    .join()
    .expect("the thread does not panic");
}

async fn plain(client: &reqwest::Client, url: &str) {
    let response = client.get(url).send().await.expect("the site answers");
    assert_eq!(response.bytes().await.expect("with a body").len(), 1024);
}

fn row(name: &str, requests: usize, plain: impl Fn(usize), ours: impl Fn(usize)) {
    let turn = |f: &dyn Fn(usize)| {
        let start = cpu_time();
        f(requests);
        (cpu_time() - start) / requests as u32
    };
    let (mut best_plain, mut best_ours) = (Duration::MAX, Duration::MAX);
    for _ in 0..TURNS {
        best_plain = best_plain.min(turn(&plain));
        best_ours = best_ours.min(turn(&ours));
    }
    let ratio = best_ours.as_secs_f64() / best_plain.as_secs_f64();
    println!("{name:<34}{best_plain:>12.2?}{best_ours:>12.2?}{ratio:>8.2}");
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn no_tls() -> rustls::ClientConfig {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider suits")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}
