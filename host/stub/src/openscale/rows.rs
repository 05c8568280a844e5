//! Rows from the forms that a client may send: objects, tables, CSV.

use serde_json::{Number, Value};

use super::data_sets::Row;
use super::subscriptions::Subscription;

/// Rows of a JSON body: an array of objects or of `{"fields", "values"}` tables, or a bare table.
pub(super) fn from_json(body: &Value) -> Result<Vec<Row>, String> {
    let entries = match body {
        Value::Array(entries) => entries.iter().collect(),
        Value::Object(table) if is_table(table) => vec![body],
        _ => return Err("the body is neither an array of records nor a table of `fields` and `values`".into()),
    };
    let mut rows = Vec::new();
    for entry in entries {
        match entry {
            Value::Object(table) if is_table(table) => rows.extend(from_table(entry)?),
            Value::Object(row) => rows.push(row.clone()),
            _ => return Err("a record is not an object".into()),
        }
    }
    Ok(rows)
}

fn is_table(members: &Row) -> bool {
    members.contains_key("fields") && members.contains_key("values")
}

/// Rows of a `{"fields", "values"}` table.
pub(super) fn from_table(table: &Value) -> Result<Vec<Row>, String> {
    let wrong = || "`fields` is not an array of names or `values` not one of rows".to_owned();
    let fields: Vec<&str> =
        table["fields"].as_array().and_then(|fields| fields.iter().map(Value::as_str).collect()).ok_or_else(wrong)?;
    let mut rows = Vec::new();
    for row in table["values"].as_array().ok_or_else(wrong)? {
        let row = row.as_array().ok_or_else(wrong)?;
        if row.len() != fields.len() {
            return Err(format!("a row has {} values for {} fields", row.len(), fields.len()));
        }
        rows.push(fields.iter().map(|field| (*field).to_owned()).zip(row.iter().cloned()).collect());
    }
    Ok(rows)
}

/// Rows of a CSV file with a header, typed by the subscription's schemas.
pub(super) fn from_csv(body: &[u8], delimiter: u8, subscription: &Subscription) -> Result<Vec<Row>, String> {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(body);
    let names: Vec<String> = reader.headers().map_err(|error| error.to_string())?.iter().map(str::to_owned).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let cells = names.iter().zip(&record).map(|(name, text)| (name.clone(), cell(name, text, subscription)));
        rows.push(cells.collect());
    }
    Ok(rows)
}

fn cell(name: &str, text: &str, subscription: &Subscription) -> Value {
    if text.is_empty() {
        return Value::Null;
    }
    let is_text = subscription.field(name).is_some_and(|field| field.kind == "string");
    let number = || text.parse().map(Value::Number).or_else(|_| text.parse().map(number_of)).ok();
    if is_text { None } else { number() }.unwrap_or_else(|| Value::from(text))
}

fn number_of(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}
