"""A teacher's answers: a face detector with YuNet's outputs, and the pictures it looked at."""

import csv
import io
import pathlib
import tarfile

import cv2
import numpy as np

STRIDES = (8, 16, 32)
SURE, UNSURE = 0.6, 0.25
HELD_BACK = 10
# Of pictures made by `surround`: their side, the given face's, and its box by the side of the given face and below its middle.
SURROUNDED, GIVEN = 160, 96
BOX, BELOW = 1 / 1.02, 0.02


class Detector:
    """An ONNX file with YuNet's outputs."""

    def __init__(self, path):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.names = [output.name for output in self.session.get_outputs()]

    def __call__(self, picture, threshold):
        """Rows of score, left, top, width, height and five landmarks, the surest first."""
        h, w = picture.shape[:2]
        padded = np.zeros((-(-h // 32) * 32, -(-w // 32) * 32, 3), np.float32)
        padded[:h, :w] = picture
        values = self.session.run(None, {self.session.get_inputs()[0].name: padded.transpose(2, 0, 1)[None]})
        values = {name: value[0] for name, value in zip(self.names, values)}
        found = []
        for stride in STRIDES:
            score = np.sqrt(values[f"cls_{stride}"] * values[f"obj_{stride}"])[:, 0]
            box, points = values[f"bbox_{stride}"], values[f"kps_{stride}"]
            columns = padded.shape[1] // stride
            for i in np.nonzero(score >= threshold)[0]:
                corner = np.array([i % columns, i // columns], np.float32)
                centre, size = (corner + box[i, :2]) * stride, np.exp(np.minimum(box[i, 2:], 8)) * stride
                landmarks = ((points[i].reshape(5, 2) + corner) * stride).ravel()
                found.append(np.concatenate([[score[i]], centre - size / 2, size, landmarks]))
        return suppress(np.array(found, np.float32).reshape(-1, 15))


def overlap(a, b):
    """Intersection over union of two rows of left, top, width, height."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(w, 0) * max(h, 0)
    return shared / max(a[2] * a[3] + b[2] * b[3] - shared, 1e-6)


def suppress(faces, limit=0.3):
    kept = []
    for face in faces[np.argsort(-faces[:, 0])]:
        if all(overlap(face[1:5], other[1:5]) <= limit for other in kept):
            kept.append(face)
    return np.array(kept, np.float32).reshape(-1, 15)


def teach(folders, teacher, out, surrounded=None):
    """Looks at each picture once. In those made by `surround` there is a face whether or not the teacher sees it."""
    teacher, answers = Detector(teacher), {}
    for path in picture_files(folders):
        picture = cv2.imread(str(path))
        found = []
        for factor in (1.0, 2.0, 0.5):
            mode = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
            faces = teacher(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=mode), UNSURE)
            faces[:, 1:] /= factor
            found.append(faces)
        found = suppress(np.concatenate(found))
        if path.parent.name == surrounded:
            known = given_face()
            found = found[[overlap(known[1:5], f[1:5]) > 0.3 for f in found]]
            found = found[:1] if len(found) and found[0, 0] >= SURE else known[None]
        answers[key(path)] = found
    np.savez_compressed(out, **answers)
    sure = sum(int((a[:, 0] >= SURE).sum()) for a in answers.values())
    print(f"{len(answers)} photos, {sure} faces, {sum(map(len, answers.values())) - sure} unsure")


def picture_files(folders):
    """The pictures of each folder in turn: a folder added at the end does not change which of the others are held back."""
    found = (p for folder in folders.split(",") for p in sorted(pathlib.Path(folder).iterdir()))
    return [p for p in found if p.suffix.lower() in (".jpg", ".jpeg", ".png")]


def key(path):
    return f"{path.parent.name}/{path.name}"


def opened(folders, answers, held_back):
    """Pictures with the teacher's answers; every tenth is held back."""
    chosen = [p for i, p in enumerate(picture_files(folders)) if (i % HELD_BACK == 0) == held_back]
    return [(cv2.imread(str(p), cv2.IMREAD_GRAYSCALE), answers[key(p)]) for p in chosen]


def surround(tar, backgrounds, folder, every):
    """Writes every n-th face of a FER+ file's training part, enlarged, in the middle of a larger picture without a face. Faces that
    its validation part holds too, and what an annotator took for no face, are left out."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    random, behind = np.random.default_rng(7), [cv2.imread(str(p), cv2.IMREAD_GRAYSCALE) for p in picture_files(backgrounds)]
    with tarfile.open(tar) as files:
        parts = {"Train": {}, "Valid": set()}
        for entry in files:
            data = files.extractfile(entry).read() if entry.isfile() else b""
            if "Train/" in entry.name:
                parts["Train"][pathlib.Path(entry.name).name] = data
            elif entry.name.endswith(".png"):
                parts["Valid"].add(data)
    votes = csv.reader(io.StringIO(parts["Train"].pop("label.csv").decode()))
    faces = [parts["Train"][row[0]] for row in votes if row[0] and row[-1] == "0"]
    faces = [face for face in dict.fromkeys(faces) if face not in parts["Valid"]][::every]
    for i, data in enumerate(faces):
        face = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        face = cv2.resize(face, (GIVEN, GIVEN), interpolation=cv2.INTER_CUBIC).astype(np.float32)
        picture = behind[random.integers(len(behind))]
        side = int(random.integers(min(SURROUNDED, *picture.shape) // 2, min(picture.shape)))
        y, x = (int(random.integers(0, n - side + 1)) for n in picture.shape)
        around = cv2.resize(picture[y : y + side, x : x + side], (SURROUNDED, SURROUNDED), interpolation=cv2.INTER_AREA)
        edge = (SURROUNDED - GIVEN) // 2
        mask = np.zeros((SURROUNDED, SURROUNDED), np.float32)
        mask[edge:-edge, edge:-edge] = 1
        soft = int(random.integers(0, 7))
        if soft:
            mask = np.minimum(mask, cv2.GaussianBlur(cv2.erode(mask, np.ones((2 * soft + 1,) * 2)), (0, 0), soft / 2))
        whole = cv2.copyMakeBorder(face, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        cv2.imwrite(str(folder / f"{i:05}.png"), np.clip(whole * mask + around * (1 - mask), 0, 255).round().astype(np.uint8))
    print(f"{len(faces)} faces")


def given_face():
    """The face of a picture made by `surround`, without landmarks."""
    side = BOX * GIVEN
    left = SURROUNDED / 2 - side / 2
    return np.array([1, left, left + BELOW * GIVEN, side, side] + 10 * [np.nan], np.float32)
