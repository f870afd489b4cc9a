//! Waits with several conditions and several who can fulfil them: what the graph proves is exactly what
//! follows from them, on random graphs.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use manyhands_wait::{
    Agent, Blockers, ContextKind, Deadlock, Place, ProxyAgent, Reason, Relief, Resource, Stuck,
};

static KNOT: Reason = Reason::new("a knot in a test");

/// Waits as the test says: conditions, each with those any one of whom can fulfil it. An empty one is
/// fulfilled by somebody unknown.
struct Conditions {
    conditions: Vec<Vec<Agent>>,
    relief: Help,
    /// How often it was asked for relief.
    asked: Mutex<u32>,
}

/// What one that is asked to break the knot by itself does.
#[derive(PartialEq)]
enum Help {
    Nothing,
    /// What it can.
    All,
    /// So many times something that does not break it.
    InVain(u32),
}

impl Resource for Conditions {
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        if self.relief == Help::All && *self.asked.lock().unwrap() > 0 {
            return blockers.may_end();
        }
        for condition in &self.conditions {
            blockers.also(|also| {
                condition.iter().for_each(|&agent| also.any_of(agent));
                if condition.is_empty() {
                    also.may_end();
                }
            });
        }
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} conditions", self.conditions.len())
    }

    fn relieve(&self, stuck: &Stuck<'_>) -> Option<Relief> {
        assert!(stuck.is_met_by_nobody_else(|blockers| self.blockers(Agent::current(), blockers)));
        let mut asked = self.asked.lock().unwrap();
        *asked += 1;
        match self.relief {
            Help::Nothing => None,
            Help::All => Some(Relief::done()),
            Help::InVain(times) => (*asked <= times).then(Relief::done),
        }
    }
}

fn conditions(conditions: Vec<Vec<Agent>>) -> Arc<Conditions> {
    with_relief(conditions, Help::Nothing)
}

fn with_relief(conditions: Vec<Vec<Agent>>, relief: Help) -> Arc<Conditions> {
    Arc::new(Conditions { conditions, relief, asked: Mutex::new(0) })
}

fn crowd(size: usize) -> Vec<ProxyAgent> {
    (0..size).map(|place| ProxyAgent::new(ContextKind::Process, format!("p{place}"))).collect()
}

fn wait(who: &mut ProxyAgent, what: Arc<Conditions>) -> Result<(), Deadlock> {
    let at = Place::Elsewhere("a test".into());
    who.waits(&KNOT, at, what, Waker::noop().clone())
}

fn names(deadlock: &Deadlock) -> Vec<String> {
    let mut names: Vec<String> = deadlock.participants().map(|it| it.name().to_owned()).collect();
    names.sort_unstable();
    names
}

#[test]
fn of_several_who_can_help_all_must_be_stuck() {
    let mut crowd = crowd(3);
    let [a, b, c] = [0, 1, 2].map(|place| crowd[place].agent());
    wait(&mut crowd[0], conditions(vec![vec![b, c]])).unwrap();
    wait(&mut crowd[1], conditions(vec![vec![a]])).unwrap(); // `c` goes on
    let deadlock = wait(&mut crowd[2], conditions(vec![vec![a]])).unwrap_err();
    assert_eq!(names(&deadlock), ["p0", "p1", "p2"]);
    assert_eq!(deadlock.victim(), Some(c));
    // The victim goes on: the others are not stuck, and may be again.
    assert!(wait(&mut crowd[2], conditions(vec![vec![b]])).is_err());
}

#[test]
fn of_several_who_are_needed_one_that_is_stuck_is_enough() {
    let mut crowd = crowd(3);
    let [a, b, c] = [0, 1, 2].map(|place| crowd[place].agent());
    wait(&mut crowd[0], conditions(vec![vec![b], vec![c]])).unwrap();
    let deadlock = wait(&mut crowd[1], conditions(vec![vec![a]])).unwrap_err();
    assert_eq!(names(&deadlock), ["p0", "p1"]);
    let deadlock = wait(&mut crowd[2], conditions(vec![vec![], vec![a]])).unwrap_err();
    assert_eq!(names(&deadlock), ["p0", "p2"]);
}

#[test]
fn a_condition_that_somebody_unknown_may_meet_proves_nothing() {
    let mut crowd = crowd(2);
    let [a, b] = [0, 1].map(|place| crowd[place].agent());
    wait(&mut crowd[0], conditions(vec![vec![]])).unwrap();
    wait(&mut crowd[1], conditions(vec![vec![a]])).unwrap();
    wait(&mut crowd[0], conditions(vec![])).unwrap();
    assert!(wait(&mut crowd[0], conditions(vec![vec![], vec![b]])).is_err());
}

#[test]
fn a_resource_that_breaks_the_cycle_by_itself_spares_everybody() {
    let mut crowd = crowd(2);
    let [a, b] = [0, 1].map(|place| crowd[place].agent());
    let grows = with_relief(vec![vec![b]], Help::All);
    wait(&mut crowd[0], Arc::clone(&grows)).unwrap();
    wait(&mut crowd[1], conditions(vec![vec![a]])).unwrap();
    assert_eq!(*grows.asked.lock().unwrap(), 1);
}

