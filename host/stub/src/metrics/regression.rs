//! Metrics of regression. The ids other than `r2` are not proven.

use serde_json::Value;

use super::{Observations, finite};

pub(super) fn metrics(rows: &Observations) -> Result<Vec<(&'static str, Option<f64>)>, String> {
    let (actual, predicted) = (numbers(&rows.actual)?, numbers(&rows.predicted)?);
    let count = actual.len() as f64;
    let errors: Vec<f64> = actual.iter().zip(&predicted).map(|(actual, predicted)| actual - predicted).collect();
    let mean_square = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>() / count;
    let mean_squared_error = mean_square(&errors);
    let spread = variance(&actual);
    Ok(vec![
        ("r2", finite(1.0 - mean_squared_error / spread)),
        ("explained_variance", finite(1.0 - variance(&errors) / spread)),
        ("root_mean_squared_error", finite(mean_squared_error.sqrt())),
        ("mean_absolute_error", finite(errors.iter().map(|error| error.abs()).sum::<f64>() / count)),
        ("mean_squared_error", finite(mean_squared_error)),
    ])
}

fn variance(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count
}

fn numbers(values: &[Value]) -> Result<Vec<f64>, String> {
    values.iter().map(|value| value.as_f64().ok_or_else(|| format!("{value} is not a number"))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::metrics::{Observations, Problem, evaluate};

    #[test]
    fn the_textbook_example_is_met() {
        // The example of scikit-learn's r2_score, explained_variance_score and mean_squared_error.
        let rows = Observations {
            actual: vec![json!(3), json!(-0.5), json!(2), json!(7)],
            predicted: vec![json!(2.5), json!(0.0), json!(2), json!(8)],
            probabilities: None,
        };
        let quality = evaluate(Problem::Regression, &rows).unwrap();
        let metric = |id: &str| quality.metrics.iter().find(|(known, _)| *known == id).unwrap().1.unwrap();
        assert!((metric("r2") - 0.948_608_137).abs() < 1e-9);
        assert!((metric("explained_variance") - 0.957_173_447).abs() < 1e-9);
        assert!((metric("mean_squared_error") - 0.375).abs() < 1e-12);
        assert!((metric("mean_absolute_error") - 0.5).abs() < 1e-12);
        assert!((metric("root_mean_squared_error") - 0.375f64.sqrt()).abs() < 1e-12);
        assert!(quality.confusion.is_none());
    }

    #[test]
    fn a_text_is_no_number() {
        let rows = Observations { actual: vec![json!("3")], predicted: vec![json!(3)], probabilities: None };
        assert_eq!(evaluate(Problem::Regression, &rows).unwrap_err(), "\"3\" is not a number");
    }
}
