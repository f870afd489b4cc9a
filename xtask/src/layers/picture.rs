//! Compares a table of layers with the packages and edges that really exist.

use crate::workspace::{Dependency, DependencyKind, Package};

/// The rows of the house. A crate may use crates of lower rows only, so crates of one row (the
/// rooms, above all) cannot know each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    /// Waiting.
    Floor,
    /// Reactors brought to where a caller waits.
    Glue,
    /// The executor interface.
    Interface,
    /// The models and what is built on them.
    Room,
    /// The one crate that users name.
    Facade,
    /// Programs: nobody depends on them.
    Leaf,
}

/// One crate of the workspace and what it may depend on inside the workspace.
pub(crate) struct Layer {
    pub(crate) name: &'static str,
    pub(crate) row: Row,
    /// Allowed as dependency, build-dependency and dev-dependency; of lower rows only.
    pub(crate) uses: &'static [&'static str],
    /// Allowed as dev-dependency besides; of any row.
    pub(crate) tests_use: &'static [&'static str],
}

/// A library that only `crates` may have as dependency or build-dependency.
pub(crate) struct Keeper {
    pub(crate) library: &'static str,
    pub(crate) crates: &'static [&'static str],
}

/// What is wrong with the table by itself: crates listed twice, edges to crates that are not
/// listed, edges that do not point downwards.
pub(crate) fn faults_of_table(table: &[Layer]) -> Vec<String> {
    let mut faults = Vec::new();
    for (place, layer) in table.iter().enumerate() {
        if table[..place].iter().any(|earlier| earlier.name == layer.name) {
            faults.push(format!("the table lists {} twice", layer.name));
        }
        for used in layer.uses {
            match find(table, used) {
                None => faults.push(unlisted_in_table(layer, used)),
                Some(below) if below.row >= layer.row => faults.push(format!(
                    "the table lets {} ({:?}) use {used} ({:?}): edges point downwards only",
                    layer.name, layer.row, below.row
                )),
                Some(_) => {}
            }
        }
        for used in layer.tests_use.iter().filter(|used| find(table, used).is_none()) {
            faults.push(unlisted_in_table(layer, used));
        }
    }
    faults
}

/// Where the workspace departs from the table: crates that are not listed or do not exist, folders
/// with another name than their crate, edges that are not listed.
pub(crate) fn faults_of_workspace(table: &[Layer], packages: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for package in packages {
        if !package.folder.ends_with(&package.name) {
            let folder = package.folder.file_name().unwrap_or_default().to_string_lossy();
            faults.push(format!("crate {} lies in a folder named {folder}", package.name));
        }
        match find(table, &package.name) {
            None => faults.push(format!("crate {} is not in the table", package.name)),
            Some(layer) => faults.extend(faults_of_edges(layer, package, packages)),
        }
    }
    let exists = |layer: &&Layer| packages.iter().any(|package| package.name == layer.name);
    for layer in table.iter().filter(|layer| !exists(layer)) {
        faults.push(format!("the table lists {}, which is not in the workspace", layer.name));
    }
    faults
}

/// Which crates use a library that belongs to others.
pub(crate) fn faults_of_keepers(keepers: &[Keeper], packages: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for keeper in keepers {
        for package in packages {
            let uses = |dependency: &Dependency| {
                dependency.name == keeper.library && dependency.kind != DependencyKind::Dev
            };
            if package.dependencies.iter().any(uses)
                && !keeper.crates.contains(&package.name.as_str())
            {
                faults.push(format!(
                    "{} depends on {}, which only {} may know",
                    package.name,
                    keeper.library,
                    keeper.crates.join(", ")
                ));
            }
        }
    }
    faults
}

/// Edges that the table allows and that no manifest has, as `crate -> crate`. Not a fault: a table
/// may be ahead of the code, but a reader should know.
pub(crate) fn unused_edges(table: &[Layer], packages: &[Package]) -> Vec<String> {
    let mut unused = Vec::new();
    for layer in table {
        let Some(package) = packages.iter().find(|package| package.name == layer.name) else {
            continue;
        };
        for used in layer.uses.iter().chain(layer.tests_use) {
            if !package.dependencies.iter().any(|dependency| dependency.name == *used) {
                unused.push(format!("{} -> {used}", layer.name));
            }
        }
    }
    unused
}

fn faults_of_edges(layer: &Layer, package: &Package, packages: &[Package]) -> Vec<String> {
    let is_ours = |name: &str| packages.iter().any(|package| package.name == name);
    let mut faults = Vec::new();
    for edge in package.dependencies.iter().filter(|edge| is_ours(&edge.name)) {
        let name = edge.name.as_str();
        let in_tests = edge.kind == DependencyKind::Dev && layer.tests_use.contains(&name);
        if !layer.uses.contains(&name) && !in_tests {
            let kind = match edge.kind {
                DependencyKind::Normal => "dependency",
                DependencyKind::Build => "build-dependency",
                DependencyKind::Dev => "dev-dependency",
            };
            faults.push(format!("{} -> {name} ({kind}) is not in the table", package.name));
        }
    }
    faults
}

