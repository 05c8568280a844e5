//! A run's `report.html`, read as a browser would: tables by their headings, numbers as the page has them for machines.

use std::fs;

use roxmltree::{Document, Node};

use crate::harness::Bench;

/// The page's body, as XML, so that any tag that is left open is noticed.
pub(crate) struct Page(String);

impl Page {
    /// Of run `r`. Its head is what it should be.
    pub(crate) fn of(bench: &Bench) -> Self {
        let text = fs::read_to_string(bench.folder.path().join(".stepwise/r/report.html")).unwrap();
        let (head, rest) = text.split_once("<title>").unwrap();
        assert_eq!(
            head,
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
             <link rel=\"stylesheet\" href=\"report.css\">"
        );
        let (_, body) = rest.split_once("</title></head>").unwrap();
        Self(body.strip_suffix("</html>").unwrap().to_owned())
    }

    pub(crate) fn document(&self) -> Document<'_> {
        Document::parse(&self.0).unwrap()
    }
}

/// All elements of a name and a class.
pub(crate) fn all<'a>(node: Node<'a, 'a>, name: &str, class: &str) -> Vec<Node<'a, 'a>> {
    let is_of = |node: &Node| {
        node.has_tag_name(name)
            && (class.is_empty()
                || node.attribute("class").is_some_and(|classes| classes.split(' ').any(|one| one == class)))
    };
    node.descendants().filter(is_of).collect()
}

/// The text within an element, without that of tool tips.
pub(crate) fn text(node: Node<'_, '_>) -> String {
    let is_title = |node: &Node| node.ancestors().any(|node| node.has_tag_name("title"));
    node.descendants().filter(|node| node.is_text() && !is_title(node)).filter_map(|node| node.text()).collect()
}

/// The cells of a table's body, row by row, without its bars.
pub(crate) fn rows<'a>(node: Node<'a, 'a>) -> Vec<Vec<Node<'a, 'a>>> {
    let is_cell = |node: &Node| node.is_element() && node.attribute("class") != Some("bars");
    let bodies = all(node, "tbody", "");
    let rows = bodies.iter().flat_map(|body| all(*body, "tr", ""));
    rows.map(|row| row.children().filter(is_cell).collect()).collect()
}

/// The number of a cell, exactly. What is shown of it is the same, as far as it goes.
pub(crate) fn number(cell: Node<'_, '_>) -> f64 {
    let found = all(cell, "data", "");
    assert_eq!(found.len(), 1, "`{}` has not one number", text(cell));
    let value: f64 = found[0].attribute("value").unwrap().parse().unwrap();
    let shown: f64 = text(found[0]).trim_end_matches(" s").parse().unwrap();
    assert!((shown - value).abs() <= value.abs() * 0.006 + 0.005, "{shown} is shown of {value}");
    value
}

/// Two numbers are the same to the last digit.
pub(crate) fn same(found: f64, wanted: f64) {
    assert!((found - wanted).abs() <= 0.0, "{found} is not {wanted}");
}
