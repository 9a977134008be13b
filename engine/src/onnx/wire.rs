//! A first look at a model's bytes, before the library that reads them makes structures of them: a message of two bytes becomes
//! hundreds in memory, and a graph may hold graphs.

/// What a file may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Most fields of messages and elements of packed lists.
    pub fields: usize,
    /// What the file is to be, e.g. `YuNet`.
    pub what: &'static str,
}

/// Messages of an ONNX file that may hold others.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    /// Holds no graphs and no tensors.
    Other,
}

/// What is done about a field.
enum Content {
    Message(Message),
    /// Small whole numbers, one after the other.
    Packed,
    /// Text or values; they take as much memory as bytes of the file.
    Plain,
    /// Nothing that is read here.
    Refused(&'static str),
}

impl Message {
    fn content(self, field: u64) -> Content {
        match (self, field) {
            (Self::Model, 7) => Content::Message(Self::Graph),
            (Self::Model, 20) => Content::Refused("training"),
            (Self::Model, 25) => Content::Refused("functions"),
            (Self::Graph, 1) => Content::Message(Self::Node),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Content::Message(Self::Tensor),
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Content::Refused("sparse tensors"),
            (Self::Node, 5) => Content::Message(Self::Attribute),
            (Self::Attribute, 6 | 11) => Content::Refused("graphs in graphs"),
            (Self::Attribute, 8) | (Self::Tensor, 1 | 5 | 7 | 11) => Content::Packed,
            (Self::Tensor, 6) => Content::Refused("texts as tensors"),
            // Types and shapes nest, notes do not.
            (Self::Model, 8 | 14) | (Self::Graph, 11..=14) | (Self::Other, 1 | 2) => {
                Content::Message(Self::Other)
            }
            _ => Content::Plain,
        }
    }
}

/// Looks through the bytes of a model.
///
/// # Errors
/// They are not in the form of protocol buffers, hold what is not read here, or more than the limits allow.
pub(super) fn look_through(bytes: &[u8], limits: Limits) -> Result<(), String> {
    let mut left = limits.fields;
    // Messages that are still to be looked through.
    let mut open = vec![(Message::Model, bytes)];
    while let Some((message, mut bytes)) = open.pop() {
        while !bytes.is_empty() {
            let (field, content) = match field(&mut bytes) {
                Some(found) => found,
                // A name or text was taken for a message; it is whatever it is.
                None if matches!(message, Message::Other) => break,
                None => return Err("it is damaged or no ONNX model".into()),
            };
            let elements = match (message.content(field), content) {
                (Content::Refused(what), _) => return Err(format!("it holds {what}")),
                (Content::Message(inner), Some(content)) => {
                    open.push((inner, content));
                    1
                }
                (Content::Packed, Some(content)) => 1 + content.len(),
                _ => 1,
            };
            left = left
                .checked_sub(elements)
                .ok_or_else(|| format!("it holds more than any {} does", limits.what))?;
        }
    }
    Ok(())
}

/// Takes a field off the front: its number, and its bytes where it has a length.
fn field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Option<&'a [u8]>)> {
    let key = number(bytes)?;
    let content = match key & 7 {
        0 => {
            number(bytes)?;
            None
        }
        1 => {
            bytes.split_off(..8)?;
            None
        }
        2 => {
            let length = usize::try_from(number(bytes)?).ok()?;
            Some(bytes.split_off(..length)?)
        }
        5 => {
            bytes.split_off(..4)?;
            None
        }
        _ => return None,
    };
    Some((key >> 3, content))
}

/// Takes a number of seven bits a byte off the front.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_through(bytes: &[u8]) -> Result<(), String> {
        super::look_through(bytes, Limits { fields: 1 << 17, what: "YuNet" })
    }

    fn within(field: u8, body: &[u8]) -> Vec<u8> {
        let mut length = body.len();
        let key = u16::from(field) << 3 | 2;
        let mut bytes = if key < 0x80 { vec![key as u8] } else { vec![key as u8 | 0x80, (key >> 7) as u8] };
        while length >= 0x80 {
            bytes.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        [bytes.as_slice(), body].concat()
    }

    #[test]
    fn many_small_messages_are_refused_before_anything_is_made_of_them() {
        let nodes = |count: usize| within(7, &within(1, &[]).repeat(count));
        assert_eq!(look_through(&nodes(1000)), Ok(()));
        let problem = look_through(&nodes(1 << 17)).expect_err("too many");
        assert!(problem.contains("more than any YuNet"), "{problem}");
        let ints = within(7, &within(1, &within(5, &within(8, &vec![1; 1 << 17]))));
        assert!(look_through(&ints).is_err(), "packed numbers grow eightfold");
        let values = within(7, &within(5, &within(9, &vec![1; 1 << 20])));
        assert_eq!(look_through(&values), Ok(()), "values do not grow");
        let dims =
            within(7, &within(13, &within(2, &within(1, &within(2, &within(1, &[8, 1]).repeat(1 << 16))))));
        assert!(look_through(&dims).is_err(), "sides of a shape");
    }

    #[test]
    fn what_is_not_read_is_named() {
        let graph = within(7, &within(1, &within(5, &within(6, &[]))));
        assert_eq!(look_through(&graph), Err("it holds graphs in graphs".into()));
        assert_eq!(look_through(&within(20, &[])), Err("it holds training".into()));
    }

    #[test]
    fn what_is_no_protocol_buffer_is_refused() {
        for bytes in [&b"no model"[..], &[0xff; 16], &within(7, &[8])[..], &[0x3a, 0x7f]] {
            assert!(look_through(bytes).is_err(), "{bytes:?}");
        }
    }
}
