//! How samples are drawn: the knobs of difficulty.

/// How samples are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Style {
    /// Side of the square picture in pixels, 32 to 256.
    pub size: usize,
    /// 1 (grey) or 3 (RGB).
    pub channels: usize,
    /// First person and one past the last; people have the same looks in every sample.
    pub identities: std::ops::Range<u64>,
    /// Seed of the people's looks. None: the samples' own seed, so that sets of different seeds show different people;
    /// sets that name the same one share a population, of which `identities` is their part.
    pub people: Option<u64>,
    /// Least and greatest intensity of the expression; 1 is full. Faint ones are hard to tell from neutral.
    pub intensity: (f32, f32),
    /// Greatest part of a second, wrong expression mixed in, in `[0, 0.5)`.
    pub blend: f32,
    /// Greatest strength of pose and light; 0 is a frontal studio picture, 1 a snapshot.
    pub variation: f32,
    /// Greatest strength of blur, noise and compression; 0 is a perfect camera, 1 a cheap one.
    pub camera: f32,
    /// Probability that something hides part of the face.
    pub occlusion: f32,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            size: 48,
            channels: 1,
            identities: 0..1_000,
            people: None,
            intensity: (0.4, 1.0),
            blend: 0.25,
            variation: 1.0,
            camera: 1.0,
            occlusion: 0.1,
        }
    }
}

impl Style {
    /// Whether every knob is in its range; the error names the one that is not.
    pub(super) fn check(&self) -> Result<(), String> {
        if !(32..=256).contains(&self.size) {
            return Err(format!("size = {} is outside 32..=256", self.size));
        }
        if !matches!(self.channels, 1 | 3) {
            return Err(format!("channels = {}: 1 (grey) or 3 (RGB)", self.channels));
        }
        if self.identities.is_empty() {
            return Err(format!("identities = {:?} is empty", self.identities));
        }
        let (least, greatest) = self.intensity;
        if !(least >= 0.0 && least <= greatest && greatest <= 1.5) {
            return Err(format!("intensity = {least}..{greatest} is outside 0..=1.5 or reversed"));
        }
        if !(0.0..0.5).contains(&self.blend) {
            return Err(format!("blend = {} is outside 0..0.5", self.blend));
        }
        for (name, value, limit) in [
            ("variation", self.variation, 2.0),
            ("camera", self.camera, 2.0),
            ("occlusion", self.occlusion, 1.0),
        ] {
            if !(0.0..=limit).contains(&value) {
                return Err(format!("{name} = {value} is outside 0..={limit}"));
            }
        }
        Ok(())
    }

    /// Feeds every knob to a hash.
    pub(super) fn hash(&self, hasher: &mut blake3::Hasher) {
        let Self { size, channels, identities, people, intensity, blend, variation, camera, occlusion } =
            self;
        let (named, people) = (u64::from(people.is_some()), people.unwrap_or(0));
        for number in [*size as u64, *channels as u64, identities.start, identities.end, named, people] {
            hasher.update(&number.to_le_bytes());
        }
        for number in [intensity.0, intensity.1, *blend, *variation, *camera, *occlusion] {
            hasher.update(&number.to_le_bytes());
        }
    }
}
