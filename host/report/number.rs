//! Numbers as people read them.

/// Six digits are enough to read, and a small difference is still not 0.
pub(super) fn decimal(float: f64) -> String {
    if float != 0.0 && float.abs() < 1e-4 { format!("{float:.2e}") } else { format!("{float:.6}") }
}

/// Four decimals at the most.
pub(super) fn short(float: f64) -> String {
    if float != 0.0 && float.abs() < 1e-4 { format!("{float:.1e}") } else { trimmed(format!("{float:.4}")) }
}

/// A value that is beyond its limit, with as many decimals as it takes to see that, and by how much it is.
pub(super) fn beyond(value: f64, limit: f64) -> (String, String) {
    let shows =
        |text: &String| text.parse::<f64>().is_ok_and(|shown| shown.total_cmp(&limit) == value.total_cmp(&limit));
    let enough = (4..16).map(|decimals| trimmed(format!("{value:.decimals$}"))).find(shows);
    let value_text =
        if value != 0.0 && value.abs() < 1e-4 { short(value) } else { enough.unwrap_or_else(|| value.to_string()) };
    let by = (value - limit).abs();
    let by_text = if by >= 10.0 {
        format!("{by:.0}")
    } else if by >= 1e-4 {
        // Two digits that count.
        let zeros = [1.0, 0.1, 0.01, 0.001].iter().filter(|one| by < **one).count();
        trimmed(format!("{by:.decimals$}", decimals = zeros + 1))
    } else {
        format!("{by:.0e}")
    };
    (value_text, by_text)
}

/// Some milliseconds.
pub(super) fn seconds(millis: f64) -> String {
    format!("{:.2} s", millis / 1000.0)
}

/// So many of something.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_limit_is_seen_to_be_missed() {
        let cases = [
            (0.87, 0.9, "0.87", "0.03"),
            (0.964_912_280_701, 0.99, "0.9649", "0.025"),
            (0.899_999_99, 0.9, "0.89999999", "1e-8"),
            (0.009_345_794, 0.001, "0.0093", "0.0083"),
            (2859.6963, 2500.0, "2859.6963", "360"),
            (3.2, 1.0, "3.2", "2.2"),
            (0.000_01, 0.5, "1.0e-5", "0.5"),
            (-0.2, 0.0, "-0.2", "0.2"),
        ];
        for (value, limit, shown, by) in cases {
            assert_eq!(beyond(value, limit), (shown.to_owned(), by.to_owned()));
        }
    }

    #[test]
    fn whole_numbers_have_no_decimals() {
        assert_eq!([short(1.0), short(0.0), short(0.5), short(120.0)], ["1", "0", "0.5", "120"]);
    }
}
