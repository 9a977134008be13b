//! The eight expression classes.

/// The classes of Aff-Wild2's expression challenge, in the order of its label files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are Aff-Wild2's own")]
pub enum Class {
    Neutral,
    Anger,
    Disgust,
    Fear,
    Happiness,
    Sadness,
    Surprise,
    /// Anything else that is not neutral: contempt, a pout, a wince.
    Other,
}

impl Class {
    /// All classes in index order.
    pub const ALL: [Self; 8] = [
        Self::Neutral,
        Self::Anger,
        Self::Disgust,
        Self::Fear,
        Self::Happiness,
        Self::Sadness,
        Self::Surprise,
        Self::Other,
    ];

    /// Aff-Wild2's name of the class.
    pub fn name(self) -> &'static str {
        match self {
            Self::Neutral => "Neutral",
            Self::Anger => "Anger",
            Self::Disgust => "Disgust",
            Self::Fear => "Fear",
            Self::Happiness => "Happiness",
            Self::Sadness => "Sadness",
            Self::Surprise => "Surprise",
            Self::Other => "Other",
        }
    }

    /// The names of [`Class::ALL`].
    pub(super) fn names() -> Vec<String> {
        Self::ALL.iter().map(|class| class.name().to_owned()).collect()
    }
}
