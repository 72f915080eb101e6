"""Checks of chapter 06: what is built again, a Dockerfile, a tag, and two steps that share no disk."""

import fnmatch
import json
import posixpath
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import CodeType
from typing import Any

import cloudpickle
import pandas as pd

from companion import alone
from companion.check._verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong

# --- 6.1: what is built again ------------------------------------------------------------------------------

LAYERS = ["packages", "data", "code"]
AGAIN = {
    "a line of train.py": ["code"],
    "a version in requirements-image.txt": LAYERS,
    "a month of data": ["data", "code"],
    "the base image": LAYERS,
    "a line of this notebook": [],
}


@exercise
def ex_6_1(answer: Mapping[str, list[str]]) -> Verdict:
    """The layers that each change makes again."""
    if not isinstance(answer, Mapping) or set(answer) != set(AGAIN):
        return wrong(f"The answer is a dict with these keys: {', '.join(AGAIN)}.")
    for change, layers in answer.items():
        if isinstance(layers, str) or not set(layers) <= set(LAYERS):
            return wrong(
                f"For {change!r} a list of some of {', '.join(LAYERS)} is asked, perhaps an empty one."
            )
    if answer["a line of this notebook"]:
        return wrong(
            "No instruction copies this notebook into the image, and .dockerignore does not even show it to the "
            "builder: what it never sees cannot change a layer."
        )
    if all(set(answer[change]) == set(LAYERS) for change in AGAIN if change != "a line of this notebook"):
        return wrong("Then there were no cache. Where is the first instruction that sees another file?")
    for change, layers in answer.items():
        if AGAIN[change] and not layers:
            return wrong(
                f"After {change!r} the image would be the old one. Which instruction sees the change?"
            )
        below = LAYERS[LAYERS.index(AGAIN[change][0]) :] if AGAIN[change] else []
        if set(layers) < set(below):
            return wrong(
                f"For {change!r} something is missing: a layer is a difference to the one above it, so what "
                "stands below a new layer is made again too."
            )
        if set(layers) != set(below):
            return wrong(
                f"For {change!r} too much is made again: what stands above the first instruction that sees the "
                "change is taken from the cache."
            )
    return right("A line of code costs the smallest layer alone, because it stands last.")


# --- 6.2: a Dockerfile -------------------------------------------------------------------------------------

Instruction = tuple[str, str]


def _instructions(text: str) -> list[Instruction]:
    """Return the instructions of a Dockerfile, with continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\[ \t]*\n", " ", "\n".join(lines)).splitlines()
    split = (line.strip().partition(" ") for line in joined if line.strip())
    return [(name.upper(), rest.strip()) for name, _, rest in split]


def _stages(instructions: list[Instruction]) -> list[list[Instruction]]:
    stages: list[list[Instruction]] = []
    for instruction in instructions:
        if instruction[0] == "FROM":
            stages.append([])
        if stages:
            stages[-1].append(instruction)
    return stages


def _base(instructions: list[Instruction], stages: list[list[Instruction]]) -> Verdict | None:
    """Say whether a base can move."""
    arguments = dict(rest.partition("=")[::2] for name, rest in instructions if name == "ARG")
    own = {stage[0][1].split()[-1].lower() for stage in stages if " as " in stage[0][1].lower()}
    for stage in stages:
        named = _after(stage[0][1])
        base = re.sub(r"\$\{?(\w+)\}?", lambda found: arguments.get(found[1], ""), named).strip("\"'")
        if base.lower() in own or base == "scratch":
            continue
        if re.search(r"@sha256:[0-9a-f]{64}$", base):
            continue
        if not base:
            return wrong(f"Nothing says what {named} in FROM is: give its ARG a default.")
        if "@" in base:
            return wrong("The digest of the base is not whole: @sha256: and 64 letters and digits, copied.")
        if base.endswith(":latest") or ":" not in base.rpartition("/")[2]:
            return wrong(
                "The base is :latest (no tag means the same): next month it is another Python, and nobody changed "
                "a line."
            )
        return wrong(
            f"{base} is a tag, and whoever publishes it moves it with every release: add the digest behind it."
        )
    return None


def _keeps(command: str, mount: str) -> bool:
    """Say whether a shell command writes what a secret's mount lends it into another file."""
    options = dict(part.partition("=")[::2] for part in mount.split(","))
    place = options.get("target") or options.get("dst") or f"/run/secrets/{options.get('id', '')}"
    shell = re.sub(r"--mount=\S+", "", command)
    writes = r"\b(?:cp|mv|tee|dd|(?<!pip )(?<!pip3 )install|pip3? config set)|(?<![0-9])>(?!&)"
    return any(place in part and re.search(writes, part) for part in re.split(r"&&|;", shell))


