//! C1: two functions that take turns, switching to each other by hand.
//!
//! Follows the program with two greenlets: `g1.switch('egon')` starts the first, `g2.switch('egon')`
//! hands the name to the second, and `switch()` goes back to where the other one left off.
//!
//! Better here: what goes in and what comes out has a type, a coroutine that nobody can go on with
//! any more is unwound with its destructors, and one that overflows its stack says so by name.

use std::cell::OnceCell;
use std::rc::Rc;

use examples::Options;
use manyhands::coroutines::Coroutine;

type Greenlet = Coroutine<&'static str>;

pub(crate) fn main() -> anyhow::Result<()> {
    Options::parse()?;
    let g2: Rc<OnceCell<Greenlet>> = Rc::default();

    let of_eat = Rc::clone(&g2);
    let g1 = Greenlet::new(move |me, name| {
        let g2 = of_eat.get().expect("there are both before one starts");
        println!("{name} eat 1");
        me.switch_to(g2, "egon");
        println!("{name} eat 2");
        me.switch_to(g2, "");
    });
    let eat = g1.clone();
    let play = Greenlet::new(move |me, name| {
        println!("{name} play 1");
        me.switch_to(&eat, ""); // it has a name already: what `switch_to` returns there is not used
        println!("{name} play 2");
    });
    let _ = g2.set(play.clone());

    g1.switch("egon");
    // `play` has ended, and so control has come back here; `eat` waits after its second line.
    println!("eat is dead: {}, play is dead: {}", g1.is_dead(), play.is_dead());
    Ok(())
}
