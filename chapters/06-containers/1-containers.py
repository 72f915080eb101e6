# %% [markdown]
# # 06 · Containers: pack a step
#
# About 90 minutes · 1 GB of memory · no cluster; Docker or Podman, or a recording of it
#
# Until now all six steps ran on one machine, with one disk and one set of packages, all of them yours. From
# here on a step travels. It is packed into an image, and it runs wherever there is room, beside other steps
# that it does not know. Here you pack it, and you meet the one thing that surprises everybody.
#
# You will
#
# 1. predict **what a builder does again** after a change, from the order of a Dockerfile;
# 2. **mend a Dockerfile** that runs as root, moves under your feet and carries a password;
# 3. give an image **a name that cannot lie**;
# 4. mend **two steps that fail in containers**, and say what an artifact is.

# %%
import companion

state = companion.workspace("06-1")

# %% [markdown]
# The cells below talk to a **container engine**, the program that runs containers: Docker, or Podman, which
# takes the same commands. If yours answers, they run live. If there is none, the cell above has said so, and
# the answers of `docker` are a recording of a real run; only a `docker` line that you change has no answer
# then. Everything else, exercises included, runs on your machine either way.

# %%
# !docker --version

# %% [markdown]
# The image of this book is built by `make image`, in a terminal in the repository's folder (it downloads
# about 150 MB of packages, and the base). Ask the engine whether it is there.

# %%
columns = "{{.Repository}}:{{.Tag}}"
# names = !docker image ls --format "{columns}" pipelines-for-humans/python
image = names[0] if names else None  # the newest one
print(image or "There is no image yet: run make image in a terminal, then run this cell again.")

# %% [markdown]
# Before the colon stands what it is, behind it the **tag**, which says which one. This tag has two parts, a
# version and a sum over all that went in. Section 4 shows why.
#
# ## 1. The same numbers somewhere else
#
# "It works on my machine" is a serious sentence about a model. A probability comes out of your code *and* of
# scikit-learn, numpy, a C library below them and a Python to run them. Another release of one of these may
# give other numbers, or refuse to read the model at all. An **image** is a disk on which all of that lies
# ready: Python, packages, code. A **container** is a process that is started with that disk and sees no other.
#
# **Bet first:** the image holds another Python and another operating system than your laptop, perhaps, but
# the same locked packages. Does September come out the same, to two decimals?

# %%
my_bet = None  # "another" or "the same"

# %%
options = "--rm --read-only --tmpfs /tmp --tmpfs /scratch --network none"
# said = !docker run {options} {image} 2013-09 --sample 20000
print(*said, sep="\n")

# %%
from flightdelay.pipelines import in_plain_python

ran = in_plain_python.run("2013-09", sample=20_000, store=state / "store")
for name in ("challenger", "baseline"):
    metrics = ran.evaluation[name]
    print(f"{name:10}  AUC {metrics['auc']:.2f}  log loss {metrics['log_loss']:.2f}")
ours = ran.evaluation["challenger"]
there = [float(word) for word in said[0].split() if word.replace(".", "").isdigit()]
same = [round(number, 2) for number in there[:2]] == [round(ours[name], 2) for name in ("auc", "log_loss")]
companion.compare_bet(my_bet, "the same" if same else "another")

# %% [markdown]
# The command said `python -m flightdelay 2013-09 --sample 20000`, with a Python, a disk and a user
# of its own, without a network, and without being allowed to write anywhere but to `/tmp` and `/scratch`, two
# empty folders in memory. `--rm` removes the container when its process ends. Look at the packages in there,
# and at yours:

# %%
look = "import sklearn, pandas; print('scikit-learn', sklearn.__version__, 'pandas', pandas.__version__)"
# !docker run {options} --entrypoint python3 {image} -c "{look}"

import pandas as pd
import sklearn

print("scikit-learn", sklearn.__version__, "pandas", pd.__version__, "here")

