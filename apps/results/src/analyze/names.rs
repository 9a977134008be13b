//! Names of outputs: of an input that has results the name they have, else its stem, with as much more as tells it from the others:
//! where they lie beside it the extension, else the folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf, absolute};

use affekt_engine::output::{InputState, Summary};

use super::outputs::ENDINGS;
use super::results::Results;

/// An input and the name of its files.
#[derive(Debug)]
pub struct Named {
    /// As it was given or found.
    pub input: PathBuf,
    /// Name of its files, of no other input.
    pub name: String,
    /// What stands there of it from before.
    pub before: Option<Summary>,
}

/// Forms of a name, from the shortest on. What still is not its own after the last gets a number.
const FORMS: usize = 3;

/// Gives each input a name; one that comes twice, under whatever path, is taken once.
pub fn name(inputs: &[PathBuf], results: &Results) -> Vec<Named> {
    let mut seen = BTreeSet::new();
    let mut all: Vec<(Named, bool)> = vec![];
    for input in inputs {
        // What cannot be found has its own words when it is opened.
        let real = InputState::of(input).map_or_else(|_| input.display().to_string(), |state| state.path);
        if !seen.insert(real.clone()) {
            continue;
        }
        let (name, before) =
            results.of(&real).map(|(name, s)| (name.to_owned(), Some(s.clone()))).unwrap_or_default();
        let known = before.is_some();
        all.push((Named { input: input.clone(), name, before }, known));
    }
    let kept: BTreeSet<String> =
        all.iter().filter(|(_, known)| *known).map(|(n, _)| n.name.to_lowercase()).collect();
    let unnamed = all.iter_mut().filter(|(_, known)| !known);
    let new: Vec<(&mut Named, Place)> = unnamed
        .map(|(named, _)| {
            let place = Place::of(&named.input);
            (named, place)
        })
        .collect();
    let stems: Vec<(String, PathBuf)> =
        new.iter().map(|(_, place)| (place.stem.to_lowercase(), place.folder.clone())).collect();
    let mut new: Vec<(&mut Named, [String; FORMS], usize)> = new
        .into_iter()
        .map(|(named, place)| {
            let stem = place.stem.to_lowercase();
            let of_this_name =
                stems.iter().filter(|(other, _)| *other == stem).map(|(_, folder)| folder.clone());
            let taken = (!results.is_free(&stem)).then(|| results.folder_of(&stem).unwrap_or_default());
            let folders: Vec<PathBuf> = of_this_name.chain(taken).collect();
            let beside = folders.len() > 1 && folders.iter().all(|folder| *folder == place.folder);
            (named, place.forms(beside), 0)
        })
        .collect();
    // A longer form of one may be the shorter of another, so this goes on until nothing changes.
    loop {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for (_, forms, form) in &new {
            *counts.entry(forms[*form].to_lowercase()).or_default() += 1;
        }
        let mut changed = false;
        for (_, forms, form) in &mut new {
            let short = forms[*form].to_lowercase();
            let own = counts[&short] == 1 && !kept.contains(&short) && results.is_free(&short);
            if !own && *form + 1 < FORMS {
                *form += 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let mut taken = kept;
    for (named, forms, form) in new {
        let base = &forms[form];
        let numbered = (2u64..).map(|number| format!("{base}-{number}"));
        let free = |name: &String| !taken.contains(&name.to_lowercase()) && results.is_free(name);
        named.name = std::iter::once(base.clone()).chain(numbered).find(free).unwrap_or_default();
        taken.insert(named.name.to_lowercase());
    }
    all.into_iter().map(|(named, _)| named).collect()
}

/// Where an input lies.
struct Place {
    /// Its file's name without the extension, and with it.
    stem: String,
    file: String,
    /// Its folder's name, and the folder.
    parent: String,
    folder: PathBuf,
}

impl Place {
    fn of(input: &Path) -> Self {
        let text = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
        let real = input.canonicalize().unwrap_or_default();
        // A link is called by its own name; `.` and `..` have none.
        let whole =
            if input.file_name().is_some() { absolute(input).unwrap_or_default() } else { real.clone() };
        let file = text(whole.file_name()).unwrap_or_else(|| "input".into());
        // Of a folder nothing is cut off, because its name has no extension.
        let stem =
            if whole.is_dir() { None } else { text(whole.file_stem()) }.unwrap_or_else(|| file.clone());
        let parent = text(whole.parent().and_then(Path::file_name))
            .or_else(|| text(real.parent().and_then(Path::file_name)))
            .unwrap_or_else(|| "input".into());
        let folder = real.parent().or(whole.parent()).map(Path::to_path_buf).unwrap_or_default();
        Self { stem, file, parent, folder }
    }

    /// Forms of its name, from the shortest on: `interview`, `s1-interview`, `s1-interview.mp4` of `s1/interview.mp4`; in the middle
    /// `interview.mp4` where all others of its name lie beside it.
    fn forms(&self, beside: bool) -> [String; FORMS] {
        let Self { stem, file, parent, .. } = self;
        let longer = if beside { file.clone() } else { format!("{parent}-{stem}") };
        [stem.clone(), longer, format!("{parent}-{file}")].map(|name| without_ending(&name))
    }
}

/// A name that ends as files of another one do, such as `talk.people`, would write over them.
fn without_ending(name: &str) -> String {
    let parts = ENDINGS.iter().filter_map(|ending| ending.rsplit_once('.'));
    for (part, _) in parts.filter(|(_, last)| ENDINGS.contains(last)) {
        if let Some(stem) = name.strip_suffix(part).and_then(|stem| stem.strip_suffix('.')) {
            return format!("{stem}-{part}");
        }
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn names(inputs: &[&str], files: &[&str]) -> Vec<String> {
        let out = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::write(out.path().join(file), "a person's own").unwrap();
        }
        let results = Results::read(out.path()).unwrap();
        let inputs: Vec<PathBuf> = inputs.iter().map(PathBuf::from).collect();
        name(&inputs, &results).into_iter().map(|named| named.name).collect()
    }

    #[test]
    fn inputs_of_one_stem_carry_their_folder_and_then_more() {
        assert_eq!(names(&["a/x.mp4", "b/z.mp4", "c/z.mp4"], &[]), ["x", "b-z", "c-z"]);
        assert_eq!(names(&["a/y.jpg", "a/y.mp4"], &[]), ["y.jpg", "y.mp4"], "the folder tells nothing");
        assert_eq!(names(&["a/y.jpg", "a/y.mp4", "b/y.mp4"], &[]), ["a-y.jpg", "a-y.mp4", "b-y"]);
        assert_eq!(names(&["c/Q.png", "d/q.jpg"], &[]), ["c-Q", "d-q"], "some disks do not tell A from a");
        assert_eq!(names(&["1/a/z.mp4", "2/a/z.mp4"], &[]), ["a-z.mp4", "a-z.mp4-2"]);
        assert_eq!(names(&["a/x.mp4", "a/x.mp4"], &[]), ["x"], "one input that comes twice");
        assert_eq!(names(&["a/x.mp4", "a/x.people.mp4"], &[]), ["x", "x-people"], "x.people.csv is x's");
        assert_eq!(names(&["c/b-z.mp4", "b/z.mp4", "a/z.mp4"], &[]), ["c-b-z", "b-z.mp4", "a-z"]);
    }

    #[test]
    fn what_a_person_has_put_there_is_gone_around() {
        assert_eq!(names(&["a/v.mp4"], &["V.csv"]), ["a-v"]);
        assert_eq!(names(&["a/v.mp4"], &["v.annotated.mp4", "a-v.srt"]), ["a-v.mp4"]);
        assert_eq!(names(&["a/v.mp4"], &["v.json", "a-v.srt", "a-v.mp4.csv"]), ["a-v.mp4-2"]);
        assert_eq!(names(&["a/v.mp4"], &["v.mp4", "v.txt"]), ["v"], "no name that is written");
    }

    #[test]
    fn what_was_analysed_before_beside_it_or_elsewhere_is_told_apart_as_in_one_command() {
        let lab = tempfile::tempdir().unwrap();
        let out = lab.path().join("out");
        std::fs::create_dir(&out).unwrap();
        for file in ["a/y.mp4", "a/y.jpg", "b/y.mp4"] {
            std::fs::create_dir_all(lab.path().join(file).parent().unwrap()).unwrap();
            std::fs::write(lab.path().join(file), "").unwrap();
        }
        let state = InputState::of(&lab.path().join("a/y.mp4")).unwrap();
        let summary = Summary { state, ..Summary::default() };
        super::super::results::save(&summary, &out, "y").unwrap();
        let results = Results::read(&out).unwrap();
        let inputs = ["a/y.mp4", "a/y.jpg", "b/y.mp4"].map(|file| lab.path().join(file));
        for (input, wanted) in inputs.iter().zip(["y", "y.jpg", "b-y"]) {
            assert_eq!(name(std::slice::from_ref(input), &results)[0].name, wanted);
        }
    }
}
