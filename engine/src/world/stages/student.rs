//! The student: all faces at hand as one batch, an answer each.

use bevy_ecs::prelude::*;
use bevy_platform::cell::SyncCell;

use crate::backend::Inference;
use crate::learn::{Affect, Answer, Head, mean_of_views};
use crate::world::components::{FaceAffect, Features, StudentAnswer};
use crate::world::error::WorldError;

/// Faces on their way through the student. Their inputs lie one after the other in one buffer, because the network reads a
/// batch, and so do its logits, because a score needs them all; everything else of a face is a component of its entity.
#[derive(Resource, Default)]
pub struct FaceBatch {
    /// In the order of their inputs.
    pub faces: Vec<Entity>,
    /// A face's input after the other's.
    pub input: Vec<f32>,
    /// Their mirror images, averaged with them; empty where none is asked for.
    pub mirrored: Vec<f32>,
    /// A face's logits after the other's; nothing where features alone are asked for.
    pub logits: Vec<f32>,
}

/// What the student leaves with each face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// [`Features`].
    pub features: bool,
    /// [`StudentAnswer`]s.
    pub answers: bool,
}

/// The network and what its logits mean.
#[derive(Resource)]
pub struct Student {
    /// Only sent from thread to thread, never shared: a cell instead of a lock that nobody would ever wait for.
    network: SyncCell<Box<dyn Inference>>,
    /// Its classes; what follows their logits are valence and arousal.
    classes: usize,
    /// Its classifier, which answers where features are asked for too.
    head: Option<Head>,
    temperature: f32,
    /// Most faces a pass of the network.
    batch: usize,
    wanted: Wanted,
}

impl Student {
    /// A student of so many classes that gives `wanted`, at most `batch` faces a pass. Where both features and answers are
    /// wanted, `head` gives the answers.
    pub fn new(
        network: Box<dyn Inference>,
        (classes, head): (usize, Option<Head>),
        temperature: f32,
        batch: usize,
        wanted: Wanted,
    ) -> Self {
        Self { network: SyncCell::new(network), classes, head, temperature, batch, wanted }
    }
}

/// Runs the network over the batch, and gives its faces what is wanted of it.
pub fn student(
    mut commands: Commands,
    mut batch: ResMut<FaceBatch>,
    mut student: ResMut<Student>,
) -> Result<(), WorldError> {
    let Student { network, classes, head, temperature, batch: most, wanted } = &mut *student;
    let network = network.get();
    let each = network.input().len();
    let FaceBatch { faces, input, mirrored, logits } = &mut *batch;
    logits.clear();
    let (classes, outputs) = (*classes, network.output().len());
    for (part, faces) in input.chunks(each * *most).zip(faces.chunks(*most)) {
        if wanted.features {
            let features = network.features(part, faces.len())?;
            for (row, &face) in features.chunks_exact(features.len() / faces.len()).zip(faces) {
                if let Some(head) = head.as_ref().filter(|_| wanted.answers) {
                    logits.extend(head.logits(row));
                }
                commands.entity(face).insert(Features(row.to_vec()));
            }
        } else {
            let rows = network.forward(part, faces.len())?;
            for (row, &face) in rows.chunks_exact(outputs).zip(faces) {
                logits.extend(&row[..classes]);
                if let Some(affect) = Affect::of(&row[classes..])? {
                    commands.entity(face).insert(FaceAffect(affect));
                }
            }
        }
    }
    if !mirrored.is_empty() {
        let mut of_mirrored = Vec::with_capacity(logits.len());
        for part in mirrored.chunks(each * *most) {
            let rows = network.forward(part, part.len() / each)?;
            of_mirrored.extend(rows.chunks_exact(outputs).flat_map(|row| &row[..classes]));
        }
        *logits = mean_of_views(logits, &of_mirrored, classes);
    }
    if wanted.answers {
        for (row, &face) in logits.chunks_exact(classes).zip(faces.iter()) {
            commands.entity(face).insert(StudentAnswer(Answer::of(row, *temperature)?));
        }
    }
    Ok(())
}
