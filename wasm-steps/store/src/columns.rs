//! The columns of the model: its inputs and outputs, checked against the training data.

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
        if let Some(label) = label
            && !table.header().iter().any(|column| column == label)
        {
            let text = format!("`{}` lacks the label column `{label}`", table.name());
            return Err(Failure::invalid_input(text));
        }
        let features: Vec<_> = table.header().iter().filter(|column| Some(column.as_str()) != label).cloned().collect();
        let inputs = fields_of_columns(file, &ports, &features)?;
        let label = check_rows(table, &inputs, label)?;
        Ok(Self { inputs, outputs, label, from_data: true })
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

/// Reads the first rows as the model would take them, and answers the label's field.
fn check_rows(table: Table, inputs: &[Field], label: Option<&str>) -> Result<Option<Field>, Failure> {
    let label_text = label.map(|label| Field::new(label, FieldType::String));
    let fields: Vec<_> = inputs.iter().cloned().chain(label_text).collect();
    let mut labels = Vec::new();
    for row in table.select(&fields)?.take(CHECKED_ROWS) {
        labels.extend(row?.cells.into_iter().nth(inputs.len()));
    }
    let all = |fits: fn(&str) -> bool| labels.iter().filter_map(Value::as_str).all(fits);
    let kind = if all(|text| text.trim().parse::<i64>().is_ok()) {
        FieldType::Integer
    } else if all(|text| text.trim().parse::<f64>().is_ok()) {
        FieldType::Double
    } else {
        FieldType::String
    };
    Ok(label.map(|label| Field::new(label, kind)))
}
