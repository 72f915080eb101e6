"""What learners get wrong in chapter 06. Each answer has to be refused with a hint."""

import hashlib
import json
import os
import random
import time
from datetime import datetime
from pathlib import Path

import pandas as pd

# --- 6.1 ---

RIGHT = {
    "a line of train.py": ["code"],
    "a version in requirements-image.txt": ["packages", "data", "code"],
    "a month of data": ["data", "code"],
    "the base image": ["packages", "data", "code"],
    "a line of this notebook": [],
}
ALL = ["packages", "data", "code"]
LAYERS = [
    dict.fromkeys(RIGHT, ALL),
    {**dict.fromkeys(RIGHT, ALL), "a line of this notebook": []},
    # Only the layer that is changed.
    {**RIGHT, "a version in requirements-image.txt": ["packages"], "a month of data": ["data"]},
    {**RIGHT, "a month of data": ["data"]},
    {**RIGHT, "the base image": []},
    {**RIGHT, "the base image": ["packages"]},
    # What stands above, too.
    {**RIGHT, "a line of train.py": ["packages", "code"]},
    {**RIGHT, "a month of data": ALL},
    {**RIGHT, "a line of this notebook": ["code"]},
    {**RIGHT, "a line of train.py": "code"},
    {**RIGHT, "a line of train.py": ["train"]},
    {"a line of train.py": ["code"]},
    ["code"],
]

# --- 6.2 ---

GOOD = """\
FROM docker.io/library/python:3.12-slim@sha256:0f5b26b9518d002b6173fd61daad821fa340635ebfec5bba471013f9ca114579
COPY requirements-image.txt /app/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \\
    python3 -m pip install --require-hashes --requirement /app/requirements-image.txt
COPY src/flightdelay /app/src/flightdelay
ENV PYTHONPATH=/app/src
WORKDIR /tmp
USER 10001:10001
ENTRYPOINT ["python3", "-m", "flightdelay"]
"""
INHERITED = """\
FROM docker.io/library/python:latest
ENV PIP_INDEX_URL=https://ml-team:hunter2@packages.example.com/simple
COPY . /app
RUN python3 -m pip install --require-hashes --requirement /app/requirements-image.txt
ENV PYTHONPATH=/app/src
WORKDIR /tmp
ENTRYPOINT ["python3", "-m", "flightdelay"]
"""
DIGEST = "@sha256:0f5b26b9518d002b6173fd61daad821fa340635ebfec5bba471013f9ca114579"
LEND = "--mount=type=secret,id=pip.conf,target=/etc/pip.conf"


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


