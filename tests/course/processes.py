"""What the suite and the measurements ask of the system about processes. Imports nothing heavy."""

from __future__ import annotations

import os
import sys


def end_with_parent() -> None:
    """End this process a second after its parent, however that ended; a kernel, which is a child of this one, follows.

    Kernels watch their parent in the same way. On Windows nothing is done.
    """
    if os.name == "posix":
        from ipykernel.parentpoller import ParentPollerUnix

        ParentPollerUnix(os.getppid()).start()


def peak_of_children() -> float:
    """The memory in GiB of the largest child that has ended; nan where the system does not tell (Windows)."""
    try:
        import resource
    except ImportError:
        return float("nan")
    unit = 2**30 if sys.platform == "darwin" else 2**20
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit
