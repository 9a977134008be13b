//! What became of every item of every dataset of a run, as a table that other programs read: `manifest.csv.gz`.
//!
//! Columns: `set` (its number in the summary), `item` (file, archive entry or record, below the dataset's path), `use`, `class`
//! (of what is learned or measured with a label), `hash` (the first 16 digits of the content's), `of` (`set:item` that stands for a
//! copy). Items that a `fraction` did not draw have no line; their number is in the summary.

mod table;
mod uses;

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::hashes::{GatheringHasher, HashReader, UNREADABLE};
use super::label::label;
use super::pool::Member;
use super::{DataError, Pool, Removal, Sample, Vocabulary};

pub use uses::Use;

/// One dataset of a run in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetUse {
    /// Its number in the table.
    pub set: usize,
    /// `labelled`, `unlabelled` or `valid`.
    pub role: &'static str,
    /// Its SPEC.
    pub spec: String,
    /// Items in all.
    pub items: usize,
    /// Items by what became of them; what did not occur is left out.
    pub uses: std::collections::BTreeMap<&'static str, usize>,
    /// Hash over the content hashes of all its items that can be read, in order; `None` where content was not hashed.
    pub content: Option<String>,
}

/// What became of every item of a run's datasets, a byte each.
pub struct Manifest {
    sets: Vec<SetOfUses>,
    classes: Vec<String>,
    /// Set and item that stand for an item.
    of: HashMap<(usize, u32), (usize, u32)>,
}

struct SetOfUses {
    member: Arc<Member>,
    role: &'static str,
    uses: Vec<Use>,
}

impl Manifest {
    /// Of a run's pools and what was removed on the way to them.
    pub fn new(
        vocabulary: &Vocabulary,
        (labelled, unlabelled, valid): (&Pool, &Pool, Option<&Pool>),
        removed: &[Removal],
    ) -> Self {
        let mut sets: Vec<SetOfUses> = Vec::new();
        let mut places: HashMap<usize, usize> = HashMap::new();
        // Left-over items of labelled sets are in the unlabelled pool, whose members come after its own.
        let roles = [("labelled", Some(labelled)), ("unlabelled", Some(unlabelled)), ("valid", valid)];
        for (role, pool) in roles {
            for member in pool.into_iter().flat_map(|pool| &pool.members) {
                places.entry(member.id()).or_insert_with(|| {
                    let uses = first_uses(member, role);
                    sets.push(SetOfUses { member: Arc::clone(member), role, uses });
                    sets.len() - 1
                });
            }
        }
        let set_of = |pool: &Pool, sample: Sample| places[&pool.members[sample.dataset()].id()];
        // What a fraction drew and no pool uses.
        for pool in [labelled, unlabelled].into_iter().chain(valid) {
            for &sample in &pool.unused {
                let SetOfUses { member, role, uses } = &mut sets[set_of(pool, sample)];
                uses[sample.item() as usize] = first_use(member, role, sample.item());
            }
        }
        let pools = [(unlabelled, Use::Unlabelled), (labelled, Use::Labelled)];
        for (pool, used) in pools.into_iter().chain(valid.map(|pool| (pool, Use::Valid))) {
            for &sample in &pool.samples {
                sets[set_of(pool, sample)].uses[sample.item() as usize] = used;
            }
        }
        let mut of = HashMap::with_capacity(removed.len());
        let place = |(id, item): (usize, u32)| Some((*places.get(&id)?, item));
        for removal in removed {
            let Some((set, item)) = place(removal.item) else { continue };
            let used = &mut sets[set].uses[item as usize];
            // What was removed from one pool may be in the other.
            if !matches!(used, Use::Labelled | Use::Unlabelled) {
                *used = removal.why().into();
                of.extend(place(removal.of).map(|other| ((set, item), other)));
            }
        }
        Self { sets, classes: vocabulary.classes().to_vec(), of }
    }

    /// Each dataset in numbers.
    ///
    /// # Errors
    /// The file with the hashes can no longer be read.
    pub fn summary(&self) -> Result<Vec<SetUse>, DataError> {
        let of_set = |(number, set): (usize, &SetOfUses)| {
            let mut counts = [0; Use::ALL.len()];
            set.uses.iter().for_each(|used| counts[*used as usize] += 1);
            let uses = Use::ALL.iter().zip(counts).filter(|(_, count)| *count > 0);
            Ok(SetUse {
                set: number,
                role: set.role,
                spec: set.member.dataset().name().to_owned(),
                items: set.uses.len(),
                uses: uses.map(|(used, count)| (used.name(), count)).collect(),
                content: content(&set.member, set.uses.len() as u32)?,
            })
        };
        self.sets.iter().enumerate().map(of_set).collect()
    }
}

