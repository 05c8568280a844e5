//! A model's inputs and outputs as columns.

use crate::scoring::{Element, Port};
use crate::{Failure, Field, FieldType};

/// The columns that a model takes, named by the data and typed by the model. One input takes all columns in their
/// order; several take one column each, by name. `file` is the model's.
pub fn fields_of_columns(file: &str, ports: &[Port], columns: &[String]) -> Result<Vec<Field>, Failure> {
    let widths = ports.iter().map(|port| width(file, port)).collect::<Result<Vec<_>, _>>()?;
    let wanted: Option<usize> = widths.iter().copied().sum();
    if let Some(wanted) = wanted
        && wanted != columns.len()
    {
        let text =
            format!("model `{file}` takes {wanted} columns, but the data has {} beside the label", columns.len());
        return Err(Failure::invalid_input(text));
    }
    match ports {
        [one] => {
            let kind = input_type(file, one)?;
            Ok(columns.iter().map(|name| Field::new(name, kind)).collect())
        }
        several if widths.iter().all(|width| *width == Some(1)) => {
            several.iter().map(|port| Ok(Field::new(&port.name, input_type(file, port)?))).collect()
        }
        _ => Err(Failure::invalid_input(format!(
            "model `{file}` has several inputs of several columns, which a table cannot be matched to"
        ))),
    }
}

/// The columns that a model takes, named by the model's own ports.
pub fn fields_by_port(file: &str, ports: &[Port]) -> Result<Vec<Field>, Failure> {
    let mut fields = Vec::new();
    for port in ports {
        let kind = input_type(file, port)?;
        match width(file, port)? {
            Some(1) => fields.push(Field::new(&port.name, kind)),
            Some(columns) => {
                fields.extend((1..=columns).map(|column| Field::new(format!("{}_{column}", port.name), kind)));
            }
            None => {
                let text = format!("model `{file}` does not say how many columns its input `{}` takes", port.name);
                return Err(Failure::invalid_input(text).hint("give the model's training data"));
            }
        }
    }
    Ok(fields)
}

/// The columns that an input takes; `None` when the model leaves it open.
fn width(file: &str, port: &Port) -> Result<Option<usize>, Failure> {
    match port.shape.as_slice() {
        [_] => Ok(Some(1)),
        [_, columns] => Ok(columns.map(|columns| columns as usize)),
        shape => Err(Failure::invalid_input(format!(
            "input `{}` of model `{file}` has {} axes; a table has rows and columns",
            port.name,
            shape.len()
        ))),
    }
}

fn input_type(file: &str, port: &Port) -> Result<FieldType, Failure> {
    field_type(port.element).ok_or_else(|| {
        Failure::invalid_input(format!("input `{}` of model `{file}` holds what a table cannot", port.name))
    })
}

/// What an output is as a column.
pub fn output_field(port: &Port) -> Field {
    let single = matches!(port.shape.as_slice(), [_] | [_, Some(1)]);
    let kind = if single { field_type(port.element) } else { None };
    Field::new(&port.name, kind.unwrap_or(FieldType::Array))
}

fn field_type(element: Element) -> Option<FieldType> {
    match element {
        Element::Float32 | Element::Float64 => Some(FieldType::Double),
        Element::Int32 | Element::Int64 => Some(FieldType::Integer),
        Element::Boolean => Some(FieldType::Boolean),
        Element::Text => Some(FieldType::String),
        Element::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, element: Element, shape: &[Option<u32>]) -> Port {
        Port { name: name.to_owned(), element, shape: shape.to_vec() }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn one_input_takes_all_columns_in_their_order() {
        let ports = [port("x", Element::Float32, &[None, Some(2)])];
        let fields = fields_of_columns("m", &ports, &names(&["b", "a"])).unwrap();
        assert_eq!(fields, [Field::new("b", FieldType::Double), Field::new("a", FieldType::Double)]);
        let failure = fields_of_columns("m", &ports, &names(&["b"])).unwrap_err();
        assert_eq!(failure.message, "model `m` takes 2 columns, but the data has 1 beside the label");
    }

    #[test]
    fn several_inputs_take_a_column_each_by_name() {
        let ports = [port("n", Element::Int64, &[None, Some(1)]), port("t", Element::Text, &[None])];
        let fields = fields_of_columns("m", &ports, &names(&["t", "n"])).unwrap();
        assert_eq!(fields, [Field::new("n", FieldType::Integer), Field::new("t", FieldType::String)]);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let image = [port("x", Element::Float32, &[None, None, None])];
        let failure = fields_of_columns("m", &image, &[]).unwrap_err();
        assert_eq!(failure.message, "input `x` of model `m` has 3 axes; a table has rows and columns");
        let other = [port("x", Element::Other, &[None, None])];
        let failure = fields_of_columns("m", &other, &[]).unwrap_err();
        assert_eq!(failure.message, "input `x` of model `m` holds what a table cannot");
        let wide = [port("x", Element::Float32, &[None, Some(2)]), port("y", Element::Float32, &[None, Some(1)])];
        assert!(fields_of_columns("m", &wide, &names(&["a", "b", "c"])).is_err());
    }

    #[test]
    fn without_data_the_ports_give_the_names() {
        let ports = [port("x", Element::Float32, &[None, Some(2)]), port("y", Element::Boolean, &[None])];
        let fields = fields_by_port("m", &ports).unwrap();
        let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["x_1", "x_2", "y"]);
        let open = [port("x", Element::Float32, &[None, None])];
        assert_eq!(fields_by_port("m", &open).unwrap_err().hint.as_deref(), Some("give the model's training data"));
    }

    #[test]
    fn an_output_of_several_values_is_an_array() {
        assert_eq!(output_field(&port("p", Element::Float32, &[None, Some(2)])).r#type, FieldType::Array);
        assert_eq!(output_field(&port("y", Element::Float32, &[None, Some(1)])).r#type, FieldType::Double);
        assert_eq!(output_field(&port("l", Element::Int64, &[None])).r#type, FieldType::Integer);
    }
}