def _secret(text: str, stages: list[list[Instruction]]) -> Verdict | None:
    """Say whether a password is baked in, or can no longer be used."""
    for stage in stages:
        for name, rest in stage:
            if "hunter2" in rest and name == "ARG":
                return wrong(
                    "The password is an ARG now, and `docker history` shows those too. Lend it to the one line."
                )
            if "hunter2" in rest:
                return wrong(f"The password still stands in the image, in its {name} instruction.")
            if name in ("COPY", "ADD") and re.search(r"pip\.conf|\.netrc|\.env\b|secret|passw", rest):
                return wrong(
                    f"{name} lays the password into a layer, where it stays even if a later line deletes the "
                    "file. Lend it to the one line that needs it."
                )
            lent = re.findall(r"--mount=(\S*type=secret\S*)", rest) if name == "RUN" else []
            if any(_keeps(rest, mount) for mount in lent):
                return wrong(
                    "The file is lent to the line, and the line writes a copy of it: the copy is in the layer, "
                    "for ever. Let pip read it where it is lent."
                )
            public = name == "ENV" and re.fullmatch(r"PIP_(?:EXTRA_)?INDEX_URL[= ]https?://[^@$\s]+", rest)
            if (
                name in ("ARG", "ENV")
                and not public
                and re.search(r"passw|secret|token|INDEX_URL", rest, re.I)
            ):
                return wrong(
                    f"{name} keeps its value in the image, where `docker history` and `docker inspect` show it, "
                    "wherever it came from. Lend the file with the password to the one line that needs it."
                )
    if "hunter2" in text:
        return wrong("The password still stands in the text, if only in a comment: the file is in git.")
    return None


# What the builder is shown, as far as it matters here.
CONTEXT = {"requirements-image.txt", "src/flightdelay/__main__.py", "data/manifest.json"}


def _copied(rest: str, seen: set[str], folder: str) -> set[str]:
    """Return the paths that a COPY makes out of what it sees; a folder is copied without its own name."""
    *sources, target = [word for word in _words(rest) if not word.startswith("--")]
    into = posixpath.normpath(posixpath.join(folder, target))
    made = set()
    for source in sources:
        source = posixpath.normpath(source.lstrip("/"))
        for path in seen:
            if path == source or fnmatch.fnmatchcase(path, source):
                name = posixpath.basename(path)
                made.add(f"{into}/{name}" if target.endswith(("/", ".")) or len(sources) > 1 else into)
            elif source == "." or path.startswith(f"{source}/"):
                made.add(posixpath.join(into, posixpath.relpath(path, source)))
    return made


