//! Values on their way into a model and out of it.

use tract_onnx::prelude::{self as tract, DatumType, TractResult};

use crate::{Element, Port, ScoringError};

/// Values in a shape, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Axis lengths.
    pub shape: Vec<usize>,
    /// As many as the lengths' product.
    pub values: Values,
}

/// A tensor's values; numbers are converted to what the port holds, and back.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Floats of any width.
    Floats(Vec<f64>),
    /// Integers of any width.
    Integers(Vec<i64>),
    /// Truth values.
    Booleans(Vec<bool>),
    /// Strings.
    Texts(Vec<String>),
}

impl Values {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::Booleans(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Floats(_) => "floats",
            Self::Integers(_) => "integers",
            Self::Booleans(_) => "booleans",
            Self::Texts(_) => "texts",
        }
    }
}

impl Tensor {
    /// The tensor as `port` takes it.
    pub(crate) fn feed(&self, port: &Port) -> Result<tract::Tensor, ScoringError> {
        let count = self.shape.iter().try_fold(1_usize, |product, length| product.checked_mul(*length));
        if !port.takes(&self.shape) {
            return Err(shape_error(port, format!("{:?}", self.shape)));
        }
        if count != Some(self.values.len()) {
            return Err(shape_error(port, format!("{:?} with {} values", self.shape, self.values.len())));
        }
        let type_error =
            |got: String| ScoringError::Type { input: port.name.clone(), wanted: port.element.to_string(), got };
        let unfit = |value: f64| type_error(format!("{value}"));
        let made = match (port.element, &self.values) {
            #[expect(clippy::cast_possible_truncation, reason = "the port holds no more digits")]
            (Element::Float32, Values::Floats(values)) => self.shaped(values.iter().map(|v| *v as f32).collect()),
            (Element::Float32, Values::Integers(values)) => self.shaped(values.iter().map(|v| *v as f32).collect()),
            (Element::Float64, Values::Floats(values)) => self.shaped(values.clone()),
            (Element::Float64, Values::Integers(values)) => self.shaped(values.iter().map(|v| *v as f64).collect()),
            (Element::Int64, Values::Integers(values)) => self.shaped(values.clone()),
            (Element::Int64, Values::Floats(values)) => {
                self.shaped(values.iter().map(|v| whole(*v).ok_or_else(|| unfit(*v))).collect::<Result<_, _>>()?)
            }
            (Element::Int32, Values::Integers(values)) => {
                let narrow = |v: &i64| i32::try_from(*v).map_err(|_| type_error(v.to_string()));
                self.shaped(values.iter().map(narrow).collect::<Result<_, _>>()?)
            }
            (Element::Int32, Values::Floats(values)) => {
                let narrow = |v: &f64| whole(*v).and_then(|v| i32::try_from(v).ok()).ok_or_else(|| unfit(*v));
                self.shaped(values.iter().map(narrow).collect::<Result<_, _>>()?)
            }
            (Element::Boolean, Values::Booleans(values)) => self.shaped(values.clone()),
            (Element::Text, Values::Texts(values)) => self.shaped(values.clone()),
            (_, values) => return Err(type_error(values.kind().to_owned())),
        };
        made.map_err(|error| shape_error(port, format!("{:?} ({error})", self.shape)))
    }

    fn shaped<T: tract::Datum>(&self, values: Vec<T>) -> TractResult<tract::Tensor> {
        Ok(tract::tract_ndarray::ArrayD::from_shape_vec(self.shape.clone(), values)?.into())
    }

    /// What tract answered; an error for a type that is neither number nor text.
    pub(crate) fn answered(tensor: &tract::Tensor) -> TractResult<Self> {
        let values = match tensor.datum_type() {
            DatumType::Bool => Values::Booleans(list::<bool>(tensor)?),
            DatumType::String => Values::Texts(list::<String>(tensor)?),
            DatumType::F16 | DatumType::F32 | DatumType::F64 => {
                Values::Floats(list::<f64>(&*tensor.cast_to::<f64>()?)?)
            }
            _ => Values::Integers(list::<i64>(&*tensor.cast_to::<i64>()?)?),
        };
        Ok(Self { shape: tensor.shape().to_vec(), values })
    }
}

fn list<T: tract::Datum>(tensor: &tract::Tensor) -> TractResult<Vec<T>> {
    Ok(tensor.to_plain_array_view::<T>()?.iter().cloned().collect())
}

fn shape_error(port: &Port, got: String) -> ScoringError {
    ScoringError::Shape { input: port.name.clone(), wanted: port.shape_text(), got }
}

/// The integer that a float is; `None` if it is none, or so large that it no longer tells its neighbours apart.
fn whole(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "checked: no fraction, and in range")]
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64)
}
