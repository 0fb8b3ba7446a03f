"""A Discord on loopback: gateway and REST API as Discord documents them, with faults on request.

Nothing here is part of askmesh: a stock Discord client library can't tell it from the real thing in what it covers.
"""

from .faults import Fault
from .server import Emulator
from .world import Permission, World

__all__ = ["Emulator", "Fault", "Permission", "World"]
