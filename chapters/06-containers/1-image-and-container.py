# %% [markdown]
# # 06.1 · Containers: an image, its containers and its layers
#
# About 35 minutes · 1 GB of memory · no cluster; Docker or Podman, or a recording of it
#
# So far all six steps ran on your machine, with one disk and one set of packages. From here on a step runs anywhere. It
# is packed into an image, and it runs on a machine that has room, beside other steps that it does not know. Here you
# start the image of this book, see what a container has and what it lacks, and look at the layers of an image.
#
# You will
#
# 1. predict **what a builder does again** after a change, from the order of a Dockerfile.
#
# Four times you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

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
# (In the recording Podman was called under the name `docker`: the 4.3.1 is Podman's version.)
#
# The image of this book is built by `make image`, in a terminal in the repository's folder (it downloads
# about 150 MB of packages, and the base). Ask the engine whether it is there.

# %%
columns = "{{.Repository}}:{{.Tag}}"
# names = !docker image ls --format "{columns}" pipelines-for-humans/python
image = names[0] if names else None  # the newest one
print(image or "There is no image yet: run make image in a terminal, then run this cell again.")

# %% [markdown]
# Before the colon stands the image's name, behind it the **tag**, which says which version it is. This tag has two
# parts, a version number and a sum over all files in the image. The second notebook shows why.
#
# ## 1. The pipeline on another system
#
# That a model works on your machine says little about another one. A probability depends on your code *and* on
# scikit-learn, numpy, a C library below them and a Python to run them. Another release of one of these may give other
# numbers, or refuse to read the model at all. An **image** is a disk on which all of that lies ready: Python, packages,
# code. A **container** is a process that is started with that disk.
#
# **Bet first:** the image has a system and a Python of its own, perhaps others than yours. Does September come out
# the same, to two decimals?

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
# The container ran `python -m flightdelay 2013-09 --sample 20000`, with a Python and a user of its own, without a
# network, and without being allowed to write anywhere but to `/tmp` and `/scratch`. `--rm` removes the container when
# its process ends. Look at the packages in there, and at yours:

# %%
look = "import sklearn, pandas; print('scikit-learn', sklearn.__version__, 'pandas', pandas.__version__)"
# !docker run {options} --entrypoint python3 {image} -c "{look}"

import pandas as pd
import sklearn

print("scikit-learn", sklearn.__version__, "pandas", pd.__version__, "here")

# %% [markdown]
# The system and even the Python may differ; scikit-learn and pandas do not, since both sides were installed from one
# lock. So every machine that runs the image has the packages of the lock.
#
# Two decimals are a weak proof, though: they do not show the difference that this chapter warns of. With scikit-learn
# 1.7.2 in place of 1.9.1 the AUC is 0.711 in place of 0.707, and the log loss 0.391 in place of 0.392. To two decimals
# that is 0.71 and 0.39 both times: you would see "the same", although 27,009 of the 27,010 probabilities differ in the
# sixth decimal. The third notebook compares a **digest** of the probabilities, one sum over all of them at six
# decimals. With the wrong packages this digest would be different.
#
# ## 2. Image and container
#
# Now two containers from the same image. The first one writes a note into the folder in which it starts, and reads it
# back. (This time without `--read-only`, so it may.) The second one starts in the same folder and looks for the note.
# **Bet first:** what does the second one say?

# %%
my_bet = None  # "UA 1037" or "no such file"

# %%
disk = "--rm --network none --entrypoint sh"
# !docker run {disk} {image} -c "echo UA 1037 > note; cat note"
# found = !docker run {disk} {image} -c "cat note"
print(found[-1])
companion.compare_bet(my_bet, "UA 1037" if found[-1] == "UA 1037" else "no such file")

# %% [markdown]
# An image is like a class, and a container like an object of it. You start as many containers from one image as you
# like, and each begins with the image's files and a thin layer of its own on top, for what it writes. (`--rm` removes
# that layer when the process ends. Without it the ended container and its layer are kept until `docker rm`; a new
# container does not see them either.)
#
# Now the other direction: you write a note on **your** disk, into this notebook's folder. A container is a process, and
# so is this notebook's kernel. Does the container see that note, under its full path?

