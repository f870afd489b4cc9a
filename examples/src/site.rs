//! A small site on a loopback address that answers after waits, as far servers do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;

use crate::server::serve;

/// The twelve front pages of the download experiment, in its order: host and size in bytes. One of
/// them is fetched twice.
pub const FRONT_PAGES: [(&str, usize); 12] = [
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

/// What a front page waits whatever its size, and for each of its bytes. Together that makes 2.76 s
/// for all twelve one after the other.
const ROUND_TRIP: Duration = Duration::from_micros(202_200);
const PER_BYTE: Duration = Duration::from_nanos(141);
/// What one of the small hourly pages waits.
const HOURLY: Duration = Duration::from_millis(48);
/// What one of the numbered pages waits.
const NUMBERED: Duration = Duration::from_millis(100);
/// What the pages are filled with.
const LINE: &str = "many hands make light work\n";

/// A running site. It serves until the process ends.
#[derive(Debug)]
pub struct Site {
    address: SocketAddr,
    load: Arc<Load>,
}

impl Site {
    /// Starts the site on a free port of 127.0.0.1, with every wait multiplied by `scale`.
    ///
    /// # Errors
    /// If the operating system grants no port or no thread.
    pub fn start(scale: f64) -> anyhow::Result<Site> {
        let load = Arc::new(Load::default());
        let pages = Pages { scale, load: Arc::clone(&load) };
        let router = Router::new()
            .route("/front/{host}", get(front_page))
            .route("/hourly/{stamp}", get(hourly_page))
            .route("/numbered/{number}", get(numbered_page))
            .with_state(pages);
        Ok(Site { address: serve(router)?, load })
    }

    /// The URLs of the twelve front pages, in the order in which they are fetched.
    pub fn front_pages(&self) -> Vec<String> {
        FRONT_PAGES.iter().map(|(host, _)| self.url(&format!("front/{host}"))).collect()
    }

    /// The URLs of twenty-four small JSON pages, one for every hour of a day.
    pub fn hourly_pages(&self) -> Vec<String> {
        (1..=24).map(|hour| self.url(&format!("hourly/20160301{hour:02}.json"))).collect()
    }

    /// The URLs of fifty pages of a list.
    pub fn numbered_pages(&self) -> Vec<String> {
        (1..=50).map(|page| self.url(&format!("numbered/{page}"))).collect()
    }

    /// How many requests were under way at a time, at most.
    pub fn peak(&self) -> usize {
        self.load.peak.load(Ordering::SeqCst)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}

/// How many requests are under way, and were at most.
#[derive(Debug, Default)]
struct Load {
    now: AtomicUsize,
    peak: AtomicUsize,
}

impl Load {
    /// Counts a request until the guard is dropped, also if its client goes away.
    fn begin(&self) -> impl Drop + use<'_> {
        struct End<'a>(&'a AtomicUsize);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.peak.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        End(&self.now)
    }
}

#[derive(Clone)]
struct Pages {
    scale: f64,
    load: Arc<Load>,
}

impl Pages {
    async fn answer(&self, wait: Duration, bytes: usize) -> String {
        let _under_way = self.load.begin();
        tokio::time::sleep(wait.mul_f64(self.scale)).await;
        let mut text = LINE.repeat(bytes.div_ceil(LINE.len()));
        text.truncate(bytes);
        text
    }
}

async fn front_page(
    State(pages): State<Pages>,
    Path(host): Path<String>,
) -> Result<String, StatusCode> {
    let page = FRONT_PAGES.iter().find(|(name, _)| *name == host);
    let (_, bytes) = page.ok_or(StatusCode::NOT_FOUND)?;
    Ok(pages.answer(ROUND_TRIP + PER_BYTE * (*bytes as u32), *bytes).await)
}

async fn hourly_page(State(pages): State<Pages>, Path(stamp): Path<String>) -> String {
    pages.answer(HOURLY, 0).await;
    serde_json::json!({ "hour": stamp.trim_end_matches(".json"), "items": [1, 2, 3] }).to_string()
}

async fn numbered_page(State(pages): State<Pages>, Path(number): Path<usize>) -> String {
    pages.answer(NUMBERED, 1000 + number).await
}