TWO_STAGES = f"""\
ARG BASE=docker.io/library/python:3.12-slim{DIGEST}
FROM ${{BASE}} AS packages
WORKDIR /build
COPY requirements-image.txt .
RUN python3 -m venv /opt/venv
RUN {LEND} /opt/venv/bin/pip install --require-hashes -r requirements-image.txt
FROM ${{BASE}}
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY src/flightdelay src/flightdelay
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app/src
USER nobody
ENTRYPOINT ["/opt/venv/bin/python3", "-m", "flightdelay"]
"""
DOCKERFILES = [
    INHERITED,
    # Into the home of root, where user 10001 may not look.
    changed("pip install", "pip install --user"),
    changed("pip install", "pip install --user").replace("ENV ", "ENV HOME=/root "),
    # The lock under its own name, and another list installed.
    changed("/app/requirements-image.txt", "/app/requirements.txt"),
    changed(f"python:3.12-slim{DIGEST}", "python:latest"),
    changed(f":3.12-slim{DIGEST}", ""),
    changed(DIGEST, ""),
    changed(DIGEST, "@sha256:0f5b26"),
    "ARG BASE=docker.io/library/python:3.12-slim\n"
    + changed(f"docker.io/library/python:3.12-slim{DIGEST}", "${BASE}"),
    # Root.
    changed("USER 10001:10001\n", ""),
    changed("USER 10001:10001", "USER root"),
    changed("USER 10001:10001", "USER 0"),
    changed("USER 10001:10001\n", "USER 10001\nRUN ls\nUSER root\n"),
    changed("USER 10001:10001", "USER learner"),
    # In another stage than the last.
    changed("USER 10001:10001\n", "").replace("FROM", f"FROM python{DIGEST} AS first\nUSER 10001\nFROM"),
    # The password.
    changed("COPY req", "ENV PIP_INDEX_URL=https://ml-team:hunter2@packages.example.com/simple\nCOPY req"),
    changed("COPY req", "ARG PIP_INDEX_URL=https://ml-team:hunter2@packages.example.com/simple\nCOPY req"),
    changed("COPY req", "ARG PIP_INDEX_URL\nCOPY req").replace(f"{LEND} ", ""),
    changed("COPY req", "ARG PASSWORD\nENV PASSWORD=$PASSWORD\nCOPY req"),
    changed("COPY req", INHERITED.splitlines()[1] + "\nCOPY req").replace(
        "ENV PYTHON", "ENV PIP_INDEX_URL=\nENV PYTHON"
    ),
    # Not the known one.
    changed("-m pip install", "-m pip install --index-url https://build:s3cret@packages.example.com/simple"),
    changed(
        "COPY req", "ENV NETRC_LOGIN=x PIP_EXTRA_INDEX_URL=https://t0ken@packages.example.com/\nCOPY req"
    ),
    changed("ENV PYTHON", "LABEL from=https://build:s3cret@packages.example.com\nENV PYTHON"),
    changed("COPY req", "ENV DB_PASSWORD=s3cret\nCOPY req"),
    changed("-m pip", "-m pip --index-url https://ml-team:hunter2@packages.example.com/simple"),
    changed("COPY req", "COPY pip.conf /etc/pip.conf\nCOPY req").replace(f"{LEND} ", ""),
    changed("COPY src", "RUN rm /etc/pip.conf\nCOPY src").replace(
        "COPY req", "COPY pip.conf /etc/\nCOPY req"
    ),
    changed("ENV PYTHON", "# it was: ml-team:hunter2\nENV PYTHON"),
    # Nobody can sign in any more.
    changed(f"{LEND} ", ""),
    # The order.
    changed("COPY requirements-image.txt /app/", "COPY . /app"),
    changed("COPY req", "COPY src/flightdelay /app/src/flightdelay\nCOPY req"),
    changed("COPY requirements-image.txt /app/", "COPY requirements-image.txt src /app/"),
    changed("COPY requirements-image.txt /app/\n", ""),
    # What was there before is gone.
    changed("COPY src/flightdelay /app/src/flightdelay\n", ""),
    changed("--require-hashes --requirement /app/requirements-image.txt", "scikit-learn pandas"),
    changed('ENTRYPOINT ["python3", "-m", "flightdelay"]\n', ""),
    changed("ENV PYTHONPATH=/app/src\n", ""),
    # The code, but elsewhere.
    changed("/app/src/flightdelay\n", "/app/src\n"),
    changed("/app/src/flightdelay\n", "/app/flightdelay\n"),
    changed("COPY src/flightdelay /app/src/flightdelay", "COPY src /app"),
    changed("COPY src/flightdelay /app/src/flightdelay", "WORKDIR /app\nCOPY src/flightdelay src"),
    # It starts in another way.
    changed('["python3", "-m", "flightdelay"]', "python3 -m flightdelay"),
    changed("ENTRYPOINT", "CMD"),
    # pip has no right, no list, or leaves a copy of what was lent.
    changed("USER 10001:10001\n", "").replace("COPY req", "USER 10001\nCOPY req"),
    changed("COPY requirements-image.txt /app/", "COPY requirements-image.txt /opt/"),
    changed("COPY requirements-image.txt /app/", "COPY requirements-image.txt /app/list.txt"),
    changed(f"{LEND} \\\n", f"{LEND} cp /etc/pip.conf /root/pip.conf && "),
    changed(f"{LEND} \\\n", "--mount=type=secret,id=pip.conf cat /run/secrets/pip.conf > /etc/pip.conf && "),
    # It is lent where pip does not look.
    changed(LEND, "--mount=type=secret,id=pip.conf"),
    changed(LEND, "--mount=type=secret,id=pip.conf,target=/root/pip.conf"),
    changed(f"{LEND} \\\n    python3 -m pip install", f"{LEND} uv pip install --system"),
    # The packages stay in the first stage, or nobody looks where they lie.
    TWO_STAGES.replace("COPY --from=packages /opt/venv /opt/venv\n", ""),
    TWO_STAGES.replace("PATH=/opt/venv/bin:$PATH ", "").replace('"/opt/venv/bin/python3"', '"python3"'),
    TWO_STAGES.replace("--from=packages /opt/venv /opt/venv", "--from=packages /opt/venv /venv"),
    TWO_STAGES.replace("/opt/venv/bin/pip install", "pip install"),
    changed("--require-hashes", "--target /packages --require-hashes"),
    # All that the builder sees is mounted: a changed line of code is seen, too.
    changed("COPY requirements-image.txt /app/\n", "").replace(LEND, f"{LEND} --mount=type=bind,target=/app"),
    changed("USER 10001:10001", "ARG UID\nUSER ${UID}"),
    changed("USER 10001:10001", "ARG UID=0\nUSER ${UID}:10001"),
    changed("RUN ", "RUM "),
    "FROM",
    "FROM --platform=linux/amd64",
    changed("COPY req", "ENV PIP_INDEX_URL=https://team@packages.example.com/simple\nCOPY req"),
    "\n".join(line for line in GOOD.splitlines() if "RUN" not in line and "pip install" not in line),
    "python:3.12-slim",
    "",
    ["FROM"],
]

