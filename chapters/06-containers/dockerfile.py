"""What an image holds, from its Dockerfile: followed instruction by instruction, nothing is built.

The text is taken apart by a parser that is kept up with BuildKit's. What is followed is what a check of chapter
06 asks about: files, environment, user, what is started, and where the packages of the lock were installed.
"""

import contextlib
import copy
import fnmatch
import itertools
import json
import posixpath
import re
import shlex
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from e2b_dockerfile_utils import parse_dockerfile_ast

Instruction = tuple[str, str]

# What the builder is shown, as far as it matters here.
CONTEXT = frozenset({"requirements-image.txt", "src/flightdelay/__main__.py", "data/manifest.json"})
# Stands for the packages of the lock, below the folder of the Python that they were installed for.
LOCK = "requirements-image.txt"
PACKAGES = "lib/python3/site-packages/PACKAGES"
SYSTEM = "/usr/local"
PYTHON = re.compile(r"(?:^|/)python3?(?:\.\d+)?$")


def instructions_of(text: str) -> list[Instruction]:
    """Return name and arguments of each instruction: on one line, here-documents below it.

    Raises
    ------
    e2b_dockerfile_utils.DockerfileSyntaxError
        If a builder could not read the text.
    """
    found = []
    for each in parse_dockerfile_ast(text).instructions:
        if each.name in ("ENV", "LABEL"):
            words = [f"{each.args[at]}={each.args[at + 1]}" for at in range(0, len(each.args), 3)]
        else:
            words = [json.dumps(each.args)] if each.json else [" ".join(arg.split()) for arg in each.args]
        below = "".join(f"\n{document.content}" for document in each.heredocs)
        found.append((each.name, " ".join([*each.flags, *words]) + below))
    return found


def stages_of(instructions: list[Instruction]) -> list[list[Instruction]]:
    """Return the instructions of each stage, from its FROM on."""
    stages: list[list[Instruction]] = []
    for instruction in instructions:
        if instruction[0] == "FROM":
            stages.append([])
        if stages:
            stages[-1].append(instruction)
    return stages


def blanks(instructions: list[Instruction]) -> dict[str, str]:
    """Return the ARGs above the first FROM, with their defaults."""
    above = itertools.takewhile(lambda each: each[0] != "FROM", instructions)
    return {key: value for name, rest in above if name == "ARG" for key, value in pairs(rest).items()}


def base_of(rest: str) -> str:
    """Return the image that a FROM names; empty if it names none."""
    return next((word for word in rest.split() if not word.startswith("--")), "")


def pairs(rest: str) -> dict[str, str]:
    """Return the names and values of an ARG or ENV."""
    return dict(word.partition("=")[::2] for word in words_of(rest))


def words_of(rest: str) -> list[str]:
    """Return the words of a line, or of a list in brackets."""
    if rest.strip().startswith("["):
        with contextlib.suppress(ValueError):
            return [str(word) for word in json.loads(rest)]
    try:
        return shlex.split(rest)
    except ValueError:
        return rest.split()


def expand(text: str, values: Mapping[str, str]) -> str:
    """Put in the values of the variables that the file itself sets; the others stay as they are."""

    def value(found: re.Match[str]) -> str:
        default = found[3]
        return values.get(found[1] or found[2], found[0] if default is None else default)

    return re.sub(r"\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})", value, text)


def mounts(rest: str, kind: str) -> list[dict[str, str]]:
    """Return the options of a RUN's mounts of one kind."""
    found = [each.replace('"', "") for each in re.findall(r"--mount=(\S+)", rest)]
    return [
        dict(part.partition("=")[::2] for part in each.split(",")) for each in found if f"type={kind}" in each
    ]


def target_of(mount: Mapping[str, str]) -> str:
    """Return where a mount is seen."""
    return mount.get("target") or mount.get("dst") or f"/run/secrets/{mount.get('id', '')}"


def _one_python(path: str) -> str:
    """Return a path without a Python's minor version and Debian's name for the folder of packages."""
    return re.sub(r"/python3\.\d+", "/python3", path).replace("dist-packages", "site-packages")


