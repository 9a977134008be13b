//! Parameters as the kernels want them: one aligned arena of trained values, weights packed into panels, and the
//! running statistics beside it. Padding is zero and stays zero under every rule here.

use std::ops::Range;

use rayon::prelude::*;

use super::adamw::{self, AdamW};
use super::buffer::Buffer;
use super::conv::Extents;
use super::layer::{Layer, Work};
use crate::net::{Graph, HostTensor, ParamId, Weights};
use crate::simd::{Isa, WIDEST_PANEL};

/// Values per task of the element-wise rules; fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 1 << 14;

/// Where a parameter lies.
#[derive(Debug, Clone)]
struct Place {
    name: String,
    shape: Vec<usize>,
    offset: usize,
    /// Values, packing included.
    len: usize,
    /// How a weight is packed.
    packing: Option<Extents>,
    trained: bool,
    decayed: bool,
}

/// Where every parameter of a graph lies.
#[derive(Debug, Clone)]
pub(super) struct Store {
    isa: Isa,
    places: Vec<Place>,
    /// Values of the arena of trained parameters.
    pub trained_len: usize,
    /// Values of the arena of running statistics.
    pub running_len: usize,
}

impl Store {
    pub(super) fn new(isa: Isa, graph: &Graph, layers: &[Layer]) -> Self {
        let mut packings = vec![None; graph.params.len()];
        for layer in layers {
            if let Work::Conv(conv) | Work::Linear(conv, _) = &layer.work {
                packings[conv.weight] = Some(conv.extents);
            }
        }
        let mut lens = [0usize; 2];
        let mut places = Vec::with_capacity(graph.params.len());
        for (spec, packing) in graph.params.iter().zip(packings) {
            let len = packing.map_or(spec.len(), |e| e.packed_len(isa));
            let trained = spec.kind.is_trained();
            let arena = &mut lens[usize::from(!trained)];
            let offset = *arena;
            *arena += len.next_multiple_of(WIDEST_PANEL);
            let (name, shape) = (spec.name.clone(), spec.shape.clone());
            places.push(Place {
                name,
                shape,
                offset,
                len,
                packing,
                trained,
                decayed: spec.kind.is_decayed(),
            });
        }
        Self { isa, places, trained_len: lens[0], running_len: lens[1] }
    }

    /// An arena of only those trained parameters of `arena` that are wanted; the others cannot be asked for from then on.
    pub(super) fn keep(&mut self, arena: &Buffer, wanted: impl Fn(ParamId) -> bool) -> Buffer {
        let mut kept = vec![];
        for (param, place) in self.places.iter_mut().enumerate().filter(|(_, place)| place.trained) {
            if wanted(param) {
                let from = place.offset;
                place.offset = kept.len();
                kept.extend_from_slice(
                    &arena.as_slice()[from..from + place.len.next_multiple_of(WIDEST_PANEL)],
                );
            } else {
                (place.offset, place.len) = (usize::MAX, 0);
            }
        }
        self.trained_len = kept.len();
        let mut values = Buffer::zeroed(kept.len());
        values.as_mut_slice().copy_from_slice(&kept);
        values
    }

