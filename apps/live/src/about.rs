//! What reads faces just now, in words.

/// What is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// One line about the expression model.
    pub model: String,
    /// One line about the face detector.
    pub detector: String,
    /// One line about what computes.
    pub backend: String,
}
