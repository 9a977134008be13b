//! DFEW and `FERV39k`: video clips with one label each, as a video file or as their frames in a folder.
//!
//! DFEW: `single_trainset_1.csv` or `EmoLabel_DataSplit/train(single-labeled)/set_1.csv`, lines `video_name,label`, with five
//! folds. `FERV39k`: `4_setups/All_scenes/train_All.csv`, lines `Scene/Emotion/clip Label`. The frames lie in
//! folders of the clip's name, below the root, below a folder in it, or below one in its `Clip`, as in
//! `Clip/clip_region_224/00001`. A clip without such a folder is taken from a video of its name there, as in
//! `Clip/original/1.mp4`: its frames are used as they are, faces are not cut out of them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::data::clip_files::is_plain_name;
use crate::data::clip_pictures::{ClipPictureSet, ClipPictures, LabelledClip};
use crate::data::clip_video::{ClipVideo, Decoders};
use crate::data::hidden::hidden_folder;
use crate::data::lines::Lines;
use crate::data::{ClipFormat, DataError, SkipLog, Spec, quoted};

/// The entry of DFEW in the table.
pub(super) fn dfew() -> ClipFormat {
    let about = "DFEW, frames in folders or videos; a fold's splits are train1, test1 to train5, test5";
    ClipFormat::new("dfew", about, &[], |spec, skips| {
        Ok(Arc::new(open(spec, skips, &dfew_list(spec)?, dfew_line)?))
    })
}

/// The entry of `FERV39k` in the table.
pub(super) fn ferv39k() -> ClipFormat {
    let about = "FERV39k, frames in folders or videos (splits train, test)";
    ClipFormat::new("ferv39k", about, &[], |spec, skips| {
        Ok(Arc::new(open(spec, skips, &ferv39k_list(spec)?, ferv39k_line)?))
    })
}

const DFEW: [&str; 7] = ["Happy", "Sad", "Neutral", "Angry", "Surprise", "Disgust", "Fear"];
/// Longest line of a list, in bytes.
const MAX_LINE: u64 = 4096;

/// A line's clip and class; `None` for a header.
type Parse = fn(&str) -> Result<Option<(String, u8)>, String>;

fn dfew_list(spec: &Spec) -> Result<PathBuf, DataError> {
    let wanted = spec.split.as_deref().unwrap_or_default().to_lowercase();
    let digits = wanted.trim_start_matches(|c: char| !c.is_ascii_digit());
    let (part, fold) = (wanted[..wanted.len() - digits.len()].trim_end_matches(['-', '_', '/']), digits);
    if !["train", "test"].contains(&part) || !["1", "2", "3", "4", "5"].contains(&fold) {
        return Err(
            spec.error("name a fold's split: train1 or test1 to train5 or test5; the folds share clips")
        );
    }
    let forms = [
        format!("single_{part}set_{fold}.csv"),
        format!("EmoLabel_DataSplit/single_{part}set_{fold}.csv"),
        format!("EmoLabel_DataSplit/{part}(single-labeled)/set_{fold}.csv"),
    ];
    list_among(spec, &forms)
}

fn ferv39k_list(spec: &Spec) -> Result<PathBuf, DataError> {
    let part = match spec.split.as_deref().unwrap_or_default().to_lowercase().as_str() {
        "train" => "train",
        "test" | "valid" | "val" | "validation" => "test",
        _ => return Err(spec.error("name a split: train or test")),
    };
    let forms = [
        format!("4_setups/All_scenes/{part}_All.csv"),
        format!("All_scenes/{part}_All.csv"),
        format!("{part}_All.csv"),
    ];
    list_among(spec, &forms)
}

fn list_among(spec: &Spec, forms: &[String]) -> Result<PathBuf, DataError> {
    let root = spec.path.as_path();
    fs::metadata(root).map_err(|e| DataError::io(root, e))?;
    let there = forms.iter().map(|form| root.join(form)).find(|path| path.is_file());
    there
        .ok_or_else(|| DataError::format(root, "", format!("no list in it; expected {}", forms.join(" or "))))
}

