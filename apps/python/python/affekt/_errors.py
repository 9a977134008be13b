"""What affekt raises. A wrong type or shape of an argument is a ``TypeError`` or ``ValueError`` as everywhere in Python."""

from __future__ import annotations


class Error(Exception):
    """Everything that affekt itself raises."""


class SettingError(Error, ValueError):
    """What was asked for is wrong, or contradicts what went before. The message names the setting."""


class FileError(Error, OSError):
    """A file cannot be read or written, or is not what it should be. The message names it."""


class EngineError(Error, RuntimeError):
    """Computing failed: a device, a network whose answers are no numbers."""


class Interrupted(Error):
    """A ``progress`` function gave ``False``. What was done so far is saved where there is something to save."""


class InternalError(Error, RuntimeError):
    """A mistake in affekt itself. The program goes on; please report it."""
