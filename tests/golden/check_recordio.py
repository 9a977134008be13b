"""Reads a RecordIO folder (train.rec, train.idx) by the format's own rules, with nothing but the standard library.

Prints a JSON object: pictures, bounds (the first label of record 0) and labels (items of each).
"""

import json
import struct
import sys
from pathlib import Path

MAGIC = 0xCED7230A


def record(data, offset):
    """The payload at an offset, its parts joined with the magic between them."""
    parts = []
    while True:
        magic, word = struct.unpack_from("<II", data, offset)
        assert magic == MAGIC, f"no record at {offset}"
        kind, length = word >> 29, word & ((1 << 29) - 1)
        parts.append(data[offset + 8 : offset + 8 + length])
        assert len(parts[-1]) == length, f"cut short at {offset}"
        offset += 8 + (length + 3) // 4 * 4
        if kind in (0, 3):
            return struct.pack("<I", MAGIC).join(parts)


def main(folder):
    data = (folder / "train.rec").read_bytes()
    bounds, pictures, labels = None, 0, {}
    for line in (folder / "train.idx").read_text().splitlines():
        key, offset = map(int, line.split("\t"))
        payload = record(data, offset)
        flag, label, identity, _ = struct.unpack_from("<IfQQ", payload)
        assert identity == key, f"record {key} calls itself {identity}"
        if flag > 0:
            bounds = struct.unpack_from(f"<{flag}f", payload, 24)[0]
            continue
        picture = payload[24:]
        assert picture[:3] == b"\xff\xd8\xff" or picture[:8] == b"\x89PNG\r\n\x1a\n", f"record {key} is no picture"
        pictures += 1
        labels[str(label)] = labels.get(str(label), 0) + 1
    print(json.dumps({"pictures": pictures, "bounds": int(bounds), "labels": labels}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
