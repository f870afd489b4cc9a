//! The arguments of `manyhands serve`.

use clap::Args;

/// What `manyhands serve` is asked to do.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Port to listen on; 0 takes any free one
    #[arg(short, long, default_value_t = 0, value_name = "PORT")]
    pub port: u16,

    /// Multiply every wait of the site by this; 0 answers at once
    #[arg(short, long, default_value_t = 1.0, value_name = "FACTOR", value_parser = crate::args::factor)]
    pub latency: f64,

    /// End when standard input ends: for a parent that holds the other end of a pipe
    #[arg(long, hide = true)]
    pub until_eof: bool,
}

const EXAMPLES: &str = "\
Prints its address as the first line on standard output and serves until it is
interrupted. The site has twelve front pages of 2,443 to 695,359 bytes under
/pages/ that together wait 2.8 s, and twenty-four small JSON pages of 48 ms
under /downloads/baidu_pip/. The page / lists them all.

Examples:
  manyhands serve --port 8080
  manyhands serve --latency 0.1";
