//! Paths of millions of files in one piece of text: a path costs its letters and eight bytes, and no allocation of its own.

use std::ops::Index;

use rayon::prelude::*;

/// Paths by number, with `/` between components.
#[derive(Debug, Default)]
pub(super) struct PathList {
    text: String,
    ends: Vec<u64>,
}

impl PathList {
    /// Adds a path at the end.
    pub fn push(&mut self, path: &str) {
        self.text.push_str(path);
        self.ends.push(self.text.len() as u64);
    }

    /// Number of paths.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All of them in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|index| &self[index])
    }

    /// Their numbers by path.
    pub fn by_path(&self) -> ByPath<'_> {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.par_sort_by_key(|&index| &self[index as usize]);
        ByPath { paths: self, order }
    }
}

impl Index<usize> for PathList {
    type Output = str;

    fn index(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[index] as usize]
    }
}

impl PartialEq<&[&str]> for PathList {
    fn eq(&self, other: &&[&str]) -> bool {
        self.iter().eq(other.iter().copied())
    }
}

/// Finds a path's number, with four bytes a path. Of two equal paths the later one is found, as archives mean it.
pub(super) struct ByPath<'a> {
    paths: &'a PathList,
    order: Vec<u32>,
}

impl ByPath<'_> {
    /// The number of a path.
    pub fn get(&self, path: &str) -> Option<usize> {
        let after = self.order.partition_point(|&index| &self.paths[index as usize] <= path);
        let index = self.order[after.checked_sub(1)?] as usize;
        (&self.paths[index] == path).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_by_number_and_by_name_and_the_last_of_equals_wins() {
        let mut list = PathList::default();
        for path in ["b/1.png", "", "a", "b/1.png", "b", "é/ü"] {
            list.push(path);
        }
        assert_eq!((list.len(), &list[0], &list[1], &list[5]), (6, "b/1.png", "", "é/ü"));
        let by_path = list.by_path();
        for (path, index) in
            [("b/1.png", Some(3)), ("", Some(1)), ("é/ü", Some(5)), ("b/", None), ("zz", None)]
        {
            assert_eq!(by_path.get(path), index, "{path}");
        }
        assert_eq!(PathList::default().by_path().get("a"), None);
    }
}
