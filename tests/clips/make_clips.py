"""Makes the small videos that tests read: drawn here, so that every frame is known.

Frame k is mid-grey with a square whose brightness is 20 + 8 k, in the left upper quarter, and a bright bar along the top
edge, by which a turned picture is told. Run: python make_clips.py (PyAV 14 or newer, numpy).
"""

from fractions import Fraction

import av
import numpy as np

WIDTH, HEIGHT, FRAMES = 96, 64, 24


def picture(k: int) -> np.ndarray:
    frame = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
    frame[:8] = 230
    frame[16:40, 8:40] = 20 + 8 * k
    return frame


def times(name: str) -> list[int]:
    """Milliseconds of each frame."""
    if name == "varying":
        return list(np.cumsum([0] + [(33, 50, 17, 100)[k % 4] for k in range(FRAMES - 1)]))
    return [40 * k for k in range(FRAMES)]


def write(name: str, codec: str = "libx264", turned: int = 0, **options: str) -> None:
    with av.open(f"{name}.mp4", "w", options={"movflags": "+faststart", "video_track_timescale": "1000"}) as out:
        stream = out.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.time_base = Fraction(1, 1000)
        for k, ms in enumerate(times(name)):
            frame = av.VideoFrame.from_ndarray(picture(k), "rgb24")
            frame.pts, frame.time_base = int(ms), Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    if turned:
        turn(f"{name}.mp4")


def turn(path: str) -> None:
    """Writes into the track's header that a player must turn the picture clockwise by 90 degrees, as phones do."""
    data = bytearray(open(path, "rb").read())
    at = data.index(b"tkhd") + 4 + 4 + 20 + 16
    one, minus_one = (0x10000).to_bytes(4, "big"), (0xFFFF0000).to_bytes(4, "big")
    data[at : at + 36] = bytes(4) + one + bytes(4) + minus_one + bytes(4) + bytes(4) + bytes(8) + (1 << 30).to_bytes(4, "big")
    open(path, "wb").write(data)


def sound(name: str) -> None:
    with av.open(f"{name}.mp4", "w") as out:
        stream = out.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 8000, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


write("plain", bf="2", g="12", crf="12")
write("varying", bf="2", g="12", crf="12")
write("turned", turned=1, bf="0", g="24", crf="12")
write("mpeg4", codec="mpeg4", qscale="3")
sound("sound")
