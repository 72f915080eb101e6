# %% [markdown]
# # 04.3 · Airflow: one task for each airport, and a branch
#
# About 40 minutes · 2 GB of memory · no cluster
#
# A month needs more than one file. Here the weather of all three airports has to arrive, the pipeline of chapter 02
# judges the month, and what happens then depends on its decision. At the end Airflow gets all six steps of the
# pipeline, each as a task.
#
# You will
#
# 1. run a task once **per airport**, however many these are, choose a **branch** by a decision, and go on with **one
#    task after both branches**.
#
# Three times you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("04-3")

# %% [markdown]
# ## 1. One task for each airport
#
# As in the first notebook: `prepare` makes Airflow's database and two folders, `run` runs a DAG by `dag.test()` and
# prints its tasks, `database` asks the database
# ([`local_airflow.py`](../chapters/04-airflow/local_airflow.py)).

# %%
from chapter_04.local_airflow import database, prepare, run

dags, files = prepare(state)
print(sorted(path.name for path in (state / "airflow").iterdir()))

# %% [markdown]
# Now a DAG that does the month's work. The weather of **all three** airports has to be there; then the month is
# judged; then, if the challenger is promoted, it is announced. The picture in this chapter's README shows it. Some of
# its tasks stand in a module, [`promotion.py`](../chapters/04-airflow/promotion.py); a DAG file may take them from any
# package. `airports` returns the three names. Read the next two; `fetch` is one that may be retried, as in the second
# notebook.

# %%
import inspect

from chapter_04 import promotion

print(inspect.getsource(promotion.fetch))
print(inspect.getsource(promotion.judge))

# %% [markdown]
# - `fetch.expand(origin=airports())` makes one task instance for each element of a list: a **mapped task**. The list
#   comes from a task, so its length is known only in the run. A Python loop cannot do that, because it runs when the
#   file is read.
# - The function under `@task.branch` returns the **name** of the task to go on with. The others are skipped. An `if` in
#   the `with DAG` block would be executed too early, when the file is read. `a >> [b, c]` is an arrow that hands over
#   no value.
# - `keep_champion()` makes an `EmptyOperator`, one without a function. It only shows that the champion was kept on
#   purpose.
# - `outlets=[Asset(…)]` says that `announce` changes an **asset**, a thing with a name that other DAGs can wait for.
#   `board.py` waits for it: it has that asset as its schedule, in place of a time.

# %%
# %%writefile "{state}/airflow/dags/promotion.py"
# from airflow.sdk import DAG, Asset, task
# from chapter_04.promotion import airports, fetch, judge, keep_champion
#
# @task.branch
# def choose(decision):
#     return "announce" if decision == "promote" else "keep_champion"
#
# @task(outlets=[Asset("flight_delay_champion")])
# def announce(params=None):
#     return f"the challenger of {params['month']} is the new champion"
#
# with DAG("promotion", schedule=None, params={"month": "2013-09", "sample": 6000, "store": "", "folder": ""}):
#     chosen = choose(judge(fetch.expand(origin=airports())))
#     chosen >> [announce(), keep_champion()]

# %%
# %%writefile "{state}/airflow/dags/board.py"
# from airflow.sdk import DAG, Asset, task
#
# @task
# def refresh():
#     return "the board shows the new champion"
#
# with DAG("board", schedule=[Asset("flight_delay_champion")]):
#     refresh()

# %% [markdown]
# (To keep the example short, `judge` only waits for the files; the pipeline reads the book's own copy of the same
# weather.) First run February, from a small sample, into an empty store; JFK hangs up twice. **Bet first:** is the
# weather of EWR and LGA fetched again with that of JFK?

# %%
my_bet = None  # "all three" or "JFK alone"

# %%
import shutil

from chapter_04.weather_service import misbehave

store = state / "store"
shutil.rmtree(store, ignore_errors=True)  # from an empty store, also the second time
misbehave("JFK", hang_ups=2)
run_id, errors = run("promotion", month="2013-02", store=str(store), folder=str(files))
tries = database("select try_number from task_instance where run_id = ? and task_id = 'fetch'", run_id)
companion.compare_bet(my_bet, "all three" if min(tries) > (1,) else "JFK alone")

# %% [markdown]
# The number in brackets is the airport's place in the list. Look at how many tries each had, and at the states of
# `announce` and of the run.
#
# Now March, which is promoted. **Bet first:** how many runs does `board` have at the end of the next cell?

# %%
my_bet = None  # a whole number

# %%
run_id, errors = run("promotion", month="2013-03", store=str(store), folder=str(files))
companion.compare_bet(my_bet, database("select count(*) from dag_run where dag_id = 'board'")[0][0])

# %%
changed = database("select source_dag_id, source_task_id from asset_event where source_run_id = ?", run_id)
print("the asset has been changed by", changed)
waiting = database("select dag_id from dag_schedule_asset_reference")
print("DAGs that wait for it:", [dag_id for (dag_id,) in waiting])

