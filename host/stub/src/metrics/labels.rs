//! The labels of classes: equality and order.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::Observations;

/// All labels of the rows, ascending: numbers by value, then texts. Rows with 0 or 1 alone still have both.
pub(super) fn of(rows: &Observations) -> Vec<Value> {
    let mut labels: Vec<Value> = Vec::new();
    for label in rows.actual.iter().chain(&rows.predicted) {
        if !labels.iter().any(|known| same(known, label)) {
            labels.push(label.clone());
        }
    }
    if let [only] = labels.as_slice()
        && (same(only, &json!(0)) || same(only, &json!(1)))
    {
        labels = vec![json!(0), json!(1)];
    }
    labels.sort_by(order);
    labels
}

/// Whether two labels are the same class; 1 and 1.0 are.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    order(one, other) == Ordering::Equal
}

fn order(one: &Value, other: &Value) -> Ordering {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => text(one).cmp(&text(other)),
    }
}

fn text(label: &Value) -> String {
    label.as_str().map_or_else(|| label.to_string(), str::to_owned)
}
