//! P2: a list that several processes share.
//!
//! Follows the program with `with Manager() as manager: data = manager.list()`: a process appends 111
//! and 333 and prints the list, and so does the main process after `join`: `[111, 333]` twice. (The
//! tutorial adds that this is usually done through a database.)
//!
//! Better here: no process of its own serves the list, it is where the manager was made, and there a
//! call costs no message; a call can also be a function that runs on the list where it is, in one
//! step for everybody else. A list whose manager has ended says so.

use examples::Options;
use manyhands::Process;
use manyhands::processes::{ManagedList, Manager, ManagerError};

fn task(data: ManagedList<i32>) -> Result<(), ManagerError> {
    data.push(111)?;
    data.push(333)?;
    println!("{:?}", data.to_vec()?);
    Ok(())
}

/// Adds one to each element, in one step: between reading and writing nobody else comes.
fn add_one(data: ManagedList<i32>) -> Result<(), ManagerError> {
    data.call(|list, ()| list.iter_mut().for_each(|n| *n += 1), ())
}

pub(crate) fn main() -> anyhow::Result<()> {
    Options::parse()?;
    let manager = Manager::new();
    let data = manager.list(Vec::new());
    Process::start(task, data.clone())?.join()??;
    println!("{:?}", data.to_vec()?);

    let adders = (0..4).map(|_| Process::start(add_one, data.clone()));
    for adder in adders.collect::<Result<Vec<_>, _>>()? {
        adder.join()??;
    }
    println!("four processes add one: {:?}", data.to_vec()?);

    drop(manager);
    match data.to_vec() {
        Ok(list) => println!("{list:?}"),
        Err(error) => println!("after the manager: {error}"),
    }
    Ok(())
}
