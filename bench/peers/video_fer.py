"""Reads the faces of a video with the package fer (Haar boxes, or MTCNN's) into a CSV; one JSON line of measurements.

    python video_fer.py VIDEO OUT.csv [--mtcnn]

Needs bench/peers/requirements-video.txt, in an environment of its own.
"""

import argparse
import csv
import json
import resource
import time

import cv2
from fer.fer import FER


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("video")
    parser.add_argument("out")
    parser.add_argument("--mtcnn", action="store_true")
    args = parser.parse_args()
    detector = FER(mtcnn=args.mtcnn)
    start = time.perf_counter()
    video = cv2.VideoCapture(args.video)
    frames = with_face = rows = 0
    with open(args.out, "w", newline="") as file:
        table = csv.writer(file)
        while True:
            read, frame = video.read()
            if not read:
                break
            faces = detector.detect_emotions(frame)
            for face in faces:
                table.writerow([frames, *face["box"], *face["emotions"].values()])
            frames += 1
            rows += len(faces)
            with_face += bool(faces)
    seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({
        "program": "fer, MTCNN" if args.mtcnn else "fer, Haar",
        "frames": frames,
        "rows": rows,
        "frames_with_face": with_face,
        "frames_per_second": frames / seconds,
        "peak_mib": used.ru_maxrss / 1024,
    }))


if __name__ == "__main__":
    main()