@dataclass
class Image:
    """What an image holds at some point of its Dockerfile.

    `values` has ARG and ENV, for what is expanded, `environment` only what a process would see; `locks` are the
    paths at which the list of packages lies, under whatever name.
    """

    files: set[str] = field(default_factory=set)
    locks: set[str] = field(default_factory=set)
    folder: str = "/"
    user: str = "root"
    users: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    starts: Instruction | None = None

    def at(self, path: str) -> str:
        """Return a path of the image in full."""
        return _one_python(posixpath.normpath(posixpath.join(self.folder, path)))

    def home(self) -> str:
        """Return the user's home folder."""
        return self.environment.get("HOME") or ("/root" if self.user in ("root", "0") else "/")

    def own(self) -> str:
        """Return the folder of the packages that are the user's own, as pip's --user has it."""
        return self.environment.get("PYTHONUSERBASE") or posixpath.join(self.home(), ".local")

    def prefix_of(self, program: str) -> str:
        """Return the folder of the Python that a program belongs to: a venv, or the system's."""
        if "/" in program:
            prefix = posixpath.dirname(posixpath.dirname(self.at(program)))
            return SYSTEM if prefix in ("/usr", "/") else prefix
        for folder in self.environment.get("PATH", "").split(":"):
            if folder.endswith("/bin") and f"{folder}/python3" in self.files:
                return posixpath.dirname(folder)
        return SYSTEM

    def sees_packages(self, program: str) -> bool:
        """Say whether a Python that is started in this image finds the packages."""
        searched = self.environment.get("PYTHONPATH", "").split(":")
        places = {f"{self.prefix_of(program)}/{PACKAGES}"}
        places |= {f"{self.at(path)}/PACKAGES" for path in searched if path}
        places |= {f"{base}/{PACKAGES}" for base in (self.own(), f"/home/{self.user}/.local")}
        return bool(places & self.files)


@dataclass
class Install:
    """A command that installs packages, with the mounts of its line, and the image in which it runs."""

    image: Image
    command: str
    line: str


def follow(instructions: list[Instruction]) -> tuple[Image, list[Install]]:
    """Follow a Dockerfile from top to bottom; return the image at its end, and all installations."""
    above = blanks(instructions)
    ends: dict[str, Image] = {}
    installs: list[Install] = []
    image = Image()
    for number, stage in enumerate(stages_of(instructions)):
        image = copy.deepcopy(ends.get(expand(base_of(stage[0][1]), above).lower(), Image()))
        for name, rest in stage[1:]:
            text = expand(rest, image.values)
            if name == "ARG":
                given = {key: value or above.get(key, "") for key, value in pairs(text).items()}
                image.values = given | image.values
            elif name in ("COPY", "ADD"):
                other = re.search(r"--from=(\S+)", text)
                stage_files = ends.get(other[1].lower(), Image()).files if other else set()
                seen = {path.lstrip("/") for path in stage_files} if other else CONTEXT
                image.files |= _copied(text, seen, image)
                image.locks |= _copied(text, seen & {LOCK}, image)
            elif name == "RUN":
                installs += _run(image, text)
            else:
                _setting(image, name, text)
        ends |= dict.fromkeys((str(number), stage[0][1].split()[-1].lower() if stage[0][1] else ""), image)
    return image, installs


def _setting(image: Image, name: str, text: str) -> None:
    """Do an instruction that changes no file."""
    if name == "ENV":
        image.environment |= pairs(text)
        image.values |= pairs(text)
    elif name == "WORKDIR":
        image.folder = posixpath.normpath(posixpath.join(image.folder, text.strip("\"'")))
    elif name == "USER":
        image.user = text.split(":")[0].strip("\"' ")
    elif name == "ENTRYPOINT" or (name == "CMD" and not image.starts):
        image.starts = (name, text)


