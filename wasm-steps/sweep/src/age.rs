//! Ages as the spec writes durations.

use std::time::Duration;

/// In the largest unit of which it has one at least: `3d`, `5h`, `12m`, `8s`.
pub(crate) fn text(age: Duration) -> String {
    let seconds = age.as_secs();
    let units = [(24 * 3600, "d"), (3600, "h"), (60, "m")];
    let unit = units.into_iter().find(|(length, _)| seconds >= *length);
    let (length, name) = unit.unwrap_or((1, "s"));
    format!("{}{name}", seconds / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let texts =
            [0, 59, 60, 3599, 3600, 86_399, 86_400, 40 * 86_400].map(|seconds| text(Duration::from_secs(seconds)));
        assert_eq!(texts, ["0s", "59s", "1m", "59m", "1h", "23h", "1d", "40d"]);
    }
}
