//! Measuring on pictures: samples of a pool in order, read and rendered ahead by loader threads.

use std::ops::Range;
use std::sync::Arc;

use bevy_ecs::prelude::*;

use super::plain_view::PlainView;
use super::student::FaceBatch;
use crate::backend::Team;
use crate::data::{DataError, Loader, Pool, SkipLog};
use crate::media::{Corruption, MediaError};
use crate::world::components::{Label, PoolIndex};
use crate::world::error::WorldError;
use crate::world::together::gather;

/// A run of samples, read and rendered.
#[derive(Debug, Clone, Default)]
pub struct RenderedPictures {
    /// Places in the pool whose pictures are here.
    used: Vec<usize>,
    plain: Vec<f32>,
    /// Empty where no mirror images are asked for.
    mirrored: Vec<f32>,
}

/// Walks a pool in order, batch by batch.
pub struct PictureWalk {
    /// What is walked.
    pub pool: Arc<Pool>,
    /// How its pictures are seen.
    pub view: PlainView,
    /// What happens to each before.
    pub corruption: Option<Corruption>,
    /// Pictures a pass.
    pub batch: usize,
    /// Whether mirror images are seen too.
    pub flip: bool,
    /// Items that cannot be read.
    pub skips: Arc<SkipLog>,
}

impl PictureWalk {
    /// How many batches the pool has.
    pub fn count(&self) -> u64 {
        self.pool.len().div_ceil(self.batch) as u64
    }

    /// Places in the pool of a batch.
    pub fn range(&self, index: u64) -> Range<usize> {
        let first = index as usize * self.batch;
        first..self.pool.len().min(first + self.batch)
    }

    /// Reads and renders a batch; what cannot be read is left out and counted.
    ///
    /// # Errors
    /// A picture cannot be read and the log is strict.
    pub fn render(&self, index: u64) -> Result<RenderedPictures, DataError> {
        let mut rendered = RenderedPictures::default();
        for place in self.range(index) {
            match self.pool.picture(place) {
                Ok(picture) => {
                    let mirrored = self.flip.then_some(&mut rendered.mirrored);
                    let plain = &mut rendered.plain;
                    let seen = if let Some(corruption) = self.corruption {
                        self.view.render_spoiled(corruption, &picture, plain, mirrored)
                    } else {
                        self.view.render(&picture, plain, mirrored);
                        Ok(())
                    };
                    match seen {
                        Ok(()) => rendered.used.push(place),
                        Err(error) => self.skips.skip(&self.pool.key(place), self.unseen(place, &error))?,
                    }
                }
                Err(error) => self.skips.skip(&self.pool.key(place), error)?,
            }
        }
        Ok(rendered)
    }

    fn unseen(&self, place: usize, error: &MediaError) -> DataError {
        let path = self.pool.key(place).into();
        DataError::Format { path, place: String::new(), reason: error.to_string() }
    }
}

/// The walk, and the number of the batch in flight.
#[derive(Resource)]
pub struct Place {
    /// What is walked.
    pub walk: Arc<PictureWalk>,
    /// The next batch.
    pub batch: u64,
    /// How many batches further the one after it is.
    pub every: u64,
}

/// Batches made ahead.
#[derive(Resource)]
pub struct PicturesAhead(pub Loader<Result<RenderedPictures, DataError>>);

/// Logits and labels of all batches so far: a score needs them all.
#[derive(Resource, Default)]
pub struct PictureTally {
    /// Each picture's place in the pool.
    pub places: Vec<usize>,
    /// A row a picture.
    pub logits: Vec<f32>,
    /// A class a picture, or -1.
    pub labels: Vec<i64>,
}

impl PictureTally {
    /// What all processes of a team have, in the order of the pool.
    ///
    /// # Errors
    /// Another process is gone.
    pub fn of_all(team: &Team, own: Self) -> Result<Self, WorldError> {
        if team.processes() == 1 {
            return Ok(own);
        }
        // Numbers that are not finite have no form in JSON, and are found out later.
        let bits: Vec<u32> = own.logits.iter().map(|logit| logit.to_bits()).collect();
        let mut rows = vec![];
        for (places, labels, bits) in gather(team, &(own.places, own.labels, bits))? {
            let width = bits.len() / places.len().max(1);
            let logits =
                bits.chunks(width.max(1)).map(|row| row.iter().copied().map(f32::from_bits).collect());
            rows.extend(
                places.into_iter().zip(labels).zip(logits).map(|((a, b), c): (_, Vec<f32>)| (a, b, c)),
            );
        }
        rows.sort_unstable_by_key(|(place, ..)| *place);
        let mut all = Self::default();
        for (place, label, logits) in rows {
            all.places.push(place);
            all.labels.push(label);
            all.logits.extend(logits);
        }
        Ok(all)
    }
}

/// Spawns the samples of the next batch.
pub fn draw(mut commands: Commands, place: Res<Place>) -> Result<(), WorldError> {
    let samples = place.walk.pool.samples();
    for index in place.walk.range(place.batch) {
        let mut entity = commands.spawn(PoolIndex(index));
        if let Some(label) = samples[index].label() {
            entity.insert(Label(label));
        }
    }
    Ok(())
}

/// Takes the batch that loader threads have made; samples that cannot be read leave, because nothing may stand in for them
/// in a score.
pub fn load(
    mut commands: Commands,
    mut ahead: ResMut<PicturesAhead>,
    mut batch: ResMut<FaceBatch>,
    samples: Query<(Entity, &PoolIndex)>,
) -> Result<(), WorldError> {
    let rendered =
        ahead.0.next().ok_or_else(|| WorldError::Schedule("no batch is left to load".into()))???;
    let mut in_order: Vec<(Entity, &PoolIndex)> = samples.iter().collect();
    in_order.sort_unstable_by_key(|(_, index)| index.0);
    let (used, left_out): (Vec<_>, Vec<_>) =
        in_order.into_iter().partition(|(_, index)| rendered.used.binary_search(&index.0).is_ok());
    for (entity, _) in left_out {
        commands.entity(entity).despawn();
    }
    batch.faces = used.into_iter().map(|(entity, _)| entity).collect();
    (batch.input, batch.mirrored) = (rendered.plain, rendered.mirrored);
    Ok(())
}

/// Adds the batch to the tally, and lets its samples go.
pub fn measure(
    mut commands: Commands,
    mut batch: ResMut<FaceBatch>,
    mut tally: ResMut<PictureTally>,
    mut place: ResMut<Place>,
    samples: Query<(&PoolIndex, Option<&Label>)>,
) -> Result<(), WorldError> {
    tally.logits.append(&mut batch.logits);
    for face in batch.faces.drain(..) {
        let (place, label) = samples.get(face).map_err(|e| WorldError::Schedule(e.to_string()))?;
        tally.places.push(place.0);
        tally.labels.push(label.map_or(-1, |label| label.0 as i64));
        commands.entity(face).despawn();
    }
    place.batch += place.every;
    Ok(())
}