def _files(stages: list[list[Instruction]]) -> list[list[tuple[Instruction, set[str], str, str]]]:
    """Return each instruction of each stage, and the stage's end, with the files, folder and user found there."""
    followed: list[list[tuple[Instruction, set[str], str, str]]] = []
    ends: dict[str, tuple[set[str], str, str]] = {}
    for number, stage in enumerate(stages):
        files, folder, user = ends.get(_after(stage[0][1]), (set[str](), "/", "root"))
        steps = []
        for name, rest in stage:
            steps.append(((name, rest), files, folder, user))
            if name in ("COPY", "ADD"):
                other = re.search(r"--from=(\S+)", rest)
                seen = (
                    {path.lstrip("/") for path in ends.get(other[1], (set[str](),))[0]} if other else CONTEXT
                )
                files = files | _copied(rest, seen, folder)
            elif name == "WORKDIR":
                folder = posixpath.normpath(posixpath.join(folder, rest.strip("\"'")))
            elif name == "USER":
                user = rest.split(":")[0].strip("\"'")
        steps.append((("", ""), files, folder, user))  # what the stage ends with
        followed.append(steps)
        words = stage[0][1].split()
        for called in {str(number), words[-1]}:
            ends[called] = files, folder, user
    return followed


def _after(rest: str) -> str:
    """Return what a FROM begins with."""
    return next(word for word in rest.split() if not word.startswith("--"))


def _is_install(instruction: Instruction) -> bool:
    return instruction[0] == "RUN" and bool(
        re.search(r"\b(?:pip3?|uv)\b.*\b(?:install|sync)\b", instruction[1])
    )


def _install(stages: list[list[Instruction]]) -> Verdict | None:
    """Judge the line that installs, and what stands above it."""
    found = [
        (steps, position)
        for steps in _files(stages)
        for position, step in enumerate(steps)
        if _is_install(step[0])
    ]
    if not found:
        return wrong("Nothing installs the packages any more: a RUN line with pip install is missing.")
    for steps, position in found:
        (_, command), files, folder, user = steps[position]
        if "requirements-image.txt" not in command:
            if any("requirements-image.txt" in step[0][1] for step in steps if _is_install(step[0])):
                continue
            return wrong("The packages are no longer those of requirements-image.txt, the lock.")
        if "--require-hashes" not in command and not re.search(r"\buv\b", command):
            return wrong(
                "--require-hashes is gone. It demands a sum for every package, so that a list that lost its sums "
                "is refused and not believed."
            )
        if "--mount=type=secret" not in command.replace('"', ""):
            return wrong(
                "The password is out of the image, but the installation can no longer sign in at the package "
                "index: lend it the file with --mount=type=secret."
            )
        if user not in ("root", "0") and "uid=" not in command:
            return wrong(
                f"When pip runs, the user is {user} already, who may neither write where packages lie nor read "
                "the file that is lent to root. Install first, then change the user."
            )
        if any(path.endswith("/__main__.py") for path in files):
            return wrong(
                "The code is copied above the installation: each changed comment installs everything again. "
                "First the list of packages, then pip, then the code."
            )
        asked = re.findall(
            r"(?:--requirements?[= ]|-r *|\bsync )[\"']?([^\s\"']*requirements-image\.txt)", command
        )
        bound = {
            posixpath.join(folder, target)
            for target in re.findall(r"--mount=type=bind\S*?(?:target|dst)=([^\s,]+)", command)
        }
        where = {posixpath.normpath(posixpath.join(folder, path)) for path in asked}
        if where - files - bound:
            return wrong(
                f"When pip runs, there is no {sorted(where - files - bound)[0]}: copy requirements-image.txt "
                "above that line, to the place where pip looks for it."
            )
    return None


def _words(rest: str) -> list[str]:
    if rest.startswith("["):
        return [str(word) for word in json.loads(rest)]
    return shlex.split(rest)


def _user(stage: list[Instruction]) -> Verdict | None:
    """Say whether the image runs as somebody without rights."""
    users = [rest.split(":")[0].strip("\"'") for name, rest in stage if name == "USER"]
    if not users:
        return wrong("There is no USER in the image, so everything in it runs as root.")
    if users[-1] in ("root", "0", ""):
        return wrong("The last USER is root, and the last one counts.")
    made = any(
        name == "RUN" and re.search(rf"(?:useradd|adduser)\b.*\b{re.escape(users[-1])}\b", rest)
        for name, rest in stage
    )
    if not users[-1].isdigit() and users[-1] != "nobody" and not made:
        return wrong(
            f"Nobody has made a user {users[-1]}, so the container does not start. A number needs no entry, and "
            "Kubernetes can see that it is not 0."
        )
    return None


