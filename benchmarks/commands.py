"""Seconds and peak memory of the main job's commands, each a whole process: `make benchmark`."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMITS = {  # command -> (most seconds, most GiB) that the project allows itself on two CPU cores
    "--pipelines ingest": (60, 3),
    "--pipelines expand_mae": (45, 3),
    "--pipelines expand_dalle": (90, 3),
    "": (720, 3),
}


def measure(command: list[str], log: Path) -> tuple[float, float]:
    """Wall seconds and peak resident GiB of a command. Raises CalledProcessError if it fails."""
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - started, usage.ru_maxrss / 2**20


def main() -> None:
    """Run the commands on an empty data folder, the last one on another, and print a table."""
    folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
    kedro = shutil.which("kedro", path=str(Path(sys.executable).parent)) or "kedro"
    print("| kedro run | seconds | allowed | peak GiB | allowed |\n|---|---|---|---|---|", flush=True)
    for options, (most_seconds, most_memory) in LIMITS.items():
        data = folder / ("parts" if options else "all")
        log = folder / f"{options.split()[-1] if options else 'all'}.log"
        command = [kedro, "run", *options.split(), "--params", f"data_dir={data}"]
        seconds, memory = measure(command, log)
        print(f"| {options or '(all)'} | {seconds:.0f} | {most_seconds} | {memory:.2f} | {most_memory} |", flush=True)
    print(f"logs: {folder}")


if __name__ == "__main__":
    main()
