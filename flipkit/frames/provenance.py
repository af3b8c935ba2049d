"""Where a frame comes from: facts kept beside it, without a copy and without touching its columns."""

from __future__ import annotations

import weakref
from typing import Any

from flipkit.frames.libraries import Frame

__all__ = ["facts", "note"]

# polars frames have no place for notes and neither library's frames can be hashed: keyed by identity, and
# forgotten together with the frame.
_notes: dict[int, dict[str, Any]] = {}


def note(frame: Frame, about: dict[str, Any]) -> None:
    """Remember facts about `frame` for as long as it lives."""
    key = id(frame)
    if key not in _notes:
        weakref.finalize(frame, _notes.pop, key, None)
    _notes[key] = about


def facts(frame: Frame) -> dict[str, Any]:
    """What was noted about `frame`; empty for a frame that was changed since or made elsewhere."""
    return dict(_notes.get(id(frame), {}))