@exercise
def ex_6_2(answer: str) -> Verdict:
    """A Dockerfile: base, secret, order, user."""
    if not isinstance(answer, str) or not _stages(_instructions(answer)):
        return wrong("The answer is the text of a Dockerfile, as one string with a FROM line.")
    instructions = _instructions(answer)
    stages = _stages(instructions)
    refused = _base(instructions, stages) or _secret(answer, stages) or _install(stages) or _user(stages[-1])
    if refused:
        return refused
    last = stages[-1]
    files = _files(stages)[-1][-1][1]
    code = sorted(path for path in files if path.endswith("__main__.py"))
    if not code:
        return wrong("The packages are in the image, and the code is not: nothing copies src/flightdelay.")
    if "/app/src/flightdelay/__main__.py" not in code:
        return wrong(
            f"The code lies in {posixpath.dirname(code[0])} and not in /app/src/flightdelay: COPY of a folder "
            "copies what is in it, without the folder's own name."
        )
    starts = [rest for name, rest in last if name == "ENTRYPOINT"]
    if not starts and any(name == "CMD" and "flightdelay" in rest for name, rest in last):
        return wrong(
            "With CMD, what follows the image's name replaces the command: `docker run image 2013-09` would look "
            "for a program called 2013-09. It was an ENTRYPOINT, which takes it as an argument."
        )
    if not starts or "flightdelay" not in starts[-1]:
        return wrong("It no longer starts as before: ENTRYPOINT with python3 -m flightdelay is missing.")
    if not starts[-1].startswith("["):
        return wrong(
            "ENTRYPOINT without brackets is run by a shell, which drops what follows the image's name, so the month "
            "never arrives. Write it as a list, as it was."
        )
    if not any(name == "ENV" and re.search(r"PYTHONPATH.*/app/src(?![\w/])", rest) for name, rest in last):
        return wrong("Python does not find the code: PYTHONPATH no longer names /app/src.")
    return right(
        "It is the same next year, holds no password, costs seconds after a change, and is not root."
    )


# --- 6.3: a tag --------------------------------------------------------------------------------------------

FILES = {
    "src/flightdelay/train.py": b"rounds = 100\n",
    "src/flightdelay/featurize.py": b"features = 12\n",
    "requirements-image.txt": b"scikit-learn==1.9.1\n",
    "data/2013-09.parquet": b"PAR1\x00\xff\xfe\x81",  # not text in any encoding that is guessed
}
CASES: dict[str, tuple[str, dict[str, bytes]]] = {
    "first": ("0.1.0", FILES),
    "again": ("0.1.0", dict(FILES)),
    "order": ("0.1.0", dict(reversed(FILES.items()))),
    "version": ("0.2.0", FILES),
    "byte": ("0.1.0", FILES | {"src/flightdelay/train.py": b"rounds = 101\n"}),
    "lock": ("0.1.0", FILES | {"requirements-image.txt": b"scikit-learn==1.9.0\n"}),
    "path": (
        "0.1.0",
        {("src/flightdelay/fit.py" if "train" in path else path): text for path, text in FILES.items()},
    ),
    "swapped": (
        "0.1.0",
        FILES
        | {
            "src/flightdelay/train.py": FILES["src/flightdelay/featurize.py"],
            "src/flightdelay/featurize.py": FILES["src/flightdelay/train.py"],
        },
    ),
    "binary": ("0.1.0", FILES | {"data/2013-09.parquet": b"PAR1\x00\xfe\xff\x82"}),
    # Written one behind the other without anything between them, path and content of both read "abc".
    "cut here": ("0.1.0", {"a": b"bc"}),
    "cut there": ("0.1.0", {"ab": b"c"}),
}
VARIANTS = 1000


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _tags(job: str) -> None:
    """Print the tag of each case, and how many tags the variants have, as JSON."""
    answer = cloudpickle.loads(Path(job).read_bytes())
    found = {name: answer(version, dict(files)) for name, (version, files) in CASES.items()}
    many = {answer("0.1.0", FILES | {"a.py": f"{number}".encode()}) for number in range(VARIANTS)}
    print(json.dumps([found, len(many)]))


