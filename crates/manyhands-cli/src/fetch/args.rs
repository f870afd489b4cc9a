//! The arguments of `manyhands fetch`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use manyhands::Model;
use manyhands::http::Url;

use crate::args::positive_seconds;
use crate::input::parse_url;

/// What `manyhands fetch` is asked to do.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct FetchArgs {
    /// URLs to fetch; - reads a list from standard input
    #[arg(value_name = "URL", value_parser = parse_source, required_unless_present = "files")]
    pub sources: Vec<Source>,

    /// Read URLs from a file, one per line; - reads standard input; may be given several times
    #[arg(short, long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Which executor drives the requests: sequential, threads:N, coroutines:HUBS, async:N or
    /// processes:N; the number may be left out [default: async, with room for as many as
    /// --concurrency]
    #[arg(short, long, value_name = "EXECUTOR")]
    pub with: Option<Model>,

    /// How many requests are under way at most [default: as many as the executor runs at a time,
    /// with async and coroutines 50]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: Option<u16>,

    /// How many requests to one host are under way at most; worker processes do not know of each
    /// other's, so there may be no more of them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub per_host: Option<u16>,

    /// How long one attempt may take, from looking up the host to the last byte [default: no
    /// limit, but a server that sends nothing for 30 s is given up]
    #[arg(short, long, value_name = "SECONDS", value_parser = positive_seconds)]
    pub timeout: Option<Duration>,

    /// How many times a failed request is tried again
    #[arg(short, long, value_name = "N", default_value_t = 2)]
    pub retries: u16,

    /// Send this header with every request; may be given several times
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    pub headers: Vec<(String, String)>,

    /// Store the bodies as files in this directory, which is made if it is not there
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,

    /// Print one JSON object per URL, each on one line
    #[arg(long)]
    pub json: bool,
}

/// Where URLs come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// From the command line.
    Url(Url),
    /// From standard input.
    Stdin,
}

const AFTER_HELP: &str = "\
One URL given here and nothing else: its body goes to standard output. Otherwise
a line per URL is printed as each ends, and the bodies are counted, or stored
with --output. A list is read as there is room, however long it is; a line that
is no URL is reported with its number and the rest goes on. Blank lines and
lines that start with # are skipped.

A status from 400 on is a failure. Tried again are requests without a complete
response, and those with status 408, 425, 429, 500, 502, 503 or 504; a host that
sends Retry-After is left alone for so long (if that is more than 120 s, the
response is final).

Worker processes (--with processes:N) fetch one URL each at a time, with
connections and pauses of their own, and write the bodies where they belong. One
that crashes costs the URL that it had.

Files are named after the last part of the URL's path and its query. A name that
is taken, also one that differs only in capitals, gets a number; no file is
overwritten, and no file has its name before it is complete.

An object of --json has the members url, status, bytes (decompressed),
elapsed_s, attempts, path and error; what there is not is null.

Examples:
  manyhands fetch https://example.com/
  manyhands fetch --file urls.txt --output pages
  manyhands fetch --file urls.txt --concurrency 200 --per-host 8 --json > log.jsonl
  manyhands fetch --with threads:8 --retries 5 --timeout 20 --file urls.txt
  sort -u urls.txt | manyhands fetch - --output pages

Exit codes:
  0    everything was fetched
  1    some failed, or a line is no URL
  2    wrong usage
  130  interrupted with Ctrl-C (143: by SIGTERM); what was done is printed";

fn parse_source(text: &str) -> Result<Source, String> {
    if text == "-" {
        return Ok(Source::Stdin);
    }
    parse_url(text).map(Source::Url)
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected a name, a colon and a value, such as \"Accept: text/html\"".to_owned()),
    }
}
