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
        let shard = text.split_once('/').and_then(|(a, b)| Self::new(a.parse().ok()?, b.parse().ok()?));
        shard.ok_or_else(|| format!("`{text}` is no shard such as 3/16, the third of sixteen"))
    }
}

impl Shard {
    /// The `number`-th of so many, from 1; nothing where there is no such part.
    pub fn new(number: usize, of: usize) -> Option<Self> {
        (1..=of).contains(&number).then_some(Self { number, of })
    }

    /// Whether it is the first, which speaks for all where one is enough.
    pub fn is_first(self) -> bool {
        self.number == 1
    }

    /// Whether the input at that place is one of its own.
    pub fn holds(self, place: usize) -> bool {
        place % self.of == self.number - 1
    }
}
