//! Pictures and videos.

use std::io;
use std::path::Path;

use affekt_engine::media::recording::VideoFile;
use affekt_engine::media::source::{OpenOptions, open};
use affekt_engine::media::{Picture, decode};

use super::{Form, Format, message, other};

pub(super) const JPEG: Format = Format {
    name: "jpeg",
    short: 150,
    own: false,
    files: &[("a.jpg", Form::Bytes)],
    make: make_jpeg,
    read: read_jpeg,
};

pub(super) const PNG: Format = Format {
    name: "png",
    short: 150,
    own: false,
    files: &[("a.png", Form::Bytes)],
    make: make_png,
    read: read_png,
};

pub(super) const WEBP: Format = Format {
    name: "webp",
    short: 150,
    own: false,
    files: &[("a.webp", Form::Bytes)],
    make: |folder| std::fs::write(folder.join("a.webp"), encoded(image::ImageFormat::WebP).map_err(other)?),
    read: |folder| read_picture(&folder.join("a.webp")),
};

pub(super) const BMP: Format = Format {
    name: "bmp",
    short: 150,
    own: false,
    files: &[("a.bmp", Form::Bytes)],
    make: |folder| std::fs::write(folder.join("a.bmp"), encoded(image::ImageFormat::Bmp).map_err(other)?),
    read: |folder| read_picture(&folder.join("a.bmp")),
};

/// In fragments, as this program records.
pub(super) const VIDEO: Format = Format {
    name: "mp4-fragments",
    short: 100,
    own: true,
    files: &[("a.mp4", Form::Bytes)],
    make: make_video,
    read: |folder| read_video(&folder.join("a.mp4")),
};

/// With its index in one place, as everything else records, with sound and tags beside the picture.
pub(super) const PLAIN_VIDEO: Format = Format {
    name: "mp4",
    short: 100,
    own: true,
    files: &[("a.mp4", Form::From(b"moov")), ("b.mov", Form::From(b"moov"))],
    make: make_plain_videos,
    read: |folder| ["a.mp4", "b.mov"].iter().try_for_each(|name| read_video(&folder.join(name))),
};

/// A picture with edges and slopes.
pub(super) fn picture(width: usize, height: usize, channels: usize) -> Picture {
    let mut picture = Picture::filled(width, height, channels, 0);
    for (at, value) in picture.pixels.iter_mut().enumerate() {
        let (x, y) = (at / channels % width, at / channels / width);
        *value = ((x * 7 + y * 3) % 200 + if (x / 8 + y / 8) % 2 == 0 { 55 } else { 0 }) as u8;
    }
    picture
}

fn make_jpeg(folder: &Path) -> io::Result<()> {
    std::fs::write(folder.join("a.jpg"), picture(48, 40, 3).to_jpeg(90).map_err(other)?)
}

fn make_png(folder: &Path) -> io::Result<()> {
    std::fs::write(folder.join("a.png"), png(&picture(48, 48, 1)).map_err(other)?)
}

/// A picture as the bytes of a PNG file.
pub(super) fn png(picture: &Picture) -> Result<Vec<u8>, image::ImageError> {
    let colour = if picture.channels == 1 { image::ColorType::L8 } else { image::ColorType::Rgb8 };
    let mut bytes = io::Cursor::new(vec![]);
    let (width, height) = (picture.width as u32, picture.height as u32);
    image::write_buffer_with_format(
        &mut bytes,
        &picture.pixels,
        width,
        height,
        colour,
        image::ImageFormat::Png,
    )?;
    Ok(bytes.into_inner())
}

fn read_jpeg(folder: &Path) -> Result<(), String> {
    read_picture(&folder.join("a.jpg"))
}

fn read_png(folder: &Path) -> Result<(), String> {
    read_picture(&folder.join("a.png"))
}

fn read_picture(file: &Path) -> Result<(), String> {
    decode(&std::fs::read(file).map_err(message)?).map(|_| ()).map_err(message)
}

fn make_video(folder: &Path) -> io::Result<()> {
    let path = folder.join("a.mp4");
    let mut video = VideoFile::create(&path).map_err(other)?;
    for frame in 0..20u8 {
        video.push(&picture(64, 48, 3), f64::from(frame) / 25.0).map_err(other)?;
    }
    video.finish().map_err(other)
}

fn make_plain_videos(folder: &Path) -> io::Result<()> {
    std::fs::write(folder.join("a.mp4"), include_bytes!("../../../cases/base.mp4"))?;
    std::fs::write(folder.join("b.mov"), include_bytes!("../../../cases/aac96.mov"))
}

/// A picture in colour as a file.
fn encoded(format: image::ImageFormat) -> Result<Vec<u8>, image::ImageError> {
    let picture = picture(48, 40, 3);
    let mut bytes = io::Cursor::new(vec![]);
    let (width, height) = (picture.width as u32, picture.height as u32);
    let colour = image::ColorType::Rgb8;
    image::write_buffer_with_format(&mut bytes, &picture.pixels, width, height, colour, format)?;
    Ok(bytes.into_inner())
}

fn read_video(file: &Path) -> Result<(), String> {
    let mut source = open(file, OpenOptions::default()).map_err(message)?;
    while source.next_frame().map_err(message)?.is_some() {}
    Ok(())
}
