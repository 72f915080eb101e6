"""Checks of chapter 06: what is built again, a Dockerfile, a tag, and two steps that share no disk."""

import inspect
import json
import posixpath
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import CodeType
from typing import Any

import cloudpickle
import pandas as pd
from e2b_dockerfile_utils import DockerfileSyntaxError

from chapter_06 import alone, dockerfile
from chapter_06.dockerfile import Image, Install, Instruction
from companion.check.verdict import NO_BODY, Verdict, exercise, is_stub, right, wrong

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

# A literal user in an address, with or without a password; $NAME in its place is no literal.
CREDENTIALS = re.compile(r"://[^/\s\"'@$]+@")
SECRET_NAME = re.compile(r"pass|pwd|secret|token|credential|api_?key|index_url", re.IGNORECASE)


def _base(instructions: list[Instruction]) -> Verdict | None:
    """Say whether a base can move."""
    froms = [rest for name, rest in instructions if name == "FROM"]
    own = {rest.split()[-1].lower() for rest in froms if " as " in rest.lower()}
    for rest in froms:
        named = dockerfile.base_of(rest)
        base = dockerfile.expand(named, dockerfile.blanks(instructions)).strip("\"'")
        if base.lower() in own or base == "scratch" or re.search(r"@sha256:[0-9a-f]{64}$", base):
            continue
        if not base and not named:
            return wrong("A FROM names no image: the base stands behind it.")
        if not base or "$" in base:
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


def _secret(text: str, instructions: list[Instruction]) -> Verdict | None:
    """Say whether a password is baked in."""
    for name, rest in instructions:
        if "hunter2" in rest or CREDENTIALS.search(rest):
            if name == "ARG":
                return wrong(
                    "The password is an ARG now, and `docker history` shows those too. Lend it to the one line."
                )
            return wrong(f"What somebody signs in with still stands in the image, in its {name} instruction.")
        if name in ("COPY", "ADD") and re.search(r"pip\.conf|\.netrc|\.env\b|secret|passw", rest):
            return wrong(
                f"{name} lays the password into a layer, where it stays even if a later line deletes the "
                "file. Lend it to the one line that needs it."
            )
        lent = dockerfile.mounts(rest, "secret") if name == "RUN" else []
        if any(_keeps(rest, dockerfile.target_of(mount)) for mount in lent):
            return wrong(
                "The file is lent to the line, and the line writes a copy of it: the copy is in the layer, "
                "for ever. Let pip read it where it is lent."
            )
        set_here = dockerfile.pairs(rest) if name in ("ARG", "ENV") else {}
        if any(_is_secret(*pair) for pair in set_here.items() if name == "ARG" or pair[1]):
            return wrong(
                f"{name} keeps its value in the image, where `docker history` and `docker inspect` show it, "
                "wherever it came from. Lend the file with the password to the one line that needs it."
            )
    if "hunter2" in text or CREDENTIALS.search(text):
        return wrong("The password still stands in the text, if only in a comment: the file is in git.")
    return None


def _is_secret(name: str, value: str) -> bool:
    """Say whether a variable is there for a password; a path or an address without a user is none."""
    harmless = value.startswith("/") or re.fullmatch(r"https?://[^@$\s]+", value)
    return bool(SECRET_NAME.search(name)) and not harmless


def _keeps(command: str, place: str) -> bool:
    """Say whether a shell command writes what a secret's mount lends it into another file."""
    shell = re.sub(r"--mount=\S+", "", command)
    writes = r"\b(?:cp|mv|tee|dd|(?<!pip )(?<!pip3 )install|pip3? config set)|(?<![0-9])>(?!&)"
    return any(place in part and re.search(writes, part) for part in re.split(r"&&|;|\n", shell))


