//! Who has a turn, and when.

use std::cell::Cell;
use std::rc::Rc;

use manyhands_coroutines::{spawn_local, yield_now};

/// What is begun inside a wait counts as a switch of the same turn, so that the number of switches
/// moves by more than one at a time.
#[test]
fn whom_another_thread_has_woken_has_its_turn_soon_also_among_awaited_coroutines() {
    let (send, receive) = tokio::sync::oneshot::channel();
    let woken = Rc::new(Cell::new(false));
    let waiting = spawn_local({
        let woken = Rc::clone(&woken);
        move || {
            manyhands_wait::wait(receive).unwrap();
            woken.set(true);
        }
    });
    let busy = spawn_local(move || {
        std::thread::spawn(move || send.send(()).unwrap()).join().unwrap();
        let mut rounds = 0;
        while !woken.get() {
            spawn_local(|| ()).result().unwrap();
            yield_now();
            rounds += 1;
        }
        rounds
    });
    let rounds: u32 = busy.result().unwrap();
    waiting.result().unwrap();
    // Of two switches each; the hub looks every 32, and the first turn has room for 256.
    assert!(rounds <= 32, "woken after {rounds} rounds");
}
