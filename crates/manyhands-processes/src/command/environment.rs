//! The environment of a program: ours, with changes.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use serde::{Deserialize, Serialize};

/// How the environment of a program differs from that of this one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Changes {
    /// Whether nothing of ours is passed on.
    clear: bool,
    /// What is set, and what is taken out (`None`).
    variables: BTreeMap<OsString, Option<OsString>>,
}

impl Changes {
    pub(super) fn set(&mut self, name: OsString, value: OsString) {
        self.variables.insert(name, Some(value));
    }

    pub(super) fn remove(&mut self, name: OsString) {
        self.variables.insert(name, None);
    }

    pub(super) fn clear(&mut self) {
        self.clear = true;
        self.variables.clear();
    }

    /// The value that the program will see.
    pub(super) fn get(&self, name: &str) -> Option<OsString> {
        match self.variables.get(OsStr::new(name)) {
            Some(value) => value.clone(),
            None if self.clear => None,
            None => std::env::var_os(name),
        }
    }

    /// Everything that the program will see.
    pub(super) fn apply(&self) -> Vec<(OsString, OsString)> {
        let ours = if self.clear { None } else { Some(std::env::vars_os()) };
        let kept =
            ours.into_iter().flatten().filter(|(name, _)| !self.variables.contains_key(name));
        let set = self
            .variables
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| (name.clone(), value.clone())));
        kept.chain(set).collect()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &OsStr> {
        self.variables.keys().map(OsString::as_os_str)
    }
}