def _install(installs: list[Install]) -> Verdict | None:
    """Judge the commands that install the lock, and what is there when they run."""
    if not installs:
        return wrong("Nothing installs the packages any more: a RUN line with pip install is missing.")
    ours = [each for each in installs if dockerfile.is_of_the_lock(each.image, each.command)]
    if not ours:
        return wrong("The packages are no longer those of requirements-image.txt, the lock.")
    for each in ours:
        image = each.image
        if refused := _signs_in(each):
            return refused
        if image.user not in ("root", "0") and "uid=" not in each.line:
            return wrong(
                f"When pip runs, the user is {image.user} already, who may neither write where packages lie nor read "
                "the file that is lent to root. Install first, then change the user."
            )
        if any(path.endswith("/__main__.py") for path in image.files):
            return wrong(
                "The code is there before the installation: each changed comment installs everything again. "
                "First the list of packages, then pip, then the code."
            )
        asked = [
            path for path in dockerfile.lists_of(each.command) if path.endswith("requirements-image.txt")
        ]
        if missing := sorted({image.at(path) for path in asked} - image.files):
            return wrong(
                f"When pip runs, there is no {missing[0]}: copy requirements-image.txt "
                "above that line, to the place where pip looks for it."
            )
    return None


def _signs_in(install: Install) -> Verdict | None:
    """Say whether a secret is lent to the installation, at a place where it is looked for."""
    secrets = dockerfile.mounts(install.line, "secret")
    if not secrets:
        return wrong(
            "The password is out of the image, but the installation can no longer sign in at the package "
            "index: lend it the file with --mount=type=secret."
        )
    image, shell = install.image, re.sub(r"--mount=\S+", "", install.line)
    home = image.home()
    if re.search(r"\buv (?:pip|sync)\b", install.command):
        looked, reads = (
            {"/etc/uv/uv.toml", f"{home}/.config/uv/uv.toml"},
            "uv reads no pip.conf, but a .netrc",
        )
    else:
        looked = {"/etc/pip.conf", "/etc/xdg/pip/pip.conf", f"{image.prefix_of('python3')}/pip.conf"}
        looked |= {f"{home}/.config/pip/pip.conf", f"{home}/.pip/pip.conf"}
        reads = "pip reads /etc/pip.conf, or the file that PIP_CONFIG_FILE names"
    looked |= {f"{home}/.netrc", *image.environment.values()}
    for secret in secrets:
        variable, place = secret.get("env", ""), dockerfile.target_of(secret)
        if variable.startswith(("PIP_", "UV_")) or (variable and variable in shell):
            return None
        if place in looked or place in shell:
            return None
    place = dockerfile.target_of(secrets[0])
    return wrong(
        f"The file is lent as {place}, and the installation does not look there, so it cannot sign in: {reads}."
    )


def _user(image: Image) -> Verdict | None:
    """Say whether the image runs as somebody without rights."""
    if image.user == "root" or (image.user.isdigit() and int(image.user) == 0):
        return wrong("Everything in the image runs as root: there is no USER in it, or the last one is root.")
    if not image.user or "$" in image.user:
        return wrong("Nothing says who the USER is: write a number, or give its ARG a default.")
    if not image.user.isdigit() and image.user not in {"nobody", *image.users}:
        return wrong(
            f"Nobody has made a user {image.user}, so the container does not start. A number needs no entry, and "
            "Kubernetes can see that it is not 0."
        )
    return None


def _content(image: Image) -> Verdict | None:
    """Say whether code and packages are in the image."""
    code = sorted(path for path in image.files if path.endswith("__main__.py"))
    if not code:
        return wrong("The packages are in the image, and the code is not: nothing copies src/flightdelay.")
    if "/app/src/flightdelay/__main__.py" not in code:
        return wrong(
            f"The code lies in {posixpath.dirname(code[0])} and not in /app/src/flightdelay: COPY of a folder "
            "copies what is in it, without the folder's own name."
        )
    if not any(path.endswith("/PACKAGES") for path in image.files):
        return wrong(
            "The packages are installed in a stage that is left behind: what the last stage needs of it has to be "
            "copied, with COPY --from."
        )
    if all(path.startswith("/root/") for path in image.files if path.endswith("/PACKAGES")):
        return wrong(
            f"The packages lie below /root, the home folder of root, into which {image.user} may not look: with --user "
            "pip installs into the home of whoever calls it. Install where everybody may read."
        )
    return None


