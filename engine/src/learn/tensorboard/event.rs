//! An event as a message of `tensorboard/compat/proto/{event,summary}.proto`, as far as curves, counts and pictures need it. The
//! fields are few, so they are written by hand: number and kind of each stand beside it.

/// What stands at a tag.
#[derive(Debug, Clone, PartialEq)]
pub enum EventValue {
    /// A point of a curve.
    Scalar(f32),
    /// How often each of the classes 0, 1, ... was counted; drawn as a histogram with a bar a class.
    Counts(Vec<f64>),
    /// A picture as a PNG file.
    Picture {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// 1 or 3.
        channels: usize,
        /// The file.
        png: Vec<u8>,
    },
}

/// `Event.file_version` of the first event of every file.
const VERSION: &str = "brain.Event:2";
/// `SessionLog.SessionStatus.START`.
const START: u64 = 1;

/// Bytes of a message that grow field by field.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// A whole number from 0 up: wire type 0.
    fn whole(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    /// Wire type 1.
    fn double(mut self, field: u64, value: f64) -> Self {
        self.varint(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Text, bytes, a message, packed numbers: wire type 2.
    fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    /// Wire type 5.
    fn float(mut self, field: u64, value: f32) -> Self {
        self.varint(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn doubles(self, field: u64, values: impl Iterator<Item = f64>) -> Self {
        self.bytes(field, &values.flat_map(f64::to_le_bytes).collect::<Vec<u8>>())
    }
}

fn event(wall_seconds: f64, step: u64) -> Message {
    Message::default().double(1, wall_seconds).whole(2, step)
}

/// The first event of a file.
pub(super) fn version(wall_seconds: f64) -> Vec<u8> {
    event(wall_seconds, 0).bytes(3, VERSION.as_bytes()).0
}

/// Says that a program starts at `step`: what earlier files have of this step and later ones was not kept, and is to be forgotten.
pub(super) fn start(wall_seconds: f64, step: u64) -> Vec<u8> {
    event(wall_seconds, step).bytes(7, &Message::default().whole(1, START).0).0
}

/// Everything that is known of a step, by its tags.
pub(super) fn summary(wall_seconds: f64, step: u64, values: &[(String, EventValue)]) -> Vec<u8> {
    let values =
        values.iter().fold(Message::default(), |summary, (tag, value)| summary.bytes(1, &tagged(tag, value)));
    event(wall_seconds, step).bytes(5, &values.0).0
}

fn tagged(tag: &str, value: &EventValue) -> Vec<u8> {
    let message = Message::default().bytes(1, tag.as_bytes());
    let message = match value {
        EventValue::Scalar(value) => message.float(2, *value),
        EventValue::Picture { width, height, channels, png } => {
            let picture = Message::default().whole(1, *height as u64).whole(2, *width as u64);
            message.bytes(4, &picture.whole(3, *channels as u64).bytes(4, png).0)
        }
        EventValue::Counts(counts) => message.bytes(5, &histogram(counts)),
    };
    message.0
}

/// `HistogramProto`: class `k` is the bucket from `k - 1/2` to `k + 1/2`.
fn histogram(counts: &[f64]) -> Vec<u8> {
    let limit = |class: usize| class as f64 + 0.5;
    let moment = |power| counts.iter().enumerate().map(|(class, n)| n * (class as f64).powi(power)).sum();
    Message::default()
        .double(1, -0.5)
        .double(2, limit(counts.len()) - 1.0)
        .double(3, counts.iter().sum())
        .double(4, moment(1))
        .double(5, moment(2))
        .doubles(6, (0..counts.len()).map(limit))
        .doubles(7, counts.iter().copied())
        .0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_protoc() {
        // `protoc --encode` of `simple_value: 0.5 tag: "a"` in a summary at step 300 and wall time 1.
        let bytes = summary(1.0, 300, &[("a".into(), EventValue::Scalar(0.5))]);
        let expected =
            b"\x09\x00\x00\x00\x00\x00\x00\xf0\x3f\x10\xac\x02\x2a\x0a\x0a\x08\x0a\x01a\x15\x00\x00\x00\x3f";
        assert_eq!(bytes, expected);
        assert_eq!(version(1.0)[11..], *b"\x1a\x0dbrain.Event:2");
        assert_eq!(start(1.0, 5)[9..], *b"\x10\x05\x3a\x02\x08\x01");
    }

    #[test]
    fn a_histogram_has_a_bar_a_class() {
        let bytes = histogram(&[2.0, 0.0, 1.0]);
        let doubles: Vec<f64> = [1, 10, 19, 28, 37]
            .iter()
            .map(|&at| f64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes")))
            .collect();
        assert_eq!(doubles, [-0.5, 2.5, 3.0, 2.0, 4.0], "min, max, how many, their sum, their squares'");
        assert_eq!(bytes[45..47], [6 << 3 | 2, 24]);
        assert_eq!(bytes[71..73], [7 << 3 | 2, 24]);
    }
}