def _in_a_process(answer: Callable[..., Any], seed: str) -> tuple[dict[str, Any], int]:
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job"
        job.write_bytes(cloudpickle.dumps(answer))
        script = "import sys; from companion.check.chapter_06 import _tags; _tags(sys.argv[1])"
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script, str(job)],
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed, "HOME": folder},
            cwd=folder,
            timeout=60,
        )
    if ended.returncode:
        raise RuntimeError(ended.stderr.strip().splitlines()[-1])
    tags, many = json.loads(ended.stdout.splitlines()[-1])
    return tags, many


@exercise
def ex_6_3(answer: Callable[[str, dict[str, bytes]], str]) -> Verdict:
    """A tag that is given once."""
    if not callable(answer):
        return wrong("The answer is a function that takes version and files; write its body.")
    if is_stub(answer):
        return NO_BODY
    try:
        first = answer("0.1.0", dict(FILES))
    except UnicodeError:
        return wrong(
            "A file of data is bytes and no text, so decode() fails on it: sum up the bytes as they are."
        )
    if not isinstance(first, str):
        return wrong(f"A tag is text, and a {type(first).__name__} comes back: end the body with return.")
    code = getattr(answer, "__code__", None)
    names = {name for part in _codes(code) for name in part.co_names} if code else set()
    if names & {
        "now",
        "today",
        "time",
        "time_ns",
        "utcnow",
        "strftime",
        "uuid1",
        "uuid4",
        "random",
        "token_hex",
    }:
        return wrong(
            "A clock or a random number makes a new name each time, also where nothing changed: then nobody can "
            "tell that two images are the same, and nothing is ever found in a cache."
        )
    tags, many = _in_a_process(answer, "1")
    if tags["first"].endswith("latest"):
        return wrong("latest is the same name for every content: that is the tag which moves by habit.")
    if len({*tags.values()}) == 1 or tags["byte"] == tags["first"] == tags["path"]:
        return wrong("Other files get the same tag: it says which version was meant, not what is in it.")
    if not re.fullmatch(r"[\w][\w.-]{0,127}", tags["first"], re.ASCII):
        return wrong(
            f"{tags['first'][:60]!r} is not a tag: letters, digits, _ . - only, at most 128 of them."
        )
    if tags["first"] != tags["again"] or tags != _in_a_process(answer, "2")[0]:
        return wrong(
            "In another process the same content has another tag. Python's hash() of text is drawn anew for each "
            "process, and id() too; hashlib gives the same everywhere."
        )
    if tags["order"] != tags["first"]:
        return wrong("Listed in another order, the same files get another tag: put the paths in order first.")
    if VARIANTS / 10 < many < VARIANTS:
        return wrong(
            f"Of {VARIANTS} different contents some share a tag: so few digits of a sum are soon used up. Take "
            "more, a dozen of hexadecimal ones is usual."
        )
    for case, hint in {
        "byte": "One line of code changes, and the tag stays: the content has to count, not paths or sizes alone.",
        "lock": "A version in requirements-image.txt changes, and the tag stays: every file has to count.",
        "path": "A file has another path, and the tag stays: in the image it is another file.",
        "binary": "Two bytes of a data file change, and the tag stays: sum up the bytes, not what decode() leaves.",
        "swapped": "Two files change places, and the tag stays: which content stands under which path?",
    }.items():
        if tags[case] == tags["first"]:
            return wrong(hint)
    if tags["cut here"] == tags["cut there"]:
        return wrong(
            "The path a with the content bc and the path ab with the content c get the same tag: the sum does not "
            "see where a path ends. Put something between them, such as a line break, or each content's length."
        )
    if tags["version"] == tags["first"] or "0.1.0" not in tags["first"]:
        return wrong("The version is not in the tag, or not readable there: people look for it.")
    return right("Other content, other name, on every machine: this name needs nobody's discipline.")