# %%
my_bet = None  # "it does not" or "it does"

# %%
(state / "note").write_text("UA 1037")
# found = !docker run {options} --entrypoint cat {image} "{state}/note"
print(found[-1].rpartition(": ")[2])
companion.compare_bet(my_bet, "it does" if found[-1] == "UA 1037" else "it does not")

# %% [markdown]
# Many people believe that a container sees their disk. It sees only the image and its own layer: the path means a place
# on the container's own disk, and there is no such file. To give it a folder, `-v what:where` **mounts** a folder of
# yours at a place in the container. (Where SELinux protects the machine, as on Fedora, the next line says "Permission
# denied": write `:ro,z` in place of `:ro`.)

# %%
# !docker run {options} -v "{state}:/mine:ro" --entrypoint cat {image} /mine/note

# %% [markdown]
# `:ro` means that it may be read only.
#
# Look at two more things inside: which user runs there, and where may this user write?

# %%
# !docker run {options} --entrypoint sh {image} -c "id -u; touch /scratch/x && echo written; touch /app/x"

# %% [markdown]
# User 10001, a number without rights. In many images the process is **root**: then an attacker who finds a security
# hole in your model server controls the whole container, and needs only one more hole to control the machine. And with
# `--read-only` every unexpected write fails with an error: into the package, into the home folder, or into a cache
# beside the code.
#
# ## 3. A Dockerfile, and what is built again
#
# An image is built from a **Dockerfile**, one instruction a line. The book's own has two **stages**. In the first one
# the packages are installed into the folder `/opt/venv`. The second one becomes the image: it copies only that folder,
# without the build tools of the first stage. Here is the second one.

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
# | `ENTRYPOINT` | the command that a container of it runs | "Restart and run all" |
# | `LABEL` | says what it is, for people and programs | the title |
#
# One more stands at the very top of the file, and you need it soon: `ARG BASE_IMAGE=…` is a variable that you can set
# at the build with `--build-arg BASE_IMAGE=…`, and `${BASE_IMAGE}` stands for its value.
#
# Each instruction that changes files makes a **layer**: the difference to what was there before. Layers are
# kept and shared. Look at the sizes:

# %%
columns = "{{.Size}}  {{.CreatedBy}}"
# layers = !docker history --format "{columns}" {image}
print("\n".join(line[:75] for line in layers if not line.startswith("0")))

# %% [markdown]
# Read the list from below; instructions that change no file are left out. The lowest lines are the base: two in the
# recording, with 131 and 69 MB. Above it lie the packages, by far the most, then 6 MB of data, then the code: less than
# a thousandth of the whole.
#
# On the next build the engine goes from top to bottom. An instruction whose text and whose files are as before is not
# done again: its layer is taken from the **build cache**. From the first instruction that differs on, **everything
# below is done again**, because each layer is a difference to the one above.
#
# So the order decides how long a build takes after a change. Here are two Dockerfiles with the same content. `RUN`
# stands for an installation that takes minutes; it leaves a random stamp, by which you can see whether it was done
# again.

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
# In `code-first` the code stands in the same `COPY` as the list of packages, above the installation: every change of a
# comment reinstalls everything. The remedy is a better order: **what changes seldom stands above what changes often.**
#
# ## Exercise 6.1: What is done again?
#
# On top of its base the book's image has three layers, one for each `COPY` above, from top to bottom: `"packages"`,
# `"data"` and `"code"`. To make `"packages"` again means to install again: the whole first stage counts as part of it
# (`print(dockerfile)` shows it). Answer with a dict: for each change, the list of those layers that `make image` makes
# again (empty: all from the cache).

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
# ## Recap
#
# 1. You predicted **what a builder does again**: the first instruction that differs, and everything below it.
#    So what changes seldom stands above.
#
# And you have seen what a container is: a process with the image's disk and a layer of its own. It sees neither your
# disk nor another container's, unless somebody mounts a folder.
#
# ## Clean-up
#
# The images of section 3 have no name. They share the layers of the book's image and take nearly no space; `docker
# image prune` removes them. `make reset` removes this notebook's files.
#
# ## What comes next
#
# In `06-2-dockerfile-and-tag` you mend a Dockerfile that somebody left you, and you see why a short tag is dangerous.
