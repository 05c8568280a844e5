//! What a value does to its JSON Schema, in the words of a spec.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Keyword, ValidationError, Validator};
use serde_json::Value;

/// One place where a value is not what its schema says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer to the value that is wrong, or that has a wrong key.
    pub pointer: String,
    /// The key that is wrong, where a key is.
    pub key: Option<String>,
    /// Whether only a key is unknown or missing: what else stands there is not wrong for that.
    pub is_of_key: bool,
    /// What is wrong: lowercase, no full stop.
    pub message: String,
    /// The one action that mends it.
    pub hint: Option<String>,
}

/// What checks a value of the spec's own types. JSON Schema counts `3.0` among the whole numbers; they do not.
pub(super) fn validator(schema: &Value) -> Result<Validator, ValidationError<'static>> {
    let options = jsonschema::draft202012::options();
    options.with_keyword("format", |_, format, _| Ok(Box::new(Whole(format == "uint32")))).build(schema)
}

/// `format`, which says no more than this of a number: whether it is whole.
struct Whole(bool);

impl<'i> Keyword<'i> for Whole {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            return Ok(());
        }
        Err(ValidationError::custom(format!("{} is not a whole number", shown(instance))))
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        // Of other numbers with a point the type tells.
        let with_point = instance.as_f64().filter(|_| instance.is_f64());
        !self.0 || with_point.is_none_or(|number| number.fract() != 0.0)
    }
}

/// All of them, in no order. `schema` is what the validator was made of.
pub fn violations(validator: &Validator, schema: &Value, instance: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    for error in validator.iter_errors(instance) {
        explain(&error, schema, &mut found);
    }
    found
}

/// Bytes of a name that is compared with others: nobody slips in a longer one, and the time grows with the square.
const LONGEST_NAME: usize = 100;

/// The known name that is most like an unknown one, if any is much like it.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    let known = known.into_iter().filter(|known| known.len() <= LONGEST_NAME);
    let alike = known.map(|known| (strsim::normalized_damerau_levenshtein(name, known), known));
    let (likeness, known) = alike.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (likeness >= 0.6).then_some(known)
}

fn explain(error: &ValidationError<'_>, schema: &Value, found: &mut Vec<Violation>) {
    let pointer = error.instance_path().to_string();
    let mut add = |key: Option<String>, message: String, hint: Option<String>| {
        let is_of_key = key.is_some() || matches!(error.kind(), ValidationErrorKind::Required { .. });
        found.push(Violation { pointer: pointer.clone(), key, is_of_key, message, hint });
    };
    let instance = error.instance();
    match error.kind() {
        ValidationErrorKind::Required { property } => add(None, format!("{} is missing", quoted(property)), None),
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = around(error, schema).and_then(|schema| schema.get("properties")).and_then(Value::as_object);
            for key in unexpected {
                let nearest = known.and_then(|known| nearest(key, known.keys().map(String::as_str)));
                let hint = nearest.map(|nearest| format!("is `{nearest}` meant?"));
                add(Some(key.clone()), format!("unknown key `{key}`"), hint);
            }
        }
        ValidationErrorKind::PropertyNames { error: inner } => {
            let key = inner.instance().as_str().unwrap_or_default().to_owned();
            let known = match inner.kind() {
                ValidationErrorKind::Enum { options } => options.as_array().map(Vec::as_slice).unwrap_or_default(),
                _ => &[],
            };
            let nearest = nearest(&key, known.iter().filter_map(Value::as_str));
            let known: Vec<_> = known.iter().map(quoted).collect();
            let all = (!known.is_empty()).then(|| format!("there are {}", known.join(", ")));
            let hint = nearest.map(|nearest| format!("is `{nearest}` meant?")).or(all);
            add(Some(key.clone()), format!("unknown key `{key}`"), hint);
        }
        ValidationErrorKind::Type { kind } => {
            let wanted = wanted(kind);
            let hint = example(error, schema).or_else(|| quotes(instance, &wanted));
            let words: Vec<_> = wanted.iter().filter(|name| *name != "null").map(|name| with_article(name)).collect();
            add(None, format!("{} is not {}", shown(instance), words.join(" or ")), hint);
        }
        ValidationErrorKind::Enum { options } => {
            let options: Vec<&Value> = options.as_array().into_iter().flatten().collect();
            let (message, hint) = none_of(instance, &options);
            add(None, message, hint);
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            if let Some(options) = around(error, schema).and_then(options) {
                let (message, hint) = none_of(instance, &options);
                return add(None, message, hint);
            }
            // The alternative that is meant is the one whose kind of value this is.
            let of_kind = |errors: &&Vec<ValidationError<'_>>| {
                !errors.iter().any(|inner| {
                    inner.instance_path() == error.instance_path()
                        && matches!(inner.kind(), ValidationErrorKind::Type { .. })
                })
            };
            let mut meant = context.iter().filter(of_kind);
            match (meant.next(), meant.next()) {
                (Some(errors), None) => errors.iter().for_each(|inner| explain(inner, schema, found)),
                _ => add(None, format!("{} is nothing that may stand here", shown(instance)), None),
            }
        }
        ValidationErrorKind::Minimum { .. } | ValidationErrorKind::Maximum { .. } => {
            let range = around(error, schema).map(range).unwrap_or_default();
            add(None, format!("{} is not a number {range}", shown(instance)), None);
        }
        ValidationErrorKind::Custom { message, .. } => add(None, message.clone(), None),
        ValidationErrorKind::MinItems { limit } => {
            add(None, format!("a list here has at least {limit} {}", if *limit == 1 { "item" } else { "items" }), None);
        }
        ValidationErrorKind::MinProperties { limit } => {
            add(
                None,
                format!("a mapping here has at least {limit} {}", if *limit == 1 { "key" } else { "keys" }),
                None,
            );
        }
        _ => add(None, error.to_string(), None),
    }
}

