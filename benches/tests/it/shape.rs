//! The lines of `--json` have the fields and types that readers rely on.

use std::process::Command;

use serde_json::Value;

#[test]
fn executors() {
    let rows = rows("executors");
    for case in ["submit_result", "submit_result_python", "round_trip_p50", "map"] {
        assert!(rows.iter().any(|row| row["case"] == case), "no case {case}");
    }
}

#[test]
fn http() {
    let rows = rows("http");
    for case in ["fetch_async", "fetch_threads_cpu", "fetch_async_aiohttp", "handler_50"] {
        assert!(rows.iter().any(|row| row["case"] == case), "no case {case}");
    }
}

#[test]
fn coroutines() {
    let rows = rows("coroutines");
    for case in ["spawn_join", "yield_tokio", "switch", "million", "echo_10000_p99", "urls_1000"] {
        assert!(rows.iter().any(|row| row["case"] == case), "no case {case}");
    }
}

#[test]
fn processes() {
    let rows = rows("processes");
    for case in ["submit", "round_trip_p50", "into_64_mib", "shared_own", "manager_get", "queue"] {
        assert!(rows.iter().any(|row| row["case"] == case), "no case {case}");
    }
    // No timing, but a promise: an abort costs the task that aborted.
    for case in ["abort", "abort_depth_1", "abort_depth_2", "abort_depth_16"] {
        let row = rows.iter().find(|row| row["case"] == case).unwrap();
        assert_eq!(row["ours"], 1.0, "{row}");
    }
    let after = rows.iter().find(|row| row["case"] == "abort_after").unwrap();
    assert_eq!(after["ours"], 10.0, "{after}");
}

#[test]
fn sync() {
    let rows = rows("sync");
    for case in ["lock_uncontended", "lock_64", "cycle_100", "queue_2p2c", "condvar_hand_over"] {
        assert!(rows.iter().any(|row| row["case"] == case), "no case {case}");
    }
}

fn rows(suite: &str) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_benches"));
    let output = command.args([suite, "--quick", "--repeats", "1", "--json"]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    rows.iter().for_each(|row| assert_shape(suite, row));
    rows
}

fn assert_shape(suite: &str, row: &Value) {
    assert_eq!(row["suite"], suite, "{row}");
    for field in ["case", "unit", "about"] {
        assert!(row[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {row}");
    }
    assert!(row["ours"].is_f64(), "{row}");
    let higher = row["better"] == "higher";
    assert!(higher || row["better"] == "lower", "{row}");
    let rivals = row["rivals"].as_object().unwrap();
    assert!(rivals.values().all(Value::is_f64), "{row}");
    assert!(row["beside"].as_object().unwrap().values().all(Value::is_f64), "{row}");
    let missing = row["missing"].as_object().unwrap();
    assert!(missing.values().all(Value::is_string), "{row}");
    assert!(!rivals.is_empty() || !missing.is_empty(), "nobody to compare with: {row}");

    // Without a rival there is no ratio; without a ratio or a bar nothing is met.
    assert_eq!(row["ratio"].is_f64(), !rivals.is_empty(), "{row}");
    match (row["ratio"].as_f64(), row["bar"].as_f64()) {
        (Some(ratio), Some(bar)) => {
            let met = if higher { ratio >= bar } else { ratio <= bar };
            assert_eq!(row["met"], met, "{row}");
        }
        _ => assert!(row["met"].is_null(), "{row}"),
    }
}
