"""Where and when a run took place."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contenders import PEERS, installed_version

CPUINFO = Path("/proc/cpuinfo")


def described() -> dict[str, object]:
    """The date, the machine and all versions, as the results keep them."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {peer.distribution: installed_version(peer) for peer in PEERS},
    }


def cpu_model() -> str:
    """The processor's name, as far as the system tells it."""
    if CPUINFO.exists():
        for line in CPUINFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if platform.system() == "Darwin":
        brand = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(brand, capture_output=True, text=True, check=False).stdout.strip()
    return platform.processor() or platform.machine()