def _start(image: Image) -> Verdict | None:
    """Say whether the image starts as before, with code and packages in sight of the Python that is started."""
    name, rest = image.starts or ("", "")
    if "flightdelay" not in rest:
        return wrong("It no longer starts as before: ENTRYPOINT with python3 -m flightdelay is missing.")
    if name == "CMD":
        return wrong(
            "With CMD, what follows the image's name replaces the command: `docker run image 2013-09` would look "
            "for a program called 2013-09. It was an ENTRYPOINT, which takes it as an argument."
        )
    if not rest.startswith("["):
        return wrong(
            "ENTRYPOINT without brackets is run by a shell, which drops what follows the image's name, so the month "
            "never arrives. Write it as a list, as it was."
        )
    searched = image.environment.get("PYTHONPATH", "").split(":")
    if "/app/src" not in [image.folder, *(image.at(path) for path in searched if path)]:
        return wrong("Python does not find the code: PYTHONPATH no longer names /app/src.")
    words = dockerfile.words_of(rest)
    program = next((word for word in words if dockerfile.PYTHON.search(word)), "python3")
    if not image.sees_packages(program):
        return wrong(
            f"The packages are in the image, and {program} of {image.prefix_of(program)} does not look where they "
            "lie: put the venv's bin at the beginning of PATH, or start the venv's own python3."
        )
    return None


@exercise
def ex_6_2(answer: str) -> Verdict:
    """A Dockerfile: base, secret, order, user."""
    no_dockerfile = wrong("The answer is the text of a Dockerfile, as one string with a FROM line.")
    if not isinstance(answer, str) or "FROM" not in answer.upper():
        return no_dockerfile
    try:
        instructions = dockerfile.instructions_of(answer)
    except DockerfileSyntaxError as error:
        return wrong(f"The builder cannot read it: {error}.")
    if not dockerfile.stages_of(instructions):
        return no_dockerfile
    if refused := _base(instructions) or _secret(answer, instructions):
        return refused
    image, installs = dockerfile.follow(instructions)
    if refused := _install(installs) or _user(image) or _content(image) or _start(image):
        return refused
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
# Half a megabyte, so that sums over a beginning are found out.
LARGE = bytes(range(256)) * 2048
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
    "folder": ("0.1.0", {path.replace("flightdelay", "flights"): text for path, text in FILES.items()}),
    "as Windows": ("0.1.0", FILES | {"requirements-image.txt": b"scikit-learn==1.9.1\r\n"}),
    "binary": ("0.1.0", FILES | {"data/2013-09.parquet": b"PAR1\x00\xfe\xff\x82"}),
    "line end": ("0.1.0", FILES | {"requirements-image.txt": b"scikit-learn==1.9.1"}),
    "capital": ("0.1.0", {path.replace("src", "SRC"): text for path, text in FILES.items()}),
    "an empty file": ("0.1.0", FILES | {"src/flightdelay/__init__.py": b""}),
    "twins": ("0.1.0", {"a/__init__.py": b"", "b/__init__.py": b""}),
    "twins, turned": ("0.1.0", {"b/__init__.py": b"", "a/__init__.py": b""}),
    "a hundred": ("0.1.0", {f"src/{number}.py": b"" for number in range(100)}),
    "0.1.10": ("0.1.10", FILES),
    "0.1.11": ("0.1.11", FILES),
    "large": ("0.1.0", {"large": LARGE}),
    "large at its start": ("0.1.0", {"large": b"x" + LARGE[1:]}),
    "large in the middle": ("0.1.0", {"large": LARGE[:300_000] + b"x" + LARGE[300_001:]}),
    "large at its end": ("0.1.0", {"large": LARGE[:-1] + b"x"}),
}
# What may stand behind a path or a content. Each of these could stand in a file, too.
MARKS = [
    b"",
    b"\n",
    b"\0",
    b" ",
    b":",
    b",",
    b";",
    b"|",
    b"=",
    b"\t",
    b"/",
    b"#",
    b"\r\n",
    b"\n\n",
    b": ",
    b"--",
]


