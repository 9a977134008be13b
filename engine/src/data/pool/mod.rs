//! The flat list of samples a run draws from, made of one or more datasets under the run's vocabulary.

use std::sync::Arc;

use super::hashes::{Digest, HashReader, Hashes};
use super::label::label;
use super::{DataError, Dataset, Mapping, Recipe, Sample, SkipLog, Source, Vocabulary};
use crate::media::Picture;

/// A dataset of a pool, and what the pool has made of it.
pub(super) struct Member {
    pub source: Source,
    pub mapping: Mapping,
    pub hashes: Hashes,
    /// The run's classes.
    classes: usize,
}

impl Member {
    pub fn dataset(&self) -> &dyn Dataset {
        &*self.source.dataset
    }

    /// Number of the run's classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// What tells members apart, whichever pools they are in.
    pub fn id(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self).addr()
    }
}

/// Samples of one or more datasets, in the order of the datasets and their items: eight bytes each, whatever the datasets hold.
#[derive(Clone, Default)]
pub struct Pool {
    pub(super) members: Vec<Arc<Member>>,
    pub(super) samples: Vec<Sample>,
    /// What the sources hold and that is no sample, or no longer one: what an evaluation set does not score is kept out of
    /// training all the same, by its content. Whatever takes samples away adds them here.
    pub(super) unused: Vec<Sample>,
}

impl Pool {
    /// Maps labels to the vocabulary and hashes every item, in parallel. Items that cannot be read are skipped.
    ///
    /// A label from votes is the majority over all the dataset's columns, after columns that map to the same class are
    /// added up. Ties, and majorities for a column without a class, go where `ambiguous` and the mapping say.
    ///
    /// # Errors
    /// Classes that map nowhere; an unreadable item where `skips` is strict; nothing left.
    pub fn build(vocabulary: &Vocabulary, sources: &[Source], skips: &SkipLog) -> Result<Self, DataError> {
        Self::build_with(vocabulary, sources, &Recipe::default(), skips)
    }

    /// As [`Pool::build`], with the recipe's seed for sources of which a part is drawn, and its way of hashing.
    ///
    /// # Errors
    /// As there.
    pub fn build_with(
        vocabulary: &Vocabulary,
        sources: &[Source],
        recipe: &Recipe,
        skips: &SkipLog,
    ) -> Result<Self, DataError> {
        let mut pool = Self::default();
        if sources.len().max(vocabulary.len()) >= Sample::MOST {
            let most = format!("more than {} datasets or classes in one run", Sample::MOST - 1);
            return Err(DataError::TooFew(most));
        }
        for source in sources {
            let dataset = &source.dataset;
            let mapping = if source.unlabelled {
                Mapping::new()
            } else {
                vocabulary.mapping(dataset.name(), dataset.classes(), &source.map, source.ambiguous)?
            };
            let items = u32::try_from(dataset.len()).map_err(|_| {
                DataError::TooFew(format!("{}: more than {} items in one dataset", dataset.name(), u32::MAX))
            })?;
            let hashes = Hashes::of_content(&**dataset, items, &recipe.hashing, skips)?;
            let member = Member { source: source.clone(), mapping, hashes, classes: vocabulary.len() };
            match source.fraction {
                None => pool.add(member, items, 0..items),
                Some(fraction) => pool.add(member, fraction.of(items), fraction.draw(items, recipe.seed)),
            }
        }
        if pool.is_empty() && !sources.is_empty() {
            let names: Vec<&str> = sources.iter().map(|source| source.dataset.name()).collect();
            let first = skips.first().into_iter().next().map(|line| format!(" ({line})")).unwrap_or_default();
            return Err(DataError::TooFew(format!("{}: no usable item{first}", names.join(", "))));
        }
        Ok(pool)
    }

