//! Surroundings for tests: what travels beside the encoded bytes, and a type that needs it.

use std::cell::RefCell;

use manyhands_executor::Surroundings;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

thread_local! {
    /// The luggage in force, if any.
    static IN_FORCE: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// What was collected while something was encoded, and what is provided while it is decoded.
#[derive(Debug, Default)]
pub(crate) struct Luggage {
    pub(crate) provided: Vec<String>,
    pub(crate) collected: Vec<String>,
}

impl Surroundings for Luggage {
    fn decoding(&mut self, f: &mut dyn FnMut()) {
        IN_FORCE.set(Some(std::mem::take(&mut self.provided)));
        f();
        IN_FORCE.take();
    }

    fn encoding(&mut self, f: &mut dyn FnMut()) {
        IN_FORCE.set(Some(Vec::new()));
        f();
        self.collected = IN_FORCE.take().unwrap();
    }

    fn explain(&mut self) -> Option<String> {
        Some(format!("with {} pieces of luggage", self.collected.len()))
    }
}

/// Whether luggage is in force on this thread.
pub(crate) fn is_in_force() -> bool {
    IN_FORCE.with_borrow(Option::is_some)
}

/// A text that travels beside the bytes: of itself it encodes its place in the luggage alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Beside(pub(crate) String);

impl Serialize for Beside {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let place = IN_FORCE.with_borrow_mut(|luggage| {
            let luggage = luggage.as_mut()?;
            luggage.push(self.0.clone());
            Some(luggage.len() - 1)
        });
        place.ok_or_else(|| ser::Error::custom("there is no luggage"))?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Beside {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let place = usize::deserialize(deserializer)?;
        IN_FORCE
            .with_borrow(|luggage| luggage.as_ref()?.get(place).cloned())
            .map(Beside)
            .ok_or_else(|| de::Error::custom("it is not in the luggage"))
    }
}