# %% [markdown]
# **February.** Each airport is a task instance of its own, with its own tries: three for JFK, one for the others, and
# `judge` waited for all three. A loop *inside* one task would have asked all three again. The challenger was kept back
# (chapter 02 showed why), so `announce` is **skipped**. That is not a failure: the run is a success.
#
# **March.** `announce` ran, and with its success Airflow noted that the asset has changed. A scheduler reads this note
# and starts a run of `board`, whose schedule is a change and not a time. There is no scheduler in this notebook, so
# nothing happens. Chapter 05 starts one, and there a DAG with such a schedule checks for drift.
#
# An asset says little: Airflow looks neither at the model nor at a file. The note only says that a task which claims to
# change the asset has succeeded.
#
# ## 2. A task after both branches
#
# A task runs, by default, when **all** tasks before it are a success. A task behind *both* branches therefore never
# runs: one of the two is always skipped. A `trigger_rule` changes that. `none_failed_min_one_success` is what you need
# in most cases; `all_done` runs even after a failure.
#
# Here is a DAG with tasks and no arrows. It is written beside the DAGs folder, not into it. Its tasks are in
# [`month_end.py`](../chapters/04-airflow/month_end.py); `announce`, `close` and `keep_champion` are short.
# `report` fails for what is no airport:

# %%
from chapter_04 import month_end

print(inspect.getsource(month_end.airports))
print(inspect.getsource(month_end.report))

# %%
# %%writefile "{state}/exercise_4_4.py"
# from airflow.sdk import DAG, task
# from chapter_04.month_end import airports, announce, close, keep_champion, report
#
# @task.branch
# def choose(params=None): ...
#
# with DAG("month_end", schedule=None, params={"airports": ["EWR", "JFK", "LGA"], "decision": "keep", "folder": ""}):
#     ...

# %% [markdown]
# ## Exercise 4.4: Map, branch, and a task after both
#
# Write the arrows of `month_end`, so that
#
# - `report` runs once for each airport that `airports` returns, however many these are;
# - after all reports, `announce` runs if the run's parameter `decision` is `promote`, and `keep_champion` if it is
#   `keep`; the other one is skipped;
# - `close` runs at the end after either branch, but not when a report has failed.
#
# Copy the text of the file between two `"""`. You write the body of `choose` as well, and you may give tasks settings:
# a task from a module gets them where it is called, as in `announce.override(retries=2)()`. (The first check of a
# notebook of this chapter starts an Airflow of its own and says nothing for up to a minute.)

# %%
### BEGIN SOLUTION
answer = """
from airflow.sdk import DAG, task
from chapter_04.month_end import airports, announce, close, keep_champion, report

@task.branch
def choose(params=None):
    return "announce" if params["decision"] == "promote" else "keep_champion"

with DAG("month_end", schedule=None, params={"airports": ["EWR", "JFK", "LGA"], "decision": "keep", "folder": ""}):
    reports = report.expand(origin=airports())
    closed = close.override(trigger_rule="none_failed_min_one_success")()
    reports >> choose() >> [announce(), keep_champion()] >> closed
"""
### END SOLUTION

# %%
from companion import check

check.ex_4_4(answer)

# %% [markdown]
# ## 3. The book's own adapter
#
# `judge` ran the whole pipeline as one task. That is a good size for many teams: one thing to retry. The book's adapter
# makes each of the six steps a task, so that Airflow sees the pipeline of chapter 02. Read its wiring and one task, and
# look for what the adapter had to add to the step. (A function under `@dag`, called once at the end of a file, is the
# other way to write a DAG; its name is the DAG's name.)

# %%
from flightdelay.pipelines import with_airflow

print(inspect.getsource(with_airflow.train))
print(inspect.getsource(with_airflow.flight_delay))

# %% [markdown]
# Each task reads the inputs from their paths, calls the step, writes the output beside them and returns the path. The
# first task, `ingest`, makes a folder with the run's id in its name, so that two months that run at once do not share
# files. Only `evaluate` returns its result itself: some numbers, which JSON can write. Each step's imports stand in its
# task.
#
# The adapter is a module of the package, and Airflow reads only the files of its DAGs folder. So a small file there
# imports the adapter; the repository's `dags/` has the same file. (Its first line matters: Airflow saves time by
# skipping files in which the words `dag` and `airflow` do not both occur.)

# %%
# %%writefile "{state}/airflow/dags/flight_delay.py"
# """What Airflow reads: the DAG itself is wired in the package."""
#
# from flightdelay.pipelines.with_airflow import flight_delay
#
# flight_delay()

# %%
from IPython.utils.capture import capture_output

from flightdelay.pipelines import in_plain_python

with capture_output():
    result = with_airflow.run("2013-09", sample=20_000, store=state / "airflow-store")
plain = in_plain_python.run("2013-09", sample=20_000, store=state / "plain-store")
print("same as plain:", result.digest == plain.digest, "·", result.decision["decision"])

# %% [markdown]
# Every probability is the same, to the sixth decimal, although six tasks handed each other files. Now see what that
# model said about our flight. At 17:30 the last weather that it could know was that of 16:00 to 16:51, before the rain.