# --- 6.3 ---


def the_version(version: str, files: dict[str, bytes]) -> str:
    return version


def latest(version: str, files: dict[str, bytes]) -> str:
    return "latest"


def the_date(version: str, files: dict[str, bytes]) -> str:
    return f"{version}-{datetime.now():%Y%m%d%H%M}"


def seconds(version: str, files: dict[str, bytes]) -> str:
    return f"{version}-{int(time.time())}"


def at_random(version: str, files: dict[str, bytes]) -> str:
    return f"{version}-{random.random()}"


def the_hash_of_python(version: str, files: dict[str, bytes]) -> str:
    return f"{version}-{hash(tuple(sorted(files.items()))) & 0xFFFFFFFFFFFF:x}"


def paths_alone(version: str, files: dict[str, bytes]) -> str:
    return f"{version}-{hashlib.sha256(' '.join(sorted(files)).encode()).hexdigest()[:12]}"


def sizes(version: str, files: dict[str, bytes]) -> str:
    return f"{version}-{sum(len(text) for text in files.values())}"


def contents_alone(version: str, files: dict[str, bytes]) -> str:
    return f"{version}-{hashlib.sha256(b''.join(files[path] for path in sorted(files))).hexdigest()[:12]}"


def contents_in_order(version: str, files: dict[str, bytes]) -> str:
    return f"{version}-{hashlib.sha256(b''.join(sorted(files.values()))).hexdigest()[:12]}"


def without_separators(version: str, files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.encode() + files[path])
    return f"{version}-{digest.hexdigest()[:12]}"


def as_text(version: str, files: dict[str, bytes]) -> str:
    text = "\n".join(f"{path} {files[path].decode()}" for path in sorted(files))
    return f"{version}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def what_is_text(version: str, files: dict[str, bytes]) -> str:
    text = "\n".join(f"{path} {files[path].decode(errors='ignore')}" for path in sorted(files))
    return f"{version}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def as_listed(version: str, files: dict[str, bytes]) -> str:
    return f"{version}-{hashlib.sha256(str(files).encode()).hexdigest()[:12]}"


def code_alone(version: str, files: dict[str, bytes]) -> str:
    code = {path: text for path, text in sorted(files.items()) if path.startswith("src") or path == "a.py"}
    return f"{version}-{hashlib.sha256(str(code).encode()).hexdigest()[:12]}"