# %% [markdown]
# The system and even the Python may differ; scikit-learn and pandas do not, since both sides were installed
# from one lock. The image carries what the lock says to places where nobody has your laptop. (Section 6 looks closer
# than two decimals.)
#
# ## 2. An image is not a container
#
# An image is a class, a container is an object of it. You start as many containers from one image as you like. Here
# one writes a note on its disk, an ordinary one this time and not in memory, and a second one, of the same image, looks
# for it. **Bet first:** what does the second one say?

# %%
my_bet = None  # "UA 1037" or "no such file"

# %%
disk = "--rm --network none --entrypoint sh"
# !docker run {disk} {image} -c "echo UA 1037 > note; cat note"
# found = !docker run {disk} {image} -c "cat note"
print(found[-1])
companion.compare_bet(my_bet, "UA 1037" if found[-1] == "UA 1037" else "no such file")

# %% [markdown]
# Both said `note`, in the same folder, and each means its own disk: a container begins with the image's files and a
# thin layer of its own on top, for what it writes. (`--rm` throws that layer away when the process ends. Without it the
# ended container and its layer lie about until `docker rm`; a new container does not see them either.)
#
# Now the other direction: you write a note on **your** disk, into this notebook's folder. Does a container see that
# one, under its full path?

# %%
my_bet = None  # "it does not" or "it does"

# %%
(state / "note").write_text("UA 1037")
# found = !docker run {options} --entrypoint cat {image} "{state}/note"
print(found[-1].rpartition(": ")[2])
companion.compare_bet(my_bet, "it does" if found[-1] == "UA 1037" else "it does not")

# %% [markdown]
# *A container sees my disk* is the first wrong belief of this chapter. It sees the image and nothing else,
# unless somebody opens a door: `-v what:where` **mounts** a folder of yours at a place in the container. (Where
# SELinux guards the machine, as on Fedora, the next line says "Permission denied": write `:ro,z` in place of `:ro`.)

# %%
# !docker run {options} -v "{state}:/mine:ro" --entrypoint cat {image} /mine/note

# %% [markdown]
# `:ro` means that it may be read only. On a cluster nobody stands there to open doors by hand: the step may
# run on a machine where your folder never was. Keep this in mind for section 5.
#
# Two more looks inside: who is it that runs there, and where may they write?

# %%
# !docker run {options} --entrypoint sh {image} -c "id -u; touch /scratch/x && echo written; touch /app/x"

# %% [markdown]
# User 10001, a number without rights. In many images the process is **root**: whoever finds a hole in your
# model server then owns the container, and needs one more hole for the machine. And `--read-only` makes every
# silent write fail loudly: into the package, into the home folder, a cache beside the code.
#
# ## 3. A Dockerfile, and what is built again
#
# An image is built from a **Dockerfile**, one instruction a line. Here is the second half of the book's own.
# (The first half installs the packages into `/opt/venv`, in a stage that is then left behind, with its build
# tools.)

# %%
from companion.workspace import repository

dockerfile = (repository() / "Dockerfile").read_text()
print(dockerfile.split("# --- Second stage")[1].partition("\n")[2])

# %% [markdown]
# | instruction | what it does | in a notebook |
# |---|---|---|
# | `FROM` | starts from another image: a system with Python | the machine that IT gave you |
# | `COPY --from=packages` | takes over what the first stage installed | `pip install -r requirements.txt` |
# | `COPY data`, `COPY src/…` | puts files in | the folder of the notebook |
# | `WORKDIR` | the folder for all that follows; it is made if it is missing | `%cd` |
# | `ENV` | sets variables of the environment | `os.environ[…] = …` in the first cell |
# | `USER` | who runs it | your login |
# | `ENTRYPOINT` | what starts when it starts | "Restart and run all" |
# | `LABEL` | says what it is, for people and programs | the title |
#
# One more stands at the very top of the file, and you need it soon: `ARG BASE_IMAGE=…` is a blank that whoever
# builds can fill with `--build-arg BASE_IMAGE=…`, and `${BASE_IMAGE}` stands for what was filled in.
#
# Each instruction that changes files makes a **layer**: the difference to what was there before. Layers are
# kept and shared. Look at the sizes:

# %%
columns = "{{.Size}}  {{.CreatedBy}}"
# layers = !docker history --format "{columns}" {image}
print("\n".join(line[:75] for line in layers if not line.startswith("0")))

# %% [markdown]
# Read it from below; instructions that change no file are left out. The base, then the packages, by far the
# most, then 6 MB of data, then the code: less than a thousandth of the whole.
#
# On the next build the engine goes from top to bottom. An instruction whose text and whose files are as
# before is not done again: its layer is taken from the **build cache**. At the first one that differs it
# starts to work, and from there on **everything below is done again**, because each layer is a difference to
# the one above.
#
# So order decides what a change costs. Two Dockerfiles, the same content. `RUN` stands for an installation
# that takes minutes; it leaves a random stamp, by which you can see whether it was done again.

# %%
import os

(state / "order").mkdir(exist_ok=True)
os.chmod(state / "order", 0o755)
(state / "order" / "packages.txt").write_text("scikit-learn==1.9.1\n")
install = "RUN cat packages.txt /proc/sys/kernel/random/uuid > /tmp/installed"
start = "ARG BASE\nFROM ${BASE}\nWORKDIR /app/own\n"
(state / "order" / "code-first").write_text(f"{start}COPY packages.txt late.py ./\n{install}\n")
(state / "order" / "code-last").write_text(f"{start}COPY packages.txt ./\n{install}\nCOPY late.py ./\n")
print(sorted(os.listdir(state / "order")))

# %% [markdown]
# Each is built, then one line of code is changed, and each is built again. **Bet first:** whose stamp stays
# the same? That of `both`, of `none`, of `code-first` or of `code-last`?

# %%
my_bet = None  # "both", "code-first", "code-last" or "none"

# %%
kept = []
for order in ("code-first", "code-last"):
    stamps = []
    for line in ("LIMIT = 15  # minutes", "LIMIT = 30  # minutes"):
        (state / "order" / "late.py").write_text(line)
        # built = !docker build --quiet --build-arg BASE={image} -f "{state}/order/{order}" "{state}/order"
        # stamp = !docker run --rm --entrypoint cat {built[-1]} /tmp/installed
        stamps.append(stamp[-1])
    print(f"{order}: installed again after a change of code: {stamps[0] != stamps[1]}")
    kept += [order] if stamps[0] == stamps[1] else []
companion.compare_bet(my_bet, "both" if len(kept) == 2 else "".join(kept) or "none")

# %% [markdown]
# In `code-first` the code stands in the same `COPY` as the list of packages, above the installation: every
# change of a comment reinstalls everything. The cure costs nothing: **what changes seldom stands above what
# changes often.**
#
# ## Exercise 6.1: What is done again?
#
# On top of its base the book's image has three layers, from top to bottom of the `Dockerfile`: `"packages"`
# (the whole first stage, and the line that copies from it), `"data"` and `"code"`. Answer with a dict: for
# each change, the list of those that `make image` makes again (empty: all from the cache).

# %%
changes = ["a line of train.py", "a version in requirements-image.txt", "a month of data"]
changes += ["the base image", "a line of this notebook"]
### BEGIN SOLUTION
answer = {
    "a line of train.py": ["code"],
    "a version in requirements-image.txt": ["packages", "data", "code"],
    "a month of data": ["data", "code"],
    "the base image": ["packages", "data", "code"],
    "a line of this notebook": [],
}
### END SOLUTION

# %%
from companion import check

check.ex_6_1(answer)

# %% [markdown]
# ### A Dockerfile that somebody left you
#
# It builds, it runs, and it has the four usual faults.

# %%
inherited = """\
FROM docker.io/library/python:latest
ENV PIP_INDEX_URL=https://ml-team:hunter2@packages.example.com/simple
COPY . /app
RUN python3 -m pip install --require-hashes --requirement /app/requirements-image.txt
ENV PYTHONPATH=/app/src
WORKDIR /tmp
ENTRYPOINT ["python3", "-m", "flightdelay"]
"""

