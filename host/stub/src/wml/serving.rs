//! `Servable`: a deployed model, scoring rows of JSON.

use serde_json::Value;
use stepwise_scoring::{Element, Model, Port, Tensor, Values};

use super::archive;
use super::shapes::{self, Shape};

/// A deployed model.
pub(crate) struct Servable {
    model: Model,
    shape: Shape,
    /// The columns that the model was stored with.
    fields: Option<Vec<String>>,
}

/// What one output of the model says about each row.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) name: String,
    /// A value per row, or an array per row where the output has more than one axis.
    pub(crate) rows: Vec<Value>,
    /// How many values a row has.
    pub(crate) width: usize,
    /// Whether the values are labels, not measures.
    pub(crate) labels: bool,
    /// What the values of a row are for, where the model answers maps.
    pub(crate) classes: Option<Vec<String>>,
}

/// What the outputs mean to a monitor.
#[derive(Debug)]
pub(crate) struct Scores {
    pub(crate) predictions: Vec<Value>,
    pub(crate) probabilities: Option<Vec<Value>>,
}

/// Rows to score.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) fields: Option<&'a [String]>,
    pub(crate) values: &'a [Vec<Value>],
}

impl Servable {
    /// Opens an archive and loads the model in it, or says why that cannot be done. Only an ONNX model is loaded: reading a
    /// pickle runs it, and other runtimes are not here. For those the twin answers.
    pub(crate) fn open(
        content: Option<&[u8]>,
        model_type: &str,
        fields: Option<Vec<String>>,
        twin: Option<Model>,
    ) -> Result<Self, String> {
        let content = content.ok_or("the model has no content")?;
        let shape = Shape::of_type(model_type);
        if shape.is_onnx() {
            let model = Model::load(&archive::onnx(content)?).map_err(|error| error.to_string())?;
            return Ok(Self { model, shape, fields });
        }
        archive::check(content, model_type)?;
        let model = twin.ok_or_else(|| {
            format!(
                "the stub cannot run a model of type `{model_type}`, and has no ONNX file to answer for it (`--twin`)"
            )
        })?;
        Ok(Self { model, shape, fields })
    }

    /// The answer to rows of JSON, in the shape of the model's type.
    pub(crate) fn answer(&self, rows: Rows) -> Result<Vec<Value>, String> {
        Ok(shapes::answer(self.shape, self.outputs(rows)?))
    }

    /// The prediction of each row, and its probabilities if the model has them.
    pub(crate) fn scores(&self, rows: Rows) -> Result<Scores, String> {
        let mut outputs = self.outputs(rows)?;
        let probabilities = outputs.iter().position(|output| output.width > 1).map(|at| outputs.remove(at).rows);
        let single = |output: &Output| output.width == 1;
        let label = outputs.iter().position(|output| single(output) && output.labels);
        let at =
            label.or_else(|| outputs.iter().position(single)).ok_or("the model has no output of one value per row")?;
        let flat = |value: Value| match value {
            Value::Array(mut values) if values.len() == 1 => values.remove(0),
            other => other,
        };
        Ok(Scores { predictions: outputs.remove(at).rows.into_iter().map(flat).collect(), probabilities })
    }

    fn outputs(&self, rows: Rows) -> Result<Vec<Output>, String> {
        self.check_fields(rows)?;
        let inputs: Vec<Tensor> = match self.model.inputs() {
            [port] => vec![tensor(port, rows.values.iter().map(Vec::as_slice))?],
            ports => ports.iter().map(|port| column(port, rows)).collect::<Result<_, _>>()?,
        };
        let tensors = self.model.run(&inputs).map_err(|error| error.to_string())?;
        let outputs = self.model.outputs().iter().zip(tensors);
        outputs.map(|(port, tensor)| output(port, tensor, rows.values.len())).collect()
    }

    /// Columns count by their order, so names that tell of another order are refused, not sorted.
    fn check_fields(&self, rows: Rows) -> Result<(), String> {
        let Some(given) = rows.fields else { return Ok(()) };
        if let Some(row) = rows.values.iter().position(|row| row.len() != given.len()) {
            return Err(format!("row {} has {} values for {} fields", row + 1, rows.values[row].len(), given.len()));
        }
        match &self.fields {
            Some(known) if known != given => {
                Err(format!("`fields` are not the model's input fields: {}", known.join(", ")))
            }
            _ => Ok(()),
        }
    }
}

/// One of several inputs: the column of its name.
fn column(port: &Port, rows: Rows) -> Result<Tensor, String> {
    let fields = rows.fields.ok_or("a model of several inputs needs `fields`")?;
    let at = fields
        .iter()
        .position(|field| *field == port.name)
        .ok_or_else(|| format!("field `{}` is missing", port.name))?;
    tensor(port, rows.values.iter().map(|row| std::slice::from_ref(&row[at])))
}

