//! A web handler that waits for three blocking calls: how long an answer takes the more clients
//! there are. The calls take 0.3 s at best, however many ask.

use std::process::Command;

use super::load::median_latency_s;
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::process::{Running, part, python};
use crate::report::Better;

const FLASK: &str = "Flask, its default pool";
const FLASK_WITH_ROOM: &str = "Flask, pool of 200";

/// What the bar asks for: 0.32 s where nothing can be faster than 0.3 s.
const BAR: f64 = 0.32 / 0.3;

#[derive(Clone, Copy)]
struct Load {
    clients: usize,
    /// By each client.
    requests: usize,
    calls_ms: [u64; 3],
}

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    let calls_ms = scale.pick([100, 200, 300], [2, 4, 6]);
    let loads = [("handler_1", 1, 10), ("handler_10", 10, 4), ("handler_50", 50, 3)];
    let case = |(name, clients, requests)| {
        let requests = scale.pick(requests, 2);
        Load { clients, requests, calls_ms }.case(name)
    };
    loads.into_iter().map(case).collect()
}

impl Load {
    fn case(self, name: &'static str) -> Case<'static> {
        let longest_s = self.calls_ms[2] as f64 / 1e3;
        let [first, second, third] = self.calls_ms;
        let about = format!(
            "median answer of an axum handler that waits for blocking calls of {first}, {second} \
             and {third} ms; ours on the executor \"async\" as it comes; clients: {}",
            self.clients
        );
        let flask = |name, pool_size: &str| {
            let words = [&[pool_size.to_owned()][..], &self.words()].concat();
            if let Err(why) = python("flask_handler.py", &["flask"], &words) {
                return Contender::missing(name, why);
            }
            Contender::single(name, move || {
                let command = python("flask_handler.py", &["flask"], &words);
                self.run(command.map_err(anyhow::Error::msg)?)
            })
        };
        let by_part = |name, play: &'static str, how: &str| {
            let words = [&self.words()[..], &[how.to_owned()]].concat();
            Contender::single(name, move || self.run(part(play, &words)?))
        };
        Case {
            rows: vec![RowSpec {
                name,
                about,
                unit: "s",
                better: Better::Lower,
                metric: 0,
                against: Against::Ideal(longest_s),
                bar: Some(BAR),
            }],
            contenders: vec![
                by_part(OURS, "handler-ours", "async"),
                by_part("ours, threads:200", "handler-ours", "threads:200"),
                by_part("tokio, spawn_blocking", "handler-tokio", "-"),
                flask(FLASK, "0"),
                flask(FLASK_WITH_ROOM, "200"),
            ],
        }
    }

    fn words(self) -> Vec<String> {
        self.calls_ms.iter().map(u64::to_string).collect()
    }

    fn run(self, server: Command) -> anyhow::Result<f64> {
        let mut server = Running::start(server)?;
        let url = server.read_line()?;
        let expected = self.calls_ms.iter().sum::<u64>().to_string();
        median_latency_s(&url, self.clients, self.requests, &expected)
    }
}
