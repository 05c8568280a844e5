//! Reading records: counted, paged, filtered.

use std::cmp::Ordering;

use serde_json::{Value, json};

use crate::answer::{Answer, Outcome, Refusal};
use crate::call::Call;
use crate::moment;
use crate::site::Site;

use super::allow;
use super::data_sets;
use super::stored::Stored;

const LARGEST_LIMIT: usize = 1000;
const DEFAULT_LIMIT: usize = 100;

/// `GET /v2/data_sets/{id}/records`; a limit over 1000 is cut.
pub(crate) fn list(site: &Site, call: &Call) -> Outcome {
    let parameters = [
        "limit",
        "offset",
        "start",
        "end",
        "order",
        "filter",
        "includes",
        "include_total_count",
        "format",
        "annotations",
        "exclude_annotations",
        "binary_format",
    ];
    allow(call, &parameters)?;
    let limit = call.number("limit", DEFAULT_LIMIT, 0..=usize::MAX)?.min(LARGEST_LIMIT);
    let offset = call.number("offset", 0, 0..=usize::MAX)?;
    let filters = filters(call.query("filter").unwrap_or_default())?;
    let world = site.world();
    let data_set = data_sets::find(&world, call.id())?;
    let (start, end) = (edge(call, "start")?, edge(call, "end")?);
    let in_time = |row: &Stored| {
        start.is_none_or(|start| moment::read(row.at()) >= Some(start))
            && end.is_none_or(|end| moment::read(row.at()) < Some(end))
    };
    let wanted = |row: &&Stored| in_time(row) && filters.iter().all(|filter| filter.lets(row));
    let mut found: Vec<&Stored> = data_set.rows.iter().filter(wanted).collect();
    if call.query("order").is_some_and(|order| order.ends_with(":desc")) {
        found.reverse();
    }
    let total = found.len();
    let page: Vec<&Stored> = found.into_iter().skip(offset).take(limit).collect();
    let records = match call.query("format") {
        None | Some("dict") => page.into_iter().map(present).collect(),
        Some("list") => table(&page),
        Some(other) => {
            return Err(Refusal::argument(format!("query parameter `format` is `{other}`, not `dict` or `list`")));
        }
    };
    let mut body = json!({"records": records});
    if call.flag("include_total_count")? {
        body["total_count"] = json!(total);
    }
    Ok(Answer::ok(&body))
}

fn edge(call: &Call, name: &str) -> Result<Option<time::OffsetDateTime>, Refusal> {
    let Some(text) = call.query(name) else { return Ok(None) };
    let wrong = || Refusal::argument(format!("query parameter `{name}` is `{text}`, not a point in time"));
    moment::read(text).map(Some).ok_or_else(wrong)
}

fn present(row: &Stored) -> Value {
    json!({
        "metadata": {"id": row.id(), "created_at": row.at()},
        "entity": {"values": values(row)},
    })
}

/// The row's own values and the ids that the data set adds.
fn values(row: &Stored) -> Value {
    let mut values = row.values();
    values.insert("record_id".into(), json!(row.id()));
    values.insert("record_timestamp".into(), json!(row.at()));
    Value::Object(values)
}

fn table(rows: &[&Stored]) -> Vec<Value> {
    let rows: Vec<Value> = rows.iter().map(|row| values(row)).collect();
    let fields: Vec<String> =
        rows.first().and_then(Value::as_object).map(|first| first.keys().cloned().collect()).unwrap_or_default();
    let values: Vec<Vec<&Value>> = rows.iter().map(|row| fields.iter().map(|field| &row[field]).collect()).collect();
    vec![json!({"fields": fields, "values": values})]
}

/// One condition, `field:op:value`.
struct Filter<'a> {
    field: &'a str,
    operator: &'a str,
    value: &'a str,
}

fn filters(text: &str) -> Result<Vec<Filter<'_>>, Refusal> {
    const OPERATORS: [&str; 9] = ["eq", "gt", "gte", "lt", "lte", "like", "in", "null", "nonnull"];
    let parse = |one| {
        let mut parts = str::splitn(one, 3, ':');
        let (field, operator) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let filter = Filter { field, operator, value: parts.next().unwrap_or_default() };
        let known = !field.is_empty() && OPERATORS.contains(&operator);
        known.then_some(filter).ok_or_else(|| Refusal::argument(format!("filter `{one}` is not `field:op:value`")))
    };
    text.split(',').filter(|one| !one.is_empty()).map(parse).collect()
}

impl Filter<'_> {
    fn lets(&self, row: &Stored) -> bool {
        let value = &row.get(self.field).unwrap_or_default();
        match self.operator {
            "null" => value.is_null(),
            "nonnull" => !value.is_null(),
            "like" => value.as_str().is_some_and(|text| text.contains(self.value.trim_matches('%'))),
            "in" => self.value.split(';').any(|one| compare(value, one) == Some(Ordering::Equal)),
            operator => compare(value, self.value).is_some_and(|order| match operator {
                "eq" => order.is_eq(),
                "gt" => order.is_gt(),
                "gte" => order.is_ge(),
                "lt" => order.is_lt(),
                _ => order.is_le(),
            }),
        }
    }
}

fn compare(value: &Value, text: &str) -> Option<Ordering> {
    match value {
        Value::Number(number) => number.as_f64()?.partial_cmp(&text.parse().ok()?),
        Value::String(value) => Some(value.as_str().cmp(text)),
        Value::Bool(value) => Some(value.to_string().as_str().cmp(text)),
        _ => None,
    }
}