fn tensor<'a>(port: &Port, rows: impl ExactSizeIterator<Item = &'a [Value]>) -> Result<Tensor, String> {
    let count = rows.len();
    let mut cells: Vec<&Value> = Vec::new();
    let mut width = None;
    for (number, row) in rows.enumerate() {
        let before = cells.len();
        for value in row {
            flatten(value, &mut cells);
        }
        let found = cells.len() - before;
        if *width.get_or_insert(found) != found {
            return Err(format!(
                "row {} has {found} values, the rows before it {}",
                number + 1,
                width.unwrap_or_default()
            ));
        }
    }
    let shape = shape(port, count, width.unwrap_or_default())?;
    Ok(Tensor { shape, values: values(port, &cells)? })
}

fn flatten<'a>(value: &'a Value, cells: &mut Vec<&'a Value>) {
    match value {
        Value::Array(values) => {
            for value in values {
                flatten(value, cells);
            }
        }
        other => cells.push(other),
    }
}

/// The input's shape for so many rows of so many values; at most one axis beside the rows may be free.
fn shape(port: &Port, rows: usize, width: usize) -> Result<Vec<usize>, String> {
    let axes = port.shape.get(1..).unwrap_or_default();
    let fixed: usize = axes.iter().flatten().product();
    let free = axes.iter().filter(|axis| axis.is_none()).count();
    let free_size = if free == 1 && fixed > 0 && width.is_multiple_of(fixed) { width / fixed } else { 1 };
    let mut shape = vec![rows];
    shape.extend(axes.iter().map(|axis| axis.unwrap_or(free_size)));
    if rows > 0 && shape[1..].iter().product::<usize>() != width {
        return Err(format!(
            "input `{}` takes {} values per row, not {width}",
            port.name,
            shape[1..].iter().product::<usize>()
        ));
    }
    Ok(shape)
}

fn values(port: &Port, cells: &[&Value]) -> Result<Values, String> {
    let wrong = |value: &Value| format!("input `{}` does not take the value {value}", port.name);
    let each = || cells.iter().copied();
    Ok(match port.element {
        Element::Float32 | Element::Float64 => {
            let float = |value: &Value| if value.is_null() { Some(f64::NAN) } else { value.as_f64() };
            Values::Floats(each().map(|value| float(value).ok_or_else(|| wrong(value))).collect::<Result<_, _>>()?)
        }
        Element::Int32 | Element::Int64 => {
            Values::Integers(each().map(|value| value.as_i64().ok_or_else(|| wrong(value))).collect::<Result<_, _>>()?)
        }
        Element::Boolean => {
            Values::Booleans(each().map(|value| value.as_bool().ok_or_else(|| wrong(value))).collect::<Result<_, _>>()?)
        }
        Element::Text => {
            let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| wrong(value));
            Values::Texts(each().map(text).collect::<Result<_, _>>()?)
        }
        Element::Other => return Err(format!("input `{}` holds what JSON cannot", port.name)),
    })
}

fn output(port: &Port, tensor: Tensor, rows: usize) -> Result<Output, String> {
    if tensor.shape.first() != Some(&rows) {
        return Err(format!("output `{}` has {:?} values for {rows} rows", port.name, tensor.shape.first()));
    }
    let labels = !matches!(tensor.values, Values::Floats(_));
    let cells: Vec<Value> = match tensor.values {
        Values::Floats(values) => values.into_iter().map(Value::from).collect(),
        Values::Integers(values) => values.into_iter().map(Value::from).collect(),
        Values::Booleans(values) => values.into_iter().map(Value::from).collect(),
        Values::Texts(values) => values.into_iter().map(Value::from).collect(),
    };
    let width = tensor.shape[1..].iter().product();
    let rows = nested(cells, &tensor.shape[1..]);
    Ok(Output { name: port.name.clone(), rows, width, labels, classes: port.classes.clone() })
}

/// Groups values into rows of the shape, innermost axis first.
fn nested(mut cells: Vec<Value>, axes: &[usize]) -> Vec<Value> {
    for &axis in axes.iter().rev() {
        let mut values = cells.into_iter();
        let mut grouped = Vec::new();
        loop {
            let group: Vec<Value> = values.by_ref().take(axis).collect();
            if group.is_empty() {
                break;
            }
            grouped.push(Value::Array(group));
        }
        cells = grouped;
    }
    cells
}

impl std::fmt::Debug for Servable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Servable").field("sha256", &self.model.sha256()).finish_non_exhaustive()
    }
}