    /// Part of the arena of trained parameters, padded to whole panels.
    pub(super) fn trained<'a>(&self, arena: &'a [f32], param: ParamId) -> &'a [f32] {
        let place = &self.places[param];
        &arena[place.offset..place.offset + place.len.next_multiple_of(WIDEST_PANEL)]
    }

    /// Exactly the values of a parameter in either arena.
    pub(super) fn exact_mut<'a>(&self, arena: &'a mut [f32], param: ParamId) -> &'a mut [f32] {
        let place = &self.places[param];
        &mut arena[place.offset..place.offset + place.len]
    }

    /// Exactly the values of a parameter in either arena.
    pub(super) fn exact<'a>(&self, arena: &'a [f32], param: ParamId) -> &'a [f32] {
        let place = &self.places[param];
        &arena[place.offset..place.offset + place.len]
    }

    /// Packs named tensors, which must have been checked against the graph.
    pub(super) fn pack(&self, weights: &Weights, trained: &mut [f32], running: &mut [f32]) {
        for place in &self.places {
            let values = weights.get(&place.name);
            let arena = if place.trained { &mut *trained } else { &mut *running };
            let to = &mut arena[place.offset..place.offset + place.len];
            match place.packing {
                Some(extents) => extents.pack(self.isa, values, to),
                None => to.copy_from_slice(values),
            }
        }
    }

    /// The inverse of [`Store::pack`]; without `running`, trained parameters only.
    pub(super) fn unpack(&self, trained: &[f32], running: Option<&[f32]>) -> Weights {
        let mut weights = Weights::default();
        for place in &self.places {
            let arena = match (place.trained, running) {
                (true, _) => trained,
                (false, Some(running)) => running,
                (false, None) => continue,
            };
            let values = &arena[place.offset..place.offset + place.len];
            let data = place.packing.map_or_else(|| values.to_vec(), |e| e.unpack(self.isa, values));
            weights.tensors.insert(place.name.clone(), HostTensor { shape: place.shape.clone(), data });
        }
        weights
    }

    /// Packs trained parameters only (gradients, momentum).
    pub(super) fn pack_trained(&self, weights: &Weights, trained: &mut [f32]) {
        for place in self.places.iter().filter(|p| p.trained) {
            let to = &mut trained[place.offset..place.offset + place.len];
            match place.packing {
                Some(extents) => extents.pack(self.isa, weights.get(&place.name), to),
                None => to.copy_from_slice(weights.get(&place.name)),
            }
        }
    }

    /// Trained parameters in the graph's order and torchvision's layout, one behind the other.
    pub(super) fn flatten(&self, trained: &[f32]) -> Vec<f32> {
        let mut flat = vec![];
        for place in self.places.iter().filter(|p| p.trained) {
            let values = &trained[place.offset..place.offset + place.len];
            match place.packing {
                Some(extents) => flat.extend(extents.unpack(self.isa, values)),
                None => flat.extend_from_slice(values),
            }
        }
        flat
    }

    /// The inverse of [`Store::flatten`].
    pub(super) fn unflatten(&self, flat: &[f32], trained: &mut [f32]) {
        let mut rest = flat;
        for place in self.places.iter().filter(|p| p.trained) {
            let (values, behind) = rest.split_at(place.shape.iter().product());
            let to = &mut trained[place.offset..place.offset + place.len];
            match place.packing {
                Some(extents) => extents.pack(self.isa, values, to),
                None => to.copy_from_slice(values),
            }
            rest = behind;
        }
    }

    /// Running statistics in the graph's order, one behind the other.
    pub(super) fn flatten_running(&self, running: &[f32]) -> Vec<f32> {
        let places = self.places.iter().filter(|p| !p.trained);
        places.flat_map(|place| running[place.offset..place.offset + place.len].iter().copied()).collect()
    }

    /// The inverse of [`Store::flatten_running`].
    pub(super) fn unflatten_running(&self, flat: &[f32], running: &mut [f32]) {
        let mut rest = flat;
        for place in self.places.iter().filter(|p| !p.trained) {
            let (values, behind) = rest.split_at(place.len);
            running[place.offset..place.offset + place.len].copy_from_slice(values);
            rest = behind;
        }
    }

    /// SGD with momentum, one pass over a part of the arena.
    pub(super) fn sgd(
        &self,
        within: &Range<usize>,
        values: &mut Buffer,
        momentum: &mut Buffer,
        gradient: &Buffer,
        rule: &Sgd,
    ) {
        let (values, momentum) = (values.as_mut_slice(), momentum.as_mut_slice());
        for (part, decayed) in self.trained_parts(within) {
            let decay = if decayed { rule.weight_decay } else { 0.0 };
            let (p, v) = (&mut values[part.clone()], &mut momentum[part.clone()]);
            let g = &gradient.as_slice()[part];
            p.par_chunks_mut(CHUNK).zip(v.par_chunks_mut(CHUNK)).zip(g.par_chunks(CHUNK)).for_each(
                |((p, v), g)| {
                    for ((p, v), g) in p.iter_mut().zip(v).zip(g) {
                        *v = rule.momentum * *v + (rule.scale * g + decay * *p);
                        *p -= rule.learning_rate * *v;
                    }
                },
            );
        }
    }

    /// AdamW, one pass over a part of the arena.
    pub(super) fn adamw(
        &self,
        within: &Range<usize>,
        values: &mut Buffer,
        (first, second): (&mut Buffer, &mut Buffer),
        gradient: &Buffer,
        rule: AdamW,
    ) {
        let (values, first, second) = (values.as_mut_slice(), first.as_mut_slice(), second.as_mut_slice());
        for (part, decayed) in self.trained_parts(within) {
            let rule = if decayed { rule } else { rule.without_decay() };
            let moments =
                first[part.clone()].par_chunks_mut(CHUNK).zip(second[part.clone()].par_chunks_mut(CHUNK));
            let gradients = gradient.as_slice()[part.clone()].par_chunks(CHUNK);
            let values = values[part].par_chunks_mut(CHUNK);
            values.zip(moments).zip(gradients).for_each(|((values, (first, second)), gradient)| {
                // SAFETY: the set was detected.
                unsafe { self.isa.run(adamw::Step { rule, values, first, second, gradient }) };
            });
        }
    }

    /// Where each trained parameter lies in a part of the arena, padding included, and whether it decays.
    fn trained_parts(&self, within: &Range<usize>) -> impl Iterator<Item = (Range<usize>, bool)> {
        self.places.iter().filter(|p| p.trained).map(|place| {
            let end = place.offset + place.len.next_multiple_of(WIDEST_PANEL);
            let start = place.offset.clamp(within.start, within.end);
            (start..end.clamp(start, within.end), place.decayed)
        })
    }
}

/// Constants of an SGD step.
pub(super) struct Sgd {
    pub learning_rate: f32,
    pub momentum: f32,
    pub weight_decay: f32,
    pub scale: f32,
}

/// Dot product in `f64`, chunk by chunk in a fixed order.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    let sums: Vec<f64> = a
        .par_chunks(CHUNK)
        .zip(b.par_chunks(CHUNK))
        .map(|(a, b)| {
            let mut lanes = [0.0f64; 8];
            for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
                for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
                    *lane += f64::from(*a) * f64::from(*b);
                }
            }
            lanes.iter().sum()
        })
        .collect();
    sums.iter().sum()
}

/// `average <- decay average + (1 - decay) current`
pub(super) fn blend(average: &mut [f32], current: &[f32], decay: f32) {
    average.par_chunks_mut(CHUNK).zip(current.par_chunks(CHUNK)).for_each(|(average, current)| {
        for (a, c) in average.iter_mut().zip(current) {
            *a = decay * *a + (1.0 - decay) * c;
        }
    });
}
