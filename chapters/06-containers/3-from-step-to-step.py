# %% [markdown]
# # 06.3 · Containers: from step to step
#
# About 35 minutes · 1 GB of memory · no cluster; Docker or Podman, or a recording of it
#
# The first notebook started the book's image, one container at a time. A pipeline has several steps, and each step
# needs what an earlier one makes. Here two steps run in containers, and then all six.
#
# You will
#
# 1. mend **two steps** so that each runs alone, on any machine, and say what an **artifact** is.
#
# Three times you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("06-3")

# %% [markdown]
# If no container engine answers, the cell above has said so, and the answers of `docker` below are a recording of a
# real run. If you start with this notebook, read "The words" of the chapter's page first.
#
# The next two cells get three things: the name of the book's image, the options of each `docker run` (a read-only disk,
# no network; each `--tmpfs` gives the container an empty folder of its own, in memory), and September's result from
# your own Python, to compare with at the end.

# %%
columns = "{{.Repository}}:{{.Tag}}"
# names = !docker image ls --format "{columns}" pipelines-for-humans/python
image = names[0] if names else None  # the newest one
print(image or "There is no image yet: run make image in a terminal, then run this cell again.")

# %%
import os

from flightdelay.pipelines import in_plain_python

options = "--rm --read-only --tmpfs /tmp --tmpfs /scratch --network none"
ran = in_plain_python.run("2013-09", sample=20_000, store=state / "store")
ours = ran.evaluation["challenger"]
print(f"AUC {ours['auc']:.2f}  log loss {ours['log_loss']:.2f}  here")

# %% [markdown]
# ## 1. Two steps, two containers
#
# There are two programs: the first one makes the features, the second one trains a model and prints its prediction for
# our flight, UA 1037 on 12 September. They are told where to write and where to read.

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
# On your laptop you would run one after the other. Here each runs in a container of its own, from the same image, with
# the same options. (The programs are mounted at `/steps`, so that you need not build an image for every try.)
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
# **Symptom.** The first step succeeds and says that it wrote the file. The second one says that the file is not there.
# Both statements are true.
#
# **Evidence.** Count the files in `/scratch` of a new container, and look for the file on your own machine.

# %%
# !docker run {options} --entrypoint sh {image} -c "ls /scratch | wc -l"
print("on this machine:", os.path.exists("/scratch/features.parquet"))

# %% [markdown]
# The new container has no files there, and neither has your machine. The file was on a disk of the first container
# (`--tmpfs /scratch` makes one in memory), and that disk was removed with its container. In the first notebook a note
# on a container's normal disk was gone in the same way.
#
# **Cause.** A path is a name on *one* disk. `/scratch/features.parquet` means something else in each container, as `x`
# means something else in each function. Steps in containers share no memory, no current folder, no home, no `/tmp`; on
# a cluster not even the machine. On a cluster a mounted folder does not help: the step may run on a machine that does
# not have your folder.
#
# **Fix.** **Hand over the file**, and not only its path. A program outside both steps takes the file from where the
# first one left it, and puts it where the second one expects it. Here you do this yourself, with two mounts:

# %%
# !docker run {program} -v "{state}/artifacts:/out" {image} /steps/features.py 2013-09 /out/features.parquet
carried = f'-v "{state}/artifacts/features.parquet:/in/features.parquet:ro"'
# !docker run {program} {carried} {image} /steps/model.py 2013-09 /in/features.parquet

# %% [markdown]
# Neither program was changed. (If you work on the recording, "written to /out" was printed on the machine where the
# recording was made. On yours nothing was written: the folder `artifacts` stays empty.) As a picture:

# %%
from IPython.display import SVG

from companion.workspace import repository

SVG(filename=str(repository() / "chapters" / "06-containers" / "two-disks.svg"))

# %% [markdown]
# What changed is that the output was **declared** and **carried**: out of `/out` of the one container, into `/in` of
# the other. A file that is handed over like this is an **artifact**. ZenML, Airflow and Kubeflow differ in who carries
# the artifacts; Kubeflow does it with a store that all machines reach: the output is uploaded after the step, and
# downloaded before the next.
#
# It seems easier to mount one shared folder in all steps. Then the second step finds the file. But you get back the
# faults that chapter 02 removed: hidden inputs, two runs that write the same file, and no record of what came from
# what.
#
# ### Without an engine
#
# You can try the same without containers. `alone.run` gives a step a process of its own and a disk of its own, carries
# the inputs in and the outputs out, and deletes the rest. So everybody can do the last exercise. Here are two steps as
# they are often written, called one after the other in this notebook:

# %%
from pathlib import Path

from chapter_06 import alone
from flightdelay.data import load

os.chdir(state)  # the current folder, where people write
load("flights", ["2013-09"])[["carrier", "flight", "arr_delay"]].to_csv("september.csv", index=False)

# %%
import pandas as pd


