//! A server that answers in upper case, under many connections that each wait for their answer
//! before they ask again. The load comes from a process of its own, on the same cores.

use super::contender::{GEVENT, GO, Program};
use super::load;
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::process::{Running, number, part};
use crate::report::Better;
use crate::rivals::{may, std_threads, tokio_tasks};
use crate::usage::{cpu_s_of, resident_bytes_of};

/// Hubs and workers of every server that has several.
const WORKERS: u64 = 2;

const PER_S: usize = 0;
const P99: usize = 1;
const CPU: usize = 2;
const MEMORY: usize = 3;

/// The names of the rows for one number of connections.
struct Names {
    rate: &'static str,
    rate_gevent: &'static str,
    p99: &'static str,
    cpu: &'static str,
    memory: &'static str,
}

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    let small = Names {
        rate: "echo_500",
        rate_gevent: "echo_500_gevent",
        p99: "echo_500_p99",
        cpu: "echo_500_cpu",
        memory: "echo_500_memory",
    };
    let large = Names {
        rate: "echo_10000",
        rate_gevent: "echo_10000_gevent",
        p99: "echo_10000_p99",
        cpu: "echo_10000_cpu",
        memory: "echo_10000_memory",
    };
    let load = |connections| load::Load {
        connections,
        warm_ms: scale.pick(1_000, 20),
        measured_ms: scale.pick(3_000, 50),
    };
    vec![case(load(scale.pick(500, 5)), &small), case(load(scale.pick(10_000, 20)), &large)]
}

fn case(load: load::Load, names: &Names) -> Case<'static> {
    let server = |name: &'static str, program: Program, workers: u64| -> Contender<'static> {
        let words = ["echo".to_owned(), workers.to_string()];
        // Parts of this program have a name of their own for it.
        let words = if matches!(program, Program::Part(_)) { &words[1..] } else { &words };
        let words = words.to_vec();
        if let Err(why) = program.command(&words) {
            return Contender::missing(name, why);
        }
        Contender::new(name, move || {
            run(program.command(&words).map_err(anyhow::Error::msg)?, &load)
        })
    };
    let row = |name, about: String, unit, better, metric, bar| {
        let against = Against::Only(&[tokio_tasks::MANY_THREADS]);
        RowSpec { name, about, unit, better, metric, against, bar }
    };
    let what = format!(
        "an upper-casing server under {} connections, two workers, the load on the same cores",
        load.connections
    );
    Case {
        rows: vec![
            row(names.rate, what, "per s", Better::Higher, PER_S, Some(1.0)),
            RowSpec {
                against: Against::Only(&[GEVENT]),
                ..row(
                    names.rate_gevent,
                    "the same, held against gevent".to_owned(),
                    "per s",
                    Better::Higher,
                    PER_S,
                    Some(5.0),
                )
            },
            row(
                names.p99,
                "the same: 99 of 100 answers come within".to_owned(),
                "ms",
                Better::Lower,
                P99,
                Some(1.0),
            ),
            row(
                names.cpu,
                "the same: CPU time of the server for a request".to_owned(),
                "us",
                Better::Lower,
                CPU,
                None,
            ),
            row(
                names.memory,
                "the same: resident memory of the server for a connection".to_owned(),
                "KiB",
                Better::Lower,
                MEMORY,
                None,
            ),
        ],
        contenders: vec![
            server(OURS, Program::Part("echo-ours"), WORKERS),
            server(tokio_tasks::MANY_THREADS, Program::Part("echo-tokio"), WORKERS),
            server("ours, one hub", Program::Part("echo-ours"), 1),
            server(tokio_tasks::ONE_THREAD, Program::Part("echo-tokio"), 0),
            server(may::NAME, Program::Part("echo-may"), WORKERS),
            server(GO, Program::Go, WORKERS),
            server(GEVENT, Program::Python, WORKERS),
            server(std_threads::NAME, Program::Part("echo-threads"), WORKERS),
        ],
    }
}

/// Requests a second, the 99th percentile in milliseconds, CPU microseconds of the server for a
/// request, KiB of it for a connection.
fn run(server: std::process::Command, load: &load::Load) -> anyhow::Result<Vec<f64>> {
    let mut server = Running::start(server)?;
    let address = server.read_line()?;
    let resident_before = resident_bytes_of(server.id())?;
    let mut clients = Running::start(part("echo-load", &load.words(&address))?)?;
    clients.read_line()?;
    let cpu_before = cpu_s_of(server.id())?;
    let answer = serde_json::from_str(&clients.read_line()?)?;
    let cpu_s = cpu_s_of(server.id())? - cpu_before;
    let resident = resident_bytes_of(server.id())? - resident_before;
    let requests = number(&answer, "requests")?;
    Ok(vec![
        requests / number(&answer, "seconds")?,
        number(&answer, "p99_ms")?,
        cpu_s / requests * 1e6,
        resident / load.connections as f64 / 1024.0,
    ])
}