# --- 6.4: two steps that share no disk ---------------------------------------------------------------------

# Not the lesson's: (carrier, delay) with what the report has to say.
FLIGHTS: list[tuple[str, float | None]] = [
    ("AA", 3.0),
    ("AA", 44.0),
    ("B6", 16.0),
    ("B6", 90.0),
    ("B6", 2.0),
    ("DL", -5.0),
]
FLIGHTS += 3 * [("DL", None)]  # never arrived: counted as late they would be the worst
REPORT = {"carrier": "B6", "late": 0.667}


@exercise
def ex_6_4(answer: list[Callable[..., Any]]) -> Verdict:
    """Two steps, each in a process and on a disk of its own."""
    if not isinstance(answer, list | tuple) or len(answer) != 2 or not all(callable(step) for step in answer):
        return wrong("The answer is a list of the two functions: [prepare, report].")
    prepare, report = answer
    with tempfile.TemporaryDirectory(prefix="check-") as temporary:
        folder = Path(temporary)
        flights = folder / "flights.csv"
        rows = [(carrier, number, delay) for number, (carrier, delay) in enumerate(FLIGHTS)]
        pd.DataFrame(rows, columns=["carrier", "flight", "arr_delay"]).to_csv(flights, index=False)
        try:
            alone.run(prepare, {"flights": flights}, ["prepared"], folder / "made")
        except alone.StepError as error:
            return _first_failed(str(error))
        # Another path, so that one that was written down leads nowhere.
        artifact = (folder / "made" / "prepared").rename(folder / "elsewhere")
        if not artifact.stat().st_size:
            return wrong("The output that prepare declares is an empty file: what report needs is not in it.")
        try:
            found = alone.run(report, {"prepared": artifact})
        except alone.StepError as error:
            return _second_failed(str(error), artifact)
    if found is None:
        return wrong("report returns nothing: end its body with return.")
    if found != REPORT:
        return wrong(
            f"Both run alone, but the report on the check's flights is {found}, and one call after the other "
            f"gives {REPORT}: it comes from other flights, or was computed in another way."
        )
    return right(
        "Nothing is shared, and the report is the same: what the second step needs is declared and carried."
    )


def _first_failed(error: str) -> Verdict:
    if "was not written" in error:
        return wrong(
            "prepare writes to a place on its own disk, and that disk is gone when it ends. Its output is asked "
            "for at the path that it is given as `prepared`."
        )
    if "No such file" in error or "FileNotFound" in error:
        return wrong(
            f"prepare looks for a file that lies on your disk only ({error}): it has what it is given as "
            "`flights`, and nothing else."
        )
    if "unexpected keyword" in error:
        return wrong("Leave the parameters' names as they are: the paths are given by name.")
    return wrong(f"prepare stops where it is alone, with {error}.")


def _second_failed(error: str, artifact: Path) -> Verdict:
    with artifact.open("rb") as file:
        start = file.read(300).decode(errors="replace").strip().strip("\"'")
    if "\n" not in start and "/" in start:
        return wrong(
            "What was handed over is a path, not the file: it names a place on a disk that is gone when the "
            "second step starts. Hand over the content."
        )
    if "No such file" in error or "FileNotFound" in error:
        return wrong(
            f"report looks for a file by a path of its own ({error}): on its disk there is what it is given as "
            "`prepared`, and nothing else."
        )
    if "NameError" in error or "KeyError" in error or "AttributeError" in error or "NoneType" in error:
        return wrong(
            f"report reaches for something that the first step left in memory or in the environment ({error}): "
            "another process has none of it."
        )
    if "unexpected keyword" in error:
        return wrong("Leave the parameters' names as they are: the paths are given by name.")
    return wrong(f"report stops where it is alone, with {error}.")
