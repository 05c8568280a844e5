//! The columns of the model: its inputs and outputs, checked against the training data, or taken from it.

use serde_json::{Value, json};
use step_sdk::ports::{fields_by_port, fields_of_columns, output_field};
use step_sdk::{Failure, Field, FieldType, LocalModel, Table};

/// How many rows of the training data are checked against the model: enough to see a wrong file, at no cost.
const CHECKED_ROWS: usize = 1000;

/// What the model takes and answers, as columns.
#[derive(Debug, PartialEq)]
pub(crate) struct Columns {
    pub(crate) inputs: Vec<Field>,
    pub(crate) outputs: Vec<Field>,
    /// The label as the training data has it.
    label: Option<Field>,
    from_data: bool,
}

impl Columns {
    /// Columns are named by the training data and typed by the model; the two have to fit. `file` is the model's.
    pub(crate) fn check(
        file: &str,
        model: &dyn LocalModel,
        training: Option<Table>,
        label: Option<&str>,
    ) -> Result<Self, Failure> {
        let ports = model.inputs();
        let outputs = model.outputs().iter().map(output_field).collect();
        let Some(table) = training else {
            return Ok(Self { inputs: fields_by_port(file, &ports)?, outputs, label: None, from_data: false });
        };
        let features = features(&table, label)?;
        let inputs = fields_of_columns(file, &ports, &features)?;
        let label = check_rows(table, &inputs, label)?;
        Ok(Self { inputs, outputs, label, from_data: true })
    }

    /// Of a model that cannot be asked: all columns of the training data but the label, typed by what is in them. What
    /// such a model answers is not known before it is deployed.
    pub(crate) fn of_data(file: &str, training: Option<Table>, label: Option<&str>) -> Result<Self, Failure> {
        let Some(table) = training else {
            let text = format!("`{file}` does not tell its columns; only an ONNX file does");
            return Err(Failure::invalid_input(text).hint("give `training_data` and `label_column`"));
        };
        let features = features(&table, label)?;
        let mut names = features.clone();
        names.extend(label.map(str::to_owned));
        let texts: Vec<_> = names.iter().map(|name| Field::new(name, FieldType::String)).collect();
        let mut contents = vec![Content::new(); texts.len()];
        for row in table.select(&texts)? {
            for (content, cell) in contents.iter_mut().zip(&row?.cells) {
                content.add(cell);
            }
        }
        let mut inputs: Vec<_> =
            names.iter().zip(&contents).map(|(name, content)| Field::new(name, content.kind())).collect();
        let label = inputs.split_off(features.len()).pop();
        Ok(Self { inputs, outputs: Vec::new(), label, from_data: true })
    }

    /// The fields of the training data, when it was given.
    pub(crate) fn training_fields(&self) -> Option<Value> {
        let mut fields: Vec<_> = self.inputs.iter().map(|field| json!(field)).collect();
        fields.extend(
            self.label.iter().map(
                |label| json!({"name": label.name, "type": label.r#type, "metadata": {"modeling_role": "target"}}),
            ),
        );
        self.from_data.then(|| json!(fields))
    }
}

/// The columns beside the label, which must be there.
fn features(table: &Table, label: Option<&str>) -> Result<Vec<String>, Failure> {
    if let Some(label) = label
        && !table.header().iter().any(|column| column == label)
    {
        let text = format!("`{}` lacks the label column `{label}`", table.name());
        return Err(Failure::invalid_input(text));
    }
    Ok(table.header().iter().filter(|column| Some(column.as_str()) != label).cloned().collect())
}

/// Reads the first rows as the model would take them, and answers the label's field.
fn check_rows(table: Table, inputs: &[Field], label: Option<&str>) -> Result<Option<Field>, Failure> {
    let label_text = label.map(|label| Field::new(label, FieldType::String));
    let fields: Vec<_> = inputs.iter().cloned().chain(label_text).collect();
    let mut labels = Content::new();
    for row in table.select(&fields)?.take(CHECKED_ROWS) {
        if let Some(cell) = row?.cells.get(inputs.len()) {
            labels.add(cell);
        }
    }
    Ok(label.map(|label| Field::new(label, labels.kind())))
}

/// What the cells of a column have been so far. An empty one says nothing.
#[derive(Clone)]
struct Content {
    integers: bool,
    numbers: bool,
}

impl Content {
    fn new() -> Self {
        Self { integers: true, numbers: true }
    }

    fn add(&mut self, cell: &Value) {
        if let Some(text) = cell.as_str().map(str::trim) {
            self.integers &= text.parse::<i64>().is_ok();
            self.numbers &= text.parse::<f64>().is_ok_and(f64::is_finite);
        }
    }

    fn kind(&self) -> FieldType {
        match self {
            Self { integers: true, .. } => FieldType::Integer,
            Self { numbers: true, .. } => FieldType::Double,
            Self { .. } => FieldType::String,
        }
    }
}
