# %% [markdown]
# # 02.3 · The pipeline: killed, and run again
#
# About 50 minutes · 1 GB of memory · no cluster
#
# The runner of the second notebook kept everything in memory. Here it saves what it makes, so that a run that was
# stopped need not begin again from the first step. Then you kill it, and see what the next start does with the files
# that it finds.
#
# You will
#
# 1. make a step **safe to run again**, whenever it was killed;
# 2. let it write the **same file on any day**, replace its own month, and leave the others alone.
#
# Three times you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet
# compares.

# %%
import companion

state = companion.workspace("02-3")

# %% [markdown]
# ## 1. Kill it
#
# From the second notebook you know September in plain Python. It is made here once more, to compare with.

# %%
from flightdelay.pipelines import in_plain_python

plain = in_plain_python.run("2013-09", sample=20_000, store=state / "plain-store")
print("decision in plain Python:", plain.decision["decision"])

# %% [markdown]
# At three in the morning a machine runs out of memory, or is switched off. The system sends SIGKILL: no `except` runs,
# no `finally`, no clean-up. A runner that starts again from the first step would lose all its work, so this one
# remembers: it saves each artifact as a file and **does not make again what is there**. The loop is that of the second
# notebook; the new lines begin at `file =`. Another process has to find the runner, so it is written into a file: the
# line `%%writefile` does that, and the rest of its cell is not run.

# %%
# %%writefile "{state}/runner.py"
# import pickle
# from graphlib import TopologicalSorter
#
# def run_dag(steps, given, folder, save):
#     made = dict(given)
#     needs = {name: inputs for name, (_, inputs) in steps.items()}
#     for name in TopologicalSorter(needs).static_order():
#         if name in steps:
#             step, inputs = steps[name]
#             file = folder / f"{name}.pickle"  # pickle: only for files that you wrote yourself a moment ago
#             print(f"  {step.__name__:10}", "skipped: its file is there" if file.exists() else "runs")
#             if not file.exists():
#                 save(file, pickle.dumps(step(*(made[each] for each in inputs))))
#             made[name] = pickle.loads(file.read_bytes())

# %% [markdown]
# How to save is a module of its own, whose name the program is told when it starts:
# `importlib.import_module("in_place")` does what `import in_place` does, for a name that is known only then.

# %%
# %%writefile "{state}/program.py"
# import importlib, sys
# from pathlib import Path
# from chapter_02.wiring import STEPS
# from flightdelay.store import Store
# from runner import run_dag
#
# month, how, folder = sys.argv[1], importlib.import_module(sys.argv[2]), Path(sys.argv[3])
# folder.mkdir(exist_ok=True)
# given = {"month": month, "window": None, "sample": 20_000, "store": Store(folder / "store")}
# run_dag(STEPS, given, folder, how.save)

# %% [markdown]
# The first way to save is the usual one: open, write, close. The `if` stands for the accident: where `KILL_AT` names
# the artifact, the process sends itself SIGKILL when half of the bytes are written. In reality the moment is chance;
# here it is fixed, so that you see what the text describes.

# %%
# %%writefile "{state}/in_place.py"
# import os, signal
#
# def save(file, content):
#     half = len(content) // 2
#     with file.open("wb") as out:
#         out.write(content[:half])
#         out.flush()
#         if file.stem == os.environ.get("KILL_AT"):
#             os.kill(os.getpid(), signal.SIGKILL)
#         out.write(content[half:])

# %% [markdown]
# `start` runs the whole thing in a process of its own, as a scheduler would, and says how it ended.

# %%
import os
import subprocess
import sys


def start(how, folder, kill_at="", month="2013-09"):
    print(f"start, to be killed while writing {kill_at}:" if kill_at else "start:")
    command = [sys.executable, "-u", "program.py", month, how, folder]
    environment = os.environ | {"KILL_AT": kill_at}
    ended = subprocess.run(command, cwd=state, env=environment, capture_output=True, text=True)
    ends = {0: "finished", -9: "killed by signal 9"}
    print(f"{ended.stdout}  ->", ends.get(ended.returncode) or ended.stderr.strip().splitlines()[-1])
    return ended.returncode == 0


# %%
import shutil

shutil.rmtree(state / "run-in-place", ignore_errors=True)  # from an empty folder, also the second time
finished = start("in_place", "run-in-place", kill_at="features")

# %% [markdown]
# Signal 9 is SIGKILL. The decision was not reached, so the store has none, and the model in use stays.
#
# ### Bet first: the retry
#
# Every orchestrator has a setting for retries. Here you do the retry yourself: start the program again, without an
# accident this time. How does the retry end?

# %%
my_bet = None  # "it fails" or "it finishes"

# %%
finished = start("in_place", "run-in-place")

