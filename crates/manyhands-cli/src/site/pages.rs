//! What the site holds: twelve front pages of news sites with the sizes they had when their
//! download was first timed, and twenty-four small JSON pages.
//!
//! Every page has a wait that stands for the way to a far server. A front page waits one round trip
//! and then as long as its bytes take over a line of 57 Mbit/s, which makes 2.76 s for all twelve
//! one after the other and 0.30 s for the longest; a JSON page waits 48 ms.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;

/// The front pages in the order in which they are fetched: host and size in bytes. One of them is
/// fetched twice.
pub(crate) const FRONT_PAGES: [(&str, usize); 12] = [
    ("www.baidu.com", 2443),
    ("pypi.org", 18818),
    ("www.sina.com.cn", 572160),
    ("www.163.com", 695359),
    ("news.qq.com", 6216),
    ("www.ifeng.com", 251170),
    ("www.ce.cn", 107852),
    ("news.baidu.com", 73977),
    ("www.people.com.cn", 152458),
    ("www.ce.cn", 107852),
    ("news.163.com", 208375),
    ("news.sohu.com", 175232),
];

/// How many JSON pages there are: one for every hour of a day.
const JSON_PAGES: u32 = 24;

/// The wait of a JSON page.
const JSON_LATENCY: Duration = Duration::from_millis(48);

/// The part of a front page's wait that does not depend on its size.
const ROUND_TRIP: Duration = Duration::from_micros(202_200);

/// How long one byte of a front page is on the line: 57 Mbit/s.
const NANOSECONDS_PER_BYTE: f64 = 140.65;

/// One page of the site, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// Where it is found, from the leading slash on.
    pub path: String,
    /// The `Content-Type` it is sent with.
    pub content_type: &'static str,
    /// How long the server waits before it answers, unscaled.
    pub latency: Duration,
    /// What is sent.
    pub body: Bytes,
}

/// The paths of the twelve front pages, in the order in which they are fetched.
pub(crate) fn front_paths() -> Vec<String> {
    FRONT_PAGES.iter().map(|(host, _)| front_path(host)).collect()
}

/// The paths of the JSON pages, in the order in which they are fetched.
pub(crate) fn json_paths() -> Vec<String> {
    (1..=JSON_PAGES).map(json_path).collect()
}

/// Every page of the site once, with an index of links at `/`.
pub(crate) fn all() -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    for (host, bytes) in FRONT_PAGES {
        let path = front_path(host);
        if pages.iter().all(|page| page.path != path) {
            pages.push(Page {
                path,
                content_type: "text/html; charset=utf-8",
                latency: front_latency(bytes),
                body: document(host, bytes),
            });
        }
    }
    for hour in 1..=JSON_PAGES {
        pages.push(Page {
            path: json_path(hour),
            content_type: "application/json",
            latency: JSON_LATENCY,
            body: hourly_list(hour),
        });
    }
    pages.push(index(&pages));
    pages
}

fn front_path(host: &str) -> String {
    format!("/pages/{host}")
}

fn json_path(hour: u32) -> String {
    format!("/downloads/baidu_pip/{}.json", hour_stamp(hour))
}

/// Day and hour of a page as `2016030123`. The last hour of the day is the next day's hour nought.
fn hour_stamp(hour: u32) -> String {
    if hour == 24 { "2016030200".to_owned() } else { format!("20160301{hour:02}") }
}

fn front_latency(bytes: usize) -> Duration {
    ROUND_TRIP + Duration::from_nanos((bytes as f64 * NANOSECONDS_PER_BYTE) as u64)
}

/// An HTML document of exactly `bytes` bytes, the same at every start.
fn document(host: &str, bytes: usize) -> Bytes {
    const END: &str = "</body></html>\n";
    let mut text = format!(
        "<!doctype html>\n<html><head><meta charset=\"utf-8\"><title>{host}</title></head>\n<body>\n\
         <h1>{host}</h1>\n"
    );
    let room = bytes - END.len();
    let mut line = 0;
    while text.len() < room {
        line += 1;
        // Infallible: a String takes whatever is written to it.
        let _ = writeln!(text, "<p>{host}, line {line}: many hands make light work.</p>");
    }
    text.truncate(room);
    text.push_str(END);
    Bytes::from(text)
}

fn hourly_list(hour: u32) -> Bytes {
    let stamp = hour_stamp(hour);
    let items: Vec<_> = (1..=20)
        .map(|rank| serde_json::json!({"rank": rank, "name": format!("dish {rank} of {stamp}")}))
        .collect();
    Bytes::from(serde_json::json!({"hour": stamp, "items": items}).to_string())
}

fn index(pages: &[Page]) -> Page {
    let mut text = String::from(
        "<!doctype html>\n<html><head><meta charset=\"utf-8\"><title>manyhands serve</title></head>\n\
         <body>\n<ul>\n",
    );
    for page in pages {
        let _ = writeln!(
            text,
            "<li><a href=\"{path}\">{path}</a> {bytes} bytes, {wait} ms</li>",
            path = page.path,
            bytes = page.body.len(),
            wait = page.latency.as_millis(),
        );
    }
    text.push_str("</ul>\n</body></html>\n");
    Page {
        path: "/".to_owned(),
        content_type: "text/html; charset=utf-8",
        latency: Duration::ZERO,
        body: Bytes::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_that_is_fetched_has_one_page() {
        let pages = all();
        for path in front_paths().into_iter().chain(json_paths()) {
            assert_eq!(pages.iter().filter(|page| page.path == path).count(), 1, "{path}");
        }
        assert_eq!(front_paths().len(), 12);
        assert_eq!(json_paths().len(), 24);
        assert_eq!(json_paths()[0], "/downloads/baidu_pip/2016030101.json");
        assert_eq!(json_paths()[23], "/downloads/baidu_pip/2016030200.json");
    }

    #[test]
    fn front_pages_have_the_sizes_of_the_list() {
        let pages = all();
        for (host, bytes) in FRONT_PAGES {
            let page = pages.iter().find(|page| page.path == front_path(host));
            assert_eq!(page.map(|page| page.body.len()), Some(bytes), "{host}");
        }
    }

    #[test]
    fn waits_add_up_to_the_experiment() {
        let waits = FRONT_PAGES.map(|(_, bytes)| front_latency(bytes).as_secs_f64());
        let sum: f64 = waits.iter().sum();
        let longest = waits.iter().copied().fold(0.0, f64::max);
        assert!((sum - 2.76).abs() < 0.01, "{sum}");
        assert!((longest - 0.30).abs() < 0.005, "{longest}");
    }

    #[test]
    fn json_pages_are_json() {
        for page in all().iter().filter(|page| page.content_type == "application/json") {
            assert!(
                serde_json::from_slice::<serde_json::Value>(&page.body).is_ok(),
                "{}",
                page.path
            );
        }
    }
}