    /// Adds a dataset's chosen items; there are `count`.
    fn add(&mut self, member: Member, count: u32, chosen: impl Iterator<Item = u32>) {
        let dataset = self.members.len();
        self.samples.reserve_exact(count as usize);
        for item in chosen.filter(|&item| member.hashes.is_readable(item)) {
            match label(&member.source, &member.mapping, member.classes, item as usize) {
                Some((label, _)) => self.samples.push(Sample::new(dataset, item, label)),
                None => self.unused.push(Sample::new(dataset, item, None)),
            }
        }
        self.members.push(Arc::new(member));
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether it has no sample.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// All samples.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The label of every sample.
    pub fn labels(&self) -> Vec<Option<usize>> {
        self.samples.iter().map(|sample| sample.label()).collect()
    }

    /// Annotators' votes of a sample over the run's classes, normalised to sum 1, where its dataset has votes for any of
    /// them.
    pub fn votes(&self, index: usize) -> Option<Box<[f32]>> {
        let sample = self.samples[index];
        let Member { source, mapping, classes, .. } = &*self.members[sample.dataset()];
        label(source, mapping, *classes, sample.item() as usize)?.1
    }

    /// Whether any sample has votes.
    pub fn has_votes(&self) -> bool {
        (0..self.len()).any(|index| self.votes(index).is_some())
    }

    /// Labelled samples per class.
    pub fn class_counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        self.samples.iter().filter_map(|sample| sample.label()).for_each(|label| counts[label] += 1);
        counts
    }

    /// Gives every sample and the hash of its stored content to `take`, in order. Where content was not hashed, the hash stands
    /// for the item's place alone.
    ///
    /// # Errors
    /// The file with the hashes can no longer be read.
    pub fn each_hash(&self, mut take: impl FnMut(Sample, &[u8; 32])) -> Result<(), DataError> {
        let mut reader = self.hash_reader();
        for &sample in &self.samples {
            take(sample, &reader.get(sample.dataset(), sample.item())?);
        }
        Ok(())
    }

    /// The hashes of all samples, in order.
    ///
    /// # Errors
    /// As [`Pool::each_hash`].
    pub fn hashes(&self) -> Result<Vec<Digest>, DataError> {
        let mut hashes = Vec::with_capacity(self.len());
        self.each_hash(|_, hash| hashes.push(*hash))?;
        Ok(hashes)
    }

    pub(super) fn hash_reader(&self) -> HashReader<'_> {
        HashReader::new(self.members.iter().map(|member| &member.hashes))
    }

    /// What messages call a sample.
    pub fn key(&self, index: usize) -> String {
        let sample = self.samples[index];
        self.members[sample.dataset()].dataset().key(sample.item() as usize)
    }

    /// Who or what a sample shows, where its format tells.
    ///
    /// # Errors
    /// The item cannot be read.
    pub fn group(&self, index: usize) -> Result<Option<String>, DataError> {
        let sample = self.samples[index];
        self.members[sample.dataset()].dataset().group(sample.item() as usize)
    }

    /// Reads and decodes a sample.
    ///
    /// # Errors
    /// The item cannot be read or decoded.
    pub fn picture(&self, index: usize) -> Result<Picture, DataError> {
        let sample = self.samples[index];
        self.members[sample.dataset()].dataset().picture(sample.item() as usize)
    }

    /// Leaves only the labelled samples, as scoring needs them; gives the number that went. Their content stays known,
    /// so that [`Pool::remove_content_of`] this pool takes it out of training too.
    pub fn retain_labelled(&mut self) -> usize {
        self.split_off(|sample| sample.label().is_some()).len()
    }

    /// Moves the samples that `keep` refuses into a pool of their own. This pool still knows their content, as one that
    /// has been evaluated on must: it is what [`Pool::remove_content_of`] looks for.
    #[must_use]
    pub fn split_off(&mut self, mut keep: impl FnMut(Sample) -> bool) -> Self {
        let mut rest = Vec::new();
        self.samples.retain(|&sample| {
            let kept = keep(sample);
            if !kept {
                rest.push(sample);
            }
            kept
        });
        self.unused.extend_from_slice(&rest);
        Self { members: self.members.clone(), samples: rest, unused: Vec::new() }
    }

    /// Adds another pool's samples behind these.
    pub fn append(&mut self, other: Self) {
        let places = self.members.len();
        self.members.extend(other.members);
        self.unused.extend(other.unused.into_iter().map(|sample| sample.moved(places)));
        self.samples.extend(other.samples.into_iter().map(|sample| sample.moved(places)));
    }
}

#[cfg(test)]
pub(super) mod tests;
