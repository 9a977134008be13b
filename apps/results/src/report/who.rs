//! What a page says in several places of an input and of who is in it.

use affekt_engine::output::{Person, Summary};

/// Whether it is one picture, of which nothing can be said over time.
pub fn is_still(s: &Summary) -> bool {
    s.frames == 1 && s.seconds <= 0.0
}

/// What a person is called at the beginning of a line.
pub fn title(person: &Person) -> String {
    if person.name.is_empty() { format!("Person {}", person.face) } else { person.name.clone() }
}
