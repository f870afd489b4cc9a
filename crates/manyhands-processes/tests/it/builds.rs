//! A program built with the flags that users build with.
//!
//! The program is the example `standalone`. Its libraries are those of this test where the flags
//! allow that, so that most of these builds are a single link.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the example, with flags for cargo and for rustc: a program in `folder`.
///
/// # Errors
/// What the compiler says.
fn build(folder: &Path, cargo_flags: &[&str], rustc_flags: &[&str]) -> Result<PathBuf, String> {
    let target = target_of_this_test();
    // Every build leaves the program in the same place, from where it is taken.
    let lock = File::create(target.join("processes-builds.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["rustc", "--package", env!("CARGO_PKG_NAME"), "--example", "standalone"])
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .args(["--offline", "--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(&target)
        .args(cargo_flags)
        .arg("--")
        .args(rustc_flags)
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let named =
        |line: &str| line.contains("\"compiler-artifact\"") && line.contains("\"standalone\"");
    let message = messages.lines().find(|line| named(line)).ok_or("no artifact was named")?;
    let (_, path) = message.split_once("\"executable\":\"").ok_or("it is not executable")?;
    let (path, _) = path.split_once('"').ok_or("its path has no end")?;
    // A link, because a file that was just written may be open for writing in a process that
    // another test starts at this moment, and could not be executed then.
    let program = folder.join(format!("program-{}", rustc_flags.concat().replace('/', "")));
    std::fs::hard_link(path, &program).map_err(|error| error.to_string())?;
    Ok(program)
}

/// A folder on the file system of the target folder.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(target_of_this_test()).unwrap()
}

/// Runs the program both ways.
fn check(program: &Path) {
    for argument in ["plain", "init"] {
        let output = Command::new(program).arg(argument).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert_eq!((&*printed, output.status.code()), ("42\n", Some(0)), "{argument}: {output:?}");
    }
}

/// Where this test was built: `deps` is in the folder of the profile, in the target folder.
fn target_of_this_test() -> PathBuf {
    let path = std::env::current_exe().unwrap();
    path.ancestors().nth(3).unwrap().to_owned()
}

#[test]
fn static_and_non_pie_and_unidentified_and_aborting_programs_work() {
    let folder = folder();
    for flags in [
        &["-C", "target-feature=+crt-static"][..],
        &["-C", "relocation-model=static"],
        &["-C", "target-feature=+crt-static", "-C", "relocation-model=static"],
        &["-C", "link-arg=-Wl,--build-id=none"],
        &["-C", "panic=abort"],
    ] {
        match build(folder.path(), &[], flags) {
            Ok(program) => check(&program),
            // A system without the static libraries of C cannot link such programs at all.
            Err(why) if flags[1].ends_with("crt-static") && why.contains("linking with") => {
                eprintln!("not tested: no static libc is installed here ({flags:?})");
            }
            Err(why) => panic!("{flags:?}: {why}"),
        }
    }
}

#[test]
fn an_optimised_program_with_lto_and_without_symbols_works() {
    let folder = folder();
    let flags = [
        "--release",
        "--config",
        "profile.release.lto='fat'",
        "--config",
        "profile.release.strip=true",
        "--config",
        "profile.release.debug=0",
    ];
    check(&build(folder.path(), &flags, &[]).unwrap());
}

/// Two builds of the program, the second of which optimises, and how their ids are called.
fn two_builds(folder: &Path) -> [(PathBuf, PathBuf, &'static str); 2] {
    let unidentified = ["-C", "link-arg=-Wl,--build-id=none", "-C", "opt-level=1"];
    [(&["-C", "opt-level=1"][..], "build id "), (&unidentified[..], "code hash ")].map(
        |(flags, kind)| {
            let other = build(folder, &[], flags).unwrap();
            (build(folder, &[], &flags[..flags.len() - 2]).unwrap(), other, kind)
        },
    )
}

/// Whether these errors refuse a binary and name the ids of both.
#[track_caller]
fn assert_refused(errors: &str, kind: &str) {
    assert!(errors.contains("WrongImage"), "{errors}");
    // Both are named, and they differ.
    let named = errors.split(kind).skip(1).map(|rest| rest.split([' ', '"']).next().unwrap());
    let ids: Vec<_> = named.collect();
    assert_eq!(ids.len(), 2, "{errors}");
    assert!(ids.iter().all(|id| id.len() >= 16) && ids[0] != ids[1], "{errors}");
}

#[test]
fn another_build_of_the_program_is_refused_with_both_ids() {
    let folder = folder();
    for (program, other, kind) in two_builds(folder.path()) {
        let output = Command::new(program).arg("worker").arg(other).output().unwrap();
        assert_refused(&String::from_utf8_lossy(&output.stderr), kind);
    }
}

#[test]
fn a_build_that_has_taken_the_place_of_a_running_one_is_refused_with_both_ids() {
    let folder = folder();
    for (program, other, kind) in two_builds(folder.path()) {
        let output = Command::new(program).arg("replaced").arg(other).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "2\n", "{output:?}");
        assert_refused(&String::from_utf8_lossy(&output.stderr), kind);
    }
}

#[test]
fn a_static_program_on_musl_works() {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
    let sysroot = PathBuf::from(String::from_utf8(sysroot.stdout).unwrap().trim());
    if !sysroot.join("lib/rustlib").join(&target).is_dir() {
        eprintln!("not tested: the target {target} is not installed");
        return;
    }
    let folder = folder();
    check(&build(folder.path(), &["--target", &target], &[]).unwrap());
}
