//! L5: a lock that counts.
//!
//! Follows the program that acquires an `RLock` twice, prints 123, and releases it twice.

use manyhands::sync::ReentrantMutex;

pub(crate) fn main() -> anyhow::Result<()> {
    let mutex_a = ReentrantMutex::named("mutexA", 123);
    let first = mutex_a.lock();
    let second = mutex_a.lock();
    println!("{}", *second);
    drop(first);
    drop(second);
    Ok(())
}
