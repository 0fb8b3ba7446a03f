"""Who listens on a port, so that a refusal can name the culprit."""

import socket
import subprocess
from pathlib import Path


def is_free(host: str, port: int) -> bool:
    """Whether a service could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def owner(port: int) -> str:
    """The process that listens on `port`, as `command (pid n)`; "another process" where that can't be seen."""
    pid = _owner_linux(port) if Path("/proc/net/tcp").exists() else _owner_lsof(port)
    return f"{command_of(pid)} (pid {pid})" if pid else "another process"


def command_of(pid: int) -> str:
    """The command line of a process, shortened; empty if it does not run."""
    if Path("/proc/self/cmdline").exists():
        line = Path(f"/proc/{pid}/cmdline")
        return line.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()[:120] if line.exists() else ""
    found = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()[:120]


def _owner_linux(port: int) -> int | None:
    listening, local_port = "0A", f":{port:04X}"
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        rows = Path(table).read_text().splitlines()[1:] if Path(table).exists() else []
        fields = [row.split() for row in rows]
        inodes |= {f"socket:[{row[9]}]" for row in fields if row[3] == listening and row[1].endswith(local_port)}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(descriptor.readlink()) in inodes for descriptor in (process / "fd").iterdir()):
                return int(process.name)
        except OSError:
            continue  # gone, or another user's
    return None


def _owner_lsof(port: int) -> int | None:
    try:
        command = ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-t"]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return int(found.stdout.split()[0]) if found.stdout.split() else None