# %% [markdown]
# ## Exercise 6.2: Mend it
#
# What a layer holds stays in the image for ever: a line further down that deletes it or sets it to nothing
# hides it, and `docker history` or an unpacked layer shows it again. A password that a build needs is
# therefore **lent** to one instruction:
#
# ```
# RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf python3 -m pip install …
# ```
#
# with `docker build --secret id=pip.conf,src=…` on the outside. The file is there while the line runs, and in
# no layer.
#
# Write the mended text, by copying it or with `inherited.replace(…)`. It has to
#
# - begin with a base that cannot move (the book's, see `print(dockerfile)`, or any other by its digest);
# - hold no password, and still be able to sign in at the package index;
# - not install again when a line of code changes;
# - run as somebody who is not root;
# - hold the code in `/app/src/flightdelay`, the packages of `requirements-image.txt`, and start as before.

# %%
### BEGIN SOLUTION
base = next(line for line in dockerfile.splitlines() if line.startswith("ARG BASE_IMAGE="))
answer = f"""\
FROM {base.removeprefix("ARG BASE_IMAGE=")}
COPY requirements-image.txt /app/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \\
    python3 -m pip install --require-hashes --requirement /app/requirements-image.txt
COPY src/flightdelay /app/src/flightdelay
ENV PYTHONPATH=/app/src
WORKDIR /tmp
USER 10001:10001
ENTRYPOINT ["python3", "-m", "flightdelay"]
"""
### END SOLUTION

# %%
check.ex_6_2(answer)

# %% [markdown]
# The check builds nothing: it reads your text with a parser like the builder's, and follows what would be in the image.
# Where you have an engine and a network, build it, in cells of your own. The first line writes your text to a file, the
# second one builds with your own settings of pip lent to it (`pip config debug` says which file that is; without one,
# an empty file will do):
#
# ```
# (repository() / "build" / "mended").write_text(answer)
# !cd "{repository()}" && docker build --secret id=pip.conf,src=MY-PIP.CONF -f build/mended --tag mended:1 .
# !docker run {options} -v "{repository()}/data:/app/data:ro" mended:1 2013-09 --sample 20000
# ```
#
# (The exercise asks for no data in the image, so the last line mounts it. With the book's own solution, on a base of
# Debian with Python 3.11, this was tried with Podman.)
#
# ## 4. Tags and digests: a name that can lie
#
# *A tag identifies an image* is the second wrong belief. Watch one move. A small image prints how many of
# September's flights were late; it is called `rates:1`.

# %%
(state / "rates").mkdir(exist_ok=True)
os.chmod(state / "rates", 0o755)
(state / "rates" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY rates.py /app/\n")
code = """\
from flightdelay.data import load
delay = load("flights", ["2013-09"])["arr_delay"].dropna()
print(f"{(delay > LIMIT).mean():.1%} late")
"""
(state / "rates" / "rates.py").write_text(code.replace("LIMIT", "15"))
# !docker build --quiet --tag rates:1 --build-arg BASE={image} -f "{state}/rates/Dockerfile" "{state}/rates"
# !docker run {options} --entrypoint python3 rates:1 /app/rates.py

# %% [markdown]
# The long number that the build printed is a **digest**: a sum over the content. (Strictly, this one is called
# the *image ID*. In Podman, and in Docker as it was until version 28, it is the sum of a description that lists the
# sums of all layers. The server that images are fetched from, a **registry**, has the sum of one more list, the
# manifest, and that one stands behind an `@`, as in the book's `FROM`. Docker 29, newly installed, keeps images as
# registries do and shows the manifest's sum as the ID. Either way: other content, other number.)
#
# Now an orchestrator's cache, in four lines. Kubeflow Pipelines makes its key from the image's **name**, the
# command and the inputs; it does not look at the digest.

# %%
cache = {}


def cached(name, month):
    if (name, month) not in cache:
        # said = !docker run {options} --entrypoint python3 {name} /app/rates.py
        cache[name, month] = said[-1]
    return cache[name, month]


print(cached("rates:1", "2013-09"))

# %% [markdown]
# A colleague decides that late means more than 30 minutes, changes the line, and builds again under the same
# name: it is only a small fix. **Bet first:** what does the cache answer now, what a new run?

# %%
my_bet = None  # a pair, for the cache and for a new run: each "new" or "old"

# %%
old = cached("rates:1", "2013-09")
(state / "rates" / "rates.py").write_text(code.replace("LIMIT", "30"))
# !docker build --quiet --tag rates:1 --build-arg BASE={image} -f "{state}/rates/Dockerfile" "{state}/rates"
print("the cache says:", cached("rates:1", "2013-09"))
# fresh = !docker run {options} --entrypoint python3 rates:1 /app/rates.py
print("a run says:    ", fresh[-1])
answers = (cached("rates:1", "2013-09"), fresh[-1])
companion.compare_bet(my_bet, tuple("old" if each == old else "new" for each in answers))

# %% [markdown]
# One name, two programs. The cache serves a number that no image of this name computes any more, everything
# is green, and nobody can say which code made last month's report. That is the whole case against `:latest`,
# which is a tag that moves by habit, and against using *any* tag a second time. A cluster does its part: a
# machine that has `rates:1` already keeps the old one, the machine beside it fetches the new one, and half of
# the answers are different.
#
# So: a tag is given **once**. For a machine, write the digest.
#
# ## Exercise 6.3: A name that cannot lie
#
# Write the function that makes a tag. It gets the version of the project and the files that go into the image,
# as a dict from path to bytes. Other content, another path or another version has to give another tag; the
# same content gives the same tag on every machine, on any day, in whatever order the dict lists it. Some files
# are text, some are data: a file may hold any bytes, while a path has no line break. A tag has at most 128
# characters: letters, digits, `_`, `.` and `-`, and it does not begin with `.` or `-`. The version stays readable in
# it, for people.

# %%
import hashlib


def answer(version: str, files: dict[str, bytes]) -> str:
    """Return a tag such as 0.1.0-3f2a91c04be7."""
    ### BEGIN SOLUTION
    digest = hashlib.sha256()
    for path in sorted(files):
        for part in (path.encode(), files[path]):
            digest.update(hashlib.sha256(part).digest())
    return f"{version}-{digest.hexdigest()[:12]}"
    ### END SOLUTION


# %%
check.ex_6_3(answer)

# %% [markdown]
# `make image` does the same, and builds nothing where the name is there already.
#
# ## 5. From step to step
#
# Now the pipeline. Two programs: the first one makes the features, the second one trains and says what it
# expects of our flight, UA 1037 on 12 September. They are told where to write and where to read.

# %%
(state / "steps").mkdir(exist_ok=True)
(state / "artifacts").mkdir(exist_ok=True)
for folder, mode in (("steps", 0o755), ("artifacts", 0o777)):  # the user in the container is not you
    os.chmod(state / folder, mode)

# %%
# %%writefile "{state}/steps/features.py"
# import sys
# from flightdelay.steps.featurize import featurize
# from flightdelay.steps.ingest import ingest
# from flightdelay.steps.validate import validate
#
# month, output = sys.argv[1:]
# features = featurize(validate(ingest(month, sample=20_000), month))
# features.to_parquet(output)
# print(f"{len(features):,} flights written to {output}")

# %%
# %%writefile "{state}/steps/model.py"
# import sys
# import pandas as pd
# from flightdelay.steps.evaluate import predict
# from flightdelay.steps.train import train
#
# month, source = sys.argv[1:]
# features = pd.read_parquet(source)
# print(f"{len(features):,} flights read from {source}")
# model = train(features, month)
# ours = (features["carrier"] == "UA") & (features["flight"] == 1037)
# ours &= features["time_hour"] == "2013-09-12 23:00Z"
# print(f"UA 1037: late with probability {predict(model, features[ours])[0]:.2f}")

# %% [markdown]
# On your laptop you would run one after the other, and it works. Here each runs in a container of its own.
# (The programs are mounted at `/steps`, so that you need not build for every try.)
#
# **Bet first:** the first one writes `/scratch/features.parquet`, the second one reads `/scratch/features.parquet`. How
# does each end?

# %%
my_bet = None  # a pair, for the first and the second: each "error" or "no error"

# %%
program = f'{options} -v "{state}/steps:/steps:ro" --entrypoint python3'
# first = !docker run {program} {image} /steps/features.py 2013-09 /scratch/features.parquet
# second = !docker run {program} {image} /steps/model.py 2013-09 /scratch/features.parquet 2>&1
print(first[-1], second[-1], sep="\n")
ends = [any("Error" in line for line in lines) for lines in (first, second)]
companion.compare_bet(my_bet, tuple("error" if failed else "no error" for failed in ends))

# %% [markdown]
# **Symptom.** The first step is green and says that it wrote. The second one says that the file is not there.
# Both tell the truth.
#
# **Evidence.** Ask a new container how many files lie in its `/scratch`, and your own machine for the file.

# %%
# !docker run {options} --entrypoint sh {image} -c "ls /scratch | wc -l"
print("on this machine:", os.path.exists("/scratch/features.parquet"))

# %% [markdown]
# Zero files, and nothing here. The file was on a disk of the first container (here one in memory), and that disk went
# with it; section 2 showed the same with an ordinary one.
#
# **Cause.** A path is a name on *one* disk. `/scratch/features.parquet` means something else in each container, as
# `x` means something else in each function. Steps in containers share no memory, no current folder, no home,
# no `/tmp`; on a cluster not even the machine.
#
# **Fix.** Do not tell the next step *where* the file lies. **Hand over the file.** Somebody outside both steps
# fetches it from where the first one left it, and lays it where the second one expects it. Here you are this
# somebody, and your hands are two mounts:

# %%
# !docker run {program} -v "{state}/artifacts:/out" {image} /steps/features.py 2013-09 /out/features.parquet
carried = f'-v "{state}/artifacts/features.parquet:/in/features.parquet:ro"'
# !docker run {program} {carried} {image} /steps/model.py 2013-09 /in/features.parquet

# %% [markdown]
# Neither program was changed. As a picture:

# %%
from IPython.display import SVG

SVG(filename=str(repository() / "chapters" / "06-containers" / "two-disks.svg"))

# %% [markdown]
# What changed is that the output was **declared** and **carried**: out of
# `/out` of the one, to `/in` of the other. A thing that is handed over like this is an **artifact**, and now
# you know why the tools make so much of it. ZenML, Airflow and Kubeflow differ in who carries; Kubeflow does it
# by a store that all machines reach: the output is uploaded after the step, and downloaded before the next.
#
# "One shared folder for all steps" is tempting, and is what `-v` of the same folder everywhere would be. It
# gives back what was lost and, with it, what you got rid of: hidden inputs, two runs that write the same file,
# nobody who knows what came from what.
#
# ### Without an engine
#
# The same can be had without containers. `alone.run` gives a step a process of its own and a disk of its own,
# carries the inputs in and the outputs out, and throws the rest away. So everybody can do the last exercise.
# Here are two steps as people write them, called one after the other in this notebook:

# %%
from pathlib import Path

from chapter_06 import alone
from flightdelay.data import load

os.chdir(state)  # the current folder, where people write
load("flights", ["2013-09"])[["carrier", "flight", "arr_delay"]].to_csv("september.csv", index=False)

# %%


def prepare(flights: Path, prepared: Path) -> None:
    table = pd.read_csv(flights).dropna()
    table.assign(late=table["arr_delay"] > 15).to_csv("prepared.csv", index=False)


def report(prepared: Path) -> dict:
    late = pd.read_csv("prepared.csv").groupby("carrier")["late"].mean()
    return {"carrier": late.idxmax(), "late": round(float(late.max()), 3)}


prepare(state / "september.csv", state / "prepared")
report(state / "prepared")

# %% [markdown]
# It works, on your machine. Now each alone. `inputs` are carried to the step, `outputs` away from it; the
# function gets the paths by name, as it would in Kubeflow. The file `prepared.csv` is still lying here, and `report` is
# handed it as its input. **Bet first:** how does each of the two end?

# %%
my_bet = None  # a pair, for prepare and report: each "error" or "no error"

# %%
calls = {
    prepare: {
        "inputs": {"flights": state / "september.csv"},
        "outputs": ["prepared"],
        "into": state / "handed",
    },
    report: {"inputs": {"prepared": state / "prepared.csv"}},
}
ends = []
for step, given in calls.items():
    try:
        print(step.__name__, "gives", alone.run(step, **given))
        ends.append("no error")
    except alone.StepError as error:
        print(f"{step.__name__}: {error}")
        ends.append("error")
companion.compare_bet(my_bet, ends)

# %% [markdown]
# `prepare` declared an output and wrote something else, which nobody carries away. `report` was handed the file, as
# the path `prepared`, and asks for `prepared.csv` in the current folder, which is an empty one of its own now; "still
# lying here" was true of your disk alone.
#
# ## Exercise 6.4: Two steps that share no disk
#
# Mend both, so that they work alone, each in a process and on a disk of its own, and give the same report.
# Copy them, change what has to change, and give the check both: `answer = [prepare, report]`. The check runs
# them with other flights, and it lays the artifact under another path than the first step wrote it to. Try
# them with the cell above as often as you like.


# %%
### BEGIN SOLUTION
def prepare(flights: Path, prepared: Path) -> None:
    table = pd.read_csv(flights).dropna()
    table.assign(late=table["arr_delay"] > 15).to_csv(prepared, index=False)


def report(prepared: Path) -> dict:
    late = pd.read_csv(prepared).groupby("carrier")["late"].mean()
    return {"carrier": late.idxmax(), "late": round(float(late.max()), 3)}


answer = [prepare, report]
### END SOLUTION

# %%
check.ex_6_4(answer)

# %% [markdown]
# ## 6. All six, each in a container of its own
#
# Now the real six steps. One program, told which step to be. Each call gets its inputs under `/in`, by the
# wiring of chapter 02. (`/out` is one folder; no step takes inputs from it.)

# %%
# %%writefile "{state}/steps/step.py"
# import json, os, sys
# from pathlib import Path
# import pandas as pd
# from flightdelay.steps.decide import decide
# from flightdelay.steps.evaluate import evaluate
# from flightdelay.steps.featurize import featurize
# from flightdelay.steps.ingest import Raw, ingest
# from flightdelay.steps.train import train
# from flightdelay.steps.validate import validate
# from flightdelay.store import Store, dump_model, load_model
#
# os.umask(0)  # so that you can delete what user 10001 wrote
# month, step = sys.argv[1:]
# given, made = Path("/in"), Path("/out")
# if step in ("train", "evaluate", "decide"):
#     features = pd.read_parquet(given / "features")
# if step in ("evaluate", "decide"):
#     model = load_model((given / "challenger").read_bytes())
#
# if step == "ingest":
#     ingest(month, sample=20_000).write(made / "raw")
# elif step == "validate":
#     validate(Raw.read(given / "raw"), month).write(made / "valid")
# elif step == "featurize":
#     featurize(Raw.read(given / "valid")).to_parquet(made / "features")
# elif step == "train":
#     (made / "challenger").write_bytes(dump_model(train(features, month)))
# elif step == "evaluate":
#     (made / "evaluation").write_text(json.dumps(evaluate(features, model, month)))
# elif step == "decide":
#     evaluation = json.loads((given / "evaluation").read_text())
#     print(decide(features, model, evaluation, Store(made / "store"))["decision"])
#     print(evaluation["digest"])

# %%
needs = {
    "ingest": [],
    "validate": ["raw"],
    "featurize": ["valid"],
    "train": ["features"],
    "evaluate": ["features", "challenger"],
    "decide": ["features", "challenger", "evaluation"],
}
for step, inputs in needs.items():
    carried = " ".join(f'-v "{state}/artifacts/{name}:/in/{name}:ro"' for name in inputs)
    # said = !docker run {program} {carried} -v "{state}/artifacts:/out" {image} /steps/step.py 2013-09 {step}
    print(f"{step:9} got {', '.join(inputs) or 'nothing but the month'}", *said[:1])

# %% [markdown]
# Six processes that never met, none of them root, on read-only disks, without a network. Compare the digest
# of their probabilities with that of one container which runs all six in a row. **Bet first:** are the probabilities
# the same, to six decimals?

# %%
my_bet = None  # "another digest" or "the same digest"

# %%
row = "from flightdelay.pipelines.in_plain_python import run; "
row += "print(run('2013-09', sample=20_000, store='/tmp/store').digest)"
# alone_digest = !docker run {options} --entrypoint python3 {image} -c "{row}"
print(
    "AUC here, as above, and log loss, to three decimals:",
    [f"{ours[name]:.3f}" for name in ("auc", "log_loss")],
)
companion.compare_bet(my_bet, "the same digest" if alone_digest[-1] == said[-1] else "another digest")

# %% [markdown]
# And your own machine, which has the same packages and no container? `ran.evaluation["digest"]` is its digest, of the
# run in section 1: `print(ran.evaluation["digest"], said[-1])` in a cell of your own shows both. Are they equal? A
# processor of another kind may round differently in the last place: then the digests differ and the metrics agree.
#
# The steps of this book never knew a path that they were not told; that was chapter 02, and here it
# pays. You carried eight inputs by hand, with a dict of needs and six commands. Chapter 07 gives this dict
# to Kubeflow Pipelines, which carries for you, and keeps what it carried.
#
# **It transfers.** A credit model is approved together with its environment. "The same code" does not answer
# an auditor who asks what ran in March; a digest does, for the image, and an artifact that was kept does, for
# the data.
#
# ## Optional: bring your own model
#
# Your model needs a file of its own, a package would go into the lock. You do not change the book's image,
# you build on it: three lines, and the layers below are shared. Put your own estimator in the place of this one.

# %%
(state / "own").mkdir(exist_ok=True)
os.chmod(state / "own", 0o755)
(state / "own" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY own.py /app/src/\n")
print((state / "own" / "Dockerfile").read_text())

# %%
# %%writefile "{state}/own/own.py"
# from pathlib import Path
# from flightdelay.pipelines.in_plain_python import run
# from flightdelay.steps.train import gradient_boosting
#
# own = gradient_boosting()  # the book's, with smaller steps
# own[-1].set_params(learning_rate=0.02)
# ran = run("2013-09", sample=20_000, store=Path("/tmp/store"), estimator=own)
# print(f"AUC {ran.evaluation['challenger']['auc']:.2f}, {ran.decision['decision']}")

# %%
# built = !docker build --quiet --build-arg BASE={image} -f "{state}/own/Dockerfile" "{state}/own"
# !docker run {options} --entrypoint python3 {built[-1]} -m own

# %% [markdown]
# ## Recap
#
# 1. You predicted **what a builder does again**: the first instruction that differs, and everything below it.
#    So what changes seldom stands above.
# 2. You **mended a Dockerfile**: a base by digest, a user without rights, packages above code, a password lent
#    and never copied.
# 3. You gave an image **a name that cannot lie**: version, and a sum over paths and contents. A tag that is used twice
#    makes a cache serve what no code computes any more.
# 4. You mended **two steps that share no disk**. A path is a name on one disk; what the next step needs is
#    declared as an output, and carried. That is an artifact.
#
# ## Clean-up
#
# The demonstration images share all layers with the book's image and take no room worth the name. `docker
# image prune` removes those without a name, `docker image rm rates:1` the other one. `make reset` removes
# this notebook's files.
#
# ## What comes next
#
# You can pack a step, and you were the one who carried. Chapter 07 writes the same six steps as components of
# Kubeflow Pipelines: a container with typed inputs and outputs, each.
