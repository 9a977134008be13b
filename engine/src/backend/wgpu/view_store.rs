//! Views on the device: pictures' bytes and compiled programs go up, `augment.wgsl` makes them the network's input where the
//! network reads it.
//!
//! All networks of a device share one store, because a training step shows the same pictures to teacher and student: their
//! bytes go up with the first batch that has one not yet there, and stay until then.

use std::collections::HashMap;
use std::sync::Arc;

use affekt_shaders as shaders;
use affekt_shaders::{AugmentOperation, AugmentView};

use super::gpu::Gpu;
use super::program::Program;
use crate::backend::recording::memory::{Memory, Slice};
use crate::backend::recording::recorder::{Recorder, row_groups};
use crate::backend::{BackendError, PictureView, ViewBatch};
use crate::media::Picture;
use crate::media::augment::{Border, Geometry, PixelOp, erased, normalised, stretch_gain};
use crate::net::InputContract;

/// What the shader calls its kinds of operations.
const POSTERIZE: u32 = 0;
const SOLARIZE: u32 = 1;
const STRETCH: u32 = 2;
const LEVEL: u32 = 3;
const SHARPEN: u32 = 4;
const ERASE: u32 = 5;
const BLUR: u32 = 6;
const NOISE: u32 = 7;

/// The store's buffers, in the order of the shader's bindings.
const BUFFERS: [(Memory, &str); 5] = [
    (Memory::Views, "views"),
    (Memory::Operations, "operations of views"),
    (Memory::Tables, "tables of views"),
    (Memory::Pictures, "pictures"),
    (Memory::Work, "views in the making"),
];

/// Pictures on the device, and what the views of the last batch need.
#[derive(Default)]
pub(super) struct ViewStore {
    buffers: [Option<wgpu::Buffer>; BUFFERS.len()],
    /// Counts the times that a buffer was replaced: programs recorded before are bound to old ones.
    generation: u64,
    /// The first byte of each picture, by its address; `pictures` keeps the addresses theirs.
    places: HashMap<usize, u32>,
    pictures: Vec<Arc<Picture>>,
    contract: Option<InputContract>,
}

fn address(picture: &Arc<Picture>) -> usize {
    Arc::as_ptr(picture).addr()
}

/// A batch as the shader takes it, all but the pictures.
#[derive(Default)]
struct Described {
    views: Vec<AugmentView>,
    operations: Vec<AugmentOperation>,
    /// Words of working memory.
    work: usize,
}

impl ViewStore {
    /// Puts a batch on the device: what programs must have been recorded for, or `None` where it is more than a binding can
    /// hold.
    pub(super) fn load(&mut self, gpu: &Gpu, batch: &ViewBatch) -> Result<Option<u64>, BackendError> {
        let contract = batch.contract();
        let there = |view: &PictureView| self.places.contains_key(&address(&view.picture));
        if !batch.views().iter().all(there) && !self.upload(gpu, batch.views())? {
            return Ok(None);
        }
        let mut described = Described::default();
        for view in batch.views() {
            described.add(view, contract, self.places[&address(&view.picture)]);
        }
        let Described { views, mut operations, work } = described;
        if work > gpu.binding_len() {
            return Ok(None);
        }
        if operations.is_empty() {
            operations.push(AugmentOperation::default());
        }
        self.write(gpu, 0, bytemuck::cast_slice(&views))?;
        self.write(gpu, 1, bytemuck::cast_slice(&operations))?;
        if self.contract.as_ref() != Some(contract) {
            self.write(gpu, 2, bytemuck::cast_slice(&tables(contract)))?;
            self.contract = Some(contract.clone());
        }
        self.reserve(gpu, 4, work)?;
        Ok(Some(self.generation))
    }

    /// Replaces the pictures; false where they are more than a binding can hold.
    fn upload(&mut self, gpu: &Gpu, views: &[PictureView]) -> Result<bool, BackendError> {
        self.places.clear();
        self.pictures.clear();
        let mut bytes = Vec::new();
        for PictureView { picture, .. } in views {
            if self.places.contains_key(&address(picture)) {
                continue;
            }
            let end = bytes.len() + picture.pixels.len().next_multiple_of(4);
            if end / 4 > gpu.binding_len() {
                self.places.clear();
                self.pictures.clear();
                return Ok(false);
            }
            self.places.insert(address(picture), bytes.len() as u32);
            self.pictures.push(Arc::clone(picture));
            bytes.extend_from_slice(&picture.pixels);
            bytes.resize(end, 0);
        }
        self.write(gpu, 3, &bytes)?;
        Ok(true)
    }

    /// Makes a buffer hold that many words at least.
    fn reserve(&mut self, gpu: &Gpu, which: usize, words: usize) -> Result<&wgpu::Buffer, BackendError> {
        let place = &mut self.buffers[which];
        let has = place.as_ref().map_or(0, |buffer| (buffer.size() / 4) as usize);
        if let Some(buffer) = place.take_if(|_| has >= words) {
            return Ok(place.insert(buffer));
        }
        self.generation += 1;
        let words = words.next_power_of_two().min(gpu.binding_len().max(words));
        Ok(place.insert(gpu.buffer(BUFFERS[which].1, words)?))
    }

