"""Pictures and frames: what comes out, and what of other shapes and types is refused."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

import affekt
from conftest import drawn, png


def same(a: affekt.Face, b: affekt.Face) -> None:
    assert a.box == b.box and a.voted_label == b.voted_label
    np.testing.assert_array_equal(a.vector, b.vector)


def test_a_face_says_what_it_shows(recognizer):
    (face,) = recognizer.read(drawn(1))
    assert len(recognizer.classes) == 8 and face.voted_label in recognizer.classes
    assert face.vector.shape == (8,) and face.vector.dtype == np.float32
    assert face.vector.sum() == pytest.approx(1, abs=1e-5)
    assert list(face.probabilities) == recognizer.classes
    np.testing.assert_allclose(list(face.probabilities.values()), face.vector)
    assert face.frame_label == recognizer.classes[int(face.vector.argmax())] == face.voted_label
    assert face.confidence == pytest.approx(float(face.vector.max()))
    assert face.unsure == (face.confidence < 0.6)
    left, top, width, height = face.box
    assert 0 <= left and 0 <= top and 0 < width <= 64 and 0 < height <= 64
    assert (face.frame, face.seconds, face.face, face.detected) == (0, 0.0, 1, True)
    assert face.landmarks is None and face.temporal_label is None
    assert face.voted_label in repr(face)


def test_every_layout_of_the_same_picture_reads_alike(recognizer, tmp_path):
    image = drawn(2)
    (expected,) = recognizer.read(image)
    opaque = np.dstack([image, np.full((64, 64), 255, np.uint8)])
    wide = np.zeros((64, 90, 3), np.uint8)
    wide[:, 10:74] = image
    layouts = [
        image.copy(order="F"),
        opaque,
        wide[:, 10:74],
        np.ascontiguousarray(image[::-1, ::-1])[::-1, ::-1],
        np.repeat(image, 2, axis=1)[:, ::2],
    ]
    for layout in layouts:
        same(recognizer.read(layout)[0], expected)
    same(recognizer.read(image[..., ::-1], bgr=True)[0], expected)
    same(recognizer.read(opaque[..., [2, 1, 0, 3]], bgr=True)[0], expected)
    path = png(tmp_path / "a.png", image)
    for name in (path, str(path)):
        same(recognizer.read(name)[0], expected)
    image.flags.writeable = False
    same(recognizer.read(image)[0], expected)


def test_grey_is_grey_with_and_without_an_axis(recognizer):
    image = drawn(3, channels=1)
    same(recognizer.read(image)[0], recognizer.read(image[..., 0])[0])


class Pil:
    """What a PIL image looks like from outside."""

    def __init__(self, image, mode):
        self.image, self.mode = image, mode

    @property
    def __array_interface__(self):
        return self.image.__array_interface__


def test_a_pil_image_is_read_and_one_of_a_palette_refused(recognizer):
    image = drawn(4)
    same(recognizer.read(Pil(image, "RGB"))[0], recognizer.read(image)[0])
    for mode in ("P", "CMYK", "1", "I;16"):
        with pytest.raises(TypeError, match="convert"):
            recognizer.read(Pil(image, mode))


@pytest.mark.parametrize("image", [None, 5, 2.5, [[1, 2], [3, 4]], b"bytes", object()])
def test_what_is_no_picture_is_a_type_error(recognizer, image):
    with pytest.raises(TypeError, match="numpy array"):
        recognizer.read(image)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.uint16, bool, complex, object, "U1"])
def test_another_dtype_is_a_type_error(recognizer, dtype):
    with pytest.raises(TypeError, match="uint8"):
        recognizer.read(np.zeros((8, 8, 3), dtype))


@pytest.mark.parametrize("shape", [(), (8,), (8, 8, 2), (8, 8, 5), (2, 8, 8, 3), (0, 8, 3), (8, 0), (8, 70000)])
def test_another_shape_is_a_value_error(recognizer, shape):
    with pytest.raises(ValueError):
        recognizer.read(np.zeros(shape, np.uint8))


def test_grey_has_no_order_of_colours(recognizer):
    with pytest.raises(ValueError, match="shape"):
        recognizer.read(np.zeros((8, 8), np.uint8), bgr=True)


def test_a_file_that_is_no_picture_is_a_file_error(recognizer, tmp_path, film):
    text = tmp_path / "a.jpg"
    text.write_text("no picture")
    empty = tmp_path / "b.jpg"
    empty.touch()
    for path in (text, empty, tmp_path / "none.jpg"):
        with pytest.raises(affekt.FileError, match=path.name) as caught:
            recognizer.read(path)
        assert isinstance(caught.value, (OSError, affekt.Error))
    with pytest.raises(affekt.FileError, match="analyze"):
        recognizer.read(film)


def test_frames_are_one_person_with_one_number(recognizer):
    with recognizer.stream() as stream:
        for frame in range(5):
            (read,) = stream.push(drawn(frame), frame / 30)
            assert (read.frame, read.seconds) == (frame, pytest.approx(frame / 30))
            assert [face.face for face in read.faces] == [1]
        assert "open" in repr(stream)
    assert "ended" in repr(stream)
    with pytest.raises(affekt.SettingError, match="ended"):
        stream.push(drawn(0), 1.0)


def test_a_centred_vote_answers_later_and_the_end_gives_the_rest():
    recognizer = affekt.Recognizer(detector="guide", vote="centred", window=10, threads=1)
    stream = recognizer.stream()
    came = [frame.frame for n in range(12) for frame in stream.push(drawn(0), n / 30)]
    assert 0 < len(came) < 12
    came += [frame.frame for frame in stream.finish()]
    assert came == list(range(12))


def test_wrong_times_and_pictures_leave_the_stream_as_it_was(recognizer):
    with recognizer.stream() as stream:
        stream.push(drawn(0), 2.0)
        for seconds in (1.0, float("nan"), float("inf")):
            with pytest.raises(affekt.SettingError, match="seconds"):
                stream.push(drawn(0), seconds)
        with pytest.raises(TypeError):
            stream.push("a.jpg", 3.0)
        with pytest.raises(ValueError, match="under way"):
            recognizer.read(drawn(0))
        (read,) = stream.push(drawn(0), 3.0)
        assert (read.frame, read.faces[0].face) == (1, 1)


def test_a_stream_that_is_thrown_away_or_followed_by_another_is_over(recognizer):
    recognizer.stream().push(drawn(0), 0.0)
    assert len(recognizer.read(drawn(0))) == 1
    first = recognizer.stream()
    first.push(drawn(0), 0.0)
    second = recognizer.stream()
    with pytest.raises(affekt.SettingError, match="another one"):
        first.push(drawn(0), 1.0)
    assert second.push(drawn(0), 0.0)[0].frame == 0
    second.finish()


def test_threads_share_a_recognizer_and_python_goes_on_meanwhile(recognizer):
    (expected,) = recognizer.read(drawn(7))
    found, ticks, done = [], [0], threading.Event()

    def count():
        while not done.is_set():
            ticks[0] += 1

    def read():
        for _ in range(10):
            found.append(recognizer.read(drawn(7))[0])

    counter = threading.Thread(target=count)
    counter.start()
    readers = [threading.Thread(target=read) for _ in range(4)]
    [reader.start() for reader in readers]
    [reader.join() for reader in readers]
    done.set()
    counter.join()
    assert len(found) == 40 and ticks[0] > 1000
    for face in found:
        same(face, expected)


@pytest.mark.parametrize(
    "options, kind, words",
    [
        ({"model": "/none/such"}, affekt.FileError, "such"),
        ({"temporal": "/none/such"}, affekt.FileError, "such"),
        ({"detector": "/none/such.onnx"}, affekt.FileError, "such.onnx"),
        ({"backend": "abacus"}, affekt.SettingError, "abacus"),
        ({"adapter": "0"}, affekt.SettingError, "adapter"),
        ({"arithmetic": "roman"}, affekt.SettingError, "roman"),
        ({"arithmetic": "half"}, affekt.SettingError, "half"),
        ({"vote": "show of hands"}, affekt.SettingError, "centred"),
        ({"window": 0}, affekt.SettingError, "vote"),
        ({"detect_every": 0}, affekt.SettingError, "detect_every"),
        ({"unsure_below": 7.0}, affekt.SettingError, "unsure_below"),
        ({"threads": -1}, OverflowError, None),
        ({"modle": "x"}, TypeError, "modle"),
    ],
)
def test_a_recognizer_that_cannot_be_says_why(options, kind, words):
    with pytest.raises(kind, match=words):
        affekt.Recognizer(**{"detector": "guide", **options})


def test_a_mistake_inside_is_an_exception_and_python_goes_on(recognizer):
    with pytest.raises(affekt.InternalError, match="index out of bounds"):
        affekt._affekt._planted_panic()
    assert issubclass(affekt.InternalError, affekt.Error) and len(recognizer.read(drawn(0))) == 1


def test_the_package_has_its_types(recognizer):
    folder = Path(affekt.__file__).parent
    assert (folder / "py.typed").is_file() and (folder / "_affekt.pyi").is_file()
    for name in affekt.__all__:
        assert name == "__version__" or getattr(affekt, name).__doc__, name
    for kind in (affekt.Face, affekt.Frame, affekt.Recognizer, affekt.Stream, affekt.Model, affekt.Faces):
        for name, member in vars(kind).items():
            assert name.startswith("_") or member.__doc__, f"{kind.__name__}.{name}"
