"""A few bytes of memory that the supervisor and its workers share: which library is wanted, and who is alive."""

from __future__ import annotations

import mmap
import struct

_WANTED = struct.Struct("<Q")  # generation: how often a library was asked for
_REFUSED = struct.Struct("<?")
_LIBRARY = struct.Struct("<32s")  # hash
_BEAT = struct.Struct("<d")  # seconds of the monotonic clock
_AT_REFUSED, _AT_LIBRARY, _AT_BEATS = 8, 16, 64


class Board:
    """Made before the workers are forked. The supervisor writes the head, each worker its own beat: nobody waits for a lock."""

    def __init__(self, workers: int) -> None:
        self._memory = mmap.mmap(-1, _AT_BEATS + workers * _BEAT.size)

    @property
    def generation(self) -> int:
        """How often a library was asked for since the start."""
        return int(_WANTED.unpack_from(self._memory)[0])

    @property
    def refused(self) -> bool:
        """Whether the newest library could not be used."""
        return bool(_REFUSED.unpack_from(self._memory, _AT_REFUSED)[0])

    @property
    def library(self) -> str:
        """The hash of the library that was tested and is to be served; "" before the first reload."""
        return bytes(_LIBRARY.unpack_from(self._memory, _AT_LIBRARY)[0]).rstrip(b"\0").decode()

    def want(self, library: str) -> None:
        """Asks every worker for a library. The generation is written last: whoever sees it sees the hash too."""
        _LIBRARY.pack_into(self._memory, _AT_LIBRARY, library.encode())
        _REFUSED.pack_into(self._memory, _AT_REFUSED, False)
        _WANTED.pack_into(self._memory, 0, self.generation + 1)

    def refuse(self) -> None:
        """Says that the newest library cannot be used."""
        _REFUSED.pack_into(self._memory, _AT_REFUSED, True)

    def beat(self, worker: int, now: float) -> None:
        """A worker says that it runs."""
        _BEAT.pack_into(self._memory, _AT_BEATS + worker * _BEAT.size, now)

    def beaten(self, worker: int) -> float:
        """When a worker last said so."""
        return float(_BEAT.unpack_from(self._memory, _AT_BEATS + worker * _BEAT.size)[0])
