"""Ask a program of this machine something that changes nothing."""

import subprocess

# Seconds. A command that does not answer in this time does not work.
PATIENCE = 20


def output_of(
    *command: str, patience: float | None = None, environment: dict[str, str] | None = None
) -> str | None:
    """Run a command and return what it prints; None if it fails, hangs or does not exist."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment,
            timeout=patience or PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