fn find<'a>(table: &'a [Layer], name: &str) -> Option<&'a Layer> {
    table.iter().find(|layer| layer.name == name)
}

fn unlisted_in_table(layer: &Layer, used: &str) -> String {
    format!("the table lets {} use {used}, which it does not list", layer.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Layer] = &[
        Layer { name: "floor", row: Row::Floor, uses: &[], tests_use: &[] },
        Layer { name: "left", row: Row::Room, uses: &["floor"], tests_use: &[] },
        Layer { name: "right", row: Row::Room, uses: &["floor"], tests_use: &["left"] },
    ];

    fn package(name: &str, edges: &[(&str, DependencyKind)]) -> Package {
        let edge = |(name, kind): &(&str, DependencyKind)| Dependency {
            name: (*name).to_owned(),
            kind: *kind,
        };
        Package {
            name: name.to_owned(),
            folder: format!("crates/{name}").into(),
            dependencies: edges.iter().map(edge).collect(),
            targets: Vec::new(),
        }
    }

    fn house(left: &[(&str, DependencyKind)], right: &[(&str, DependencyKind)]) -> Vec<Package> {
        vec![
            package("floor", &[("serde", DependencyKind::Normal)]),
            package("left", left),
            package("right", right),
        ]
    }

    #[test]
    fn a_workspace_that_fits_has_no_faults() {
        let packages = house(
            &[("floor", DependencyKind::Normal), ("rand", DependencyKind::Dev)],
            &[("floor", DependencyKind::Dev), ("left", DependencyKind::Dev)],
        );
        assert_eq!(faults_of_workspace(TABLE, &packages), Vec::<String>::new());
    }

    #[test]
    fn an_edge_that_is_not_listed_is_a_fault() {
        for kind in [DependencyKind::Normal, DependencyKind::Build, DependencyKind::Dev] {
            let faults = faults_of_workspace(TABLE, &house(&[("right", kind)], &[]));
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].contains("left -> right"), "{faults:?}");
        }
    }

    #[test]
    fn what_tests_may_use_the_crate_itself_may_not() {
        let faults = faults_of_workspace(TABLE, &house(&[], &[("left", DependencyKind::Normal)]));
        assert!(
            faults.len() == 1 && faults[0].contains("right -> left (dependency)"),
            "{faults:?}"
        );
    }

    #[test]
    fn a_crate_that_is_not_listed_is_a_fault() {
        let mut packages = house(&[], &[]);
        packages.push(package("attic", &[]));
        let faults = faults_of_workspace(TABLE, &packages);
        assert!(faults.len() == 1 && faults[0].contains("attic is not in the table"), "{faults:?}");
    }

    #[test]
    fn a_listed_crate_that_does_not_exist_is_a_fault() {
        let mut packages = house(&[], &[]);
        packages.remove(1);
        let faults = faults_of_workspace(TABLE, &packages);
        assert!(faults.len() == 1 && faults[0].contains("the table lists left"), "{faults:?}");
    }

    #[test]
    fn a_folder_with_another_name_is_a_fault() {
        let mut packages = house(&[], &[]);
        packages[1].folder = "crates/links".into();
        let faults = faults_of_workspace(TABLE, &packages);
        assert!(faults.len() == 1 && faults[0].contains("links"), "{faults:?}");
    }

    #[test]
    fn a_table_whose_edges_do_not_point_downwards_is_a_fault() {
        let table = [
            Layer { name: "left", row: Row::Room, uses: &["right"], tests_use: &[] },
            Layer { name: "right", row: Row::Room, uses: &["cellar"], tests_use: &["attic"] },
            Layer { name: "right", row: Row::Room, uses: &[], tests_use: &[] },
        ];
        let faults = faults_of_table(&table);
        for part in ["left (Room) use right", "use cellar", "use attic", "right twice"] {
            assert!(faults.iter().any(|fault| fault.contains(part)), "{part:?} not in {faults:?}");
        }
        assert_eq!(faults_of_table(TABLE), Vec::<String>::new());
    }

    #[test]
    fn a_library_used_outside_its_keeper_is_a_fault_unless_in_tests() {
        let keepers = [Keeper { library: "reqwest", crates: &["left"] }];
        let kept =
            house(&[("reqwest", DependencyKind::Normal)], &[("reqwest", DependencyKind::Dev)]);
        assert_eq!(faults_of_keepers(&keepers, &kept), Vec::<String>::new());
        let leaked = house(&[], &[("reqwest", DependencyKind::Normal)]);
        let faults = faults_of_keepers(&keepers, &leaked);
        assert!(faults.len() == 1 && faults[0].contains("right depends on reqwest"), "{faults:?}");
    }

    #[test]
    fn allowed_edges_that_nobody_uses_are_told() {
        let packages =
            house(&[("floor", DependencyKind::Normal)], &[("floor", DependencyKind::Normal)]);
        assert_eq!(unused_edges(TABLE, &packages), ["right -> left"]);
    }
}
