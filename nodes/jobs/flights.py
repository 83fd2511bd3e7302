"""Within one process, equal purchases at the same moment are one purchase."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Flight(Generic[T]):
    """A purchase under way.

    Attributes:
        landed: Set when it is over.
        result: What came of it; None if its run was cancelled before anything was sent.
    """

    def __init__(self) -> None:
        self.landed = threading.Event()
        self.result: T | None = None


class Flights(Generic[T]):
    """All purchases of this process that are under way, by journal key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[str, Flight[T]] = {}

    def join(self, key: str) -> tuple[Flight[T], bool]:
        """The flight of `key`, and whether the caller has to fly it."""
        with self._lock:
            if key in self._flights:
                return self._flights[key], False
            flight = self._flights[key] = Flight()
            return flight, True

    def land(self, key: str, result: T | None) -> None:
        """End the flight of `key`; those who joined wake up."""
        with self._lock:
            flight = self._flights.pop(key)
        flight.result = result
        flight.landed.set()
