# %% [markdown]
# # 06.2 · Containers: mend a Dockerfile, name an image
#
# About 40 minutes · 1 GB of memory · no cluster; Docker or Podman, or a recording of it
#
# In the first notebook you saw an image as a disk that is packed in layers, one for each line of a Dockerfile. Here you
# write a Dockerfile that is good enough for production, and you learn about the tag, the name behind the colon.
#
# You will
#
# 1. **mend a Dockerfile** that runs as root, begins with a base that changes, and contains a password;
# 2. make a **tag** that says what is in an image.
#
# Once you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("06-2")

# %% [markdown]
# If no container engine answers, the cell above has said so, and the answers of `docker` below are a recording of a
# real run. Again you need the name of the book's image, the options of the first notebook (read-only disk, no
# network), and the text of the book's `Dockerfile`.

# %%
columns = "{{.Repository}}:{{.Tag}}"
# names = !docker image ls --format "{columns}" pipelines-for-humans/python
image = names[0] if names else None  # the newest one
print(image or "There is no image yet: run make image in a terminal, then run this cell again.")

# %%
import os

from companion.workspace import repository

options = "--rm --read-only --tmpfs /tmp --tmpfs /scratch --network none"
dockerfile = (repository() / "Dockerfile").read_text()
print(len(dockerfile.splitlines()), "lines")

# %% [markdown]
# ## 1. A Dockerfile that somebody left you
#
# It can be built and it runs, but it has the four usual faults.

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
# What a layer holds stays in the image for ever: a later line that deletes it or empties it only hides it, and `docker
# history` or an unpacked layer shows it again. So a password that a build needs is **lent** to one instruction:
#
# ```
# RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf python3 -m pip install …
# ```
#
# with `docker build --secret id=pip.conf,src=…` on the outside. The file is there while the line runs, and in
# no layer.
#
# An image has a **digest**, a sum over its content. Behind an `@` it names exactly one image, to the byte: see the line
# `ARG BASE_IMAGE=` in `print(dockerfile)`.
#
# Write the mended text, by copying it or with `inherited.replace(…)`. It has to
#
# - begin with a base that cannot change (the book's, or any other by its digest);
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
from companion import check

check.ex_6_2(answer)

# %% [markdown]
# The check builds nothing: it reads your text with a parser like the builder's, and works out what would be in the
# image. If you have an engine and a network, build it, in cells of your own. The first line writes your text to a file,
# the second one builds with your own settings of pip lent to it (`pip config debug` says which file that is; if there
# is none, use an empty file):
#
# ```
# (repository() / "build" / "mended").write_text(answer)
# !cd "{repository()}" && docker build --secret id=pip.conf,src=MY-PIP.CONF -f build/mended --tag mended:1 .
# !docker run {options} -v "{repository()}/data:/app/data:ro" mended:1 2013-09 --sample 20000
# ```
#
# (The exercise asks for no data in the image, so the last line mounts the data. We tried this with Podman and the
# book's own solution, on a base of Debian with Python 3.11.)
#
# ## 2. A short name
#
# The tag of the book's image is long. Most people write shorter ones. A small image prints how many of September's
# flights were late; it is called `rates:1`.

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
# The long number that the build printed is a digest of this image. With other content it is another number.
#
# Now write an orchestrator's cache in a few lines, like that of Kubeflow Pipelines: the result of a step is kept, and a
# step that was run before is not run again.

# %%
cache = {}


def cached(name, month):
    if (name, month) not in cache:
        # said = !docker run {options} --entrypoint python3 {name} /app/rates.py
        cache[name, month] = said[-1]
    return cache[name, month]


print(cached("rates:1", "2013-09"))

# %% [markdown]
# A colleague decides that late means more than 30 minutes, changes the line, and builds again under the same name: it
# is only a small fix. **Bet first:** what does the cache answer now, and what does a new run answer?

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
# Many people believe that a tag identifies an image. Here one tag named two programs. Kubeflow Pipelines makes its key
# from the image's **name**, the command and the inputs, as `cached` does; it does not look at the digest. So the cache
# gives a number that no image of this name computes any more, no step fails, and nobody can say which code made last
# month's report. This is the reason not to use `:latest`, a tag that is moved with each push, and not to use *any* tag
# a second time.
#
# A cluster makes this worse. A node (one of its machines) that has `rates:1` already keeps the old image. Another node
# fetches the new one from the **registry**, the server where images lie. Then the answer depends on the node.
#
# So give each tag only **once**. Where a program reads the name, write the digest.
#
# ## Exercise 6.3: A tag that belongs to one content
#
# Write the function that makes a tag. It gets the version of the project and the files that go into the image, as a
# dict from path to bytes. If the content, a path or the version is different, the tag has to be different; the same
# content gives the same tag on every machine, on any day, in whatever order the dict lists it. A file may hold any
# bytes, text or data; a path has no line break. A tag has at most 128 characters: letters, digits, `_`, `.` and `-`,
# and it does not begin with `.` or `-`. The version stays readable in it, for people.

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
# `make image` does the same, and builds nothing if an image of this name is there already.
#
# ## Recap
#
# 1. You **mended a Dockerfile**: a base by digest, a user without rights, packages above code, a password lent
#    and never copied.
# 2. You made a **tag** that belongs to one content: a version, and a sum over paths and contents. If a tag is used
#    twice, a cache gives results that no code computes any more.
#
# ## Clean-up
#
# `docker image rm rates:1` removes the small image, `docker image prune` the one that lost its name. Both share the
# layers of the book's image. `make reset` removes this notebook's files.
#
# ## What comes next
#
# In `06-3-from-step-to-step` two steps run in two containers, and the second one needs a file from the first.
