//! Three planes of bytes as one row of pixels. Compilers do this byte by byte, which for a frame of video takes longer than
//! everything else that is done to its colours, so here whole registers are shuffled where the processor can.

/// Pixels in a register's worth of each plane.
#[cfg(target_arch = "x86_64")]
const LANES: usize = 16;

/// Writes `r g b r g b ...` to `out`, for as many pixels as all four hold.
pub(super) fn interleave(planes: [&[u8]; 3], out: &mut [u8]) {
    let pixels = planes.iter().map(|plane| plane.len()).fold(out.len() / 3, usize::min);
    let done = by_registers(planes, pixels, out);
    let [red, green, blue] = planes.map(|plane| &plane[done..pixels]);
    let out = &mut out[3 * done..3 * pixels];
    for (at, pixel) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        *pixel = [red[at], green[at], blue[at]];
    }
}

/// Does as many of the first pixels as fill registers, and says how many.
#[cfg(target_arch = "x86_64")]
fn by_registers(planes: [&[u8]; 3], pixels: usize, out: &mut [u8]) -> usize {
    let groups = pixels / LANES;
    if groups == 0 || !std::arch::is_x86_feature_detected!("ssse3") {
        return 0;
    }
    let fits = planes.iter().all(|plane| plane.len() >= groups * LANES) && out.len() >= 3 * groups * LANES;
    assert!(fits, "{groups} groups of pixels do not fit");
    // SAFETY: the instruction set was found above; every group lies within its slice, as asserted.
    unsafe { shuffled(planes.map(<[u8]>::as_ptr), groups, out.as_mut_ptr()) };
    groups * LANES
}

#[cfg(not(target_arch = "x86_64"))]
fn by_registers(_: [&[u8]; 3], _: usize, _: &mut [u8]) -> usize {
    0
}

/// For each of a group's three registers of output and each plane: which of the plane's bytes goes where, -1 for none.
#[cfg(target_arch = "x86_64")]
const PLACES: [[[i8; LANES]; 3]; 3] = {
    let mut places = [[[-1; LANES]; 3]; 3];
    let mut byte = 0;
    while byte < 3 * LANES {
        places[byte / LANES][byte % 3][byte % LANES] = (byte / 3) as i8;
        byte += 1;
    }
    places
};

/// # Safety
/// The planes are readable for `LANES * groups` bytes, and `out` is writable for three times as many.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "ssse3")]
unsafe fn shuffled(planes: [*const u8; 3], groups: usize, out: *mut u8) {
    use std::arch::x86_64::{_mm_loadu_si128, _mm_or_si128, _mm_shuffle_epi8, _mm_storeu_si128};
    for group in 0..groups {
        // SAFETY: as the caller promises; neither loads nor stores need to be aligned.
        unsafe {
            // Spelled out: a closure would not be compiled for the instruction set together with its caller.
            let red = _mm_loadu_si128(planes[0].add(group * LANES).cast());
            let green = _mm_loadu_si128(planes[1].add(group * LANES).cast());
            let blue = _mm_loadu_si128(planes[2].add(group * LANES).cast());
            for (nth, places) in PLACES.iter().enumerate() {
                let red = _mm_shuffle_epi8(red, _mm_loadu_si128(places[0].as_ptr().cast()));
                let green = _mm_shuffle_epi8(green, _mm_loadu_si128(places[1].as_ptr().cast()));
                let blue = _mm_shuffle_epi8(blue, _mm_loadu_si128(places[2].as_ptr().cast()));
                let to = out.add((group * 3 + nth) * LANES);
                _mm_storeu_si128(to.cast(), _mm_or_si128(_mm_or_si128(red, green), blue));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_interleaved_and_nothing_else_is_touched() {
        for pixels in [0, 1, 15, 16, 17, 47, 48, 100] {
            let planes: [Vec<u8>; 3] =
                [3, 5, 7].map(|step: usize| (0..pixels).map(|i| (i * step % 256) as u8).collect());
            let mut out = vec![200; 3 * pixels + 5];
            interleave([&planes[0], &planes[1], &planes[2]], &mut out);
            let wanted: Vec<u8> =
                (0..pixels).flat_map(|i| planes.iter().map(move |plane| plane[i])).chain([200; 5]).collect();
            assert_eq!(out, wanted, "{pixels} pixels");
        }
    }

    #[test]
    fn the_shortest_decides() {
        let mut out = [9; 12];
        interleave([&[1, 2, 3], &[4, 5], &[6, 7, 8]], &mut out);
        assert_eq!(out, [1, 4, 6, 2, 5, 7, 9, 9, 9, 9, 9, 9]);
    }
}