fn dfew_line(line: &str) -> Result<Option<(String, u8)>, String> {
    let (clip, label) = line.split_once(',').ok_or("expected `video_name,label`")?;
    let (clip, label) = (clip.trim(), label.trim());
    if label.eq_ignore_ascii_case("label") {
        return Ok(None);
    }
    let class: Option<u8> = label.parse::<u8>().ok().and_then(|label| label.checked_sub(1));
    let class = class.filter(|&class| usize::from(class) < DFEW.len());
    let class =
        class.ok_or_else(|| format!("label `{}` is not one of 1 (Happy) to 7 (Fear)", quoted(label)))?;
    Ok(Some((clip.to_owned(), class)))
}

/// `FERV39k` names its classes; their numbers are DFEW's, so that one list of names serves both.
fn ferv39k_line(line: &str) -> Result<Option<(String, u8)>, String> {
    let (clip, label) =
        line.trim().rsplit_once([' ', '\t', ',']).ok_or("expected `Scene/Emotion/clip Label`")?;
    let class = DFEW.iter().position(|class| class.eq_ignore_ascii_case(label));
    let class =
        class.ok_or_else(|| format!("label `{}` is not one of {}", quoted(label), DFEW.join(", ")))?;
    Ok(Some((clip.trim().to_owned(), class as u8)))
}

fn open(spec: &Spec, skips: &SkipLog, list: &Path, parse: Parse) -> Result<ClipPictureSet, DataError> {
    let mut places = Places::of(&spec.path)?;
    let mut found = Vec::new();
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut lines = Lines::open(list, MAX_LINE)?;
    while let Some(line) = lines.next()? {
        let (number, text) = (line.number, line.text());
        if text.trim().is_empty() {
            continue;
        }
        let clip = parse(&text).and_then(|parsed| {
            let Some((clip, class)) = parsed else { return Ok(None) };
            let parts: Vec<&str> = clip.split('/').collect();
            if !parts.iter().all(|part| is_plain_name(part)) {
                return Err(format!("`{}` is no clip's name: it is refused", quoted(&clip)));
            }
            let name = parts.join("_");
            let lies = places.find(&clip).ok_or_else(|| {
                let endings = VIDEOS.join(", ");
                format!("of the clip `{}` there is no folder and no video ({endings})", quoted(&clip))
            })?;
            // Only of clips that are there: a list may name any number of others.
            if let Some(first) = seen.insert(name.clone(), number) {
                return Err(format!("the clip `{}` stands in line {first} too", quoted(&clip)));
            }
            Ok(Some((number, name, lies, Some(class).filter(|_| !spec.unlabelled))))
        });
        match clip {
            Ok(clip) => found.extend(clip),
            Err(reason) => lines.skip(number, reason, skips)?,
        }
    }
    // A video is asked for its frames, so several are at the same time.
    let open = |(number, name, lies, class): (u64, String, Lies, Option<u8>)| {
        let clip = match lies {
            Lies::Folder(folder) => ClipPictures::list(name, folder, class).map(LabelledClip::Pictures),
            Lies::Video(path) => ClipVideo::open(name, path, class).map(LabelledClip::Video),
        };
        (number, clip)
    };
    let mut clips = Vec::new();
    for (number, clip) in found.into_par_iter().map(open).collect::<Vec<_>>() {
        match clip {
            Ok(clip) => clips.push(clip),
            Err(error) => skips.skip(&format!("{}, line {number}", list.display()), error)?,
        }
    }
    let videos = clips.iter().filter(|clip| matches!(clip, LabelledClip::Video(_))).count();
    if videos > 0 {
        skips.note(&format!(
            "{}: {videos} clips are videos, whose frames are used whole: affekt data align cuts faces out of them",
            list.display()
        ));
    }
    if clips.is_empty() {
        let first = skips.first().into_iter().next().map(|line| format!(" ({line})")).unwrap_or_default();
        return Err(DataError::format(list, "", format!("no usable clip{first}")));
    }
    let classes = if spec.unlabelled { Vec::new() } else { DFEW.map(str::to_owned).to_vec() };
    Ok(ClipPictureSet { name: spec.to_string(), classes, clips, decoders: Decoders::default() })
}

/// Folders in which clips may lie: the root, those in it, and those in its `Clip`, in order of name.
fn bases(root: &Path) -> Result<Vec<PathBuf>, DataError> {
    let below = |folder: &Path| -> Result<Vec<PathBuf>, DataError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).map_err(|e| DataError::io(folder, e))? {
            let entry = entry.map_err(|e| DataError::io(folder, e))?;
            if !hidden_folder(&entry.file_name().to_string_lossy()) && entry.path().is_dir() {
                found.push(entry.path());
            }
        }
        found.sort_unstable();
        Ok(found)
    };
    let first = below(root)?;
    let mut all = vec![root.to_path_buf()];
    all.extend(first.iter().cloned());
    // One deeper only where it is known to be of use: a folder of clips has thousands of folders.
    for folder in
        first.iter().filter(|folder| folder.file_name().is_some_and(|name| name.eq_ignore_ascii_case("clip")))
    {
        all.extend(below(folder)?);
    }
    Ok(all)
}

