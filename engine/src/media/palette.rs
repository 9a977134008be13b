//! Which of eight colours a class has: the same for a name on every page and in every window. They can be told apart with
//! the common forms of colour blindness (after Okabe and Ito), each on its own ground.

/// Colours of classes.
pub const COLOURS: usize = 8;

/// Red, green and blue of each on a light ground.
pub const ON_LIGHT: [[u8; 3]; COLOURS] = [
    [0x9a, 0xa0, 0xaa],
    [0xd5, 0x5e, 0x00],
    [0x00, 0x9e, 0x73],
    [0xcc, 0x79, 0xa7],
    [0xe9, 0xa8, 0x20],
    [0x00, 0x72, 0xb2],
    [0x56, 0xb4, 0xe9],
    [0x3b, 0x3f, 0x46],
];

/// Red, green and blue of each on a dark ground.
pub const ON_DARK: [[u8; 3]; COLOURS] = [
    [0x86, 0x8c, 0x97],
    [0xee, 0x7a, 0x2b],
    [0x1f, 0xb9, 0x8d],
    [0xdc, 0x93, 0xba],
    [0xf0, 0xbb, 0x4a],
    [0x3f, 0x97, 0xd8],
    [0x8f, 0xd0, 0xf7],
    [0xe6, 0xe1, 0xd6],
];

/// Names that always have the same colour, each with others that share it.
const KNOWN: [&[&str]; COLOURS] = [
    &["neutral"],
    &["anger", "angry"],
    &["disgust"],
    &["fear"],
    &["happiness", "happy"],
    &["sadness", "sad"],
    &["surprise"],
    &["other", "contempt"],
];

/// A colour for each class: its own for a known name, else one that is free; past eight classes colours repeat.
pub fn colours(classes: &[String]) -> Vec<usize> {
    let mut used = [false; COLOURS];
    let own = |name: &String| {
        let name = name.to_lowercase();
        KNOWN.iter().position(|names| names.contains(&name.as_str()))
    };
    let mut found: Vec<Option<usize>> = vec![];
    for class in classes {
        let colour = own(class).filter(|&c| !used[c]);
        if let Some(c) = colour {
            used[c] = true;
        }
        found.push(colour);
    }
    let mut free = (0..COLOURS).filter(|&c| !used[c]).collect::<Vec<_>>().into_iter();
    let pick =
        |(place, colour): (usize, Option<usize>)| colour.or_else(|| free.next()).unwrap_or(place % COLOURS);
    found.into_iter().enumerate().map(pick).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Vec<usize> {
        colours(&names.iter().map(|&n| n.into()).collect::<Vec<_>>())
    }

    #[test]
    fn a_class_keeps_its_colour_in_any_order() {
        assert_eq!(of(&["Happiness", "anger", "Other"]), [4, 1, 7]);
        assert_eq!(of(&["anger", "happy"]), [1, 4]);
    }

    #[test]
    fn eight_classes_have_eight_colours_whatever_they_are_called() {
        for names in
            [["a", "b", "c", "d", "e", "f", "g", "h"], ["fear", "b", "c", "d", "contempt", "other", "g", "h"]]
        {
            let mut found = of(&names);
            found.sort_unstable();
            assert_eq!(found, [0, 1, 2, 3, 4, 5, 6, 7], "{names:?}");
        }
        assert_eq!(of(&["x"; 20]).len(), 20);
    }
}
