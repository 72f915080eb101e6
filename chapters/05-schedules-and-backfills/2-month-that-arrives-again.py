# %% [markdown]
# # 05.2 · Schedules and backfills: a month that arrives again
#
# About 40 minutes · 2 GB of memory · no cluster
#
# The first notebook backfilled two past months. Here one of them is delivered a second time, corrected, and all runs in
# Airflow are a success. You find out what else has to run, do it for a year, and let one DAG start another.
#
# You will
#
# 1. say **what has to run again** when a month arrives a second time, corrected;
# 2. **backfill** a year with the real command, in order, as often as you like.

# %%
import companion

state = companion.workspace("05-2")

# %% [markdown]
# ## 1. Two months, as before
#
# The DAG of the first notebook lies in this chapter's folder
# ([`dags`](../chapters/05-schedules-and-backfills/dags)). Airflow gets a copy of it, and its task works on a copy of
# the data, since a month of that will be corrected.

# %%
import shutil

from companion.workspace import repository
from flightdelay.data import DATA

chapter = repository() / "chapters" / "05-schedules-and-backfills"
shutil.copytree(DATA, state / "data", dirs_exist_ok=True)
shutil.copytree(chapter / "dags", state / "dags", copy_function=shutil.copy, dirs_exist_ok=True)
store = state / "store"  # where the task keeps what it finds

# %% [markdown]
# A new Airflow takes half a minute on an idle machine. To look at it in a browser, print `services.url`,
# `services.user` and `services.password`.

# %%
import os

from companion.airflow_services import start

services = start(state / "airflow", state / "dags")
os.environ.update(services.environment)  # for the `airflow` command
services.wait_for_dag("flight_delay_monthly")
print("running:", services.running)

# %% [markdown]
# The functions are those of the first notebook, from
# [`backfills.py`](../chapters/05-schedules-and-backfills/backfills.py): `backfill` runs the command and waits, `look`
# records the state of the store, `compare` compares two such records. March and April, as before:

# %%
from chapter_05.backfills import backfill, compare, in_order, look, results, runs

backfill(services, "2013-03", "2013-04", "--reprocess-behavior", "completed")

# %% [markdown]
# ## 2. March arrives again
#
# In November the supplier writes: "JetBlue's arrival delays in March were 20 minutes too small. Here is a
# corrected file." (We made this up; the data is as it was.) The file replaces the old one, and the manifest
# gets its new sum.

# %%
import json

import pyarrow.parquet as pq

from flightdelay.files import sha256


def write_table(month, table):
    """Put flights in the place of the old ones, and their sum into the manifest."""
    path, manifest = state / "data" / "flights" / f"{month}.parquet", state / "data" / "manifest.json"
    pq.write_table(table, path)
    listed = json.loads(manifest.read_text())
    listed["files"][f"flights/{month}.parquet"]["sha256"] = sha256(path)
    manifest.write_text(json.dumps(listed))


# %%
def deliver_again(month, carrier="B6", minutes=20):
    """Deliver a month with a carrier's delays corrected; with 0 minutes, as it came first."""
    table = pq.read_table(DATA / "flights" / f"{month}.parquet")  # as it came first, also the second time
    flights = table.to_pandas()
    flights.loc[flights["carrier"] == carrier, "arr_delay"] += minutes
    write_table(month, table.from_pandas(flights, table.schema, preserve_index=False))


# %%
before = look(store)
deliver_again("2013-03")
backfill(services, "2013-03", "2013-03", "--reprocess-behavior", "completed")
touched = compare(before, look(store))

# %% [markdown]
# March is corrected, April is as it was, and both runs are a success. But something is still wrong.
#
# **Symptom.** Somebody fills an empty store from the same data, and gets another April:

# %%
fresh = in_order(["2013-03", "2013-04"], state / "fresh", state / "data")
for month, result in results(store).items():
    print(month, "- same as a fresh store:", result == fresh[month])