/// Endings of videos.
const VIDEOS: [&str; 6] = ["mp4", "avi", "mkv", "mov", "webm", "m4v"];

/// Where a clip lies.
enum Lies {
    Folder(PathBuf),
    Video(PathBuf),
}

/// Where clips may lie.
struct Places {
    bases: Vec<PathBuf>,
    folders: Folders,
}

/// What stands in folders, in lower case, with and without the ending. The system is asked for clips that may be there only: a
/// list may name millions of others.
#[derive(Default)]
struct Folders(HashMap<PathBuf, HashSet<String>>);

impl Places {
    fn of(root: &Path) -> Result<Self, DataError> {
        Ok(Self { bases: bases(root)?, folders: Folders::default() })
    }

    /// The folder of a clip, or else its video: of its name or, where that is a number, of the same number with leading zeros.
    fn find(&mut self, clip: &str) -> Option<Lies> {
        let mut names = vec![clip.to_owned()];
        if let Ok(number) = clip.parse::<u32>() {
            names.extend([format!("{number}"), format!("{number:05}")]);
        }
        let Self { bases, folders } = self;
        let mut places = Vec::new();
        for base in bases {
            for name in &names {
                if folders.may_hold(base, name) {
                    places.push(base.join(name));
                }
            }
        }
        lies(&places)
    }
}

impl Folders {
    /// Whether a folder may hold what a clip is called.
    fn may_hold(&mut self, base: &Path, clip: &str) -> bool {
        let mut folder = Cow::Borrowed(base);
        let mut parts = clip.split('/').peekable();
        while let Some(part) = parts.next() {
            // Which other letters are one and the same, the file system knows.
            if part.is_ascii()
                && !self.names_in(&folder).is_some_and(|names| names.contains(&part.to_ascii_lowercase()))
            {
                return false;
            }
            if parts.peek().is_some() {
                folder.to_mut().push(part);
            }
        }
        true
    }

    /// What stands in a folder; `None` where it is none.
    fn names_in(&mut self, folder: &Path) -> Option<&HashSet<String>> {
        if !self.0.contains_key(folder) {
            let mut names = HashSet::new();
            for entry in fs::read_dir(folder).ok()?.flatten() {
                let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
                if let Some((stem, _)) = name.rsplit_once('.') {
                    names.insert(stem.to_owned());
                }
                names.insert(name);
            }
            self.0.insert(folder.to_path_buf(), names);
        }
        self.0.get(folder)
    }
}

