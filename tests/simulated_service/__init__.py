"""A stand-in for Volcengine's visual service that judges every request with code of its own.

It imports nothing of the pack, paints its pictures so that nobody mistakes them for real ones, and keeps a ledger of
what it would have billed. `python -m simulated_service --help` starts it alone.
"""

from .service import SimulatedService

__all__ = ["SimulatedService"]