# %% [markdown]
# **Evidence.** Compare what each April learned from.

# %%
april = {"our April": results(store)["2013-04"], "a fresh April": fresh["2013-04"]}
for name, (evaluation, _) in april.items():
    learned_from, loss = evaluation["late_rate_learned_from"], evaluation["challenger"]["log_loss"]
    print(f"{name:14} learned from {learned_from:.1%} late flights, log loss {loss:.3f}")
champions = {decision["champion_before"] for _, decision in april.values()}
print("the same champion to beat:", len(champions) == 1)

# %% [markdown]
# **Cause.** April learned from the old March. April depends on March in a second way: its challenger is compared with
# the champion that March's decision left. (Here this champion is the same model as before, since the model of March
# learned from January and February. After another decision about March it would be another one.) No run failed, because
# Airflow knows only that *tasks* depend on each other within a run. The DAG does not say that April's run depends on
# March's **data**.
#
# **Fix.** Rerun March **and what depends on it, in order**:

# %%
backfill(services, "2013-03", "2013-04", "--reprocess-behavior", "completed")
for month, result in results(store).items():
    print(month, "- same as a fresh store:", result == fresh[month])

# %% [markdown]
# ## Exercise 5.2: What has to run again?
#
# A month arrives again, corrected. The store holds February to December. Return the months that have to run again, in
# the order in which they have to run. `window` is how many months before it a run learns from (None: all). With a
# window of 3, July learns from April to June. Decide whether July has to run again when March is corrected. Remember
# both ways in which a month depends on another, and that January has data but no run of its own.

# %%
from flightdelay.months import MONTHS  # "2013-01" to "2013-12"


def answer(corrected: str, window: int | None) -> list[str]:
    """Return the months to run again, in order."""
    ### BEGIN SOLUTION
    # With a window too: the champion of each month was chosen in the month before, and so on back.
    return [month for month in MONTHS[1:] if month >= corrected]
    ### END SOLUTION


# %%
from companion import check

check.ex_5_2(answer)

# %% [markdown]
# ## Exercise 5.3: The year
#
# Now the real thing, with the functions above:
#
# 1. backfill the **whole year**, February to December, and take a picture with `look(store)`;
# 2. September arrives again: `deliver_again("2013-09")`;
# 3. run again what has to run again, and take another picture.
#
# March and April have run already, but February, which comes before them, has not; so let all months run,
# also those that have (section 2 had an option for that). The
# answer is a dict with both pictures, `{"year": …, "corrected": …}`. It takes some minutes of waiting, with a
# line for each month that has run. To try again, first put September back as it was:
# `deliver_again("2013-09", minutes=0)`.

# %%
### BEGIN SOLUTION
deliver_again("2013-09", minutes=0)  # as it was, in case this cell has run before
backfill(services, "2013-02", "2013-12", "--reprocess-behavior", "completed")
the_year = look(store)
deliver_again("2013-09")
backfill(services, "2013-09", "2013-12", "--reprocess-behavior", "completed")
answer = {"year": the_year, "corrected": look(store)}
### END SOLUTION

# %%
check.ex_5_3(answer)

# %% [markdown]
# ## 3. One DAG starts another
#
# A second DAG can wait for the first without a clock. For that, this notebook's DAG has something that the DAG of the
# first notebook lacks:

# %%
source = (chapter / "dags" / "judging.py").read_text()
print(source[source.index("JUDGED =") :])

# %% [markdown]
# The task's outlet is an **asset**: each time the task succeeds, Airflow notes an event, with what the task put into
# `extra`. Then a DAG whose schedule is that asset starts. The one below compares the share of late flights that the
# model expected with the real one.
#
# It also has a **deadline**: when the run is not over one second after it was queued, Airflow calls `ring`, which
# raises the alarm. When a run is over in time, there is no alarm. To show you the alarm on any machine, the task waits
# until the alarm is there, five minutes at most. There are three files: the alarm, the task, the DAG.

