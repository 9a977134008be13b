"""What a whole video, picture or folder came to, column by column."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Union

import numpy as np
import numpy.typing as npt

Column = Union[npt.NDArray[Any], List[Optional[str]]]


class Table(Dict[str, Column]):
    """Columns by name, all of one length: a row a face and frame, and a row for every frame without a face.

    The columns are those of ``affekt analyze``'s CSV, by the same names and in the same order:

    - ``frame`` (int64), ``seconds`` (float64, from the first frame), ``face`` (int64: the number by which the face was
      followed, from 1, and 0 in a frame without a face);
    - ``x``, ``y``, ``w``, ``h`` (float32, pixels) and ``left_eye_x`` ... ``right_mouth_y`` (float32, pixels; NaN where
      the detector gives no landmarks);
    - ``p_CLASS`` for each class (float32, 0 to 1);
    - ``frame_label``, ``temporal_label``, ``voted_label`` (lists of ``str``, or ``None`` where there is none),
      ``confidence`` (float32, 0 to 1) and ``unsure`` (bool);
    - ``input`` (the file's name), ``cut`` (int64: the shot, from 0), ``detected`` (bool), ``score`` and ``quality``
      (float32, 0 to 1), ``yaw``, ``pitch``, ``roll`` (float32, degrees), ``frontal`` (bool; False where there are no
      landmarks);
    - ``person`` (int64), ``name``, ``label``, ``label_by`` (lists), ``excluded`` (bool), ``speaker`` (list): what people
      say of a result. Nobody has said anything here, so ``person`` is ``face`` and ``label`` is ``voted_label``;
    - ``valence`` and ``arousal`` (float32, -1 to 1), NaN where the model does not give them.

    In a row without a face, figures are NaN, flags False and labels ``None``.

    As it is a ``dict``, ``pandas.DataFrame(table)`` and ``polars.DataFrame(table)`` take it as it is.
    """

    #: Class names, in the model's order.
    classes: List[str]
    #: What read the input, such as ``MP4, H.264``.
    reader: str
    #: Frames read.
    frames: int
    #: Frames that could not be decoded and have no rows.
    skipped: int
    #: The first of those and what is wrong there.
    first_skipped: Optional[str]

    def __init__(self, columns: Mapping[str, Column], about: Mapping[str, Any]) -> None:
        super().__init__(columns)
        self.classes = list(about["classes"])
        self.reader = about["reader"]
        self.frames = about["frames"]
        self.skipped = about["skipped"]
        self.first_skipped = about["first_skipped"]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self["frame"])

    def probabilities(self) -> npt.NDArray[np.float32]:
        """Probabilities as one array of shape (rows, classes), NaN in rows without a face."""
        columns = [np.asarray(self[f"p_{name}"], dtype=np.float32) for name in self.classes]
        return np.stack(columns, axis=1)

    def to_pandas(self) -> Any:
        """The table as a ``pandas.DataFrame``; pandas must be installed (``pip install affekt[pandas]``)."""
        try:
            import pandas  # type: ignore[import-not-found, import-untyped, unused-ignore]
        except ImportError as error:
            raise ImportError("to_pandas() needs pandas: pip install affekt[pandas]") from error
        return pandas.DataFrame(dict(self))

    def __repr__(self) -> str:
        return f"<affekt.Table: {self.rows} rows of {self.frames} frames, classes {', '.join(self.classes)}>"