    fn write(&mut self, gpu: &Gpu, which: usize, bytes: &[u8]) -> Result<(), BackendError> {
        let buffer = self.reserve(gpu, which, bytes.len() / 4)?;
        gpu.queue.write_buffer(buffer, 0, bytes);
        Ok(())
    }

    /// Records the making of `items` views into a network's input, part of its arena. A batch must have been loaded.
    pub(super) fn record(
        &self,
        gpu: &Gpu,
        contract: &InputContract,
        items: usize,
        (arena, input): (&wgpu::Buffer, Slice),
    ) -> Result<Program, BackendError> {
        let uniform = shaders::AugmentUniform {
            items: items as u32,
            size: contract.size as u32,
            channels: contract.channels as u32,
            zero: 0,
        };
        let bound = |which: usize| {
            let len = self.buffers[which].as_ref().map_or(0, |buffer| (buffer.size() / 4) as usize);
            Some(Slice { memory: BUFFERS[which].0, offset: 0, len })
        };
        let slices = [bound(0), bound(1), bound(2), bound(3), bound(4), Some(input)];
        let mut recorder = Recorder::new(&gpu.terms);
        recorder.dispatch(&shaders::AUGMENT, "main", &uniform, &slices, row_groups(items))?;
        Program::new(gpu, recorder.finish(), |memory| {
            let which = BUFFERS.iter().position(|(m, _)| *m == memory);
            which.and_then(|which| self.buffers[which].as_ref()).unwrap_or(arena)
        })
    }
}

/// Normalised values, 256 a channel of three, then 256 factors that stretch a span of grey levels.
fn tables(contract: &InputContract) -> Vec<f32> {
    let channel = |c: usize| normalised(contract, c.min(contract.channels - 1));
    let gains = (0..256).map(|span: usize| stretch_gain(span.max(1)));
    (0..3).flat_map(channel).chain(gains).collect()
}

impl Described {
    fn add(&mut self, PictureView { picture, program }: &PictureView, contract: &InputContract, at: u32) {
        let (pixels, channels) = (program.size * program.size, picture.channels.min(contract.channels));
        let dims = (picture.width, picture.height);
        let geometry = program.geometry(dims);
        let Geometry { width, height, steps: [(step_x, part_x), (step_y, part_y)], map } = geometry;
        let [r, g, b] = program.colour_rows(picture.channels, channels);
        let (border, fill) = match program.border {
            Border::Clamp => (0, 0),
            Border::Mirror => (1, 0),
            Border::Fill(value) => (2, value),
        };
        let looks_around = |o: &PixelOp| matches!(o, PixelOp::Sharpness { .. } | PixelOp::Blur { .. });
        let copies = program.operations.iter().any(looks_around);
        let reduced = if geometry.reduces(dims) { width * height } else { 0 };
        let spare = reduced.max(if copies { pixels } else { 0 });
        let work = self.work;
        self.work += pixels + spare;
        let first_operation = self.operations.len();
        self.operations.extend(program.operations.iter().map(|operation| described(operation, channels)));
        self.views.push(AugmentView {
            picture: at,
            width: picture.width as u32,
            height: picture.height as u32,
            channels: picture.channels as u32,
            reduced_width: width as u32,
            reduced_height: height as u32,
            step_x,
            part_x,
            step_y,
            part_y,
            xx: map[0][0],
            xy: map[0][1],
            x1: map[0][2],
            yx: map[1][0],
            yy: map[1][1],
            y1: map[1][2],
            border,
            fill: f32::from(fill),
            rr: r[0],
            rg: r[1],
            rb: r[2],
            r1: r[3],
            gr: g[0],
            gg: g[1],
            gb: g[2],
            g1: g[3],
            br: b[0],
            bg: b[1],
            bb: b[2],
            b1: b[3],
            work: work as u32,
            spare: (work + pixels) as u32,
            first_operation: first_operation as u32,
            operations: (self.operations.len() - first_operation) as u32,
        });
    }
}

/// An operation on a view with that many channels.
fn described(operation: &PixelOp, channels: usize) -> AugmentOperation {
    let pixel = |[r, g, b]: [u8; 3]| u32::from_le_bytes([r, g, b, 0]);
    let base = AugmentOperation::default();
    match *operation {
        PixelOp::Posterize { bits } => {
            let mask = 0xffu8 << (8 - bits.clamp(1, 8));
            AugmentOperation { kind: POSTERIZE, value: pixel([mask; 3]), ..base }
        }
        PixelOp::Solarize { threshold } => {
            AugmentOperation { kind: SOLARIZE, value: threshold.into(), ..base }
        }
        PixelOp::AutoContrast => AugmentOperation { kind: STRETCH, ..base },
        PixelOp::Equalize => AugmentOperation { kind: LEVEL, ..base },
        PixelOp::Sharpness { factor } => AugmentOperation { kind: SHARPEN, factor, ..base },
        PixelOp::Blur { passes } => AugmentOperation { kind: BLUR, value: passes.into(), ..base },
        PixelOp::Noise { amplitude, seed } => {
            AugmentOperation { kind: NOISE, value: amplitude.into(), left: seed, ..base }
        }
        PixelOp::Erase { left, top, width, height, value } => AugmentOperation {
            kind: ERASE,
            value: pixel(erased(value, channels)),
            left: left as u32,
            top: top as u32,
            right: (left + width) as u32,
            bottom: (top + height) as u32,
            ..base
        },
    }
}
