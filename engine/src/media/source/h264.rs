//! H.264 pictures from access units, each with the number it was given, whatever was lost between.

use std::ptr::null_mut;

use openh264::OpenH264API;
use openh264::decoder::{Decoder, DecoderConfig, Flush};
use openh264_sys2::{
    DECODER_OPTION_ERROR_CON_IDC, DECODER_OPTION_NUM_OF_FRAMES_REMAINING_IN_BUFFER,
    ERROR_CON_SLICE_COPY_CROSS_IDR_FREEZE_RES_CHANGE, SBufferInfo,
};

use crate::media::Picture;
use crate::media::yuv::{Colours, Plane, grey, rgb};

/// A decoder that keeps the order of showing and says which access unit each picture is of.
pub(super) struct H264 {
    decoder: Decoder,
    colours: Colours,
    /// Whether the stream has no chroma; the decoder leaves something in its place.
    grey: bool,
}

/// What an access unit led to.
pub(super) struct Decoded {
    /// A picture, its unit's number with it; often of an earlier unit, because pictures are reordered.
    pub picture: Option<(u64, Picture)>,
    /// Whether the unit itself is damaged. Its picture, patched with the one before it, still comes in its turn.
    pub damaged: bool,
}

impl H264 {
    /// A decoder that has seen nothing yet, of pictures whose colours are to be understood so, or of pictures without any.
    ///
    /// # Errors
    /// The library refuses; the text is its own.
    pub fn new(colours: Colours, grey: bool) -> Result<Self, String> {
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let mut decoder =
            Decoder::with_api_config(OpenH264API::from_source(), config).map_err(|e| e.to_string())?;
        let mut concealment = ERROR_CON_SLICE_COPY_CROSS_IDR_FREEZE_RES_CHANGE;
        // SAFETY: the option takes a pointer to an `int` that it reads at once. Without concealment the decoder drops
        // everything up to the next key frame, which may be many seconds away.
        unsafe {
            decoder
                .raw_api()
                .set_option(DECODER_OPTION_ERROR_CON_IDC, std::ptr::from_mut(&mut concealment).cast());
        }
        Ok(Self { decoder, colours, grey })
    }

    /// Takes the next access unit, in the form of Annex B, in the order of decoding.
    pub fn decode(&mut self, unit: &[u8], number: u64) -> Decoded {
        let mut planes = [null_mut::<u8>(); 3];
        // A time of 0 would mean that there is none.
        let mut info = SBufferInfo { uiInBsTimeStamp: number + 1, ..SBufferInfo::default() };
        let length = i32::try_from(unit.len()).unwrap_or(i32::MAX);
        // SAFETY: `unit` has `length` bytes, and the two outputs are of the types that the call fills.
        let state = unsafe {
            self.decoder.raw_api().decode_frame_no_delay(
                unit.as_ptr(),
                length,
                planes.as_mut_ptr(),
                std::ptr::from_mut(&mut info),
            )
        };
        Decoded { picture: self.picture(planes, &info), damaged: state != 0 }
    }

    /// The next picture that is still held back; `None` once there are no more.
    pub fn flush(&mut self) -> Option<(u64, Picture)> {
        let mut held = 0i32;
        let mut planes = [null_mut::<u8>(); 3];
        let mut info = SBufferInfo::default();
        // SAFETY: the option is an `int`, and the two outputs are of the types that the call fills.
        unsafe {
            let api = self.decoder.raw_api();
            let option = DECODER_OPTION_NUM_OF_FRAMES_REMAINING_IN_BUFFER;
            let asked = api.get_option(option, std::ptr::from_mut(&mut held).cast());
            if asked != 0 || held <= 0 {
                return None;
            }
            api.flush_frame(planes.as_mut_ptr(), std::ptr::from_mut(&mut info));
        }
        self.picture(planes, &info)
    }

    /// The picture that a call has left, if it has left one.
    fn picture(&self, planes: [*mut u8; 3], info: &SBufferInfo) -> Option<(u64, Picture)> {
        if info.iBufferStatus != 1 || planes.iter().any(|plane| plane.is_null()) {
            return None;
        }
        // SAFETY: where a picture is ready this member is the one that is set.
        let memory = unsafe { info.UsrData.sSystemBuffer };
        let number = |value: i32| usize::try_from(value).ok().filter(|&v| v > 0);
        // 4:2:0 pictures have even sides; an odd one would read past its chroma.
        let (width, height) = (number(memory.iWidth)? & !1, number(memory.iHeight)? & !1);
        let strides = [memory.iStride[0], memory.iStride[1], memory.iStride[1]];
        let sizes = [(width, height), (width / 2, height / 2), (width / 2, height / 2)];
        let mut found = [Plane { bytes: &[], stride: 0 }; 3];
        for (place, (width, height)) in sizes.into_iter().enumerate() {
            let stride = number(strides[place]).filter(|&stride| stride >= width)?;
            let length = stride * height.checked_sub(1)? + width;
            // SAFETY: the decoder keeps each plane as `height` rows, `stride` bytes from one to the next and `width` of them
            // in each, until its next call; the planes are copied before this function ends.
            let bytes = unsafe { std::slice::from_raw_parts(planes[place], length) };
            found[place] = Plane { bytes, stride };
        }
        let number = info.uiOutYuvTimeStamp.checked_sub(1)?;
        if self.grey {
            return Some((number, grey((width, height), found[0], self.colours)));
        }
        Some((number, rgb((width, height), found, self.colours)))
    }
}
