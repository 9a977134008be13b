//! Pseudo-labels: what the teacher says of unlabelled pictures, and how much each of its labels weighs.

use super::loss::{arg_max, one_hot, softmax};
use super::settings::{LabelKind, PseudoSettings};

/// The teacher's labels of one batch.
#[derive(Debug, Clone, PartialEq)]
pub struct PseudoLabels {
    /// Most probable class of each picture.
    pub classes: Vec<usize>,
    /// Target distributions `y^`, `items x classes`: one-hot for hard labels.
    pub targets: Vec<f32>,
    /// Weight of each picture: 0 below the threshold, else 1.
    pub weights: Vec<f32>,
    /// The teacher's highest probability for each picture, at temperature 1.
    pub confidence: Vec<f32>,
}

impl PseudoLabels {
    /// How many labels of each class there are, kept or not.
    pub fn histogram(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        for &class in &self.classes {
            if let Some(count) = counts.get_mut(class) {
                *count += 1;
            }
        }
        counts
    }

    /// Share of pictures whose label counts, in `[0, 1]`.
    pub fn kept_share(&self) -> f64 {
        self.weights.iter().filter(|&&w| w > 0.0).count() as f64 / self.weights.len().max(1) as f64
    }

    /// Mean confidence of the teacher, in `[0, 1]`.
    pub fn mean_confidence(&self) -> f64 {
        self.confidence.iter().map(|&c| f64::from(c)).sum::<f64>() / self.confidence.len().max(1) as f64
    }
}

/// Makes pseudo-labels; remembers what curriculum and alignment need.
#[derive(Debug, Clone, PartialEq)]
pub struct PseudoLabeller {
    settings: PseudoSettings,
    /// Curriculum: running share of pictures confidently of each class. What is missing to 1 is not learned yet.
    learned: Vec<f32>,
    /// Alignment: running mean of the teacher's probabilities.
    marginal: Vec<f32>,
}

impl PseudoLabeller {
    /// A labeller for that many classes that has seen nothing.
    pub fn new(settings: &PseudoSettings, classes: usize) -> Self {
        Self {
            settings: settings.clone(),
            learned: vec![0.0; classes],
            marginal: vec![1.0 / classes as f32; classes],
        }
    }

    /// Labels the pictures that the teacher gave these logits, `items x classes`.
    pub fn label(&mut self, logits: &[f32]) -> PseudoLabels {
        let classes = self.learned.len();
        let mut probabilities = softmax(logits, classes, 1.0);
        let mut sharpened = softmax(logits, classes, self.settings.temperature);
        if self.settings.distribution_alignment {
            self.remember_marginal(&probabilities);
            for rows in [&mut probabilities, &mut sharpened] {
                rows.chunks_exact_mut(classes).for_each(|row| align(row, &self.marginal));
            }
        }
        let picked = arg_max(&probabilities, classes);
        let confidence: Vec<f32> =
            probabilities.chunks_exact(classes).zip(&picked).map(|(row, &class)| row[class]).collect();
        let thresholds = self.thresholds();
        let weights = picked
            .iter()
            .zip(&confidence)
            .map(|(&class, &c)| if c >= thresholds[class] { 1.0 } else { 0.0 })
            .collect();
        if self.settings.curriculum {
            self.remember_learned(&picked, &confidence);
        }
        let targets = match self.settings.kind {
            LabelKind::Hard => one_hot(&picked, classes, 0.0),
            LabelKind::Soft => sharpened,
        };
        PseudoLabels { classes: picked, targets, weights, confidence }
    }

    /// Confidence each class needs at the moment.
    ///
    /// With the curriculum it is `M(b) threshold` with `M(b) = b / (2 - b)` and
    /// `b = learned[c] / max(max learned, not learned)` (`FlexMatch`, equations 5, 6, 11 and 12). The paper counts over a
    /// table with one entry a picture; here a running share takes its place, so memory does not grow with the pool.
    pub fn thresholds(&self) -> Vec<f32> {
        let threshold = self.settings.threshold;
        if !self.settings.curriculum {
            return vec![threshold; self.learned.len()];
        }
        let missing = 1.0 - self.learned.iter().sum::<f32>();
        let most = self.learned.iter().copied().fold(missing, f32::max).max(f32::MIN_POSITIVE);
        self.learned
            .iter()
            .map(|&learned| {
                let b = (learned / most).clamp(0.0, 1.0);
                threshold * b / (2.0 - b)
            })
            .collect()
    }

    /// What it remembers, for a checkpoint: name and values.
    pub fn state(&self) -> [(&'static str, &[f32]); 2] {
        [("pseudo.learned", &self.learned), ("pseudo.marginal", &self.marginal)]
    }

    /// Puts back what [`PseudoLabeller::state`] gave. Returns `false`, and changes nothing, when a value is missing or
    /// the number of classes differs.
    #[must_use]
    pub fn restore<'a>(&mut self, find: impl Fn(&str) -> Option<&'a [f32]>) -> bool {
        let classes = self.learned.len();
        let found = (find("pseudo.learned"), find("pseudo.marginal"));
        let (Some(learned), Some(marginal)) = found else { return false };
        if learned.len() != classes || marginal.len() != classes {
            return false;
        }
        self.learned = learned.to_vec();
        self.marginal = marginal.to_vec();
        true
    }

    fn remember_learned(&mut self, picked: &[usize], confidence: &[f32]) {
        let mut share = vec![0.0; self.learned.len()];
        for (&class, _) in picked.iter().zip(confidence).filter(|&(_, &c)| c >= self.settings.threshold) {
            share[class] += 1.0 / picked.len() as f32;
        }
        let weight = self.weight();
        blend(&mut self.learned, &share, weight);
    }

