//! A gallery of deadlocks: the classical programs that wait for ever, what others do with them, and
//! what manyhands says.
//!
//! ```sh
//! cargo run -p examples --example deadlocks              # lists them
//! cargo run -p examples --example deadlocks -- ab_ba     # runs one
//! cargo run -p examples --example deadlocks -- --all     # one after the other
//! ```
//!
//! Every program here ends. What can be proven to wait for ever is an error for one of those who
//! wait, and the others go on; what can only be suspected is reported, and the program then ends it
//! by itself.

mod ab_ba;
mod async_against_thread;
mod barrier_short_of_one;
mod behind_a_worker;
mod blocking_code;
mod callback_waits_for_its_task;
mod cast;
mod condvar_without_notifier;
mod coroutine_against_thread;
mod dining;
mod group_exit;
mod guard_leaked;
mod join_cycle;
mod join_with_lock_held;
mod lock_across_await;
mod nested_submit;
mod noodles_and_fork;
mod own_end_among_others;
mod pool_ended_with_lock_held;
mod process_against_parent;
mod queue_without_producer;
mod read_again_behind_a_writer;
mod reader_upgrade;
mod reentrant_across_coroutines;
mod seats_between_processes;
mod self_lock;
mod semaphore_of_two;
mod task_waits_for_itself;
mod three_ring;
mod three_way;
mod two_pools;
mod writer_starvation;

use anyhow::bail;

/// One exhibit.
pub(crate) struct Exhibit {
    /// By this it is asked for.
    pub(crate) name: &'static str,
    /// What the program does.
    pub(crate) program: &'static str,
    /// What becomes of it with the primitives of Rust's standard library.
    pub(crate) std: &'static str,
    /// With those of the crate `parking_lot`.
    pub(crate) parking_lot: &'static str,
    /// With those of tokio.
    pub(crate) tokio: &'static str,
    /// In Python, with `threading` and `asyncio`.
    pub(crate) python: &'static str,
    /// Runs it, and prints what manyhands says.
    pub(crate) run: fn() -> anyhow::Result<()>,
}

const GALLERY: &[Exhibit] = &[
    self_lock::EXHIBIT,
    ab_ba::EXHIBIT,
    noodles_and_fork::EXHIBIT,
    dining::FIVE,
    dining::HUNDRED,
    reader_upgrade::EXHIBIT,
    read_again_behind_a_writer::EXHIBIT,
    reentrant_across_coroutines::EXHIBIT,
    join_cycle::EXHIBIT,
    join_with_lock_held::EXHIBIT,
    task_waits_for_itself::EXHIBIT,
    callback_waits_for_its_task::EXHIBIT,
    own_end_among_others::EXHIBIT,
    group_exit::EXHIBIT,
    pool_ended_with_lock_held::EXHIBIT,
    nested_submit::EXHIBIT,
    two_pools::EXHIBIT,
    three_ring::EXHIBIT,
    semaphore_of_two::EXHIBIT,
    coroutine_against_thread::EXHIBIT,
    blocking_code::EXHIBIT,
    async_against_thread::EXHIBIT,
    process_against_parent::EXHIBIT,
    behind_a_worker::EXHIBIT,
    seats_between_processes::EXHIBIT,
    three_way::EXHIBIT,
    lock_across_await::EXHIBIT,
    guard_leaked::EXHIBIT,
    condvar_without_notifier::EXHIBIT,
    queue_without_producer::EXHIBIT,
    barrier_short_of_one::EXHIBIT,
    writer_starvation::EXHIBIT,
];

pub(crate) fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => {
            for exhibit in GALLERY {
                println!("{:<28} {}", exhibit.name, exhibit.program);
            }
            println!("\nName one of them, or --all.");
            Ok(())
        }
        [all] if all == "--all" => GALLERY.iter().try_for_each(show),
        [name] => match GALLERY.iter().find(|exhibit| exhibit.name == name) {
            Some(exhibit) => show(exhibit),
            None => bail!("there is no exhibit {name:?}; without arguments they are listed"),
        },
        _ => bail!("one exhibit at a time, or --all"),
    }
}

fn show(exhibit: &Exhibit) -> anyhow::Result<()> {
    println!("{}: {}", exhibit.name, exhibit.program);
    println!("  std:         {}", exhibit.std);
    println!("  parking_lot: {}", exhibit.parking_lot);
    println!("  tokio:       {}", exhibit.tokio);
    println!("  Python:      {}", exhibit.python);
    println!("  manyhands:");
    (exhibit.run)()?;
    println!();
    Ok(())
}