def _pairs_of_files() -> list[tuple[dict[str, bytes], dict[str, bytes]]]:
    """Return one file and two files each that read the same, if such marks alone keep them apart."""
    found = [
        ({"a": b"x" + behind + b"b" + between + b"y"}, {"a": b"x", "b": b"y"})
        for between in MARKS
        for behind in MARKS
    ]
    found += [({"a": b"bc"}, {"ab": b"c"}), ({"a": b""}, {})]
    # "a" with 11 bytes, and "a1" with one, where a length stands behind the path and nothing between them.
    return [*found, ({"a": b"0b8zzzzzzzz"}, {"a1": b"0", "b": b"zzzzzzzz"})]


VARIANTS = 30_000  # enough that a sum of six hexadecimal digits meets itself


SECONDS = 600  # an end for an answer that has none; a right one takes two


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _tags(job: str) -> None:
    """Print the tag of each case, how many tags the variants have, and what reads the same, as JSON."""
    answer = cloudpickle.loads(Path(job).read_bytes())
    found = {name: answer(version, dict(files)) for name, (version, files) in CASES.items()}
    many = {answer("0.1.0", {"a.py": f"{number}".encode()}) for number in range(VARIANTS)}
    same = [
        [repr(one), repr(other)]
        for one, other in _pairs_of_files()
        if answer("0.1.0", dict(one)) == answer("0.1.0", dict(other))
    ]
    print(json.dumps([found, len(many), same[:1]]))


def _in_a_process(answer: Callable[..., Any], seed: str) -> tuple[dict[str, Any], int, list[list[str]]]:
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job"
        job.write_bytes(cloudpickle.dumps(answer))
        script = "import sys; from chapter_06.check import _tags; _tags(sys.argv[1])"
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script, str(job)],
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed, "HOME": folder},
            cwd=folder,
            timeout=SECONDS,
        )
    if ended.returncode:
        raise RuntimeError(ended.stderr.strip().splitlines()[-1])
    tags, many, same = json.loads(ended.stdout.splitlines()[-1])
    return tags, many, same


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
        return wrong(
            f"A tag is text, and what comes back is {type(first).__name__}: end the body with return."
        )
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
    tags, many, same = _in_a_process(answer, "1")
    if tags["first"].endswith("latest"):
        return wrong("latest is the same name for every content: that is the tag which moves with each push.")
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
    if tags["twins, turned"] != tags["twins"]:
        return wrong(
            "Two files of the same content, listed in another order, get another tag: contents alone do not settle "
            "the order, paths do."
        )
    if 10 < many < VARIANTS:
        return wrong(
            f"Of {VARIANTS:,} different contents some share a tag: so few digits of a sum are soon used up. Take "
            "more, a dozen of hexadecimal ones is usual."
        )
    for case, hint in {
        "byte": "One line of code changes, and the tag stays: the content has to count, not paths or sizes alone.",
        "lock": "A version in requirements-image.txt changes, and the tag stays: every file has to count.",
        "path": "A file has another path, and the tag stays: in the image it is another file.",
        "folder": "A file lies in another folder, and the tag stays: the whole path has to count, not its end.",
        "as Windows": "A line ends as Windows ends it, and the tag stays: in the image these are other bytes.",
        "binary": "Two bytes of a data file change, and the tag stays: sum up the bytes, not what decode() leaves.",
        "line end": "A file loses its last line break, and the tag stays: sum up the bytes as they are.",
        "capital": "A folder is spelled in capitals, and the tag stays: on Linux that is another path.",
        "an empty file": "An empty file is added, and the tag stays: it is in the image, and Python may look for it.",
        "swapped": "Two files change places, and the tag stays: which content stands under which path?",
    }.items():
        if tags[case] == tags["first"]:
            return wrong(hint)
    if changed := [case for case in tags if case.startswith("large ") and tags[case] == tags["large"]]:
        return wrong(
            f"One byte of a file of 512 KiB changes, {changed[0][6:]}, and the tag stays: every byte counts."
        )
    if same:
        return wrong(
            f"{same[0][0]} and {same[0][1]} get the same tag: what stands between path and content can stand in a file "
            "too. Write each length in front, or sum up each path and each content by itself first."
        )
    if tags["version"] == tags["first"] or "0.1.0" not in tags["first"]:
        return wrong("The version is not in the tag, or not readable there: people look for it.")
    if tags["0.1.10"] == tags["0.1.11"]:
        return wrong("0.1.10 and 0.1.11 get the same tag: the whole version has to count.")
    if len(tags["a hundred"]) > 128:
        return wrong(
            f"With a hundred files the tag has {len(tags['a hundred'])} characters, and at most 128 are allowed: make "
            "one sum over all files."
        )
    return right("Other content, other name, on every machine: this name needs nobody's discipline.")