def _copied(rest: str, seen: Set[str], image: Image) -> set[str]:
    """Return the paths that a COPY makes out of what it sees; a folder is copied without its own name."""
    first = rest.partition("\n")[0]
    parents = "--parents" in first.split()
    words = words_of(re.sub(r"--\S+", "", first))
    *sources, target = [word for word in words if not word.startswith("<<")] or [""]
    into, made = image.at(target), set()
    for source in sources:
        above, _, below = source.rpartition("/./") if parents else ("", "", source)
        full = posixpath.normpath(_one_python(posixpath.join("/", above, below))).lstrip("/") or "."
        for path in seen:
            inside = full == "." or path.startswith(f"{full}/")
            named = path == full or fnmatch.fnmatchcase(path, full)
            if parents and (inside or named):
                made.add(posixpath.join(into, posixpath.relpath(path, above.lstrip("/") or ".")))
            elif named:
                folder = target.endswith(("/", ".")) or len(sources) > 1
                made.add(posixpath.join(into, posixpath.basename(path)) if folder else into)
            elif inside:
                made.add(posixpath.join(into, posixpath.relpath(path, full)))
    return made


def _run(image: Image, rest: str) -> list[Install]:
    """Do a RUN as far as it makes users, venvs and packages; return its installations."""
    shell = re.sub(r"--(?:mount|network|security)=\S+", "", rest).strip()
    if shell.startswith("["):
        shell = " ".join(words_of(shell))
    image.users |= set(re.findall(r"\b(?:useradd|adduser)\b[^&;\n]*\s(\w[\w-]*)\s*(?:[&;\n]|$)", shell))
    installs, here = [], copy.deepcopy(image)  # what the line sets for itself is gone after it
    here.files |= _bound(rest, image, CONTEXT)
    here.locks |= _bound(rest, image, {LOCK})
    for part in re.split(r"&&|\|\||[;\n]", shell):
        if made := re.search(r"(?:-m venv|\bvirtualenv|\buv venv)\s+(?:-\S+\s+)*(\S+)", part):
            python = f"{image.at(made[1])}/bin/python3"
            image.files.add(python)
            here.files.add(python)
        elif entered := re.search(r"(?:^|\s)(?:\.|source)\s+(\S+)/bin/activate", part):
            here.environment["PATH"] = f"{here.at(entered[1])}/bin"
        elif exported := re.match(r"\s*export\s+PATH=[\"']?(\S+)", part):
            here.environment["PATH"] = exported[1]
        elif moved := re.match(r"\s*cd\s+(\S+)", part):
            here.folder = here.at(moved[1])
        elif re.search(r"\b(?:pip3?|uv)\b.*\b(?:install|sync)\b", part):
            installs.append(Install(copy.deepcopy(here), part, rest))
            if is_of_the_lock(here, part):
                image.files.add(_where(here, part))
    return installs


def lists_of(command: str) -> list[str]:
    """Return the lists of packages that a command of pip or uv names."""
    return re.findall(r"(?:--requirements?[= ]|\s-r *|\bsync )[\"']?([^\s\"']+)", command)


def is_of_the_lock(image: Image, command: str) -> bool:
    """Say whether a command installs the packages of the lock, under its name or another one."""
    return LOCK in command or any(image.at(path) in image.locks for path in lists_of(command))


def _bound(rest: str, image: Image, seen: Set[str]) -> set[str]:
    """Return the files that the bind mounts of a line show it."""
    made = set()
    for mount in mounts(rest, "bind"):
        source = mount.get("source") or mount.get("src") or "."
        if "from" not in mount:
            made |= _copied(f"{source} {target_of(mount)}", seen, image)
    return made


def _where(image: Image, command: str) -> str:
    """Return the file that stands for the packages which a command of pip or uv installs."""
    if into := re.search(r"\s(?:--target|-t)[= ](\S+)", command):
        return f"{image.at(into[1])}/PACKAGES"
    if into := re.search(r"\s--prefix[= ](\S+)", command):
        return f"{image.at(into[1])}/{PACKAGES}"
    if "--user" in command.split():
        return f"{image.own()}/{PACKAGES}"
    program = next(
        (word for word in command.split() if PYTHON.search(word) or re.search(r"(?:^|/)(?:pip3?|uv)$", word)),
        "python3",
    )
    if program.endswith("uv") and "--system" not in command:
        if named := re.search(r"\s(?:--python|-p)[= ](\S+)", command):
            return f"{image.prefix_of(named[1]) if '/bin/' in named[1] else image.at(named[1])}/{PACKAGES}"
        if venv := image.environment.get("VIRTUAL_ENV"):
            return f"{venv}/{PACKAGES}"
    return f"{image.prefix_of(program)}/{PACKAGES}"
