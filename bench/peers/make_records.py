"""Writes an InsightFace RecordIO of many tiny records: COUNT pictures of 8x8 pixels, no two alike, in PEOPLE people.

    python bench/peers/make_records.py COUNT FOLDER
"""

import base64
import os
import struct
import sys

count, folder = int(sys.argv[1]), sys.argv[2]
people = max(1, count // 68)
jpeg = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqmx5moq6T"
    "/wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABcQAAMBAAAAAAAAAAAAAAAAAAAWYqH/2gAIAQEAAD8AL0Yf/9k="
)
os.makedirs(folder, exist_ok=True)
head = struct.pack("<I", 0xCED7230A)
with open(f"{folder}/train.rec", "wb", 1 << 22) as rec, open(f"{folder}/train.idx", "w", 1 << 22) as idx:
    offset = 0

    def write(key, payload):
        global offset
        record = head + struct.pack("<I", len(payload)) + payload
        record += b"\0" * (-len(record) % 4)
        rec.write(record)
        idx.write(f"{key}\t{offset}\n")
        offset += len(record)

    write(0, struct.pack("<IfQQff", 2, 0, 0, 0, count + 1, count + 1))
    for key in range(1, count + 1):
        # What follows a picture's end is not looked at, but makes its bytes different.
        write(key, struct.pack("<IfQQ", 0, key % people, key, 0) + jpeg + struct.pack("<Q", key))
with open(f"{folder}/property", "w") as file:
    file.write(f"{people},8,8")