def two_digits(version: str, files: dict[str, bytes]) -> str:
    return f"{version}-{hashlib.sha256(str(sorted(files.items())).encode()).hexdigest()[:2]}"


def without_the_version(version: str, files: dict[str, bytes]) -> str:
    return hashlib.sha256(str(sorted(files.items())).encode()).hexdigest()[:12]


def no_tag(version: str, files: dict[str, bytes]) -> str:
    return f"{version}@sha256:{hashlib.sha256(str(sorted(files.items())).encode()).hexdigest()}"


def too_long(version: str, files: dict[str, bytes]) -> str:
    return f"{version}-{hashlib.sha512(str(sorted(files.items())).encode()).hexdigest()}"


def a_number(version: str, files: dict[str, bytes]) -> int:
    return 1


def nothing(version: str, files: dict[str, bytes]) -> None:
    hashlib.sha256()


def between_line_breaks(version: str, files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.encode() + b"\n" + files[path] + b"\n")
    return f"{version}-{digest.hexdigest()[:12]}"


def between_zeros(version: str, files: dict[str, bytes]) -> str:
    digest = hashlib.sha256(
        b"\0".join(part for path in sorted(files) for part in (path.encode(), files[path]))
    )
    return f"{version}-{digest.hexdigest()[:12]}"


def length_without_a_mark(version: str, files: dict[str, bytes]) -> str:
    parts = [f"{path}{len(files[path])}".encode() + files[path] for path in sorted(files)]
    return f"{version}-{hashlib.sha256(b''.join(parts)).hexdigest()[:12]}"


def six_digits(version: str, files: dict[str, bytes]) -> str:
    return f"{version}-{hashlib.sha256(str(sorted(files.items())).encode()).hexdigest()[:6]}"


def small_letters(version: str, files: dict[str, bytes]) -> str:
    text = str(sorted((path.lower(), text) for path, text in files.items()))
    return f"{version}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def beginnings(version: str, files: dict[str, bytes]) -> str:
    text = str(sorted((path, text[:4096]) for path, text in files.items()))
    return f"{version}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def as_on_linux(version: str, files: dict[str, bytes]) -> str:
    text = str(sorted((path, text.replace(b"\r\n", b"\n")) for path, text in files.items()))
    return f"{version}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def in_the_order_of_contents(version: str, files: dict[str, bytes]) -> str:
    text = str(sorted(files.items(), key=lambda each: each[1]))
    return f"{version}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def names_without_folders(version: str, files: dict[str, bytes]) -> str:
    text = str(sorted((Path(path).name, text) for path, text in files.items()))
    return f"{version}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def a_sum_for_each_file(version: str, files: dict[str, bytes]) -> str:
    sums = [hashlib.sha256(f"{path}\n".encode() + files[path]).hexdigest()[:12] for path in sorted(files)]
    return f"{version}-{''.join(sums)}"


def five_letters_of_the_version(version: str, files: dict[str, bytes]) -> str:
    return f"{version[:5]}-{hashlib.sha256(str(sorted(files.items())).encode()).hexdigest()[:12]}"


def without_line_ends(version: str, files: dict[str, bytes]) -> str:
    text = str(sorted((path, text.strip()) for path, text in files.items()))
    return f"{version}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def what_is_not_empty(version: str, files: dict[str, bytes]) -> str:
    text = str(sorted((path, text) for path, text in files.items() if text))
    return f"{version}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


# --- right in another style ---