/// What is known of items before any pool is looked at.
fn first_uses(member: &Member, role: &str) -> Vec<Use> {
    let first = |item: u32| {
        let readable = member.hashes.is_readable(item);
        if readable && member.source.fraction.is_some() {
            Use::NotDrawn
        } else {
            first_use(member, role, item)
        }
    };
    (0..member.dataset().len() as u32).map(first).collect()
}

/// What an item that was drawn is as long as no pool uses it.
fn first_use(member: &Member, role: &str, item: u32) -> Use {
    if !member.hashes.is_readable(item) {
        Use::Unreadable
    } else if label(&member.source, &member.mapping, member.classes(), item as usize).is_none() {
        Use::NoClass
    } else if role == "valid" {
        Use::ValidWithoutLabel
    } else {
        Use::LeftOver
    }
}

/// Hash over the content hashes of a set.
fn content(member: &Member, items: u32) -> Result<Option<String>, DataError> {
    if !member.hashes.are_known() {
        return Ok(None);
    }
    let (mut hasher, mut reader) = (GatheringHasher::default(), HashReader::new([&member.hashes]));
    for item in 0..items {
        let hash = reader.get(0, item)?;
        if hash != UNREADABLE {
            hasher.update(&hash);
        }
    }
    Ok(Some(hasher.finalize().to_hex().to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::io::Read as _;
    use std::path::Path;

    use super::*;
    use crate::data::{Annotation, MemoryFaces, Recipe, SkipLog, Source, training_pools};
    use crate::media::Picture;

    fn set(name: &str, items: &[(u8, usize)]) -> Source {
        let faces =
            items.iter().map(|&(tone, class)| (Picture::filled(4, 4, 1, tone), Annotation::Class(class)));
        Source::new(Arc::new(MemoryFaces::new(name, ["happy", "sad", "odd, very"], faces).unwrap()))
    }

    fn read(path: &Path) -> String {
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap())
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    #[test]
    fn every_item_is_told_with_its_use_and_what_stands_for_it() {
        let mut labelled = set("a", &[(1, 0), (2, 0), (3, 0), (1, 1), (5, 1), (6, 2), (9, 1)]);
        labelled.map.insert("odd, very".to_owned(), "drop".to_owned());
        let mut valid = set("v", &[(5, 0), (20, 1), (9, 2)]);
        valid.map.insert("odd, very".to_owned(), "unlabelled".to_owned());
        let mut more = set("m", &[(30, 0), (31, 0), (32, 0), (33, 0)]);
        more.fraction = "1/2".parse().ok();
        let (vocabulary, skips) = (Vocabulary::open("happy,sad").unwrap(), SkipLog::new(true));
        let mut valid = Pool::build(&vocabulary, &[valid], &skips).unwrap();
        valid.retain_labelled();
        let recipe = Recipe { seed: 1, labels_per_class: "max1".parse().ok(), ..Recipe::default() };
        labelled.labels_per_class = "all".parse().ok();
        let pools = training_pools(&vocabulary, &[labelled], &[more], &[&valid], &recipe, &skips).unwrap();
        let manifest =
            Manifest::new(&vocabulary, (&pools.labelled, &pools.unlabelled, Some(&valid)), &pools.removed);
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join("one.gz"), dir.path().join("other.gz"));
        manifest.write(&one).unwrap();
        manifest.write(&other).unwrap();
        assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&other).unwrap());
        let text = read(&one);
        let shown: Vec<String> = (text.lines())
            .map(|line| {
                let mut fields: Vec<&str> = line.split(',').collect();
                let hash = fields.remove(4);
                assert!(hash == "hash" || hash.len() == 16, "{line}");
                fields.join(",")
            })
            .collect();
        let drawn =
            pools.unlabelled.samples().iter().map(|sample| format!("1,item {},unlabelled,,", sample.item()));
        let mut wanted = vec![
            "set,item,use,class,of".to_owned(),
            "0,item 0,labelled,happy,".into(),
            "0,item 1,labelled,happy,".into(),
            "0,item 2,labelled,happy,".into(),
            "0,item 3,copy_with_other_label,,0:item 0".into(),
            "0,item 4,in_evaluation,,2:item 0".into(),
            "0,item 5,no_class,,".into(),
            "0,item 6,in_evaluation,,2:item 2".into(),
        ];
        wanted.extend(drawn);
        wanted.extend([
            "2,item 0,valid,happy,".to_owned(),
            "2,item 1,valid,sad,".to_owned(),
            "2,item 2,valid_without_label,,".to_owned(),
        ]);
        assert_eq!(shown, wanted);
        let summary = manifest.summary().unwrap();
        assert_eq!(summary[1].uses, [("unlabelled", 2), ("not_drawn", 2)].into());
        assert_eq!((summary[0].role, summary[0].items, summary[2].spec.as_str()), ("labelled", 7, "v"));
        assert_ne!(summary[0].content, summary[1].content);
    }
}
