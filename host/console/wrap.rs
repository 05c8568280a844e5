//! Lines as a terminal takes them: long ones ended between words, tabs expanded.

use std::borrow::Cow;

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

/// Columns from one tab stop to the next.
const TAB: usize = 8;

/// A line with spaces for its tabs: how wide a tab is depends on where it stands, and nothing that measures knows that.
pub(super) fn expanded(line: &str) -> Cow<'_, str> {
    if !line.contains('\t') {
        return line.into();
    }
    let mut pieces = line.split('\t');
    let mut expanded = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let fill = TAB - measure_text_width(&expanded) % TAB;
        expanded += &" ".repeat(fill);
        expanded += piece;
    }
    expanded.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_leads_to_the_next_stop() {
        assert_eq!(expanded("no tab"), "no tab");
        assert_eq!(expanded("a\tb"), "a       b");
        assert_eq!(
            expanded("\t\u{4e2d}\tb\t"),
            format!("{0}\u{4e2d}{1}b{2}", " ".repeat(8), " ".repeat(6), " ".repeat(7))
        );
        assert_eq!(expanded("12345678\tb"), "12345678        b");
    }

    #[test]
    fn a_long_line_is_wrapped_at_spaces_and_a_long_word_where_it_must() {
        assert_eq!(wrapped("short", 20), ["short"]);
        assert_eq!(wrapped("one two three four five six", 12), ["one two", "  three four", "  five six"]);
        assert_eq!(wrapped(&"a".repeat(30), 20), ["a".repeat(20), format!("  {}", "a".repeat(10))]);
    }
}