# %%
from flightdelay.steps.evaluate import month_rows, predict
from flightdelay.steps.featurize import featurize
from flightdelay.steps.ingest import ingest
from flightdelay.store import Store

store_of_september = Store(state / "airflow-store")
september = month_rows(featurize(ingest("2013-09", sample=20_000)), "2013-09")
same_number = (september["carrier"] == "UA") & (september["flight"] == 1037)
ours = september[same_number & (september["time_hour"] == "2013-09-12 23:00Z")]
model = store_of_september.load(store_of_september.champion())
probability = predict(model, ours)[0]
ended = "late" if ours["late"].iloc[0] else "on time"
print(f"UA 1037: late with probability {probability:.2f}; it was {ended}")

# %% [markdown]
# The last run gets a month with a fault: October, with one flight's distance below zero. The data folder is a copy, and
# its sums in `manifest.json` are right.

# %%
import json

import pandas as pd

from flightdelay.data import DATA
from flightdelay.files import sha256

broken = shutil.copytree(DATA, state / "broken", dirs_exist_ok=True)
october = broken / "flights" / "2013-10.parquet"
flights = pd.read_parquet(october)
flights.loc[7, "distance"] = -3
flights.to_parquet(october)
manifest = json.loads((broken / "manifest.json").read_text())
manifest["files"]["flights/2013-10.parquet"]["sha256"] = sha256(october)
written = (broken / "manifest.json").write_text(json.dumps(manifest))

# %% [markdown]
# **Bet first:** which of the six tasks fails?

# %%
my_bet = None  # the name of a task

# %%
asked = {"month": "2013-10", "sample": 20_000, "data": str(broken)}
run_id, errors = run("flight_delay", store=str(state / "airflow-store"), **asked)
failed = database("select task_id from task_instance where run_id = ? and state = 'failed'", run_id)
companion.compare_bet(my_bet, failed[0][0])

# %%
print(errors[0])
print("champion of", store_of_september.champion()[:7], "· months:", store_of_september.months())

# %% [markdown]
# The month was refused at the second task with row, column and rule; the four tasks behind it are `upstream_failed`;
# the champion is still September's. The adapter sets no retries, so there was one try. In the repository's DAGs of
# chapter 05 some have them.
#
# ## What Airflow adds, and what it does not
#
# | | ZenML (03) | Airflow |
# |---|---|---|
# | when | you, or a platform that it deploys to | **schedules, backfills, assets** (05) |
# | a cause that passes | retries of a step | **retries with growing waits, for each task instance** |
# | what was made from what | **artifact store, lineage, cache** | assets, OpenLineage (the data is yours to keep) |
# | a step that need not run again | **cache** | – (it runs what it is told to) |
# | is a step safe to run again? | depends on your code | depends on your code |
#
# ## Optional: setup and teardown
#
# Six tasks write files that nobody needs after the run. They have to be removed, also after a failure. A task marked as
# *teardown* runs whenever its *setup* did, whatever happened in between, and it does not decide whether the run counts
# as failed. Here are two tasks; the file of the DAG has the third, since a module that is read twice may not hold a
# teardown task (Airflow 3.3.2).

# %%
from chapter_04 import scratch

for name in ("make", "work"):
    print(inspect.getsource(getattr(scratch, name)))

# %%
# %%writefile "{state}/airflow/dags/scratch.py"
# import shutil
# from airflow.sdk import DAG, teardown
# from chapter_04.scratch import make, work
#
# @teardown
# def remove(path):
#     """Remove the folder with all that is in it."""
#     shutil.rmtree(path)
#
# with DAG("scratch", schedule=None, params={"folder": ""}):
#     path = make()
#     work(path) >> remove(path)

# %%
run_id, errors = run("scratch", folder=str(files))
print(errors[0])
print("the folder is there:", (files / "scratch").exists())

# %% [markdown]
# `work` failed, `remove` ran all the same, and the run is failed: had `remove` been a usual task with
# `trigger_rule="all_done"`, its success as the last task would have made the run a success. When the whole machine is
# killed, no teardown runs, and the next run has to work with what it finds (chapter 02).
#
# ## Optional: bring your own model
#
# In `promotion`, `judge` calls `in_plain_python.run`, which takes any classifier as `estimator=` (chapter 02 has one,
# with the types to trust). Write a task `judge` of your own into the cell of the DAG, in place of the imported one.
# Build your model **inside** its function: one that is built at the top of the file is built 2,880 times a day. Run
# February and March again. Nothing else in the DAG has to change.
#
# ## Recap
#
# 1. You ran a task once **per airport**, with tries of its own, chose a **branch** by the decision, and went on with
#    **one task after both**; the branch that was not chosen is skipped, not failed.
#
# ## Clean-up
#
# Nothing runs any more: `dag.test()` ends with its run. Everything lies in this notebook's folder of state, which
# git ignores. `make reset` removes it.
#
# ## What comes next
#
# Read the rest of the chapter's page, below "After the notebooks". You started every run by hand. Chapter 05 starts a
# real scheduler, gives each run its month, works through the whole year, and asks whether the monthly retraining was
# worth it.
