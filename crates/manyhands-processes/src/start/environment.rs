//! Changes to the environment that a process gets.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStringExt;

use super::error::{StartError, StartErrorKind};

/// What a process's environment has more or less than that of the process which starts it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    /// In the order in which they were made; the last one for a name counts.
    changes: Vec<(OsString, Option<OsString>)>,
}

impl Environment {
    pub(crate) fn set(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
        self.changes.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
    }

    pub(crate) fn remove(&mut self, name: impl AsRef<OsStr>) {
        self.changes.push((name.as_ref().to_owned(), None));
    }

    /// The whole environment: the changes upon `base`, and `extra` upon those.
    pub(crate) fn applied(
        &self,
        base: impl Iterator<Item = (OsString, OsString)>,
        extra: (&str, &str),
    ) -> Result<Vec<CString>, StartError> {
        let mut all: Vec<_> = base.collect();
        for (name, value) in &self.changes {
            check_name(name)?;
            all.retain(|(other, _)| other != name);
            if let Some(value) = value {
                all.push((name.clone(), value.clone()));
            }
        }
        all.retain(|(name, _)| name != extra.0);
        all.push((extra.0.into(), extra.1.into()));
        all.into_iter().map(|(name, value)| entry(name, value)).collect()
    }
}

fn check_name(name: &OsStr) -> Result<(), StartError> {
    let bytes = name.as_encoded_bytes();
    if bytes.is_empty() || bytes.contains(&b'=') || bytes.contains(&0) {
        return Err(StartError::new(
            StartErrorKind::System,
            format!(
                "{name:?} cannot be the name of an environment variable: it must not be empty and \
                 must not contain '=' or a NUL byte"
            ),
        ));
    }
    Ok(())
}

fn entry(name: OsString, value: OsString) -> Result<CString, StartError> {
    let mut entry = name.clone().into_vec();
    entry.push(b'=');
    entry.append(&mut value.into_vec());
    CString::new(entry).map_err(|_| {
        StartError::new(
            StartErrorKind::System,
            format!("the environment variable {name:?} has a NUL byte in its value"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(environment: &Environment) -> Result<Vec<String>, StartError> {
        let base = [("A", "1"), ("B", "2"), ("TICKET", "old")];
        let base = base.into_iter().map(|(name, value)| (name.into(), value.into()));
        let all = environment.applied(base, ("TICKET", "new"))?;
        Ok(all.into_iter().map(|entry| entry.into_string().unwrap()).collect())
    }

    #[test]
    fn the_last_change_counts_and_what_is_ours_comes_on_top() {
        let mut environment = Environment::default();
        environment.set("A", "3");
        environment.set("TICKET", "forged");
        environment.set("C", "4");
        environment.remove("B");
        environment.set("C", "5");
        assert_eq!(applied(&environment).unwrap(), ["A=3", "C=5", "TICKET=new"]);
    }

    #[test]
    fn a_name_or_value_that_cannot_be_is_an_error_that_names_it() {
        for (name, value) in [("", "1"), ("A=B", "1"), ("A\0", "1"), ("GOOD", "bad\0value")] {
            let mut environment = Environment::default();
            environment.set(name, value);
            let error = applied(&environment).unwrap_err().to_string();
            assert!(error.contains(&format!("{name:?}")), "{error}");
        }
    }
}
