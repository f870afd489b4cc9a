//! L4: a lock taken twice.
//!
//! Follows the program that acquires a lock it has, and never comes to `print(123)`.
//!
//! Better here: the second `lock` is proven to wait for its own thread, and says so at once, with
//! both places. `lock_checked` gives that as an error; `lock` panics with it.

use manyhands::sync::Mutex;

pub(crate) fn main() -> anyhow::Result<()> {
    let mutex_a = Mutex::named("mutexA", ());
    let first = mutex_a.lock();
    match mutex_a.lock_checked() {
        Ok(_) => println!("123"),
        Err(deadlock) => println!("{deadlock}"),
    }
    drop(first);
    Ok(())
}
