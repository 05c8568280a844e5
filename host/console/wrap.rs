//! Long lines on a terminal, ended between words.

use console::measure_text_width;

/// A line in pieces of that width, ended at spaces where there are some; later pieces are indented.
pub fn wrapped(line: &str, width: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut rest = line.to_owned();
    while measure_text_width(&rest) > width {
        let fits = |end: &usize| measure_text_width(&rest[..*end]) <= width;
        let ends: Vec<usize> = rest.char_indices().map(|(at, _)| at).skip(1).take_while(fits).collect();
        let hard = ends.last().copied().unwrap_or(rest.len());
        let inside = |end: &&usize| rest[**end..].starts_with(' ') && !rest[..**end].trim().is_empty();
        let end = ends.iter().rev().find(inside).copied().filter(|end| *end > hard / 2).unwrap_or(hard);
        let next = format!("  {}", rest[end..].trim_start());
        rest.truncate(end);
        pieces.push(std::mem::replace(&mut rest, next));
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_wrapped_at_spaces_and_a_long_word_where_it_must() {
        assert_eq!(wrapped("short", 20), ["short"]);
        assert_eq!(wrapped("one two three four five six", 12), ["one two", "  three four", "  five six"]);
        assert_eq!(wrapped(&"a".repeat(30), 20), ["a".repeat(20), format!("  {}", "a".repeat(10))]);
    }
}
