//! `summary.md`: its first line is the headline.

use std::fmt::Write as _;

use super::forms::{ConfusionMatrix, Form};
use super::grid::{Cell, Grid};
use super::number::{count, seconds};
use super::summary::{Summary, gates_of};
use super::words;

/// Most rows of a table.
const MAX_ROWS: usize = 50;

/// The file.
pub(super) fn text(summary: &Summary) -> String {
    let mut text = format!("# {}\n", escaped(&summary.headline()));
    for warning in &summary.record.warnings {
        add(&mut text, &format!("> warning: {}\n", escaped(warning)));
    }
    add(&mut text, &facts(summary));
    let gates = summary.missed_first();
    if !gates.is_empty() {
        section(&mut text, "gates", &gates_of(gates));
    }
    section(&mut text, "steps", &words::steps(&summary.record.steps));
    for (complaint, hint) in summary.record.steps.iter().filter_map(words::complaint) {
        add(&mut text, &format!("{}\n", escaped(&complaint)));
        if let Some(hint) = hint {
            add(&mut text, &hint_of(hint));
        }
    }
    if !summary.left.is_empty() {
        section(&mut text, "left", &summary.left());
        add(&mut text, &format!("{}\n", escaped(&summary.removal())));
    }
    for drawing in summary.charts() {
        if let Form::ConfusionMatrix(matrix) = &drawing.form {
            section(&mut text, &format!("{}: {}", drawing.step, drawing.output), &matrix_of(matrix));
        }
    }
    for shown in summary.sections() {
        section(&mut text, &shown.title, &shown.grid);
    }
    text
}

/// What somebody wants to know first.
fn facts(summary: &Summary) -> String {
    let record = &summary.record;
    let models = summary.models().iter().map(|(name, sha256)| format!("{name} (SHA-256 {sha256})")).collect::<Vec<_>>();
    let mut facts = vec![("result", words::outcome(record.outcome).to_owned())];
    if !models.is_empty() {
        facts.push(("model", models.join(", ")));
    }
    facts.push(("left behind", summary.left_words()));
    facts.push(("run", format!("{} of {}", record.run, words::pipeline(record))));
    facts.push(("began", record.started_at.clone()));
    facts.push(("steps took", seconds(summary.took())));
    facts.iter().fold(String::new(), |text, (name, value)| text + &format!("- {name}: {}\n", escaped(value)))
}

fn matrix_of(matrix: &ConfusionMatrix) -> Grid {
    let labels: Vec<String> = matrix.labels.iter().map(|label| Cell::of(label).text).collect();
    let header = std::iter::once("actual, then predicted:".to_owned()).chain(labels.iter().cloned()).collect();
    let row = |(label, counts): (&String, &Vec<f64>)| {
        std::iter::once(Cell::text(label)).chain(counts.iter().map(|n| Cell::number(*n, n.to_string()))).collect()
    };
    Grid::of_rows(header, labels.iter().zip(&matrix.values).map(row).collect())
}

fn section(text: &mut String, title: &str, grid: &Grid) {
    add(text, &format!("## {}\n\n{}", escaped(title), table(grid)));
}

fn table(grid: &Grid) -> String {
    let columns = grid.rows.first().map_or(grid.header.len(), Vec::len);
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    // A table without a header is none.
    let header = if grid.header.is_empty() {
        vec![String::new(); columns]
    } else {
        grid.header.iter().map(|name| escaped(name)).collect()
    };
    let is_number =
        |column: usize| grid.rows.iter().all(|row| row.get(column).is_some_and(|cell| cell.number.is_some()));
    let rule = (0..columns).map(|column| if is_number(column) { "---:" } else { "---" }.to_owned()).collect();
    let mut text = line(header) + &line(rule);
    for row in grid.rows.iter().take(MAX_ROWS) {
        text += &line(row.iter().map(|cell| escaped(&cell.clipped())).collect());
    }
    if grid.rows.len() > MAX_ROWS {
        let _ = write!(text, "\n{} more in run.json\n", count(grid.rows.len() - MAX_ROWS, "row"));
    }
    text
}

/// A hint, whose further lines are to be copied.
fn hint_of(hint: &str) -> String {
    let (first, more) = hint.split_once('\n').unwrap_or((hint, ""));
    let more = more.lines().fold(String::new(), |text, line| text + "    " + line + "\n");
    let between = if more.is_empty() { "" } else { "\n" };
    format!("hint: {}\n{between}{more}", escaped(first))
}

fn add(text: &mut String, paragraph: &str) {
    text.push('\n');
    text.push_str(paragraph);
}

/// A text that Markdown takes for nothing but itself, in one line. A pair of backticks still makes code, as it does in all
/// messages: what is escaped within it shows its backslash, and closes nothing.
fn escaped(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut escaped = String::with_capacity(line.len());
    let mut before = ' ';
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let is_special = match c {
            '\\' | '*' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '!' | '$' => true,
            // Within a word it is no emphasis, and metrics have many.
            '_' => !(before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric())),
            // What begins a heading, a list or a rule.
            '#' | '-' | '+' | '=' => escaped.is_empty(),
            _ => false,
        };
        if is_special {
            escaped.push('\\');
        }
        escaped.push(c);
        before = c;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_nothing_but_itself() {
        let cases = [
            (
                "area_under_roc 0.87 is not at least 0.9 (0.03 too low)",
                "area_under_roc 0.87 is not at least 0.9 (0.03 too low)",
            ),
            ("step `score` failed", "step `score` failed"),
            ("<img src=x onerror=alert(1)>", r"\<img src=x onerror=alert(1)\>"),
            ("[a](javascript:b) ![c](d)", r"\[a\](javascript:b) \!\[c\](d)"),
            ("a | b\n\n# c", r"a \| b # c"),
            ("# a", r"\# a"),
            ("_a_ b_c **d**", r"\_a\_ b_c \*\*d\*\*"),
            ("&lt; \\", r"\&lt; \\"),
        ];
        for (text, wanted) in cases {
            assert_eq!(escaped(text), wanted);
        }
    }

    #[test]
    fn a_table_has_a_header_and_as_many_cells_in_every_row() {
        let grid = Grid::new(&["a", "b"], [vec![Cell::text("x|y"), Cell::number(1.0, "1")]]);

        assert_eq!(table(&grid), "| a | b |\n| --- | ---: |\n| x\\|y | 1 |\n");
    }
}
