"""The commands of the cluster: ``python -m companion.cluster --help``, or ``make help``."""

import argparse
import os
import sys
from pathlib import Path

from companion.cluster import images, install, lifecycle, verify
from companion.cluster.shell import Shell
from companion.errors import SentenceError


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    top = argparse.ArgumentParser(prog="python -m companion.cluster", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    texts = {
        "create": "make the cluster, or start it again",
        "install-kfp": "put Kubeflow Pipelines on it",
        "verify": "prove that it works",
        "destroy": "remove it",
        "preload": "bring all images and manifests onto this machine",
        "export": "put them into one archive, for machines without a network",
        "load-image": "give an image of this machine to the nodes",
    }
    parsers = {name: commands.add_parser(name, help=text, description=text) for name, text in texts.items()}
    for one in parsers.values():
        one.add_argument("--dry-run", action="store_true", help="print the commands and change nothing")
    parsers["create"].add_argument("--workers", type=int, choices=range(4), help="more nodes")
    parsers["create"].add_argument("--node-image", help="in place of the one in versions.toml")
    parsers["install-kfp"].add_argument(
        "--timeout", type=int, default=install.PATIENCE, metavar="SECONDS", help="default: %(default)s"
    )
    parsers["preload"].add_argument("--file", type=Path, help="an archive of export, in place of the network")
    parsers["export"].add_argument("--file", type=Path, default=Path("build", images.ARCHIVE))
    parsers["load-image"].add_argument("image", help="name and tag")
    return top


def run(arguments: argparse.Namespace) -> None:
    """Run one command."""
    shell = Shell(arguments.dry_run)
    match arguments.command:
        case "create":
            lifecycle.create(shell, arguments.workers, arguments.node_image)
        case "install-kfp":
            install.install(shell, arguments.timeout)
        case "verify":
            verify.verify(shell)
        case "destroy":
            lifecycle.destroy(shell)
        case "preload":
            images.preload(shell, arguments.file)
        case "export":
            images.export(shell, arguments.file)
        case "load-image":
            images.load(shell, arguments.image)


def main() -> int:
    """Run the command of the command line; a failure is a sentence and exit code 1."""
    arguments = parser().parse_args()
    os.environ.pop("COMPANION_COMMANDS", None)  # a recording is for notebooks: here, what is asked is real
    try:
        run(arguments)
    except SentenceError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"\nbuild/cluster cannot be written ({error.strerror or error}): make room, or make it writable, then run "
            "the same command again.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command can be run again at any time.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
