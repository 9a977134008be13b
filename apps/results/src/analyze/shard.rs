//! A part of the inputs, which one of a job array's tasks reads.

/// A part of the inputs: every so many, from one of the first on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    number: usize,
    of: usize,
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err(format!("`{text}` is no shard such as 3/16, the third of sixteen")),
        }
    }
}

impl Shard {
    /// Whether it is the first, which speaks for all where one is enough.
    pub fn is_first(self) -> bool {
        self.number == 1
    }

    /// Whether the input at that place is one of its own.
    pub fn holds(self, place: usize) -> bool {
        place % self.of == self.number - 1
    }
}
