"""Whether the machine was quiet."""

import time

import psutil


class OtherWork:
    """Cores that other processes (and, on a virtual machine, other guests) kept busy since this was made."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._before = self._busy_seconds()
        self._start = time.perf_counter()

    def cores(self) -> float:
        """Mean number of cores; the resolution of the clocks is 10 ms, so that short times say little."""
        elapsed = max(time.perf_counter() - self._start, 1e-9)
        return max(0.0, (self._busy_seconds() - self._before) / elapsed)

    def _busy_seconds(self) -> float:
        """CPU seconds of the machine so far that are not this process's."""
        machine, own = psutil.cpu_times(), self._process.cpu_times()
        names = ("user", "nice", "system", "irq", "softirq", "steal")
        return sum(getattr(machine, name, 0.0) for name in names) - own.user - own.system
