//! Pictures in class-named folders, `<root>[/<split>]/<class>/**.{jpg,png,webp,bmp}`, or any tree of pictures without labels;
//! from a folder or a `.tar`. A folder called `unlabelled` is no class: its pictures have no label.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::data::tree::FileTree;
use crate::data::{
    Annotation, DataError, Dataset, Format, SkipLog, Spec, Stamp, UNLABELLED_FOLDER, decode, quoted,
};
use crate::media::{Picture, is_picture_name};

/// The format's entry in the table.
pub(super) fn format() -> Format {
    let about =
        "pictures in class-named folders (split: a folder above them), or any tree with unlabelled=true";
    Format::new("folder", about, &[], |spec, skips| Ok(Arc::new(ImageFolder::open(spec, skips)?)))
}

struct ImageFolder {
    name: String,
    classes: Vec<String>,
    tree: FileTree,
    /// File in the tree, and class.
    items: Vec<(usize, Option<usize>)>,
}

impl ImageFolder {
    fn open(spec: &Spec, skips: &SkipLog) -> Result<Self, DataError> {
        let tree = FileTree::open(&spec.path, skips)?;
        let pictures: Vec<usize> =
            (0..tree.paths().len()).filter(|&i| is_picture_name(&tree.paths()[i])).collect();
        let unread = unread_pictures(&tree);
        if pictures.is_empty() {
            let unread = unread.map(|unread| format!("; {unread}")).unwrap_or_default();
            let reason = format!("no picture (JPEG, PNG, WebP or BMP) in it{unread}");
            return Err(DataError::format(&spec.path, "", reason));
        }
        if let Some(unread) = unread {
            skips.note(&format!("{}: {unread}", spec.path.display()));
        }
        let mut start = if tree.is_archive() { shared_prefix(&tree, &pictures) } else { 0 };
        let mut chosen = pictures;
        if let Some(split) = &spec.split {
            (chosen, start) = choose_split(spec, split, &tree, &chosen, start)?;
        }
        let class_of = |file: usize| {
            let (class, _) = tree.paths()[file][start..].split_once('/')?;
            (!UNLABELLED.iter().any(|name| class.eq_ignore_ascii_case(name))).then(|| class.to_owned())
        };
        let mut classes = Vec::new();
        if !spec.unlabelled {
            classes = chosen.iter().filter_map(|&file| class_of(file)).collect();
            classes.sort_unstable();
            classes.dedup();
        }
        let items = chosen
            .into_iter()
            .map(|file| (file, class_of(file).and_then(|class| classes.binary_search(&class).ok())))
            .collect();
        Ok(Self { name: spec.to_string(), classes, tree, items })
    }
}

/// Folders that hold pictures without a label, whatever the case; `data align`, `data split` and `synth` write the first.
const UNLABELLED: [&str; 2] = [UNLABELLED_FOLDER, "unlabeled"];

/// What stands behind the last dot of a path, in lower case.
fn extension(path: &str) -> String {
    path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default()
}

/// Endings of picture files that are not read.
const UNREAD: [&str; 11] = ["gif", "tif", "tiff", "heic", "heif", "avif", "jp2", "pgm", "ppm", "tga", "jxl"];

/// A sentence about the pictures of other formats, which must not vanish silently; nothing where there are none.
fn unread_pictures(tree: &FileTree) -> Option<String> {
    let mut counts = BTreeMap::new();
    for path in tree.paths().iter() {
        let extension = extension(path);
        if UNREAD.contains(&extension.as_str()) {
            *counts.entry(extension).or_insert(0) += 1;
        }
    }
    let total: usize = counts.values().sum();
    let each: Vec<String> = counts.iter().map(|(extension, count)| format!("{count} .{extension}")).collect();
    (total > 0).then(|| {
        format!(
            "{total} pictures are left out, for only JPEG, PNG, WebP and BMP are read: {}; convert them",
            each.join(", ")
        )
    })
}

/// Length of the folder prefix that all pictures of an archive share, as long as a folder remains below it: archives
/// usually hold one folder, which is not a class.
fn shared_prefix(tree: &FileTree, pictures: &[usize]) -> usize {
    let mut start = 0;
    loop {
        let first = &tree.paths()[pictures[0]][start..];
        let Some((folder, _)) = first.split_once('/') else { return start };
        let prefix = format!("{folder}/");
        let below = |&file: &usize| {
            let rest = tree.paths()[file][start..].strip_prefix(&prefix);
            rest.is_some_and(|rest| rest.contains('/'))
        };
        if !pictures.iter().all(below) {
            return start;
        }
        start += prefix.len();
    }
}