/// The part of the schema whose keyword was not kept.
fn around<'a>(error: &ValidationError<'_>, schema: &'a Value) -> Option<&'a Value> {
    let path = error.schema_path().to_string();
    schema.pointer(path.rsplit_once('/')?.0)
}

/// The values of a choice whose alternatives are single values.
fn options(schema: &Value) -> Option<Vec<&Value>> {
    let alternatives = schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()?;
    let mut options = Vec::new();
    for alternative in alternatives {
        match (alternative.get("const"), alternative.get("enum").and_then(Value::as_array)) {
            (Some(value), _) => options.push(value),
            (None, Some(values)) => options.extend(values),
            _ if alternative.get("type").is_some_and(|name| name == "null") => {}
            _ => return None,
        }
    }
    Some(options)
}

/// The numbers that a schema allows.
fn range(schema: &Value) -> String {
    match (schema.get("minimum"), schema.get("maximum")) {
        (Some(least), Some(most)) => format!("from {least} to {most}"),
        (Some(least), None) => format!("of at least {least}"),
        (None, Some(most)) => format!("of at most {most}"),
        (None, None) => String::new(),
    }
}

/// What may stand there, where quotes alone would not make it of what does.
fn example(error: &ValidationError<'_>, schema: &Value) -> Option<String> {
    let examples = around(error, schema)?.get("examples")?.as_array()?;
    let examples: Vec<_> = examples.iter().map(quoted).collect();
    Some(format!("write for example {}", examples.join(" or ")))
}

fn none_of(instance: &Value, options: &[&Value]) -> (String, Option<String>) {
    let known: Vec<&str> = options.iter().filter_map(|option| option.as_str()).collect();
    let hint = instance.as_str().and_then(|text| nearest(text, known)).map(|nearest| format!("is `{nearest}` meant?"));
    let options: Vec<_> = options.iter().map(|option| quoted(option)).collect();
    let relation = if options.len() == 1 { "is not" } else { "is none of" };
    (format!("{} {relation} {}", shown(instance), options.join(", ")), hint)
}

fn wanted(kind: &TypeKind) -> Vec<String> {
    match kind {
        TypeKind::Single(single) => vec![single.to_string()],
        TypeKind::Multiple(set) => set.iter().map(|single| single.to_string()).collect(),
    }
}

/// YAML's quotes make the difference between a number and a text.
fn quotes(instance: &Value, wanted: &[String]) -> Option<String> {
    let wants = |name: &str| wanted.iter().any(|wanted| wanted == name);
    match instance {
        Value::Number(_) | Value::Bool(_) if wants("string") => Some(format!("put it in quotes: \"{instance}\"")),
        Value::String(text) if wants("number") && text.parse::<f64>().is_ok_and(f64::is_finite) => {
            Some("write it without quotes".to_owned())
        }
        Value::String(text) if wants("integer") && text.parse::<i64>().is_ok() => {
            Some("write it without quotes".to_owned())
        }
        Value::String(text) if wants("boolean") && matches!(text.as_str(), "true" | "false" | "yes" | "no") => {
            Some("write `true` or `false`, without quotes".to_owned())
        }
        _ => None,
    }
}

fn with_article(name: &str) -> String {
    match name {
        "array" => "a list".to_owned(),
        "object" => "a mapping".to_owned(),
        "string" => "a text".to_owned(),
        "integer" => "a whole number".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
        other => format!("a {other}"),
    }
}

/// A value as it is told to a person; of a collection only its kind.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        Value::String(text) if text.chars().count() > 60 => {
            format!("`{}…`", text.chars().take(60).collect::<String>())
        }
        other => quoted(other),
    }
}

fn quoted(value: &Value) -> String {
    format!("`{}`", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}