GOOD_DOCKERFILES = [
    GOOD,
    # The lock under another name.
    changed("COPY requirements-image.txt /app/", "COPY requirements-image.txt /app/requirements.txt").replace(
        "--requirement /app/requirements-image.txt", "-r /app/requirements.txt"
    ),
    changed("COPY requirements-image.txt /app/\n", "")
    .replace(LEND, f"{LEND} --mount=type=bind,source=requirements-image.txt,target=/tmp/list.txt")
    .replace("/app/requirements-image.txt", "/tmp/list.txt"),
    # Packages of the user's own.
    changed("USER 10001:10001\n", "")
    .replace("COPY req", "RUN useradd --uid 1000 --create-home ada\nCOPY req")
    .replace("RUN --mount", "USER ada\nRUN --mount")
    .replace(LEND, f"{LEND},uid=1000")
    .replace("pip install", "pip install --user"),
    TWO_STAGES,
    changed("COPY src/flightdelay /app/src/flightdelay", "COPY src /app/src"),
    changed("COPY src/flightdelay /app/src/flightdelay", "COPY . /app/"),
    changed("USER 10001:10001", "RUN useradd --uid 10001 learner\nUSER learner"),
    changed("COPY requirements-image.txt /app/\n", "").replace(
        LEND, f"{LEND} --mount=type=bind,source=requirements-image.txt,target=/app/requirements-image.txt"
    ),
    # An address without a password is no secret; the password comes in a file that pip reads.
    changed("COPY req", "ENV PIP_INDEX_URL=https://packages.example.com/simple\nCOPY req").replace(
        LEND, "--mount=type=secret,id=netrc,target=/root/.netrc"
    ),
    changed(f"{LEND} \\\n", "--mount=type=secret,id=pip.conf PIP_CONFIG_FILE=/run/secrets/pip.conf "),
    changed(
        f"{LEND} \\\n",
        '--mount=type=secret,id=index export PIP_INDEX_URL="$(cat /run/secrets/index)" 2>/dev/null && ',
    ),
    changed('"flightdelay"]', '"flightdelay"]\nCMD ["2013-09"]'),
    # Here-document, ARG in USER, a path at the root, COPY with the folders above, a tab: all five are plain BuildKit.
    changed(f"{LEND} \\\n    python3", f"{LEND} <<EOF\nset -e\npython3").replace(
        "image.txt\nCOPY", "image.txt\nEOF\nCOPY"
    ),
    changed("USER 10001:10001", "ARG UID=10001\nUSER ${UID}"),
    changed("/app/requirements", "/requirements").replace(
        "requirements-image.txt /app/", "requirements-image.txt /"
    ),
    changed("COPY src/flightdelay /app/src/flightdelay", "COPY --parents src/flightdelay /app/"),
    changed("USER 1", "USER\t1"),
    # pip asks for the sums by itself as soon as a line of the list has one.
    changed("--require-hashes ", ""),
    changed(f"{LEND} \\\n", "--mount=type=secret,id=pipconf \\\n").replace(
        "COPY req", "ENV PIP_CONFIG_FILE=/run/secrets/pipconf\nCOPY req"
    ),
    changed(f"{LEND} \\\n", "--mount=type=secret,id=index,env=PIP_INDEX_URL \\\n"),
    changed("ENV PYTHON", "ENV PIP_INDEX_URL=\nENV PYTHON"),  # idle, and no harm
    # Other places for the packages, each in sight of the Python that is started.
    changed("--require-hashes", "--target /packages --require-hashes").replace(
        "PYTHONPATH=/app/src", "PYTHONPATH=/app/src:/packages"
    ),
    TWO_STAGES.replace("/opt/venv/bin/pip", ". /opt/venv/bin/activate && pip"),
    TWO_STAGES.replace("PATH=/opt/venv/bin:$PATH ", ""),
    TWO_STAGES.replace("RUN python3 -m venv /opt/venv\n", "")
    .replace("/opt/venv/bin/", "")
    .replace(
        "/opt/venv /opt/venv",
        "/usr/local/lib/python3.12/site-packages /usr/local/lib/python3.12/site-packages",
    )
    .replace("PATH=/opt/venv/bin:$PATH ", ""),
    TWO_STAGES.replace("FROM", "from").replace(" AS ", " as ").replace("COPY", "Copy"),
    changed(
        f"{LEND} \\\n    python3 -m pip install",
        "--mount=type=secret,id=n,target=/root/.netrc uv pip install --system",
    ),
    changed("\n    python3 -m pip", "\n  # the lock\n    python3 -m pip"),
]