/// Keeps the pictures below the folder that the split names, whatever its case.
fn choose_split(
    spec: &Spec,
    split: &str,
    tree: &FileTree,
    pictures: &[usize],
    start: usize,
) -> Result<(Vec<usize>, usize), DataError> {
    let folder = |file: usize| tree.paths()[file][start..].split_once('/').map(|(folder, _)| folder);
    let mut names: Vec<&str> = pictures.iter().filter_map(|&file| folder(file)).collect();
    names.sort_unstable();
    names.dedup();
    let exact = names.iter().find(|name| **name == split);
    let Some(name) = exact.or_else(|| names.iter().find(|name| name.eq_ignore_ascii_case(split))) else {
        let first: Vec<String> = names.iter().take(12).map(|name| quoted(name)).collect();
        return Err(spec.error(format!("no folder of that name; the folders are {}", first.join(", "))));
    };
    let kept = pictures.iter().copied().filter(|&file| folder(file) == Some(name)).collect();
    Ok((kept, start + name.len() + 1))
}

impl Dataset for ImageFolder {
    fn name(&self) -> &str {
        &self.name
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn len(&self) -> usize {
        self.items.len()
    }

    fn key(&self, index: usize) -> String {
        self.tree.key(self.items[index].0)
    }

    fn annotation(&self, index: usize) -> Annotation {
        self.items[index].1.map_or(Annotation::None, Annotation::Class)
    }

    fn stamp(&self, index: usize) -> Option<Stamp> {
        self.tree.stamp(self.items[index].0)
    }

    fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError> {
        let file = self.items[index].0;
        let bytes = self.tree.read(file)?;
        decode::check_signature(&bytes).map_err(|reason| self.tree.error(file, reason))?;
        Ok(blake3::hash(&bytes).into())
    }

    fn stored(&self, index: usize) -> Result<Option<Vec<u8>>, DataError> {
        self.tree.read(self.items[index].0).map(Some)
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        let file = self.items[index].0;
        decode::decode(&self.tree.read(file)?).map_err(|reason| self.tree.error(file, reason))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fs;

    use super::*;
    use crate::data::decode::tests::grey_png;
    use crate::data::tree::tests::tar_of;

    fn open(spec: &str) -> Result<ImageFolder, DataError> {
        ImageFolder::open(&spec.parse().unwrap(), &SkipLog::new(true))
    }

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (index, name) in ["train/happy/a.png", "train/sad/deep/b.PNG", "val/sad/c.png"].iter().enumerate()
        {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, grey_png(8, 8, index as u8)).unwrap();
        }
        fs::write(dir.path().join("train/happy/notes.txt"), "not a picture").unwrap();
        dir
    }

    #[test]
    fn folders_name_the_classes_and_a_split_is_a_folder_above_them() {
        let dir = tree();
        let train = open(&format!("folder:{}#Train", dir.path().display())).unwrap();
        assert_eq!(train.classes(), ["happy", "sad"]);
        assert_eq!([train.annotation(0), train.annotation(1)], [Annotation::Class(0), Annotation::Class(1)]);
        assert_eq!(train.len(), 2);
        let message = open(&format!("folder:{}#test", dir.path().display())).err().unwrap().to_string();
        assert!(message.contains("train, val"), "{message}");
    }

    #[test]
    fn unlabelled_takes_any_tree() {
        let dir = tree();
        let all = open(&format!("folder:{}?unlabelled=true", dir.path().display())).unwrap();
        assert_eq!((all.len(), all.classes().len()), (3, 0));
        assert_eq!(all.annotation(2), Annotation::None);
    }

    #[test]
    fn a_folder_called_unlabelled_is_no_class() {
        let dir = tree();
        for (index, name) in ["train/unlabelled/d.png", "train/Unlabeled/deep/e.png"].iter().enumerate() {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, grey_png(8, 8, 20 + index as u8)).unwrap();
        }
        let train = open(&format!("folder:{}#train", dir.path().display())).unwrap();
        assert_eq!(train.classes(), ["happy", "sad"]);
        let labels: Vec<Annotation> = (0..train.len()).map(|item| train.annotation(item)).collect();
        let none = labels.iter().filter(|label| **label == Annotation::None).count();
        assert_eq!((labels.len(), none), (4, 2));
        // A set of nothing else has no class, and says so as any other set without labels does.
        let alone = open(&format!("folder:{}#unlabelled", dir.path().join("train").display())).unwrap();
        assert_eq!((alone.len(), alone.classes().len()), (1, 0));
    }

    #[test]
    fn pictures_at_the_root_have_no_label() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.png"), grey_png(8, 8, 0)).unwrap();
        let all = open(&format!("folder:{}", dir.path().display())).unwrap();
        assert_eq!(all.annotation(0), Annotation::None);
        assert!(all.classes().is_empty());
    }

    #[test]
    fn an_archive_may_wrap_the_class_folders_in_one_more() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (grey_png(8, 8, 0), grey_png(8, 8, 1));
        for names in [["faces/happy/a.png", "faces/sad/b.png"], ["happy/a.png", "sad/b.png"]] {
            let path = dir.path().join("x.tar");
            fs::write(&path, tar_of(&[(names[0], &a), (names[1], &b)])).unwrap();
            assert_eq!(open(&format!("folder:{}", path.display())).unwrap().classes(), ["happy", "sad"]);
        }
    }

    #[test]
    fn an_empty_file_and_a_text_file_fail_when_hashed_and_name_themselves() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.jpg"), b"").unwrap();
        fs::write(dir.path().join("b.jpg"), b"just text").unwrap();
        fs::write(dir.path().join("c.png"), &grey_png(40, 40, 0)[..200]).unwrap();
        let all = open(&format!("folder:{}", dir.path().display())).unwrap();
        assert!(all.content_hash(0).unwrap_err().to_string().contains("a.jpg: the file is empty"));
        assert!(all.content_hash(1).unwrap_err().to_string().contains("b.jpg: neither"));
        assert!(all.content_hash(2).is_ok(), "a truncated picture shows only when decoded");
        assert!(all.picture(2).unwrap_err().to_string().contains("c.png"));
    }

    #[test]
    fn pictures_of_other_formats_are_counted_and_named_and_hidden_folders_are_no_classes() {
        let dir = tree();
        for name in
            ["train/sad/d.tif", "train/sad/e.TIF", "train/happy/f.gif", "train/.ipynb_checkpoints/g.png"]
        {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, grey_png(8, 8, 9)).unwrap();
        }
        let skips = SkipLog::new(true);
        let spec = format!("folder:{}#train", dir.path().display()).parse().unwrap();
        let faces = ImageFolder::open(&spec, &skips).unwrap();
        assert_eq!((faces.len(), faces.classes()), (2, &["happy".to_owned(), "sad".to_owned()][..]));
        let noted = skips.noted().join("\n");
        assert!(noted.contains("3 pictures are left out") && noted.contains("1 .gif, 2 .tif"), "{noted}");
        assert!(noted.contains(".ipynb_checkpoints") && skips.notes() == 2, "{noted}");
        let alone = tempfile::tempdir().unwrap();
        fs::write(alone.path().join("a.heic"), b"x").unwrap();
        let message = open(&format!("folder:{}", alone.path().display())).err().unwrap().to_string();
        assert!(message.contains("1 .heic"), "{message}");
    }

    #[test]
    fn every_picture_of_a_folder_of_mixed_formats_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let picture = image::GrayImage::from_fn(12, 9, |x, y| image::Luma([(x * 20 + y * 3) as u8]));
        let mut bytes = BTreeMap::new();
        for (ending, format) in [
            ("png", image::ImageFormat::Png),
            ("jfif", image::ImageFormat::Jpeg),
            ("WEBP", image::ImageFormat::WebP),
            ("bmp", image::ImageFormat::Bmp),
        ] {
            let mut file = std::io::Cursor::new(vec![]);
            // WebP is written in colour alone.
            let colour = image::DynamicImage::from(picture.clone()).into_rgb8();
            colour.write_to(&mut file, format).unwrap();
            bytes.insert(ending, file.into_inner());
        }
        for class in ["happy", "sad"] {
            fs::create_dir(dir.path().join(class)).unwrap();
            for (ending, bytes) in &bytes {
                fs::write(dir.path().join(class).join(format!("a.{ending}")), bytes).unwrap();
            }
        }
        let skips = SkipLog::new(true);
        let spec = format!("folder:{}", dir.path().display()).parse().unwrap();
        let faces = ImageFolder::open(&spec, &skips).unwrap();
        assert_eq!((faces.len(), faces.classes().len(), skips.notes()), (8, 2, 0));
        for item in 0..faces.len() {
            faces.content_hash(item).unwrap();
            let read = faces.picture(item).unwrap();
            assert_eq!((read.width, read.height), (12, 9), "{}", faces.key(item));
            let off = read.with_channels(1).pixels[15].abs_diff(picture.as_raw()[15]);
            assert!(off < 6, "{}: {off}", faces.key(item));
        }
    }

    #[test]
    fn a_tree_without_pictures_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let message = open(&format!("folder:{}", dir.path().display())).err().unwrap().to_string();
        assert!(message.contains("no picture"), "{message}");
    }
}