# --- 6.4: two steps that share no disk ---------------------------------------------------------------------

# Not the lesson's: (carrier, delay) with what the report has to say.
FLIGHTS: list[tuple[str, float | None]] = [
    ("AA", 3.0),
    ("AA", 44.0),
    ("B6", 16.0),
    ("B6", 90.0),
    ("B6", 15.0),  # not more than 15 minutes
    ("B6", None),  # never arrived: counted as on time they would halve the share
    ("B6", None),
    ("DL", -5.0),
]
FLIGHTS += 3 * [("DL", None)]  # counted as late these would be the worst
REPORT = {"carrier": "B6", "late": 0.667}


@exercise
def ex_6_4(answer: list[Callable[..., Any]]) -> Verdict:
    """Two steps, each in a process and on a disk of its own."""
    if not isinstance(answer, list | tuple) or len(answer) != 2 or not all(callable(step) for step in answer):
        return wrong("The answer is a list of the two functions: [prepare, report].")
    prepare, report = answer
    if (
        "flights" not in inspect.signature(prepare).parameters
        and "flights" in inspect.signature(report).parameters
    ):
        return wrong("The order is [prepare, report]: the one that gets `flights` comes first.")
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
            f"Both run alone, but the report on the check's flights is {found}, and the two steps of the notebook "
            f"give {REPORT}: it comes from other flights, or was computed in another way (more than 15 minutes, and "
            "only flights that arrived)."
        )
    return right(
        "Nothing is shared, and the report is the same: what the second step needs is declared and carried."
    )


def _first_failed(error: str) -> Verdict:
    if "is a folder" in error:
        return wrong(
            "prepare makes a folder where its output is asked for; write one file at the path `prepared`."
        )
    if "JSON serializable" in error:
        return wrong(
            f"prepare returns something that does not fit between two processes ({error}): a table travels as a file, "
            "at the path that it is given as `prepared`."
        )
    if "was not written" in error:
        return wrong(
            "prepare writes to a place on its own disk, and that disk is gone when it ends. Its output is asked "
            "for at the path that it is given as `prepared`."
        )
    if "non-existent directory" in error:
        return wrong(
            f"prepare writes into a folder that is not there ({error}). `prepared` is the path of the file itself: "
            "write to it as it is."
        )
    if "No such file" in error or "FileNotFound" in error:
        return wrong(
            f"prepare reaches for a place that your disk has and its own has not ({error}). It reads what it is given "
            "as `flights`, and writes to what it is given as `prepared`."
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
    columns = re.findall(r"\w+", start.split("\n")[0])
    if "KeyError" in error and re.search(r"\blate\b", error) and "\n" in start and "late" not in columns:
        return wrong(
            f"report asks for a column late, and the file that prepare made has {', '.join(columns)}: what the second "
            "step needs, the first one has to hand over."
        )
    if "NameError" in error or "KeyError" in error or "AttributeError" in error or "NoneType" in error:
        return wrong(
            f"report reaches for something that the first step left in memory or in the environment ({error}): "
            "another process has none of it."
        )
    if "unexpected keyword" in error:
        return wrong("Leave the parameters' names as they are: the paths are given by name.")
    return wrong(f"report stops where it is alone, with {error}.")