def sums_of_sums(version: str, files: dict[str, bytes]) -> str:
    lines = [f"{hashlib.sha256(text).hexdigest()}  {path}" for path, text in sorted(files.items())]
    return f"{version}-{hashlib.sha1(chr(10).join(lines).encode()).hexdigest()}"


def as_json(version: str, files: dict[str, bytes]) -> str:
    text = json.dumps({path: text.hex() for path, text in files.items()}, sort_keys=True)
    return f"v{version}_{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"


def as_python_shows_it(version: str, files: dict[str, bytes]) -> str:
    return f"{version}-{hashlib.md5(repr(sorted(files.items())).encode()).hexdigest()}"


def length_in_front(version: str, files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path} {len(files[path])}\n".encode() + files[path])
    return f"{version}-{digest.hexdigest()[:8]}"


# --- 6.4 ---


def prepare(flights: Path, prepared: Path) -> None:
    table = pd.read_csv(flights).dropna()
    table.assign(late=table["arr_delay"] > 15).to_csv(prepared, index=False)


def report(prepared: Path) -> dict:
    late = pd.read_csv(prepared).groupby("carrier")["late"].mean()
    return {"carrier": late.idxmax(), "late": round(float(late.max()), 3)}


def _table(flights):
    table = pd.read_csv(flights).dropna()
    return table.assign(late=table["arr_delay"] > 15)


def _report(late):
    late = late.groupby("carrier")["late"].mean()
    return {"carrier": late.idxmax(), "late": round(float(late.max()), 3)}


def to_the_current_folder(flights, prepared):
    _table(flights).to_csv("prepared.csv", index=False)


def from_the_current_folder(prepared):
    return _report(pd.read_csv("prepared.csv"))


def to_both(flights, prepared):
    _table(flights).to_csv("prepared.csv", index=False)
    _table(flights).to_csv(prepared, index=False)


def to_tmp_and_the_path(flights, prepared):
    _table(flights).to_csv("/tmp/wrong-prepared.csv", index=False)
    Path(prepared).write_text("/tmp/wrong-prepared.csv")


def from_the_path(prepared):
    return _report(pd.read_csv(Path(prepared).read_text()))


def parquet_to_tmp(flights, prepared):
    _table(flights).to_parquet("/tmp/wrong-prepared.parquet")
    Path(prepared).write_text(json.dumps({"path": "/tmp/wrong-prepared.parquet"}))


def parquet_from_the_path(prepared):
    return _report(pd.read_parquet(json.loads(Path(prepared).read_text())["path"]))


def to_home(flights, prepared):
    _table(flights).to_csv(Path.home() / "prepared.csv", index=False)
    Path(prepared).touch()


def from_home(prepared):
    return _report(pd.read_csv(Path.home() / "prepared.csv"))


def to_memory(flights, prepared):
    global kept
    kept = _table(flights)
    Path(prepared).write_text("see kept")


def from_memory(prepared):
    return _report(kept)


def to_the_environment(flights, prepared):
    os.environ["PREPARED"] = _table(flights).to_csv(index=False)
    Path(prepared).write_text("in the environment")


def from_the_environment(prepared):
    return _report(pd.DataFrame(json.loads(os.environ["PREPARED"])))


def beside(flights, prepared):
    _table(flights).to_csv(Path(prepared).with_name("prepared.csv"), index=False)


def on_my_disk(flights, prepared):
    _table(Path(__file__).parents[2] / "work" / "september.csv").to_csv(prepared, index=False)


def from_the_same_path(prepared):
    return _report(pd.read_csv(Path(__file__).parents[2] / "work" / "state" / "handed" / "prepared"))


def other_flights(prepared):
    return {"carrier": "F9", "late": 0.232}


def says_nothing(prepared):
    print(report(prepared))


def keeps_the_empty_ones(flights, prepared):
    table = pd.read_csv(flights)
    table.assign(late=table["arr_delay"].fillna(99) > 15).to_csv(prepared, index=False)


