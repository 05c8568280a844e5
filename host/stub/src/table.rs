//! `Table`: resources by id, in the order in which they were made.

/// Resources by id, in the order in which they were made.
#[derive(Debug)]
pub(crate) struct Table<T> {
    rows: Vec<(String, T)>,
    /// All that there ever were.
    made: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), made: 0 }
    }
}

impl<T> Table<T> {
    pub(crate) fn insert(&mut self, id: String, row: T) {
        self.rows.push((id, row));
        self.made += 1;
    }

    /// How many there ever were.
    pub(crate) fn made(&self) -> usize {
        self.made
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.rows.iter().find(|(known, _)| known == id).map(|(_, row)| row)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.rows.iter_mut().find(|(known, _)| known == id).map(|(_, row)| row)
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<T> {
        let position = self.rows.iter().position(|(known, _)| known == id)?;
        Some(self.rows.remove(position).1)
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str, &T) -> bool) {
        self.rows.retain(|(id, row)| keep(id, row));
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &T)> + ExactSizeIterator {
        self.rows.iter().map(|(id, row)| (id.as_str(), row))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut T)> {
        self.rows.iter_mut().map(|(id, row)| (id.as_str(), row))
    }
}
