//! Protocol buffers as a tree that can be written, and broken without ceasing to be one.

use crate::bytes::{self, EXTREMES};
use crate::draws::Draws;

/// A field of a message.
#[derive(Debug, Clone)]
pub enum Field {
    /// A number of seven bits a byte.
    Number(u32, u64),
    /// Text or values.
    Bytes(u32, Vec<u8>),
    /// A message.
    Message(u32, Vec<Field>),
}

/// Writes the fields of a message.
pub fn write(fields: &[Field]) -> Vec<u8> {
    let mut out = vec![];
    for field in fields {
        match field {
            Field::Number(number, value) => {
                varint(u64::from(*number) << 3, &mut out);
                varint(*value, &mut out);
            }
            Field::Bytes(number, content) => delimited(*number, content, &mut out),
            Field::Message(number, inner) => delimited(*number, &write(inner), &mut out),
        }
    }
    out
}

fn delimited(number: u32, content: &[u8], out: &mut Vec<u8>) {
    varint(u64::from(number) << 3 | 2, out);
    varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

/// Writes a number of seven bits a byte.
pub fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Breaks a message in one to three places, at any depth.
pub fn mutate(fields: &mut Vec<Field>, draws: &mut Draws) {
    for _ in 0..=draws.below(3) {
        let at = draws.below(count(fields));
        reach(fields, &mut { at }, draws);
    }
}

fn count(fields: &[Field]) -> usize {
    fields.iter().map(|field| 1 + if let Field::Message(_, inner) = field { count(inner) } else { 0 }).sum()
}

fn reach(fields: &mut Vec<Field>, left: &mut usize, draws: &mut Draws) -> bool {
    for at in 0..fields.len() {
        if *left == 0 {
            change(fields, at, draws);
            return true;
        }
        *left -= 1;
        if let Field::Message(_, inner) = &mut fields[at]
            && reach(inner, left, draws)
        {
            return true;
        }
    }
    false
}

fn change(fields: &mut Vec<Field>, at: usize, draws: &mut Draws) {
    match draws.below(8) {
        0 => {
            fields.remove(at);
            return;
        }
        1 => return fields.insert(at, fields[at].clone()),
        2 => {
            let other = draws.below(fields.len());
            return fields.swap(at, other);
        }
        // Another field of the same content.
        3 => {
            let number = 1 + draws.below(25) as u32;
            match &mut fields[at] {
                Field::Number(field, _) | Field::Bytes(field, _) | Field::Message(field, _) => {
                    *field = number;
                }
            }
            return;
        }
        4 => {
            let copies = *draws.pick(&[10, 1000]);
            let field = fields[at].clone();
            fields.splice(at..at, std::iter::repeat_n(field, copies));
            return;
        }
        _ => {}
    }
    // The content of another field of the message is as good a name or list as any, and a likely one.
    let other = draws.below(fields.len());
    let likely = match &fields[other] {
        Field::Bytes(_, content) => Some(content.clone()),
        _ => None,
    };
    match &mut fields[at] {
        Field::Number(_, value) => *value = *draws.pick(&EXTREMES),
        Field::Bytes(_, content) => match (draws.below(4), likely) {
            (0, Some(likely)) => *content = likely,
            (1, _) => {
                // A packed list of numbers, some of them extreme.
                content.clear();
                (0..draws.below(6)).for_each(|_| varint(*draws.pick(&EXTREMES), content));
            }
            (2, _) => {
                *content =
                    draws.pick(&[&b"Loop"[..], b"If", b"Pad", b"Slice", b"Tile", b"\x1b[31m"]).to_vec();
            }
            _ => bytes::mutate(content, draws),
        },
        Field::Message(_, inner) => {
            let mut raw = write(inner);
            bytes::mutate(&mut raw, draws);
            let Field::Message(number, _) = fields[at] else { return };
            fields[at] = Field::Bytes(number, raw);
        }
    }
}