/// The first of these places that is a folder, or else the first that is a video but for its ending.
fn lies(places: &[PathBuf]) -> Option<Lies> {
    if let Some(folder) = places.iter().find(|folder| folder.is_dir()) {
        return Some(Lies::Folder(folder.clone()));
    }
    let mut videos = places.iter().flat_map(|place| {
        VIDEOS.map(|ending| {
            let mut name = place.as_os_str().to_owned();
            name.push(".");
            name.push(ending);
            PathBuf::from(name)
        })
    });
    videos.find(|path| path.is_file()).map(Lies::Video)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::affwild2::tests::jpeg;
    use super::*;
    use crate::data::{ClipFormats, Clips};

    fn write(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn opened(spec: &str, root: &Path, skips: &SkipLog) -> Result<Arc<dyn Clips>, DataError> {
        let spec = spec.replacen("ROOT", &root.display().to_string(), 1);
        ClipFormats::files().open(&spec.parse().unwrap(), skips)
    }

    #[test]
    fn dfew_joins_numbers_with_folders_and_counts_classes_from_one() {
        let dir = tempfile::tempdir().unwrap();
        for (path, tone) in [("00001/2.jpg", 1), ("00001/10.jpg", 2), ("00002/1.jpg", 3)] {
            write(dir.path(), &format!("Clip/clip_region_224/{path}"), jpeg(tone));
        }
        write(dir.path(), "Clip/original/3.mp4", b"no video");
        write(dir.path(), "single_trainset_1.csv", "video_name,label\n1,1\n00002,7\n3,2\n2,4\n1,8\n../x,1\n");
        write(dir.path(), "EmoLabel_DataSplit/test(single-labeled)/set_2.csv", "video_name,label\n2,3\n");
        let skips = SkipLog::new(false);
        let clips = opened("dfew:ROOT#train1", dir.path(), &skips).unwrap();
        assert_eq!((clips.len(), clips.clip_name(0), clips.frames(0)), (3, "1", 2));
        assert_eq!([clips.label(0, 1), clips.label(1, 0), clips.label(0, 2)], [Some(0), Some(6), None]);
        assert_eq!(clips.classes()[6], "Fear");
        assert_ne!(clips.content_hash(0, 0).unwrap(), clips.content_hash(0, 1).unwrap());
        for (line, part) in skips.first().iter().zip(["label `8`", "`../x`", "3.mp4"]) {
            assert!(line.contains(part), "{part}: {line}");
        }
        let test = opened("dfew:ROOT#test-2", dir.path(), &SkipLog::new(true)).unwrap();
        assert_eq!((test.len(), test.label(0, 0)), (1, Some(2)));
        for split in ["", "#train", "#train6"] {
            let message = opened(&format!("dfew:ROOT{split}"), dir.path(), &skips).err().unwrap().to_string();
            assert!(message.contains("train1 or test1"), "{message}");
        }
        let message = opened("dfew:ROOT#train2", dir.path(), &skips).err().unwrap().to_string();
        assert!(message.contains("single_trainset_2.csv"), "{message}");
    }

    #[test]
    fn ferv39k_names_clips_by_scene_and_emotion_and_has_no_header() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "2_ClipsforFaceCrop/Action/Happy/0267/1.jpg", jpeg(1));
        write(dir.path(), "2_ClipsforFaceCrop/Crime/Fear/0001/1.jpg", jpeg(2));
        let list = "Action/Happy/0267 Happy\nCrime/Fear/0001 Fear\nCrime/Fear/0001 Fear\nCrime/Fear/0002 Fear\nAction/Happy/0267 Joyous\n";
        write(dir.path(), "4_setups/All_scenes/train_All.csv", list);
        let skips = SkipLog::new(false);
        let clips = opened("ferv39k:ROOT#train", dir.path(), &skips).unwrap();
        assert_eq!((clips.len(), clips.clip_name(0), clips.label(0, 0)), (2, "Action_Happy_0267", Some(0)));
        assert_eq!(clips.label(1, 0), Some(6));
        for (line, part) in
            skips.first().iter().zip(["stands in line 2 too", "there is no folder and no video", "`Joyous`"])
        {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(opened("ferv39k:ROOT#train", dir.path(), &SkipLog::new(true)).is_err());
    }

    #[test]
    fn a_clip_without_a_folder_is_its_video_read_in_any_order() {
        let dir = tempfile::tempdir().unwrap();
        let film = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clips/plain.mp4");
        write(dir.path(), "Clip/original/1.mp4", fs::read(&film).unwrap());
        write(dir.path(), "Clip/clip_region_224/00002/1.jpg", jpeg(1));
        write(dir.path(), "single_trainset_1.csv", "video_name,label\n1,3\n2,1\n");
        let skips = SkipLog::new(true);
        let clips = opened("dfew:ROOT#train1", dir.path(), &skips).unwrap();
        assert_eq!((clips.len(), clips.frames(1), clips.label(0, 0)), (2, 1, Some(2)));
        assert!(skips.noted()[0].contains("1 clips are videos"), "{:?}", skips.noted());
        let mut source =
            crate::media::source::open(&film, crate::media::source::OpenOptions::default()).unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = source.next_frame().unwrap() {
            frames.push(frame.picture);
        }
        assert_eq!(clips.frames(0), frames.len());
        let last = frames.len() - 1;
        for frame in [0, 1, last, 2, 2, last / 2] {
            assert!(clips.picture(0, frame).unwrap() == frames[frame], "frame {frame}");
        }
        assert_ne!(clips.content_hash(0, 0).unwrap(), clips.content_hash(0, 1).unwrap());
        assert!(clips.picture(0, frames.len()).unwrap_err().to_string().contains("1.mp4, frame"));
        assert_eq!((clips.stored(0, 0).unwrap(), clips.stored(1, 0).unwrap()), (None, Some(jpeg(1))));
    }
}
