//! Pictures to H.264.

use openh264::OpenH264API;
use openh264::encoder::{
    ColorPrimaries, Complexity, Encoder, EncoderConfig, FrameType, MatrixCoefficients, RateControlMode,
    TransferCharacteristics, UsageType, VuiConfig,
};
use openh264::formats::YUVSlices;

use super::fragments::Parameters;
use crate::media::Picture;
use crate::media::yuv::{Colours, to_planes};

/// Largest sides that the encoder takes, the longer one first.
const LARGEST: (usize, usize) = (3840, 2160);

/// An encoder of constant quality: rates follow what is seen, so the spacing of frames in time does not matter.
pub(super) struct H264Encoder {
    encoder: Option<Encoder>,
    planes: Vec<u8>,
}

/// An encoded frame.
pub(super) struct Encoded {
    pub key: bool,
    /// Its parts, each with its length of four bytes before it; without parameter sets.
    pub bytes: Vec<u8>,
    /// The parameter sets that came with it; key frames have them.
    pub parameters: Parameters,
}

impl H264Encoder {
    /// An encoder that has seen nothing yet.
    pub fn new() -> Self {
        Self { encoder: None, planes: vec![] }
    }

    /// Encodes the upper left `width` x `height` pixels, both even, of a picture; as a key frame where `key` asks for one.
    ///
    /// # Errors
    /// The size is more than the encoder takes, or it fails.
    pub fn encode(
        &mut self,
        picture: &Picture,
        (width, height): (usize, usize),
        key: bool,
    ) -> Result<Encoded, String> {
        if width == 0 || height == 0 || width.max(height) > LARGEST.0 || width.min(height) > LARGEST.1 {
            let (long, short) = LARGEST;
            return Err(format!(
                "{width}x{height} cannot be recorded, {long}x{short} can; scale the picture"
            ));
        }
        let colours = Colours::of_recording(height);
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(open(colours)?),
        };
        to_planes(picture, (width, height), colours, &mut self.planes);
        let (y, chroma) = self.planes.split_at(width * height);
        let (u, v) = chroma.split_at(chroma.len() / 2);
        if key {
            encoder.force_intra_frame();
        }
        let slices = YUVSlices::new((y, u, v), (width, height), (width, width / 2, width / 2));
        let stream =
            encoder.encode(&slices).map_err(|e| format!("the encoder refuses {width}x{height}: {e}"))?;
        let mut encoded = Encoded {
            key: stream.frame_type() == FrameType::IDR,
            bytes: vec![],
            parameters: Parameters::default(),
        };
        for layer in (0..stream.num_layers()).filter_map(|place| stream.layer(place)) {
            for nal in (0..layer.nal_count()).filter_map(|place| layer.nal_unit(place)) {
                let start = nal.iter().position(|&byte| byte != 0).unwrap_or(0) + 1;
                let Some(body) = nal.get(start..).filter(|body| !body.is_empty()) else { continue };
                match body[0] & 31 {
                    7 => encoded.parameters.sps = body.to_vec(),
                    8 => encoded.parameters.pps = body.to_vec(),
                    _ => {
                        encoded.bytes.extend_from_slice(&(body.len() as u32).to_be_bytes());
                        encoded.bytes.extend_from_slice(body);
                    }
                }
            }
        }
        if encoded.bytes.is_empty() {
            return Err("the encoder gave no data for a frame".into());
        }
        Ok(encoded)
    }
}

fn open(colours: Colours) -> Result<Encoder, String> {
    let vui = if colours == Colours::REC_709 { VuiConfig::bt709() } else { rec_601() };
    let config = EncoderConfig::new()
        .usage_type(UsageType::CameraVideoRealTime)
        .rate_control_mode(RateControlMode::Off)
        .complexity(Complexity::Low)
        .skip_frames(false)
        .adaptive_quantization(false)
        .background_detection(false)
        .num_threads(1)
        .vui(vui);
    Encoder::with_api_config(OpenH264API::from_source(), config).map_err(|e| format!("the encoder: {e}"))
}

fn rec_601() -> VuiConfig {
    VuiConfig::bt601()
        .color_primaries(ColorPrimaries::Smpte170M)
        .transfer_characteristics(TransferCharacteristics::Smpte170M)
        .matrix_coefficients(MatrixCoefficients::Smpte170M)
}