# %%
# %%writefile "{state}/dags/alarms.py"
# from datetime import timedelta
# from pathlib import Path
# from airflow.sdk import DeadlineAlert, DeadlineReference, SyncCallback
# from judging import STATE
#
# def ring(file, context=None):
#     Path(file).write_text(f"{context['dag_run']['dag_id']} is late")
#
# soon = DeadlineAlert(
#     reference=DeadlineReference.DAGRUN_QUEUED_AT,
#     interval=timedelta(seconds=1),
#     callback=SyncCallback(ring, kwargs={"file": str(STATE / "rang.txt")}),
# )

# %%
# %%writefile "{state}/dags/looking.py"
# import json
# import time
# from airflow.sdk import task
# from judging import JUDGED, STATE
#
# @task
# def look(triggering_asset_events=None):
#     for event in triggering_asset_events[JUDGED]:
#         month = event.extra["month"]
#         (STATE / f"check-{month}.json").write_text(json.dumps(event.extra))
#     for second in range(300):  # a check that takes too long
#         if (STATE / "rang.txt").exists():
#             return
#         time.sleep(1)

# %%
# %%writefile "{state}/dags/after_judging.py"
# from airflow.sdk import dag
# from alarms import soon
# from judging import JUDGED
# from looking import look
#
# @dag(schedule=[JUDGED], is_paused_upon_creation=False, max_active_runs=1, deadline=soon)
# def after_judging():
#     look()
#
# after_judging()

# %% [markdown]
# April runs once more. Then the cell waits for the alarm, and for the end of the run that it is about. Each wait has an
# end: if the alarm or the run does not come, a sentence says why, as far as Airflow knows.

# %%
services.wait_for_dag("after_judging")
rang = state / "rang.txt"
rang.unlink(missing_ok=True)  # of an earlier run of this cell
backfill(services, "2013-04", "2013-04", "--reprocess-behavior", "completed")
services.wait_until(lambda: rang.exists() and rang.read_text(), "The alarm")
services.wait_until(
    lambda: all(run["end_date"] for run in runs(services, "after_judging").values()), "The check's end"
)
told = json.loads((state / "check-2013-04.json").read_text())
print(f"{told['month']}: {told['late']:.0%} late, {told['expected']:.0%} expected")
print("alarm:", rang.read_text())

# %% [markdown]
# Nobody started the second DAG, and nobody had to guess how long the first one takes. The alarm came while the task of
# the second DAG was still running, since that task waited for it.
#
# A deadline counts from a moment that you choose. `DAGRUN_QUEUED_AT` is when the run was asked for;
# `DAGRUN_LOGICAL_DATE` plus a few days fits a report that is due on a certain day. Do not combine the second with a
# backfill without care: 2013 plus a few days is long over, so each of the runs raises its alarm as soon as it exists.
# (We tried it on Airflow 3.3.2, and it did.)
#
# The finished DAG of this book is `dags/flight_delay_monthly.py`. Its first task has such an outlet, too, and a
# month that is refused is not tried again:

# %%
source = (repository() / "dags" / "flight_delay_monthly.py").read_text()
print(source[source.index("@task(outlets") : source.index("@task\ndef look")])

# %% [markdown]
# That is all that Airflow has to do here.

# %%
services.stop()
print("running:", services.running)

# %% [markdown]
# ## Recap
#
# 1. You said **what has to run again** after a correction: the month and all after it, since they learned
#    from it and since champions follow each other.
# 2. You **backfilled** a year with the real command, in order, and part of it again after a correction.
#
# And one DAG started another, without a clock, and raised an alarm when it was late.
#
# ## Clean-up
#
# Airflow was stopped above; it also ends with the kernel. Everything lies in this notebook's folder of state,
# which git ignores. `make reset` removes it.
#
# ## What comes next
#
# Now a model can be trained anew every month. [The third notebook](05-3-worth-of-a-retraining.ipynb) asks the data
# whether that helps.