def counts_those_without_a_delay(flights, prepared):
    table = pd.read_csv(flights)
    table.assign(late=table["arr_delay"] > 15).to_csv(prepared, index=False)


def fifteen_is_late(flights, prepared):
    table = pd.read_csv(flights).dropna()
    table.assign(late=table["arr_delay"] >= 15).to_csv(prepared, index=False)


def without_late(flights, prepared):
    pd.read_csv(flights).dropna().to_csv(prepared, index=False)


def as_parquet(flights, prepared):
    _table(flights).to_parquet(prepared)


def from_parquet(prepared):
    return _report(pd.read_parquet(prepared))


def by_hand(flights, prepared):
    with open(flights) as lines, open(prepared, "w") as out:
        next(lines)
        for line in lines:
            carrier, _, delay = line.strip().split(",")
            if delay:
                out.write(f"{carrier} {int(float(delay) > 15)}\n")


def counted(prepared):
    late = {}
    for line in Path(prepared).read_text().splitlines():
        carrier, one = line.split()
        late.setdefault(carrier, []).append(int(one))
    shares = {carrier: sum(each) / len(each) for carrier, each in late.items()}
    worst = max(shares, key=shares.get)
    return {"late": round(shares[worst], 3), "carrier": worst}


def judges_late_itself(prepared):
    table = pd.read_csv(prepared)
    return _report(table.assign(late=table["arr_delay"] > 15))


def returns_the_table(flights, prepared):
    return _table(flights)


def below_the_path(flights, prepared):
    _table(flights).to_csv(prepared / "prepared.csv", index=False)


def into_a_folder(flights, prepared):
    prepared.mkdir()
    _table(flights).to_csv(prepared / "table.csv", index=False)


ALSO_RIGHT = {
    "ex_6_2": GOOD_DOCKERFILES,
    "ex_6_3": [sums_of_sums, as_json, as_python_shows_it, length_in_front],
    "ex_6_4": [
        (prepare, report),
        [as_parquet, from_parquet],
        [by_hand, counted],
        [without_late, judges_late_itself],
    ],
}


def renamed(table, out):
    _table(table).to_csv(out, index=False)


WRONG = {
    "ex_6_1": LAYERS,
    "ex_6_2": DOCKERFILES,
    "ex_6_3": [
        the_version,
        latest,
        the_date,
        seconds,
        at_random,
        the_hash_of_python,
        paths_alone,
        sizes,
        contents_alone,
        contents_in_order,
        without_separators,
        as_text,
        what_is_text,
        as_listed,
        code_alone,
        two_digits,
        without_the_version,
        no_tag,
        too_long,
        a_number,
        nothing,
        between_line_breaks,
        between_zeros,
        length_without_a_mark,
        six_digits,
        small_letters,
        beginnings,
        without_line_ends,
        what_is_not_empty,
        as_on_linux,
        in_the_order_of_contents,
        names_without_folders,
        a_sum_for_each_file,
        five_letters_of_the_version,
        "0.1.0-3f2a91c04be7",
    ],
    "ex_6_4": [
        [to_the_current_folder, from_the_current_folder],
        [prepare, from_the_current_folder],
        [to_both, from_the_current_folder],
        [to_tmp_and_the_path, from_the_path],
        [parquet_to_tmp, parquet_from_the_path],
        [to_home, from_home],
        [to_memory, from_memory],
        [to_the_environment, from_the_environment],
        [beside, report],
        [on_my_disk, report],
        [prepare, from_the_same_path],
        [prepare, other_flights],
        [prepare, says_nothing],
        [keeps_the_empty_ones, report],
        [counts_those_without_a_delay, report],
        [fifteen_is_late, report],
        [without_late, report],
        [renamed, report],
        [returns_the_table, report],
        [into_a_folder, report],
        [below_the_path, report],
        [report, prepare],
        [prepare],
        prepare,
        ["prepare", "report"],
    ],
}
