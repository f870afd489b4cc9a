//! A row as one line of JSON; the fields are described in `README.md`.

use serde_json::{Map, Value, json};

use super::row::{Row, Spread};

/// The row as one JSON object, without a line break.
pub(crate) fn line(row: &Row) -> String {
    let missing: Map<String, Value> =
        row.missing.iter().map(|(name, why)| (name.clone(), json!(why))).collect();
    json!({
        "suite": row.suite,
        "case": row.case,
        "about": row.about,
        "unit": row.unit,
        "better": row.better.word(),
        "ours": rounded(row.ours.median),
        "ours_spread": ends(row.ours),
        "rivals": figures(&row.rivals),
        "beside": figures(&row.beside),
        "missing": missing,
        "ratio": row.ratio.map(|ratio| rounded(ratio.median)),
        "ratio_spread": row.ratio.map(ends),
        "bar": row.bar,
        "met": row.met(),
    })
    .to_string()
}

fn figures(list: &[(String, Spread)]) -> Value {
    let fields = list.iter().map(|(name, spread)| (name.clone(), json!(rounded(spread.median))));
    Value::Object(fields.collect())
}

fn ends(spread: Spread) -> [f64; 2] {
    [rounded(spread.min), rounded(spread.max)]
}

/// Six significant digits: more would be noise. JSON has no infinities; those become null.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}
