//! `predictions.csv`: the rows of a data set with what the deployment answered, in their order. Columns `row` (from
//! 1), `prediction`, and for classifiers `probability_0`, `probability_1` and so on.

use std::fs::File;
use std::io::Write;

use serde_json::Value;

use crate::{Failure, Field, FieldType, Prediction, Table, json};

/// Writes the file, row by row.
pub struct PredictionsWriter<W: Write> {
    csv: csv::Writer<W>,
    rows: u64,
}

/// Reads the file, row by row.
pub struct PredictionsReader {
    name: String,
    table: Table,
    rows: u64,
}

/// A row of the file. Whether the prediction is a number or a text, the file does not tell.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenPrediction {
    /// The prediction as written.
    pub value: String,
    /// The probabilities; empty if there are none.
    pub probabilities: Vec<f64>,
}

impl<W: Write> PredictionsWriter<W> {
    /// Begins the file.
    pub fn new(out: W) -> Self {
        Self { csv: csv::Writer::from_writer(out), rows: 0 }
    }

    /// Adds rows. All must have the same number of probabilities.
    pub fn write(&mut self, predictions: &[Prediction]) -> Result<(), Failure> {
        for prediction in predictions {
            self.write_row(prediction).map_err(|error| {
                Failure::internal(format!("cannot write the prediction of row {}: {error}", self.rows))
            })?;
        }
        Ok(())
    }

    /// Adds all rows of another such file, of the same number of probabilities; they are counted on from the last one.
    pub fn append(&mut self, other: PredictionsReader) -> Result<(), Failure> {
        for row in other {
            let WrittenPrediction { value, probabilities } = row?;
            self.write(&[Prediction { value: value.into(), probabilities }])?;
        }
        Ok(())
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.csv.flush().map_err(|error| Failure::internal(format!("cannot write the predictions: {error}")))
    }

    fn write_row(&mut self, prediction: &Prediction) -> csv::Result<()> {
        if self.rows == 0 {
            let probabilities = (0..prediction.probabilities.len()).map(|class| format!("probability_{class}"));
            self.csv.write_record(["row".to_owned(), "prediction".to_owned()].into_iter().chain(probabilities))?;
        }
        self.rows += 1;
        // As JSON writes them: the shortest text that reads back the same.
        let probabilities = prediction.probabilities.iter().map(|number| json::write(&Value::from(*number)));
        self.csv.write_record([self.rows.to_string(), prediction.text()].into_iter().chain(probabilities))
    }
}

impl PredictionsReader {
    /// Reads the header; `name` is what messages call the file.
    pub fn open(file: File, name: &str) -> Result<Self, Failure> {
        let table = Table::open(file, name)?;
        let mut fields = vec![Field::new("row", FieldType::Integer), Field::new("prediction", FieldType::String)];
        let probabilities = table.header().iter().filter(|column| column.starts_with("probability_"));
        fields.extend(probabilities.map(|column| Field::new(column, FieldType::Double)));
        Ok(Self { name: name.to_owned(), table: table.select(&fields)?, rows: 0 })
    }
}

impl Iterator for PredictionsReader {
    type Item = Result<WrittenPrediction, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match self.table.next()? {
            Ok(row) => row,
            Err(failure) => return Some(Err(failure)),
        };
        self.rows += 1;
        let wrong =
            |text: &str| Some(Err(Failure::invalid_input(format!("`{}` line {}: {text}", self.name, row.line))));
        if row.cells[0].as_u64() != Some(self.rows) {
            return wrong(&format!("this should be row {}", self.rows));
        }
        let probabilities: Option<Vec<f64>> = row.cells[2..].iter().map(Value::as_f64).collect();
        let Some(probabilities) = probabilities else {
            return wrong("a probability is missing");
        };
        Some(Ok(WrittenPrediction { value: row.cells[1].as_str().unwrap_or_default().to_owned(), probabilities }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Host;
    use crate::fake::Fake;

    fn file(host: &Fake, text: &str) -> File {
        host.file("predictions.csv", text);
        File::open(host.data().join("predictions.csv")).unwrap()
    }

    fn written(predictions: &[Prediction]) -> Result<String, Failure> {
        let mut bytes = Vec::new();
        let mut writer = PredictionsWriter::new(&mut bytes);
        writer.write(predictions)?;
        writer.finish()?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    fn prediction(value: Value, probabilities: &[f64]) -> Prediction {
        Prediction { value, probabilities: probabilities.to_vec() }
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let text = written(&[prediction(json!("a, b"), &[0.1, 0.9]), prediction(json!(1), &[1e-9, 1.0])]).unwrap();
        assert_eq!(text, "row,prediction,probability_0,probability_1\n1,\"a, b\",0.1,0.9\n2,1,1e-9,1.0\n");
        let host = Fake::new();
        let rows: Result<Vec<_>, _> = PredictionsReader::open(file(&host, &text), "predictions").unwrap().collect();
        assert_eq!(
            rows.unwrap(),
            [
                WrittenPrediction { value: "a, b".into(), probabilities: vec![0.1, 0.9] },
                WrittenPrediction { value: "1".into(), probabilities: vec![1e-9, 1.0] },
            ]
        );
    }

    #[test]
    fn files_are_put_together_as_if_they_were_written_at_once() {
        let rows = [
            prediction(json!("a, b"), &[0.1, 0.9]),
            prediction(json!(1.0), &[1e-9, 1.0]),
            prediction(json!(true), &[0.5, 0.5]),
        ];
        let mut bytes = Vec::new();
        let mut writer = PredictionsWriter::new(&mut bytes);
        for part in [&rows[..1], &rows[1..]] {
            let host = Fake::new();
            writer.append(PredictionsReader::open(file(&host, &written(part).unwrap()), "part").unwrap()).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), written(&rows).unwrap());
    }

    #[test]
    fn regressions_have_no_probabilities() {
        assert_eq!(written(&[prediction(json!(1.5), &[])]).unwrap(), "row,prediction\n1,1.5\n");
    }

    #[test]
    fn a_row_with_another_number_of_classes_is_not_written() {
        let failure = written(&[prediction(json!(1), &[0.5, 0.5]), prediction(json!(1), &[1.0])]).unwrap_err();
        assert!(failure.message.starts_with("cannot write the prediction of row 2: "), "{}", failure.message);
    }

    #[test]
    fn a_file_with_a_row_left_out_is_refused() {
        let host = Fake::new();
        for (text, message) in [
            ("row,prediction\n1,0\n3,0\n", "`predictions` line 3: this should be row 2"),
            ("row,prediction,probability_0\n1,0,\n", "`predictions` line 2: a probability is missing"),
        ] {
            let rows: Result<Vec<_>, _> = PredictionsReader::open(file(&host, text), "predictions").unwrap().collect();
            assert_eq!(rows.unwrap_err().message, message);
        }
    }
}
