"""Images: fetched ahead, put into one archive for a classroom, loaded into the nodes."""

import shutil
import tarfile
import tempfile
from pathlib import Path

from companion.cluster import manifests, settings
from companion.cluster.lifecycle import fetch_node_image, is_ours, nodes
from companion.cluster.preflight import insist
from companion.cluster.shell import ClusterError, Shell, exclusively
from companion.findings import GB
from companion.image import short_name
from flightdelay.files import write_atomically

ARCHIVE = "pipelines-classroom.tar"
# What is inside: the engine's own archive of images, and the manifests.
IMAGES = "images.tar"
MANIFESTS = "cache"


def preload(shell: Shell, archive: Path | None = None) -> None:
    """Bring everything onto this machine that the cluster needs, from the network or from an archive.

    Raises
    ------
    ClusterError
        If the machine cannot run it, if a pull breaks off, or if the archive is not one of ours.
    """
    with exclusively(shell):
        if archive:
            unpack(shell, archive)
            return
        insist(shell, kubeflow=True, image=settings.NODE_IMAGE, ours=True)
        manifests.prepare(shell)
        fetch_node_image(shell, settings.NODE_IMAGE)
        missing = [image for image in settings.KUBEFLOW_IMAGES if not shell.has_image(image)]
        for number, image in enumerate(missing, 1):
            shell.say(f"Image {number} of {len(missing)}:")
            shell.do_engine("pull", image)
        shell.done("All is here: make cluster-up and make cluster-kfp need no network now.")


def export(shell: Shell, archive: Path) -> None:
    """Put everything that `preload` brought into one file, and the book's image where it was built.

    Raises
    ------
    ClusterError
        If something is not here yet, or if the disk is too full.
    """
    with exclusively(shell):
        node = local_node_image(shell)
        missing = [image for image in settings.KUBEFLOW_IMAGES if not shell.has_image(image)]
        if (node is None or missing) and not shell.dry_run:
            first = settings.NODE_IMAGE.split("@")[0] if node is None else missing[0]
            raise ClusterError(f"{first} is not on this machine yet: make cluster-preload, then again.")
        paths = manifests.prepare(shell)
        names = [node or settings.NODE_IMAGE.split("@")[0], *settings.KUBEFLOW_IMAGES]
        if shell.has_image(short_name()):
            names.append(short_name())
        else:
            shell.say(
                f"The book's own image, {short_name()}, is not here and so not in it: make image makes it."
            )
        if shell.dry_run:
            shell.do_engine("save", "--output", IMAGES, *names)
            shell.say(f"would write: {archive}")
            return
        archive.parent.mkdir(parents=True, exist_ok=True)
        part = archive.with_name(f".{archive.name}.part")
        try:
            with tempfile.TemporaryDirectory(dir=archive.parent) as temporary:
                images = Path(temporary) / IMAGES
                shell.do_engine("save", "--output", str(images), *names)
                with tarfile.open(part, "w") as tar:
                    for path in paths:
                        tar.add(path, f"{MANIFESTS}/{path.name}")
                    tar.add(images, IMAGES)
            part.replace(archive)
        except OSError as error:
            raise ClusterError(
                f"{archive} could not be written ({error.strerror or error}): it needs room twice, for some GB. Make "
                "room, or name another place with FILE=, then run the same command again."
            ) from error
        finally:
            part.unlink(missing_ok=True)
        shell.say(
            f"{archive} ({archive.stat().st_size / GB:.1f} GB) holds everything. On another machine: "
            f"make cluster-preload FILE={archive.name}"
        )


def unpack(shell: Shell, archive: Path) -> None:
    """Load a classroom archive."""
    shell.engine_name()
    if shell.dry_run:
        shell.say(f"would unpack: {archive}")
        shell.do_engine("load", "--input", IMAGES)
        return
    try:
        with tarfile.open(archive) as tar, tempfile.TemporaryDirectory(dir=settings.STATE) as temporary:
            for entry in tar:
                folder, _, name = entry.name.rpartition("/")
                content = tar.extractfile(entry) if entry.isfile() else None
                if content is None:
                    continue
                if entry.name == IMAGES:
                    images = Path(temporary) / IMAGES
                    with images.open("wb") as file:
                        shutil.copyfileobj(content, file)
                    shell.do_engine("load", "--input", str(images))
                elif folder == MANIFESTS:
                    write_atomically(settings.CACHE / name, content.read())
    except FileNotFoundError as error:
        raise ClusterError(f"There is no file {archive}: name the archive with FILE=.") from error
    except (tarfile.TarError, EOFError) as error:
        raise ClusterError(
            f"{archive} is not a whole archive of make cluster-export: copy it again."
        ) from error
    except OSError as error:
        raise ClusterError(
            f"{archive} could not be loaded ({error.strerror or error}): is the disk full?"
        ) from error
    missing = [image for image in settings.KUBEFLOW_IMAGES if not shell.has_image(image)]
    if missing or local_node_image(shell) is None:
        raise ClusterError(
            f"{archive} does not hold {(missing or ['the image of the nodes'])[0]}: is it of this version?"
        )
    shell.done("All is here: make cluster-up and make cluster-kfp need no network now.")


def load(shell: Shell, image: str) -> None:
    """Give an image of this machine to the nodes.

    Raises
    ------
    ClusterError
        If its tag may move, if it is not here, or if there is no cluster.
    """
    if not image:
        raise ClusterError("Which image? make cluster-load IMAGE=name:tag")
    if ":" not in image.rsplit("/", 1)[-1] or image.endswith(":latest"):
        raise ClusterError(
            f"{image} has no tag that stays: Kubernetes pulls :latest again, even when it is loaded. Tag it with a "
            f"version (docker tag {image} {image.removesuffix(':latest')}:1) and load that."
        )
    with exclusively(shell):
        if not shell.has_image(image) and not shell.dry_run:
            raise ClusterError(
                f"{image} is not on this machine: build or pull it first (docker images lists what is)."
            )
        if not shell.dry_run:
            insist_on_cluster(shell)
        shell.do_kind("load", "docker-image", image)
        shell.done(f"{image} is on every node.")


def load_kubeflow(shell: Shell) -> None:
    """Give those of Kubeflow's images that are on this machine to the nodes; they pull the rest."""
    here = [image for image in settings.KUBEFLOW_IMAGES if shell.has_image(image)]
    away = len(settings.KUBEFLOW_IMAGES) - len(here)
    if here:
        shell.say(f"{len(here)} of Kubeflow's images are on this machine and loaded into the nodes.")
        shell.do_kind("load", "docker-image", *here)
    if away:
        shell.say(f"The nodes pull {away} images themselves: some GB, the first time.")


def insist_on_cluster(shell: Shell) -> None:
    """Refuse to give anything to nodes that were not made from this folder."""
    found = nodes(shell)
    if not found:
        raise ClusterError("There is no cluster yet: make cluster-up makes one.")
    if not is_ours(shell, found):
        raise ClusterError(f'The kind cluster called "{settings.NAME}" was not made from this folder.')


def local_node_image(shell: Shell) -> str | None:
    """Return the tag under which the image of the nodes is on this machine."""
    tag = settings.NODE_IMAGE.split("@")[0]
    if shell.has_image(tag):
        return tag
    if shell.has_image(settings.NODE_IMAGE):  # pulled by digest, it has no tag: an archive needs one
        shell.do_engine("tag", settings.NODE_IMAGE, tag)
        return tag
    return None
