//! Breaking JSON as a tree, so that it stays JSON.

use serde_json::{Map, Value, json};

use crate::draws::Draws;

/// Most letters by which an array grows, where its value has not as many itself.
const MOST_MORE: usize = 4 << 20;

/// Breaks a value in one or two places.
pub fn mutate(value: &mut Value, draws: &mut Draws) {
    for _ in 0..=draws.below(2) {
        let places = count(value);
        let at = draws.below(places);
        reach(value, &mut { at }, draws);
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(values) => values.values().map(count).sum(),
        _ => 0,
    }
}

/// Breaks the value that stands at a place, counted from the root on.
fn reach(value: &mut Value, left: &mut usize, draws: &mut Draws) -> bool {
    if *left == 0 {
        change(value, draws);
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(values) => values.iter_mut().any(|inner| reach(inner, left, draws)),
        Value::Object(values) => values.values_mut().any(|inner| reach(inner, left, draws)),
        _ => false,
    }
}

fn change(value: &mut Value, draws: &mut Draws) {
    match value {
        Value::Object(values) if !values.is_empty() && !draws.one_in(6) => {
            let keys: Vec<String> = values.keys().cloned().collect();
            let (key, other) = (draws.pick(&keys).clone(), draws.pick(&keys).clone());
            match draws.below(3) {
                0 => {
                    values.remove(&key);
                }
                1 => {
                    let copy = values[&key].clone();
                    values.insert(other, copy);
                }
                _ => {
                    let copy = values[&key].clone();
                    values.insert(format!("{key}\u{1b}[31m"), copy);
                }
            }
        }
        Value::Array(values) if !values.is_empty() && !draws.one_in(6) => {
            let at = draws.below(values.len());
            match draws.below(4) {
                0 => {
                    values.remove(at);
                }
                1 => {
                    let copy = values[at].clone();
                    values.insert(at, copy);
                }
                2 => values.clear(),
                _ => {
                    let copy = values[at].clone();
                    let copies = *draws.pick(&[10, 1000, 20_000]);
                    // What the harness itself cannot hold shows nothing.
                    let copies = (MOST_MORE / copy.to_string().len()).clamp(1, copies);
                    values.extend(std::iter::repeat_n(copy, copies));
                }
            }
        }
        _ => *value = other(draws),
    }
}

fn other(draws: &mut Draws) -> Value {
    match draws.below(12) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!([]),
        3 => Value::Object(Map::new()),
        4 => json!(""),
        5 => json!("\u{1b}[2J\u{7}\r\n\u{202e}"),
        6 => json!("x".repeat(*draws.pick(&[100, 10_000, 1_000_000]))),
        7 => json!(*draws.pick(&[-1.0, 0.0, 1e-320, 1e-9, 0.5, 1e9, 1e38, 1e39, 1e308])),
        8 => json!(-(draws.below(3) as i64)),
        9 => {
            let mut deep = json!(1);
            for _ in 0..*draws.pick(&[10, 100]) {
                deep = json!([deep]);
            }
            deep
        }
        _ => json!(*draws.pick(&crate::bytes::EXTREMES)),
    }
}