    fn remember_marginal(&mut self, probabilities: &[f32]) {
        let classes = self.marginal.len();
        let items = (probabilities.len() / classes).max(1);
        let mut mean = vec![0.0; classes];
        for row in probabilities.chunks_exact(classes) {
            mean.iter_mut().zip(row).for_each(|(m, p)| *m += p / items as f32);
        }
        let weight = self.weight();
        blend(&mut self.marginal, &mean, weight);
    }

    /// How much the step at hand counts in the running means.
    fn weight(&self) -> f32 {
        1.0 / self.settings.memory_steps as f32
    }
}

fn blend(memory: &mut [f32], now: &[f32], weight: f32) {
    memory.iter_mut().zip(now).for_each(|(m, n)| *m = (1.0 - weight) * *m + weight * n);
}

/// `normalise(row / marginal)`; the floor keeps a class that never occurs from taking over.
fn align(row: &mut [f32], marginal: &[f32]) {
    row.iter_mut().zip(marginal).for_each(|(p, m)| *p /= m.max(1e-3));
    let sum: f32 = row.iter().sum();
    if sum > 0.0 {
        for p in row {
            *p /= sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sure pictures and one doubtful one.
    const LOGITS: [f32; 9] = [6.0, 0.0, 0.0, 0.0, 6.0, 0.0, 0.2, 0.0, 0.1];

    fn labeller(settings: &PseudoSettings) -> PseudoLabeller {
        PseudoLabeller::new(settings, 3)
    }

    #[test]
    fn hard_labels_keep_all_without_a_threshold() {
        let labels = labeller(&PseudoSettings::default()).label(&LOGITS);
        assert_eq!(labels.classes, [0, 1, 0]);
        assert_eq!(labels.targets, one_hot(&[0, 1, 0], 3, 0.0));
        assert_eq!(labels.weights, [1.0; 3]);
        assert_eq!(labels.histogram(3), [2, 1, 0]);
    }

    #[test]
    fn doubtful_labels_weigh_nothing_under_a_threshold() {
        let settings = PseudoSettings { threshold: 0.8, ..PseudoSettings::default() };
        let labels = labeller(&settings).label(&LOGITS);
        assert_eq!(labels.weights, [1.0, 1.0, 0.0]);
        assert!((labels.kept_share() - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn soft_labels_sharpen_with_temperature_but_confidence_does_not() {
        let soft = PseudoSettings { kind: LabelKind::Soft, temperature: 0.1, ..PseudoSettings::default() };
        let labels = labeller(&soft).label(&LOGITS);
        assert_eq!(labels.targets, softmax(&LOGITS, 3, 0.1));
        assert_eq!(labels.confidence, labeller(&PseudoSettings::default()).label(&LOGITS).confidence);
    }

    #[test]
    fn the_curriculum_starts_low_and_asks_more_of_classes_that_are_learned() {
        let settings = PseudoSettings { threshold: 0.9, curriculum: true, ..PseudoSettings::default() };
        let mut labeller = labeller(&settings);
        assert_eq!(labeller.thresholds(), [0.0; 3], "nothing is learned yet");
        // Class 0 is twice as common as class 1; class 2 never occurs.
        let batch = [9.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0, 9.0, 0.0];
        for _ in 0..10_000 {
            labeller.label(&batch);
        }
        let thresholds = labeller.thresholds();
        assert!((thresholds[0] - 0.9).abs() < 1e-3, "{thresholds:?}");
        assert!((thresholds[1] - 0.3).abs() < 1e-2, "b = 1/2, so M(b) = 1/3: {thresholds:?}");
        assert_eq!(thresholds[2], 0.0);
    }

    #[test]
    fn a_short_memory_ends_the_curriculum_soon() {
        let threshold_after = |memory_steps: u64| {
            let settings = PseudoSettings {
                threshold: 0.9,
                curriculum: true,
                memory_steps,
                ..PseudoSettings::default()
            };
            let mut labeller = labeller(&settings);
            for _ in 0..100 {
                labeller.label(&[9.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0, 9.0, 0.0]);
            }
            labeller.thresholds()[0]
        };
        assert!(threshold_after(20) > 0.85);
        assert!(threshold_after(1000) < 0.05);
    }

    #[test]
    fn alignment_takes_labels_from_a_class_that_has_too_many() {
        let settings = PseudoSettings { distribution_alignment: true, ..PseudoSettings::default() };
        let mut labeller = PseudoLabeller::new(&settings, 2);
        let mostly_first = [2.0, 0.0, 2.0, 0.0, 2.0, 0.0, 0.3, 0.0];
        assert_eq!(labeller.label(&mostly_first).classes, [0, 0, 0, 0]);
        for _ in 0..5_000 {
            labeller.label(&mostly_first);
        }
        assert_eq!(labeller.label(&mostly_first).classes, [0, 0, 0, 1]);
    }

    #[test]
    fn what_it_remembers_can_be_put_back() {
        let settings = PseudoSettings {
            threshold: 0.9,
            curriculum: true,
            distribution_alignment: true,
            ..Default::default()
        };
        let mut first = labeller(&settings);
        first.label(&LOGITS);
        let mut second = labeller(&settings);
        let state = first.state();
        let find = |name: &str| state.iter().find(|(n, _)| *n == name).map(|(_, values)| *values);
        assert!(second.restore(find));
        assert_eq!(first, second);
        assert!(!second.restore(|_| None));
        assert!(!PseudoLabeller::new(&settings, 4).restore(find));
    }
}
