//! What loader threads do ahead of evaluation: read a run of samples and render their plain view.

use std::ops::Range;
use std::sync::Arc;

use crate::data::{DataError, Pool, SkipLog};
use crate::media::augment::{Policy, View};
use crate::net::InputContract;
use crate::random::{Address, Purpose};

/// A run of samples, read and rendered.
#[derive(Debug, Clone)]
pub(super) struct Rendered {
    /// Places in the pool whose pictures are here.
    pub used: Vec<usize>,
    /// Their inputs, one after the other.
    pub plain: Vec<f32>,
    /// Their mirror images; empty where none is asked for.
    pub mirrored: Vec<f32>,
}

/// Walks a pool in order, batch by batch.
pub(super) struct Batches {
    pub pool: Arc<Pool>,
    pub policy: Policy,
    pub contract: InputContract,
    pub batch: usize,
    pub flip: bool,
    pub skips: Arc<SkipLog>,
}

impl Batches {
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
    pub fn render(&self, index: u64) -> Result<Rendered, DataError> {
        let len = super::super::prepare::input_len(&self.contract);
        let mut rendered = Rendered { used: vec![], plain: vec![], mirrored: vec![] };
        // The plain view draws nothing; any address will do.
        let address = Address { seed: 0, purpose: Purpose::AugmentWeak, step: 0, item: 0 };
        let mut view = vec![0.0; len];
        for place in self.range(index) {
            let picture = match self.pool.picture(place) {
                Ok(picture) => picture,
                Err(error) => {
                    self.skips.skip(&self.pool.key(place), error)?;
                    continue;
                }
            };
            let dims = (picture.width, picture.height);
            let program = self.policy.compile(View::Plain, dims, &self.contract, &mut address.rng());
            program.render(&picture, &self.contract, &mut view);
            rendered.plain.extend_from_slice(&view);
            if self.flip {
                program.mirrored().render(&picture, &self.contract, &mut view);
                rendered.mirrored.extend_from_slice(&view);
            }
            rendered.used.push(place);
        }
        Ok(rendered)
    }
}
