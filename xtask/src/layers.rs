//! `cargo xtask layers`: the dependency picture of the workspace as a table, held against cargo.
//!
//! Whoever adds a crate or an edge adds it here, and so has to say where it belongs.

use anyhow::Result;

use crate::commands::Command;
use crate::options::Options;
use crate::report::Verdict;
use crate::workspace::Workspace;
use absences::{Absence, Features};
use picture::{Keeper, Layer, Row};

mod absences;
mod picture;

pub(crate) static COMMAND: Command = Command {
    name: "layers",
    summary: "Hold the dependency picture against cargo metadata and cargo tree.",
    details: "\
Fails, naming each fault, when a crate of the workspace is not in the table of
xtask/src/layers.rs, when the table lists a crate that does not exist, when a crate
depends on a sibling or on anything else the table does not allow, when a library that
one crate keeps for itself is used by another, and when a crate pulls in (directly or
through others) a library that must stay out of it.",
    options: &[],
    run,
};

/// The crates of the workspace from the floor up, and what each may use.
const LAYERS: &[Layer] = &[
    layer("manyhands-wait", Row::Floor, &[]),
    layer("manyhands-sync", Row::Glue, &["manyhands-wait"]),
    layer("manyhands-io", Row::Glue, &["manyhands-wait"]),
    layer("manyhands-executor", Row::Interface, &["manyhands-io", "manyhands-wait"]),
    layer("manyhands-threads", Row::Room, &["manyhands-executor", "manyhands-wait"]),
    layer("manyhands-async", Row::Room, &["manyhands-executor", "manyhands-wait"]),
    layer(
        "manyhands-coroutines",
        Row::Room,
        &["manyhands-executor", "manyhands-io", "manyhands-wait"],
    ),
    layer(
        "manyhands-processes",
        Row::Room,
        &["manyhands-executor", "manyhands-io", "manyhands-wait"],
    ),
    layer("manyhands-http", Row::Room, &["manyhands-executor", "manyhands-io", "manyhands-wait"]),
    layer(
        "manyhands",
        Row::Facade,
        &[
            "manyhands-async",
            "manyhands-coroutines",
            "manyhands-executor",
            "manyhands-http",
            "manyhands-io",
            "manyhands-processes",
            "manyhands-sync",
            "manyhands-threads",
            "manyhands-wait",
        ],
    ),
    layer("manyhands-cli", Row::Leaf, &["manyhands"]),
    layer("examples", Row::Leaf, &["manyhands"]),
    layer("benches", Row::Leaf, &["manyhands"]),
    layer("xtask", Row::Leaf, &[]),
];

/// Libraries that only some crates may name in their manifests (dev-dependencies aside).
const KEEPERS: &[Keeper] = &[
    Keeper {
        library: "tokio",
        crates: &[
            "manyhands-io",
            "manyhands-async",
            "manyhands-coroutines",
            "manyhands-processes",
            "manyhands-http",
            "manyhands-cli",
            "examples",
            "benches",
        ],
    },
    Keeper { library: "reqwest", crates: &["manyhands-http", "benches"] },
    Keeper {
        library: "corosensei",
        crates: &["manyhands-wait", "manyhands-coroutines", "benches"],
    },
    Keeper { library: "clap", crates: &["manyhands-cli"] },
    Keeper { library: "procspawn", crates: &["benches"] },
];

/// What must not be found in the dependency tree of a crate, however deep.
const ABSENCES: &[Absence] = &[
    Absence { package: "manyhands-wait", features: Features::All, library: "tokio" },
    Absence { package: "manyhands-executor", features: Features::All, library: "reqwest" },
    Absence { package: "manyhands", features: Features::None, library: "reqwest" },
    Absence { package: "manyhands", features: Features::Default, library: "reqwest" },
];

/// A crate that may use `uses`, and nothing more in its tests.
const fn layer(name: &'static str, row: Row, uses: &'static [&'static str]) -> Layer {
    Layer { name, row, uses, tests_use: &[] }
}

fn run(_: &Options) -> Result<Verdict> {
    let workspace = Workspace::load()?;
    let mut faults = picture::faults_of_table(LAYERS);
    faults.extend(picture::faults_of_workspace(LAYERS, &workspace.packages));
    faults.extend(picture::faults_of_keepers(KEEPERS, &workspace.packages));
    for absence in ABSENCES {
        faults.extend(absence.fault(&workspace)?);
    }
    for fault in &faults {
        eprintln!("layers: {fault}");
    }
    for edge in picture::unused_edges(LAYERS, &workspace.packages) {
        println!("layers: note: allowed, but nobody uses it: {edge}");
    }
    println!(
        "layers: {} crates, {} kept libraries, {} absences: {} faults",
        LAYERS.len(),
        KEEPERS.len(),
        ABSENCES.len(),
        faults.len()
    );
    Ok(Verdict::of(faults.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_itself_points_downwards() {
        assert_eq!(picture::faults_of_table(LAYERS), Vec::<String>::new());
    }

    #[test]
    fn rules_about_crates_name_crates_of_the_table() {
        let listed = |name: &str| LAYERS.iter().any(|layer| layer.name == name);
        for absence in ABSENCES {
            assert!(listed(absence.package), "{} is not in the table", absence.package);
        }
        for name in KEEPERS.iter().flat_map(|keeper| keeper.crates) {
            assert!(listed(name), "{name} is not in the table");
        }
    }
}
