//! C8: a million coroutines asleep at once, in one thread.
//!
//! Follows the remark that one processor carries tens of thousands of coroutines with ease.
//!
//! Better here: a million, each with a stack of 256 KiB and a guard below it. Only what a stack uses
//! takes memory: one page for a coroutine that sleeps near its beginning.
//!
//! How many may be given as an argument.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use anyhow::Context;
use examples::{Memory, Options, cpu_time};
use manyhands::coroutines::stack;
use manyhands::{Task, sleep, spawn_local};

pub(crate) fn main() -> anyhow::Result<()> {
    let (options, words) = Options::with_words()?;
    let count: u64 = match words.first() {
        None => 1_000_000,
        Some(word) => word.parse().with_context(|| format!("not a number: {word:?}"))?,
    };
    let pause = options.scaled(10.0);
    let before = Memory::now()?;
    let (start, cpu_before) = (Instant::now(), cpu_time());

    // No atomics: all of them run in this thread.
    let asleep = Rc::new(Cell::new(0));
    let tasks: Vec<Task<u64>> = (0..count)
        .map(|number| {
            let asleep = Rc::clone(&asleep);
            spawn_local(move || {
                asleep.set(asleep.get() + 1);
                sleep(pause);
                while asleep.get() < count {
                    sleep(pause); // the others are slow to come
                }
                number
            })
        })
        .collect();
    while asleep.get() < count {
        manyhands::yield_now();
    }
    let (created, cpu) = (start.elapsed(), cpu_time() - cpu_before);
    let memory = Memory::now()?;
    let stacks = stack::statistics();

    println!("{} coroutines asleep in one thread", asleep.get());
    println!(
        "created in {:.2} s, with {:.2} us of processor time each",
        created.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / count.max(1) as f64
    );
    let each = |now: u64, before: u64| now.saturating_sub(before) / count.max(1);
    println!(
        "memory: {:.2} GB in all, {} bytes each, and {} in page tables",
        memory.resident as f64 / 1e9,
        each(memory.resident, before.resident),
        each(memory.page_tables, before.page_tables)
    );
    println!("stacks: {} in use, guarded by {:?}", stacks.in_use, stacks.guard_method);

    let mut sum = 0;
    for task in tasks {
        sum += task.result()?;
    }
    println!(
        "all awake again after {:.2} s; the sum of their numbers is {sum}",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}
