"""Is kubectl, which comes from PyPI, the program that the Kubernetes project publishes? ``make published`` asks it."""

import sys
import urllib.request

from companion.cluster import settings


def main() -> int:
    """Compare the sums of cluster-setup/versions.toml with the published ones; return the exit code."""
    known = settings.VERSIONS["kubectl"]
    for platform, ours in known["sha256"].items():
        place = (
            f"https://dl.k8s.io/release/v{known['version']}/bin/{platform.replace('-', '/')}/kubectl.sha256"
        )
        try:
            with urllib.request.urlopen(place, timeout=60) as answer:
                theirs = answer.read().decode().split()[0]
        except OSError as error:
            print(f"{place} does not answer ({error}): this needs a network.", file=sys.stderr)
            return 1
        if theirs != ours:
            print(f"kubectl for {platform} is not the published one, whose sum is {theirs}.", file=sys.stderr)
            return 1
    print(f"kubectl {known['version']} is the published one, for {', '.join(known['sha256'])}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
