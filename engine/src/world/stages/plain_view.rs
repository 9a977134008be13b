//! How a picture is seen in evaluation and use: whole, centred, unvaried.

use crate::media::augment::Policy;
use crate::media::{Corruption, MediaError, Picture, Program};
use crate::net::{InputContract, ModelCard};

/// Makes pictures a network's input without varying them.
#[derive(Debug, Clone)]
pub struct PlainView {
    contract: InputContract,
    /// Part of the picture's sides that the input shows.
    crop: f32,
}

impl PlainView {
    /// As a contract says, with the part `crop` of a picture's sides.
    pub fn new(contract: &InputContract, crop: f32) -> Self {
        Self { contract: contract.clone(), crop }
    }

    /// As a model's card says.
    pub fn of(card: &ModelCard) -> Self {
        Self::new(&card.input, card.crop)
    }

    /// Appends the picture's input to `plain`, and its mirror image's to `mirrored` where that is asked for.
    pub fn render(&self, picture: &Picture, plain: &mut Vec<f32>, mirrored: Option<&mut Vec<f32>>) {
        self.append(self.program(picture), picture, plain, mirrored);
    }

    /// The same of a spoiled picture.
    ///
    /// # Errors
    /// As [`Corruption::seen`].
    pub fn render_spoiled(
        &self,
        corruption: Corruption,
        picture: &Picture,
        plain: &mut Vec<f32>,
        mirrored: Option<&mut Vec<f32>>,
    ) -> Result<(), MediaError> {
        let seen = corruption.seen(picture, &self.program(picture))?;
        let whole = Program::stretch((seen.width, seen.height), self.contract.size);
        self.append(whole, &seen, plain, mirrored);
        Ok(())
    }

    fn program(&self, picture: &Picture) -> Program {
        Policy::plain_view(self.crop, (picture.width, picture.height), &self.contract)
    }

    fn append(
        &self,
        program: Program,
        picture: &Picture,
        plain: &mut Vec<f32>,
        mirrored: Option<&mut Vec<f32>>,
    ) {
        let len = self.contract.size * self.contract.size * self.contract.channels;
        let append = |program: &Program, to: &mut Vec<f32>| {
            let start = to.len();
            to.resize(start + len, 0.0);
            program.render(picture, &self.contract, &mut to[start..]);
        };
        append(&program, plain);
        if let Some(mirrored) = mirrored {
            append(&program.mirrored(), mirrored);
        }
    }
}
