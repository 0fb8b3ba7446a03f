"""What holds in the tests of every part: the same examples in each run, however slow the machine is, and ports of one's own."""

import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The long tests look for new examples; else a failure would come by chance, to whoever runs the tests just then.
settings.register_profile(
    "askmesh",
    deadline=None,
    derandomize=not os.environ.get("ASKMESH_LONG_TESTS"),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("askmesh")


_GIVEN_TO_ANYBODY = Path("/proc/sys/net/ipv4/ip_local_port_range")


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Gives a loopback port for a server that is told where to listen.

    Not one of those that the system hands out to whoever asks for any: another test could get it before the server.
    """
    lowest = int(_GIVEN_TO_ANYBODY.read_text().split()[0]) if _GIVEN_TO_ANYBODY.exists() else 0
    ports = range(10_000, lowest) if lowest > 12_000 else range(1)

    def find() -> int:
        while True:
            try:
                with socket.create_server(("127.0.0.1", secrets.choice(ports))) as probe:
                    return int(probe.getsockname()[1])
            except OSError:
                continue

    return find