#[test]
fn what_was_no_relief_after_all_is_told() {
    let mut crowd = crowd(2);
    let [a, b] = [0, 1].map(|place| crowd[place].agent());
    let in_vain = with_relief(vec![vec![b]], Help::InVain(3));
    wait(&mut crowd[0], Arc::clone(&in_vain)).unwrap();
    let deadlock = wait(&mut crowd[1], conditions(vec![vec![a]])).unwrap_err();
    assert_eq!(names(&deadlock), ["p0", "p1"]);
    assert_eq!(*in_vain.asked.lock().unwrap(), 4);
}

#[test]
fn who_waits_for_a_cycle_without_being_part_of_it_leaves_it_to_others() {
    let mut crowd = crowd(2);
    let [a, b] = [0, 1].map(|place| crowd[place].agent());
    // A cycle stands only where nobody can be given an error, because all unwind.
    struct WaitsForItself<'a>(&'a mut ProxyAgent);
    impl Drop for WaitsForItself<'_> {
        fn drop(&mut self) {
            let own = self.0.agent();
            wait(self.0, conditions(vec![vec![own]])).expect("nobody is told while it unwinds");
        }
    }
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _waits = WaitsForItself(&mut crowd[0]);
        panic!("to unwind");
    }));
    assert!(unwound.is_err());
    wait(&mut crowd[1], conditions(vec![vec![a]])).unwrap();
    assert!(crowd[1].deadlock().is_none() && crowd[0].deadlock().is_none());
    assert!(wait(&mut crowd[1], conditions(vec![vec![b]])).is_err());
}

/// Numbers that are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Whom each waits for; `None` if it goes on.
type Model = Vec<Option<Vec<Vec<usize>>>>;

/// Those who can never go on, by the definition: nobody can be added to those who can.
fn stuck_by_definition(model: &Model) -> Vec<bool> {
    let mut goes_on = vec![false; model.len()];
    loop {
        let before = goes_on.clone();
        for (place, waits) in model.iter().enumerate() {
            goes_on[place] |= waits.as_ref().is_none_or(|conditions| {
                conditions.iter().all(|condition| {
                    condition.is_empty() || condition.iter().any(|&other| goes_on[other])
                })
            });
        }
        if goes_on == before {
            return goes_on.into_iter().map(|goes_on| !goes_on).collect();
        }
    }
}

/// What the random graphs of one test are like.
struct Shape {
    contexts: usize,
    /// Of one wait, at most.
    conditions: usize,
    /// Those who can meet one condition are fewer than this.
    width: usize,
    seeds: u64,
    steps: usize,
}

/// Has the contexts wait and go on at random, and compares what is proven with what follows; returns how
/// many deadlocks there were.
fn compare(shape: &Shape) -> u32 {
    let mut found = 0;
    for seed in 1..=shape.seeds {
        let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut crowd = crowd(shape.contexts);
        let agents: Vec<Agent> = crowd.iter().map(ProxyAgent::agent).collect();
        let mut model: Model = vec![None; shape.contexts];
        for _ in 0..shape.steps {
            let who = numbers.below(shape.contexts);
            if numbers.below(5) == 0 {
                crowd[who].goes_on();
                model[who] = None;
                continue;
            }
            let waits: Vec<Vec<usize>> = (0..1 + numbers.below(shape.conditions))
                .map(|_| {
                    (0..numbers.below(shape.width)).map(|_| numbers.below(shape.contexts)).collect()
                })
                .collect();
            let named = waits
                .iter()
                .map(|condition| condition.iter().map(|&other| agents[other]).collect())
                .collect();
            model[who] = Some(waits);
            // Nobody was stuck before: so if `who` is, it is through a cycle that it has closed, and if
            // it is not, nobody is.
            let is_stuck = stuck_by_definition(&model);
            let result = wait(&mut crowd[who], conditions(named));
            assert_eq!(result.is_err(), is_stuck[who], "seed {seed}: {who} in {model:?}");
            if let Err(deadlock) = result {
                found += 1;
                for participant in deadlock.participants() {
                    let place = agents.iter().position(|&agent| agent == participant.agent());
                    assert!(is_stuck[place.unwrap()], "seed {seed}: {deadlock}");
                }
                model[who] = None;
            }
            assert!(!stuck_by_definition(&model).contains(&true), "seed {seed}: {model:?}");
        }
    }
    found
}

#[test]
fn what_is_proven_is_what_follows() {
    let few = Shape { contexts: 7, conditions: 2, width: 4, seeds: 400, steps: 60 };
    let found = compare(&few);
    assert!(found > 400, "{found} deadlocks");
}

#[test]
fn what_is_proven_among_many_is_what_follows() {
    let chains = Shape { contexts: 40, conditions: 1, width: 2, seeds: 30, steps: 200 };
    let many_conditions = Shape { contexts: 24, conditions: 8, width: 6, seeds: 30, steps: 200 };
    let wide = Shape { contexts: 10, conditions: 3, width: 10, seeds: 60, steps: 100 };
    for shape in [chains, many_conditions, wide] {
        let found = compare(&shape);
        assert!(found > 30, "{found} deadlocks among {}", shape.contexts);
    }
}
