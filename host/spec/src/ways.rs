//! Values by way, found by what lies around or within a way without looking at all of them.

use std::collections::BTreeMap;

use super::way::Way;

/// Values by way.
#[derive(Debug, Clone)]
pub struct Ways<T>(BTreeMap<Way, T>);

impl<T> Default for Ways<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Ways<T> {
    /// Puts a value there, instead of the one that may be there.
    pub fn insert(&mut self, way: Way, value: T) {
        self.0.insert(way, value);
    }

    /// The value there, or else the nearest one around it; and the JSON pointer from there on.
    pub fn around(&self, way: &Way) -> Option<(&T, String)> {
        let mut around = way.clone();
        loop {
            if let Some(value) = self.0.get(&around) {
                return Some((value, way.as_str()[around.as_str().len()..].to_owned()));
            }
            around = around.up()?.0;
        }
    }

    /// The ways there and within.
    pub fn within(&self, way: &Way) -> impl Iterator<Item = &Way> {
        self.0.get_key_value(way).into_iter().chain(self.0.range(inside(way))).map(|(way, _)| way)
    }

    /// Removes the values there and within.
    pub fn remove_within(&mut self, way: &Way) {
        let within: Vec<Way> = self.within(way).cloned().collect();
        for way in within {
            self.0.remove(&way);
        }
    }
}

/// The ways within a way lie together, as `/` begins what follows.
fn inside(way: &Way) -> std::ops::Range<Way> {
    const NEXT: char = (b'/' + 1) as char;
    Way::root().down(&format!("{}/", way.as_str()))..Way::root().down(&format!("{}{NEXT}", way.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(pointer: &str) -> Way {
        Way::root().down(pointer)
    }

    fn ways() -> Ways<u32> {
        let mut ways = Ways::default();
        for (pointer, n) in [("/a", 1), ("/a-b", 2), ("/a/b", 3), ("/a/b/c", 4), ("/a0", 5), ("/a~1", 6), ("/ab", 7)] {
            ways.insert(way(pointer), n);
        }
        ways
    }

    #[test]
    fn what_lies_within_is_no_neighbour_of_a_like_name() {
        let ways = ways();

        assert_eq!(ways.within(&way("/a")).collect::<Vec<_>>(), [&way("/a"), &way("/a/b"), &way("/a/b/c")]);
        assert_eq!(ways.within(&way("/a/b/x")).next(), None);
        assert_eq!(ways.within(&Way::root()).count(), 7);
    }

    #[test]
    fn the_nearest_around_is_found_with_the_rest_of_the_way() {
        assert_eq!(ways().around(&way("/a/b/d/e")), Some((&3, "/d/e".to_owned())));
        assert_eq!(ways().around(&way("/a")), Some((&1, String::new())));
        assert_eq!(ways().around(&way("/b/c")), None);
    }

    #[test]
    fn only_what_lies_within_is_removed() {
        let mut ways = ways();

        ways.remove_within(&way("/a"));

        let left: Vec<_> = ways.within(&Way::root()).map(Way::as_str).collect();
        assert_eq!(left, ["/a-b", "/a0", "/ab", "/a~1"]);
    }
}
