"""What of the machine this process may use."""

import math
import os
from pathlib import Path

# A text of 8,192 tokens keeps two cores busy for a minute with gte-large: on a CPU that is for the operator to allow.
CPU_MAX_TOKENS = 2_048

_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_CPUINFO = Path("/proc/cpuinfo")


def usable_cores(quota_file: Path = _CGROUP_QUOTA) -> int:
    """The CPUs of the scheduler's mask, or fewer where a container's quota (cgroup v2 `cpu.max`) is smaller."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = quota_file.read_text().split()
        return max(1, min(available, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):
        return available  # no cgroup, or `max`: no quota


def cpu_computes_bf16(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the CPU multiplies bfloat16 in hardware (AVX512-BF16, AMX, Arm's bf16); elsewhere it is slower than fp32.

    Known on Linux only; False where it cannot be known.
    """
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return False
    flags = {flag for line in lines if line.lower().startswith(("flags", "features")) for flag in line.split()}
    return bool(flags & {"avx512_bf16", "amx_bf16", "bf16"})
