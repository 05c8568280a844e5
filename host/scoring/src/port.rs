//! What a model takes and gives.

use std::fmt;

use tract_onnx::pb::{
    ValueInfoProto, tensor_proto::DataType, tensor_shape_proto::dimension::Value as Length, type_proto,
};
use tract_onnx::prelude::DatumType;

/// What a tensor holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// 32 bit floats.
    Float32,
    /// 64 bit floats.
    Float64,
    /// 32 bit integers.
    Int32,
    /// 64 bit integers.
    Int64,
    /// Truth values.
    Boolean,
    /// Strings.
    Text,
    /// Anything else; such a port cannot be fed.
    Other,
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Float32 => "32 bit floats",
            Self::Float64 => "64 bit floats",
            Self::Int32 => "32 bit integers",
            Self::Int64 => "64 bit integers",
            Self::Boolean => "booleans",
            Self::Text => "texts",
            Self::Other => "values of a type that cannot be fed",
        })
    }
}

/// An input or an output of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The name in the file.
    pub name: String,
    /// What it holds.
    pub element: Element,
    /// Axis lengths; `None` for a length that is free, as the number of rows is.
    pub shape: Vec<Option<usize>>,
    /// Where each row is a map in the file, as `ZipMap` makes it: its keys in the order of the columns here, which is
    /// that of numbers if all are, else of texts.
    pub classes: Option<Vec<String>>,
}

impl Port {
    /// The port that the file declares; `None` if it is no tensor or has no number of axes.
    pub(crate) fn declared(info: &ValueInfoProto) -> Option<Self> {
        let type_proto::Value::TensorType(tensor) = info.r#type.as_ref()?.value.as_ref()?;
        let shape = tensor.shape.as_ref()?;
        let length = |length: &Option<Length>| match length {
            Some(Length::DimValue(n)) => usize::try_from(*n).ok(),
            _ => None,
        };
        Some(Self {
            name: info.name.clone(),
            element: element(tensor.elem_type),
            shape: shape.dim.iter().map(|dim| length(&dim.value)).collect(),
            classes: None,
        })
    }

    /// Whether a tensor of this shape fits.
    pub(crate) fn takes(&self, shape: &[usize]) -> bool {
        shape.len() == self.shape.len()
            && self.shape.iter().zip(shape).all(|(wanted, got)| wanted.is_none_or(|wanted| wanted == *got))
    }

    /// The shape for people: `[?, 30]`.
    pub(crate) fn shape_text(&self) -> String {
        let lengths = self.shape.iter().map(|length| length.map_or("?".to_owned(), |n| n.to_string()));
        format!("[{}]", lengths.collect::<Vec<_>>().join(", "))
    }
}

impl From<DatumType> for Element {
    fn from(datum_type: DatumType) -> Self {
        match datum_type {
            DatumType::F32 => Self::Float32,
            DatumType::F64 => Self::Float64,
            DatumType::I32 => Self::Int32,
            // tract counts in a type of its own.
            DatumType::I64 | DatumType::TDim => Self::Int64,
            DatumType::Bool => Self::Boolean,
            DatumType::String => Self::Text,
            _ => Self::Other,
        }
    }
}

fn element(code: i32) -> Element {
    match DataType::try_from(code) {
        Ok(DataType::Float) => Element::Float32,
        Ok(DataType::Double) => Element::Float64,
        Ok(DataType::Int32) => Element::Int32,
        Ok(DataType::Int64) => Element::Int64,
        Ok(DataType::Bool) => Element::Boolean,
        Ok(DataType::String) => Element::Text,
        _ => Element::Other,
    }
}
