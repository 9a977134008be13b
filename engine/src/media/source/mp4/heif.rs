//! What a HEIF picture (ISO/IEC 23008-12: HEIC, AVIF) says of its size. Phones store one in tiles, each of which looks like a
//! picture of its own to whoever reads no further, and thumbnails beside it do too.

use std::io::Read as _;
use std::path::Path;

use super::boxes::{Boxes, Fields, Understood, find, need};
use crate::files::open_regular;

/// Bytes from the start in which the description must lie.
const HEAD: u64 = 1 << 20;

/// Columns and rows of the file's picture as it is shown, turned as it asks for; `None` where the file does not say.
pub(in crate::media::source) fn shown_size(path: &Path) -> Option<(usize, usize)> {
    let mut head = vec![];
    open_regular(path, "a picture").ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    size(&head).ok().flatten()
}

fn size(file: &[u8]) -> Understood<Option<(usize, usize)>> {
    // What follows the description, the pictures themselves, need not be there.
    let Some(meta) = Boxes::of(file).map_while(Result::ok).find(|(kind, _)| kind == b"meta") else {
        return Ok(None);
    };
    let meta = after_version("meta", meta.1)?.1;
    let (version, primary) = after_version("pitm", need(meta, *b"pitm")?)?;
    let primary = id(&mut Fields::of("pitm", primary), version > 0)?;
    let properties = need(meta, *b"iprp")?;
    let all: Vec<_> = Boxes::of(need(properties, *b"ipco")?).collect::<Result<_, _>>()?;
    let (mut sides, mut turned) = (None, false);
    for (kind, content) in of_item(need(properties, *b"ipma")?, primary)?
        .into_iter()
        .filter_map(|number| all.get(number.checked_sub(1)?))
    {
        let mut fields = Fields::of("property", content);
        match kind {
            b"ispe" => {
                fields.version_and_flags()?;
                sides = Some((fields.u32()? as usize, fields.u32()? as usize));
            }
            b"irot" => turned = fields.u8()? & 1 == 1,
            // A part is cut out, whose size is two quotients.
            b"clap" => {
                let mut side = || -> Understood<usize> {
                    let (above, below) = (fields.u32()?, fields.u32()?);
                    Ok(above.checked_div(below).unwrap_or(0) as usize)
                };
                sides = Some((side()?, side()?));
            }
            _ => {}
        }
    }
    Ok(sides.map(|(w, h)| if turned { (h, w) } else { (w, h) }))
}

/// Version, and what follows it and the flags.
fn after_version<'a>(kind: &'static str, body: &'a [u8]) -> Understood<(u8, &'a [u8])> {
    let mut fields = Fields::of(kind, body);
    let (version, _) = fields.version_and_flags()?;
    Ok((version, fields.rest))
}

fn id(fields: &mut Fields<'_>, wide: bool) -> Understood<u32> {
    if wide { fields.u32() } else { fields.u16().map(u32::from) }
}

/// Numbers, from 1, of the properties of an item.
fn of_item(table: &[u8], item: u32) -> Understood<Vec<usize>> {
    let mut fields = Fields::of("ipma", table);
    let (version, flags) = fields.version_and_flags()?;
    let rows = fields.rows(3)?;
    for _ in 0..rows {
        let found = id(&mut fields, version > 0)?;
        let count = usize::from(fields.u8()?);
        let mut numbers = vec![];
        for _ in 0..count {
            // The highest bit says whether a reader must know the property.
            let number = if flags & 1 == 1 { fields.u16()? & 0x7fff } else { u16::from(fields.u8()? & 0x7f) };
            numbers.push(usize::from(number));
        }
        if found == item {
            return Ok(numbers);
        }
    }
    Ok(vec![])
}

/// Whether a file's picture is put together from tiles; `false` where the file does not say.
pub(in crate::media::source) fn is_tiled(path: &Path) -> bool {
    let mut head = vec![];
    let read = open_regular(path, "a picture").and_then(|file| file.take(HEAD).read_to_end(&mut head));
    read.is_ok() && tiled(&head).unwrap_or(false)
}

fn tiled(file: &[u8]) -> Understood<bool> {
    let Some(meta) = Boxes::of(file).map_while(Result::ok).find(|(kind, _)| kind == b"meta") else {
        return Ok(false);
    };
    let meta = after_version("meta", meta.1)?.1;
    let (version, primary) = after_version("pitm", need(meta, *b"pitm")?)?;
    let primary = id(&mut Fields::of("pitm", primary), version > 0)?;
    let Some(items) = find(meta, *b"iinf")? else { return Ok(false) };
    let (version, items) = after_version("iinf", items)?;
    let mut fields = Fields::of("iinf", items);
    id(&mut fields, version > 0)?;
    for entry in Boxes::of(fields.rest) {
        let (version, entry) = after_version("infe", entry?.1)?;
        let mut fields = Fields::of("infe", entry);
        let item = id(&mut fields, version > 2)?;
        fields.skip(2)?;
        if item == primary {
            return Ok(fields.bytes(4)? == b"grid");
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: [u8; 4], body: &[u8]) -> Vec<u8> {
        [&(8 + body.len() as u32).to_be_bytes(), kind.as_slice(), body].concat()
    }

    /// A description of a picture of 320 x 240 as item 1, in tiles of 192 x 144, turned or not.
    fn picture(turned: bool) -> Vec<u8> {
        let ispe = |w: u32, h: u32| boxed(*b"ispe", &[[0; 4], w.to_be_bytes(), h.to_be_bytes()].concat());
        let ipco = boxed(*b"ipco", &[ispe(192, 144), ispe(320, 240), boxed(*b"irot", &[1])].concat());
        let first: &[u8] = if turned { &[0, 1, 2, 0x02, 0x83] } else { &[0, 1, 1, 0x02] };
        let ipma = boxed(*b"ipma", &[&[0, 0, 0, 0, 0, 0, 0, 2], first, &[0, 2, 1, 0x81]].concat());
        let infe = |item: u8, kind: [u8; 4]| {
            boxed(*b"infe", &[&[2, 0, 0, 0, 0, item, 0, 0], kind.as_slice(), &[0]].concat())
        };
        let iinf = boxed(*b"iinf", &[&[0, 0, 0, 0, 0, 2], &*infe(1, *b"grid"), &infe(2, *b"hvc1")].concat());
        let parts =
            [boxed(*b"pitm", &[0, 0, 0, 0, 0, 1]), iinf, boxed(*b"iprp", &[ipco, ipma].concat())].concat();
        let head = boxed(*b"ftyp", b"heic\0\0\0\0mif1");
        [head, boxed(*b"meta", &[&[0; 4], &*parts].concat()), vec![0, 0, 9, 9, b'm', b'd', b'a', b't']]
            .concat()
    }

    #[test]
    fn the_picture_has_its_own_size_and_not_a_tiles() {
        assert_eq!(size(&picture(false)), Ok(Some((320, 240))));
        assert_eq!(size(&picture(true)), Ok(Some((240, 320))));
        assert_eq!(tiled(&picture(false)), Ok(true));
        assert_eq!(size(b"\0\0\0\x08free"), Ok(None));
    }

    #[test]
    fn whatever_is_broken_is_an_answer_and_no_panic() {
        let whole = picture(true);
        for at in 0..whole.len() {
            let _either = (size(&whole[..at]), tiled(&whole[..at]));
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut broken = whole.clone();
                broken[at] = value;
                let _either = (size(&broken), tiled(&broken));
            }
        }
    }
}