def prepare(flights: Path, prepared: Path) -> None:
    table = pd.read_csv(flights).dropna()
    table.assign(late=table["arr_delay"] > 15).to_csv("prepared.csv", index=False)


def report(prepared: Path) -> dict:
    late = pd.read_csv("prepared.csv").groupby("carrier")["late"].mean()
    return {"carrier": late.idxmax(), "late": round(float(late.max()), 3)}


prepare(state / "september.csv", state / "prepared")
report(state / "prepared")

# %% [markdown]
# It works on your machine. Now run each step alone. `inputs` are carried to the step, `outputs` away from it; the
# function gets the paths by name, as it would in Kubeflow. The file `prepared.csv` is still lying here, and `report`
# gets it as its input. **Bet first:** how does each of the two end?

# %%
my_bet = None  # a pair, for prepare and report: each "error" or "no error"

# %%
calls = [
    (prepare, {"flights": state / "september.csv"}, ["prepared"]),
    (report, {"prepared": state / "prepared.csv"}, []),
]
ends = []
for step, inputs, outputs in calls:
    try:
        print(step.__name__, "gives", alone.run(step, inputs, outputs, into=state / "handed"))
        ends.append("no error")
    except alone.StepError as error:
        print(f"{step.__name__}: {error}")
        ends.append("error")
companion.compare_bet(my_bet, ends)

# %% [markdown]
# `prepare` declared an output but wrote another file, which is not carried away. `report` got the file under the path
# `prepared`, but it reads `prepared.csv` from the current folder, which is now an empty folder of its own; the file is
# still lying only on your disk.
#
# ## Exercise 6.4: Two steps that share no disk
#
# Mend both, so that they work alone, each in a process and on a disk of its own, and give the same report. Copy them,
# change what has to change, and give the check both: `answer = [prepare, report]`. The check runs them with other
# flights, and it gives the artifact to the second step under another path. Try them with `alone.run`, as above, and
# hand `report` what `prepare` has made now: `state / "handed" / "prepared"`. (The cell above can be run again too; its
# last line then compares your old bet.)


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
from companion import check

check.ex_6_4(answer)

# %% [markdown]
# ## 2. All six, each in a container of its own
#
# Now the real six steps. One program, [`step.py`](../chapters/06-containers/step.py), is told which step to be. The
# next cell copies it beside the other two programs and prints its main function. `GIVEN` is the folder `/in`, `MADE` is
# `/out`.

# %%
import inspect
import shutil

from chapter_06 import step as one_of_six

shutil.copy(one_of_six.__file__, state / "steps" / "step.py")
print(inspect.getsource(one_of_six.run))

# %% [markdown]
# Each call gets its inputs under `/in`, by the wiring of chapter 02: only the files that `needs` lists for it. (All
# outputs go to one folder on your side, which each step sees as `/out`. Five of the six only write there; `decide`
# keeps the store there too, and looks for a champion in it. It is empty here, so there is none.)

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
# At the end of the last line stands what `decide` printed, `promote`; it is not an input.
#
# Six separate processes ran, none of them as root, on read-only disks, without a network. Now start one more container,
# which runs all six steps in a row. In that container, tables and model stay in memory. Between the six containers,
# each of them was written to a file, carried, and read again. Compare the digests of the probabilities. **Bet first:**
# are the probabilities the same, to six decimals?

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
# Each of these files gave back what was put in, to six decimals.
#
# Compare also your own machine, which has the same packages and no container. `ran.evaluation["digest"]` is its digest,
# of the run at the beginning: `print(ran.evaluation["digest"], said[-1])` in a cell of your own shows both. They may be
# equal or not: a processor of another kind may round differently in the last place: then the digests differ and the
# metrics agree. With scikit-learn 1.7.2 on one side they would differ too, while two decimals of the metrics would
# agree.
#
# The steps of this book use only paths that they are given (chapter 02), so they run in containers without a change.
# You carried eight inputs by hand, with a dict of needs and six commands. Chapter 07 gives this dict to Kubeflow
# Pipelines, which carries the files for you, and keeps them.
#
# **It transfers.** A credit model is approved together with its environment. When an auditor asks what ran in March,
# "the same code" is no answer. The digest of the image and the artifacts that were kept are.
#
# ## Optional: bring your own model
#
# Your model needs a file that the image lacks: its own code. For that you do not change the book's image, you build on
# it: this takes three lines, and the layers below are shared. (If your model needs one more package, the lock changes,
# and the book's image is built again.) Put your own estimator in the place of this one.

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
# 1. You mended **two steps** so that they share no disk. A path is a name on one disk; what the next step needs is
#    declared as an output, and carried. That is an **artifact**.
#
# ## Clean-up
#
# The image of the optional part has no name and shares the layers of the book's image: `docker image prune` removes
# it. `make reset` removes this notebook's files.
#
# ## What comes next
#
# You can pack a step, but so far you carried the files yourself. Chapter 07 writes the same six steps as components of
# Kubeflow Pipelines: each is a container with typed inputs and outputs.