# %%
companion.compare_bet(my_bet, "it finishes" if finished else "it fails")

# %% [markdown]
# **Evidence.** Read the last line that the runner printed, and look at the file that it speaks of: make the features
# once more from what was saved whole, and compare.

# %%
import pickle

from flightdelay.steps.featurize import featurize

folder = state / "run-in-place"
valid = pickle.loads((folder / "valid.pickle").read_bytes())
part, whole = (folder / "features.pickle").stat().st_size, len(pickle.dumps(featurize(valid)))
print(f"features.pickle holds {part / whole:.0%} of its bytes")

# %% [markdown]
# Half a pickle cannot be read, so at least it fails. See what happens with half a CSV file.

# %%
import pandas as pd

july = valid.flights.query("month == 7")[["carrier", "flight", "arr_delay"]]
text = july.to_csv(index=False)
(state / "july.csv").write_text(text[: len(text) // 2])
came_out = pd.read_csv(state / "july.csv")
print(f"the CSV: {len(july):,} flights went in, {len(came_out):,} come out, and no error")

# %% [markdown]
# The **symptom** was a message about pickle, although nobody changed anything there. The retry fails, and so would the
# next hundred.
#
# **Cause.** Two habits, each harmless alone: the file gets its final name before it is complete, and a file with that
# name counts as done. The retry repeated the step, and so it repeated the mistake. With the pickle you were lucky,
# because it failed. The CSV gives a month with half its flights: no step fails, and the numbers are wrong.
#
# **A fix to try.** The file is written under another name, one that nobody asks for; the last line gives it the right
# name. The accident stays in the code, at the same place.

# %%
# %%writefile "{state}/beside.py"
# import os, signal
#
# def save(file, content):
#     neighbour = file.with_name(f".{file.name}.part")
#     half = len(content) // 2
#     with neighbour.open("wb") as out:
#         out.write(content[:half])
#         out.flush()
#         if file.stem == os.environ.get("KILL_AT"):
#             os.kill(os.getpid(), signal.SIGKILL)
#         out.write(content[half:])
#     neighbour.replace(file)

# %% [markdown]
# Now three kills in one run: while the features are written, then the model, then the decision. **Bet
# first:** after that, and one more start, how does the digest compare with that of plain Python?

# %%
my_bet = None  # "different" or "equal"

# %%
shutil.rmtree(state / "run-beside", ignore_errors=True)
for kill_at in ("features", "challenger", "decision", ""):
    finished = start("beside", "run-beside", kill_at)

# %%
from flightdelay.result import RunResult

after_kills = RunResult.of("2013-09", state / "run-beside" / "store")
same = after_kills.digest == plain.digest
print("same as plain:", same)
companion.compare_bet(my_bet, "equal" if same else "different")
print("left half-written:", [path.name for path in (state / "run-beside").glob(".*.part")])

# %% [markdown]
# Read the four starts from above. Each one goes on where the last one was killed, and a file that was complete is not
# made again. The rename, within one folder, happens completely or not at all: the operating system guarantees it. No
# half-written file is left: its temporary name is always the same, so the next start overwrote it. This is the same
# kill with both ways to write:
#
# ```text
#                   features.pickle   .features.pickle.part
# in place
#   half written    [#####     ]      -                       a reader finds half a file
#   killed          [#####     ]      -                       ... and so does the retry
# beside, then rename
#   half written    -                 [#####     ]            a reader finds none,
#   killed          -                 [#####     ]            ... or the one before
#   run again       -                 [##########]            overwritten from byte one
#   renamed         [##########]      -                       in one step: a whole file
# ```
#
# The book's own version adds three things: bytes are forced to the disk before the rename (a kill cannot lose them, a
# power cut can), an error leaves no file behind, and the function is called under a lock: a file that one process holds
# while the others wait, so that two runs at once take turns.

# %%
import inspect

from flightdelay.files import write_atomically

print(inspect.getsource(write_atomically))

# %% [markdown]
# ## 2. A step that ran twice
#
# Look again at the third kill. `decide` had already written to the store when the runner was killed in the middle of
# saving its own file. So `decide` ran **twice** for one month. See whether the month is in the store twice.

# %%
store = state / "run-beside" / "store"
print("decisions:", [path.name for path in (store / "runs").glob("*.json")])
print("models:   ", len(list((store / "models").iterdir())))
print("same decision as plain:", after_kills.decision == plain.decision)

# %% [markdown]
# It is there once. A step is **idempotent** if two runs of it leave the same as one. `decide` is idempotent because of
# its names: a month has one decision file, and a model's version is its month plus its digest, so that the same run
# writes the same names. A run counts only if its decision file is there. A run that was killed before it wrote this
# file has changed nothing that is used: a model without a decision is never used.
#
# The next step has to be mended by you. The connections desk wants the month's predictions as a file. Somebody wrote
# this, and somebody retried it:

# %%
from datetime import date
from pathlib import Path


def publish(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    with (folder / "predictions.csv").open("a") as out:
        for row in predictions.itertuples():
            out.write(f"{date.today()},{row.carrier},{row.flight},{row.probability:.3f}\n")


# %%
predictions = pd.DataFrame(
    {"carrier": ["UA", "DL", "B6"], "flight": [1037, 2139, 359], "probability": [0.3127, 0.2, 0.41]}
)
(state / "predictions.csv").unlink(missing_ok=True)  # so that this cell, too, can be run again
for attempt in (1, 2):
    publish(predictions, "2013-09", state)
    rows = (state / "predictions.csv").read_text().splitlines()
    print("after run", attempt, "there are", len(rows), "rows")

# %% [markdown]
# ## Exercise 2.4: Kill it at any moment
#
# Mend it. Write the body; there is nothing to return, the file is the result. After your step has run,
# `folder` holds a file named after the month, such as `2013-09.csv`, with the columns
# `month,carrier,flight,probability` (three decimals), one line per prediction in the order given. And:
#
# - killed at **any** moment and run again, it leaves what one undisturbed run leaves: this file and nothing
#   else of its own (a hidden `.lock` may stay);
# - whoever opens `2013-09.csv`, at any moment, sees a complete file, either the older one or the new one; before the
#   first run of the month is done, there is no such file;
# - run again with corrected predictions, it replaces the month; files of other months stay as they are;
# - the same inputs give the same file on any day;
# - it writes nowhere but in `folder`.
#
# The check really runs your function in another process, watches the file as a reader would, has the process killed at
# each of its writes, and runs it again. That takes some seconds.


# %%
def answer(predictions: pd.DataFrame, month: str, folder: Path) -> None:
    """Write the month's predictions to `folder`, whole or not at all."""
    ### BEGIN SOLUTION
    table = predictions.assign(month=month)[["month", "carrier", "flight", "probability"]]
    neighbour = folder / f".{month}.csv.part"
    table.to_csv(neighbour, index=False, float_format="%.3f")
    neighbour.replace(folder / f"{month}.csv")
    ### END SOLUTION


# %%
from companion import check

check.ex_2_4(answer)

# %% [markdown]
# ## 3. Another month
#
# Here is one last bet. The runner has just finished September in `run-beside`. Ask it for August, in the same folder.
# What does the store hold afterwards: August, September or both?

# %%
my_bet = None  # "August", "both" or "September"

# %%
from flightdelay.store import Store

finished = start("beside", "run-beside", month="2013-08")
months = Store(store).months()
print("months in the store:", months)

# %%
names = {"2013-08": "August", "2013-09": "September"}
companion.compare_bet(my_bet, "both" if len(months) == 2 else names[months[0]])

# %% [markdown]
# Read what the six steps did, and how the run says it ended. It was asked for August, skipped them all and reports
# success. It remembers **that** an artifact was made, not **from what**: not the month, not the code, not the bytes of
# the data. A cache that can be trusted has to know all three; the next chapter is about such a cache. This is the whole
# list of what is missing:
#
# | what happened here | what is missing | chapter |
# |---|---|---|
# | August was answered with September's files | a **cache** that knows the inputs and the code | 03 |
# | nobody can say which run made `features.pickle` | a **history**: runs, versions, and what came from what | 03 |
# | you were the one who started it again | **retries**, with a pause, and not for a refused month | 04 |
# | it runs only when you start it | a **schedule**, and backfills for months missed | 05 |
# | all steps share one process, one memory, one set of packages | **isolation**: a container for each step | 06, 07 |
# | it dies with its machine, and nobody is told | somebody who restarts it, with **limits** and logs | 08–10 |
#
# An **orchestrator** is a program that does these things for you. Contracts, parameters instead of a clock, and atomic
# and idempotent writes are not on the list, because no orchestrator gives you those. An orchestrator calls your steps
# more often than you would, at worse moments, and in parallel. So these habits come first.
#
# ## Recap
#
# 1. You made a step **safe to run again**: the file is written under another name, then renamed. Only with such a step
#    does a retry help.
# 2. It writes the **same file on any day**: named after its month, without a clock, so that a second run replaces
#    what the first one wrote, and nothing else.
#
# ## Clean-up
#
# Everything lies in this notebook's folder of state, which git ignores. `make reset` removes it.
#
# ## What comes next
#
# Read the rest of the chapter's page, below "After the notebooks". Your runner gave you September for August: chapter
# 03 hands the same six steps to ZenML, whose cache knows what an artifact was made from. You will predict what it
# skips, and lose a bet or two.
