//! Every example in one program: run under the name of an example it is that example; otherwise its
//! first argument names one. For the tests, which need real processes.

#![forbid(unsafe_code)]

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::bail;

/// The programs, as modules, and the table to find them in.
macro_rules! examples {
    ($($name:ident: $path:literal,)+) => {
        $(#[path = $path] mod $name;)+

        const EXAMPLES: &[(&str, fn() -> anyhow::Result<()>)] =
            &[$((stringify!($name), $name::main)),+];
    };
}

examples! {
    a1_event_loop: "../seeds/a1_event_loop.rs",
    a2_bounded_crawler: "../seeds/a2_bounded_crawler.rs",
    c1_greenlet: "../seeds/c1_greenlet.rs",
    c2_switching_costs: "../seeds/c2_switching_costs.rs",
    c3_spawn_join_value: "../seeds/c3_spawn_join_value.rs",
    c4_sleep_switches: "../seeds/c4_sleep_switches.rs",
    c5_one_thread: "../seeds/c5_one_thread.rs",
    c6_synchronous_or_asynchronous: "../seeds/c6_synchronous_or_asynchronous.rs",
    c7_coroutine_echo_server: "../seeds/c7_coroutine_echo_server.rs",
    c8_million: "../seeds/c8_million.rs",
    c9_processes_threads_coroutines: "../seeds/c9_processes_threads_coroutines.rs",
    c10_no_lock_between_waits: "../seeds/c10_no_lock_between_waits.rs",
    e1_thread_pool: "../seeds/e1_thread_pool.rs",
    e2_process_pool: "../seeds/e2_process_pool.rs",
    e3_futures: "../seeds/e3_futures.rs",
    e4_callbacks: "../seeds/e4_callbacks.rs",
    e5_completion_order: "../seeds/e5_completion_order.rs",
    e6_errors: "../seeds/e6_errors.rs",
    e7_apply_async: "../seeds/e7_apply_async.rs",
    e8_reuse_and_bound: "../seeds/e8_reuse_and_bound.rs",
    e9_how_many_threads: "../seeds/e9_how_many_threads.rs",
    g1_which_model: "../seeds/g1_which_model.rs",
    g2_all_cores: "../seeds/g2_all_cores.rs",
    h1_pages_in_coroutines: "../seeds/h1_pages_in_coroutines.rs",
    h2_map_of_requests: "../seeds/h2_map_of_requests.rs",
    h3_sequential_or_at_once: "../seeds/h3_sequential_or_at_once.rs",
    h4_twelve_sites: "../seeds/h4_twelve_sites.rs",
    h5_web_handler: "../seeds/h5_web_handler.rs",
    h6_where_the_time_went: "../seeds/h6_where_the_time_went.rs",
    l1_without_a_lock: "../seeds/l1_without_a_lock.rs",
    l2_with_a_lock: "../seeds/l2_with_a_lock.rs",
    l3_join_instead: "../seeds/l3_join_instead.rs",
    l4_locked_twice: "../seeds/l4_locked_twice.rs",
    l5_locked_again: "../seeds/l5_locked_again.rs",
    l6_noodles_and_fork: "../seeds/l6_noodles_and_fork.rs",
    p1_start_a_process: "../seeds/p1_start_a_process.rs",
    p2_manager_list: "../seeds/p2_manager_list.rs",
    p3_subprocess: "../seeds/p3_subprocess.rs",
    p4_daemon_process: "../seeds/p4_daemon_process.rs",
    p4_no_zombies: "../seeds/p4_no_zombies.rs",
    q1_three_queues: "../seeds/q1_three_queues.rs",
    q2_producer_and_consumer: "../seeds/q2_producer_and_consumer.rs",
    q2_within_a_process: "../seeds/q2_within_a_process.rs",
    t1_start_a_thread: "../seeds/t1_start_a_thread.rs",
    t2_one_process_id: "../seeds/t2_one_process_id.rs",
    t3_cheap_to_start: "../seeds/t3_cheap_to_start.rs",
    t4_threads_share_memory: "../seeds/t4_threads_share_memory.rs",
    t5_names_and_lists: "../seeds/t5_names_and_lists.rs",
    t6_join: "../seeds/t6_join.rs",
    t7_daemon_beside_another: "../seeds/t7_daemon_beside_another.rs",
    t7_daemon_thread: "../seeds/t7_daemon_thread.rs",
    t8_threaded_echo_server: "../seeds/t8_threaded_echo_server.rs",
    t9_five_hundred_clients: "../seeds/t9_five_hundred_clients.rs",
    a_crash_costs_one_task: "../promises/a_crash_costs_one_task.rs",
    a_timeout_ends_the_group: "../promises/a_timeout_ends_the_group.rs",
    cancel_and_deadline: "../promises/cancel_and_deadline.rs",
    change_the_model: "../promises/change_the_model.rs",
    endless_map: "../promises/endless_map.rs",
    mix_the_models: "../promises/mix_the_models.rs",
    no_failure_is_lost: "../promises/no_failure_is_lost.rs",
    nothing_hangs: "../promises/nothing_hangs.rs",
    structured: "../promises/structured.rs",
    wait_anywhere: "../promises/wait_anywhere.rs",
    deadlocks: "../deadlocks/main.rs",
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os();
    let called = arguments.next().unwrap_or_default();
    if let Some(example) = Path::new(&called).file_name().and_then(find) {
        return example();
    }
    match arguments.next() {
        Some(name) if find(&name).is_some() => {
            let program = std::env::current_exe()?;
            Err(Command::new(program).arg0(name).args(arguments).exec().into())
        }
        Some(name) => bail!("there is no example {name:?}; there are {}", names()),
        None => bail!("which example? There are {}", names()),
    }
}

fn find(name: &OsStr) -> Option<fn() -> anyhow::Result<()>> {
    EXAMPLES.iter().find(|(known, _)| *known == name).map(|(_, example)| *example)
}

fn names() -> String {
    EXAMPLES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}
