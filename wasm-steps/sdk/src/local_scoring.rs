//! Scoring rows with a model that the host runs: tensors of rows, and predictions of the tensors that come back.

use serde_json::{Number, Value};

use crate::prediction::Misfit;
use crate::scoring::{Element, Port, Tensor, Values};
use crate::{Failure, Field, LocalModel, ModelOutput, Prediction, Row, json};

/// Scores rows, whose cells are those of the fields. A model of one input takes all of them, one of several inputs
/// each the field of its name.
pub fn score_locally(model: &dyn LocalModel, rows: &[Row], fields: &[Field]) -> Result<Vec<Prediction>, Failure> {
    let ports = model.inputs();
    let mut tensors = Vec::new();
    for port in &ports {
        tensors.push(tensor(port, &columns(port, ports.len(), fields)?, rows, fields)?);
    }
    let answers = model.run(&tensors)?;
    let mut outputs = Vec::new();
    for (port, tensor) in model.outputs().into_iter().zip(answers) {
        let values = cut(tensor);
        if values.len() != rows.len() {
            let text = format!("the model's output `{}` has {} rows for {}", port.name, values.len(), rows.len());
            return Err(Failure::internal(text));
        }
        outputs.push(ModelOutput { name: Some(port.name), rows: values });
    }
    Prediction::pick(&outputs, "prediction", "probability").map_err(|Misfit { row, why }| {
        let to_line = row.map(|row| format!(" for line {}", rows[row].line)).unwrap_or_default();
        Failure::invalid_input(format!("the model's outputs{to_line} are not understood: {why}"))
    })
}

/// The fields that an input takes: all in their order where there is one input, else the one of its name.
fn columns(port: &Port, ports: usize, fields: &[Field]) -> Result<Vec<usize>, Failure> {
    if ports == 1 {
        return Ok((0..fields.len()).collect());
    }
    let found = fields.iter().position(|field| field.name == port.name);
    found.map(|column| vec![column]).ok_or_else(|| {
        Failure::invalid_input(format!(
            "the model has an input `{}`, and `input_fields` no field of that name",
            port.name
        ))
    })
}

fn tensor(port: &Port, columns: &[usize], rows: &[Row], fields: &[Field]) -> Result<Tensor, Failure> {
    let cells =
        || rows.iter().flat_map(|row| columns.iter().map(move |column| (row.line, *column, &row.cells[*column])));
    let read = |take: &mut dyn FnMut(&Value) -> bool| -> Result<(), Failure> {
        match cells().find(|(_, _, cell)| !take(cell)) {
            None => Ok(()),
            Some((line, column, cell)) => {
                let (field, cell) = (&fields[column].name, json::write(cell));
                Err(Failure::invalid_input(format!("line {line}: the model cannot take `{cell}` as `{field}`")))
            }
        }
    };
    let values = match port.element {
        Element::Float32 | Element::Float64 => {
            let mut values = Vec::new();
            read(&mut |cell| push(&mut values, float(cell)))?;
            Values::Floats(values)
        }
        Element::Int32 | Element::Int64 => {
            let mut values = Vec::new();
            read(&mut |cell| push(&mut values, cell.as_i64()))?;
            Values::Integers(values)
        }
        Element::Boolean => {
            let mut values = Vec::new();
            read(&mut |cell| push(&mut values, cell.as_bool()))?;
            Values::Booleans(values)
        }
        Element::Text => {
            let mut values = Vec::new();
            read(&mut |cell| push(&mut values, cell.as_str().map(str::to_owned)))?;
            Values::Texts(values)
        }
        Element::Other => {
            let text = format!("the model's input `{}` is of a type that cannot be fed", port.name);
            return Err(Failure::invalid_input(text));
        }
    };
    Ok(Tensor { shape: shape(port, rows.len(), columns.len())?, values })
}

fn push<T>(values: &mut Vec<T>, value: Option<T>) -> bool {
    let fits = value.is_some();
    values.extend(value);
    fits
}

/// What frameworks do with an empty cell of a column of numbers.
fn float(cell: &Value) -> Option<f64> {
    if cell.is_null() { Some(f64::NAN) } else { cell.as_f64() }
}

/// The input's shape for so many rows: a column of its own unless the model takes a plain list.
fn shape(port: &Port, rows: usize, columns: usize) -> Result<Vec<u32>, Failure> {
    match (port.shape.len(), columns) {
        (1, 1) => Ok(vec![count(rows)]),
        (2, _) => Ok(vec![count(rows), count(columns)]),
        (axes, _) => {
            let text = format!("the model's input `{}` has {axes} axes, so rows cannot be fed to it", port.name);
            Err(Failure::invalid_input(text))
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// An output's tensor as a value per row: a plain one if the tensor has no second axis, else a list.
fn cut(tensor: Tensor) -> Vec<Value> {
    let number = |number| Number::from_f64(number).map_or(Value::Null, Value::Number);
    let values: Vec<Value> = match tensor.values {
        Values::Floats(values) => values.into_iter().map(number).collect(),
        Values::Integers(values) => values.into_iter().map(Value::from).collect(),
        Values::Booleans(values) => values.into_iter().map(Value::from).collect(),
        Values::Texts(values) => values.into_iter().map(Value::from).collect(),
    };
    let width: usize = tensor.shape.iter().skip(1).map(|length| *length as usize).product();
    if tensor.shape.len() < 2 || width == 0 {
        return values;
    }
    values.chunks(width).map(|row| row.to_vec().into()).collect()
}
