# %% [markdown]
# # 05 · Schedules and backfills: one run for each month
#
# About 90 minutes · 2 GB of memory · no cluster
#
# A model that is retrained every month needs somebody who knows which month it is. That is easy today and
# hard for every other day: last March, run in November; March again, because it was corrected; the whole
# year, because the rule changed. You start a real Airflow, let it work through months that are long gone, do
# it again, and do it again with other data. At the end you ask whether retraining every month helps.
#
# You will
#
# 1. name the **month of a run** from what the scheduler tells it, never from a clock;
# 2. say **what has to run again** when a month arrives a second time, corrected;
# 3. **backfill** a year with the real command, in order, as often as you like;
# 4. learn only from **what was known** on the day, also when labels arrive three months late;
# 5. judge **a retraining** by its figures.

# %%
import companion

state = companion.workspace("05-1")

# %% [markdown]
# ## 1. Which month is it?
#
# A **schedule** says when a run starts. Ours starts when a month is over: on 1 April there is a full March to
# judge. Airflow describes each run by four moments:
#
# | Airflow's word | what it says |
# |---|---|
# | `data_interval_start`, `data_interval_end` | the time that the run is about: from the first up to the second |
# | `logical_date` | the run's key: no two runs of a DAG share one |
# | `run_after` | the earliest moment at which the run may start |
#
# **Bet first:** a DAG says `schedule="@monthly"`, and Airflow has its default settings. How many days long is
# the data interval of its run of 1 April?

# %%
my_bet = None  # a whole number of days

# %%
import pendulum
from airflow.sdk import DAG
from airflow.timetables.base import TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable
from airflow.timetables.trigger import CronTriggerTimetable


def runs_of(timetable, bounds):
    """Return the runs that a scheduler would have made by now."""
    run, runs = None, []
    while run := timetable.next_dagrun_info_v2(last_dagrun_info=run, restriction=bounds):
        if run.run_after > pendulum.now():
            break
        runs.append(run)
    return runs


# %%
name, days = type(DAG("example", schedule="@monthly").timetable).__name__, {}
print("@monthly is a", name)
spring = TimeRestriction(pendulum.datetime(2013, 3, 1), pendulum.datetime(2013, 4, 1), catchup=True)
for timetable in (CronTriggerTimetable, CronDataIntervalTimetable):
    print(f"\n{timetable.__name__}\n  run after     logical date   data interval")
    for run in runs_of(timetable("@monthly", timezone="UTC"), spring):
        start, end = run.data_interval
        dates = [f"{moment:%d %B}" for moment in (run.run_after, run.logical_date, start, end)]
        print(f"  {dates[0]:13} {dates[1]:14} {dates[2]} to {dates[3]}: {(end - start).days} days")
    days[timetable.__name__] = (end - start).days  # of the run of 1 April
print()
companion.compare_bet(my_bet, days[name])

# %% [markdown]
# Zero days. In Airflow 3 a plain cron expression is a `CronTriggerTimetable`: it rings at a moment, and the
# interval starts and ends at this moment. Asked for March, its run of 1 April would answer `2013-04`. The
# `CronDataIntervalTimetable` gives what a monthly report wants: the run that may start on **1 April** has the
# **logical date 1 March** and covers **all of March**.
#
# Which of them `@monthly` means is a setting, `[scheduler] create_cron_data_intervals`. Its default was True in
# Airflow 2 and is False in Airflow 3, and where a company has migrated it is often True:

# %%
from unittest.mock import patch

for setting in ("False", "True"):
    with patch.dict("os.environ", AIRFLOW__SCHEDULER__CREATE_CRON_DATA_INTERVALS=setting):
        kind = type(DAG("example", schedule="@monthly").timetable).__name__
    print(f"create_cron_data_intervals = {setting}: @monthly is a {kind}")

# %% [markdown]
# So the same line gives a run another month in another Airflow. Ask for the timetable by name; then it does not
# depend on a setting.
#
# "The logical date is where the interval starts" is true for these scheduled runs. It is no rule. Somebody
# triggers a run by hand on 17 April, and names 17 April as its logical date:

# %%
monthly = CronDataIntervalTimetable("@monthly", timezone="UTC")
by_hand = pendulum.datetime(2013, 4, 17)
interval = monthly.infer_manual_data_interval(run_after=by_hand)
print(f"logical date {by_hand:%d %B}, data interval {interval.start:%d %B} to {interval.end:%d %B}")

# %% [markdown]
# The interval is March, the last complete month before the trigger, and the logical date lies outside it. So
# of all these moments one is made for the question "which month?": where the **data interval starts**.
#
# A trap lies in this cell as well: for a run by hand Airflow makes the interval from the moment at which it
# may start, usually *now*, whatever logical date was asked for. On Airflow 3.3.2, `airflow dags trigger
# --logical-date 2013-04-17`, typed in November 2026, gave October 2026. A run by hand has a clock in it. For
# a month of the past one asks for a backfill, as you will.
#
# ## Exercise 5.1: The month of a run
#
# Airflow hands a task the **context** of its run, a dict. Among its keys are `data_interval_start`,
# `data_interval_end` and `logical_date`, all of them moments in UTC. Write the function that gives the month
# that the run is about, such as `"2013-03"`. It has to hold for scheduled runs, for backfills, and for runs
# by hand whose data interval is one month.


# %%
def answer(context: dict) -> str:
    """Return the month that the run is about."""
    ### BEGIN SOLUTION
    return f"{context['data_interval_start']:%Y-%m}"
    ### END SOLUTION


# %%
from companion import check

check.ex_5_1(answer)

# %% [markdown]
# ## 2. What a start date starts
#
# `start_date` is not "start now": it and `end_date` say **where data intervals may begin**. `catchup` says
# what happens to intervals that are over when you **unpause** the DAG (new DAGs are paused). **Bet first:**
# our months run from February to December 2013, and both dates are given. How many runs does unpausing start
# today, with and without catchup?

# %%
my_bet = None  # {"with": a whole number, "without": a whole number}

# %%
started = {}
for end in (pendulum.datetime(2013, 12, 1), None):
    for catchup in (True, False):
        bounds = TimeRestriction(pendulum.datetime(2013, 2, 1), end, catchup)
        years = [run.data_interval.start.year for run in runs_of(monthly, bounds)]
        later = {0: "none", 1: "one"}.get(len(years) - years.count(2013), "more than a hundred")
        bound = "an end_date" if end else "no end_date"
        print(f"{bound}, catchup {catchup}: {years.count(2013)} runs of 2013, {later} of later months")
        started[bool(end), catchup] = len(years)
companion.compare_bet(my_bet, {"with": started[True, True], "without": started[True, False]})

# %% [markdown]
# With catchup, unpausing starts eleven trainings at once, and without an `end_date` one for each month since.
# Without catchup it starts the **latest** interval that is over, if it lies within the bounds: here none, or
# the last month before today, of which there is no data. Neither is what you want by accident. So this book's DAG
# says `catchup=False` and has both dates: unpausing starts nothing, and months of the past are asked for by
# name.
#
# ## 3. A DAG and a real scheduler
#
# The DAG has one task. It asks the context for the month and calls the plain pipeline of chapter 02: all that
# makes a step safe to run again is in there already. In Airflow you could cut it into six tasks, as chapter
# 04 does; for dates one is enough. The DAG is not paused: a backfill of a paused DAG would wait, and after
# section 2 you know that nothing starts by itself. (`outlets` and the lines with `JUDGED` are for section 6.)

# %%
import os
import shutil

from flightdelay.data import DATA

shutil.copytree(DATA, state / "data", dirs_exist_ok=True)  # a copy: a month of it will be corrected
(state / "dags").mkdir(exist_ok=True)

# %%
# %%writefile "{state}/dags/monthly.py"
# from datetime import timedelta
# from pathlib import Path
# import pendulum
# from airflow.sdk import Asset, CronDataIntervalTimetable, dag, task
#
# STATE = Path(__file__).parents[1]
# JUDGED = Asset("flight-delay-month-judged")
#
# @task(outlets=[JUDGED], retries=2, retry_delay=timedelta(seconds=5))
# def judge(data_interval_start=None, outlet_events=None):
#     from flightdelay.pipelines.in_plain_python import run
#     month = f"{data_interval_start:%Y-%m}"
#     found = run(month, sample=6000, store=STATE / "store", data=STATE / "data").evaluation
#     expected = found["challenger"]["mean_probability"]
#     outlet_events[JUDGED].extra = {"month": month, "late": found["late_rate"], "expected": expected}
#
# @dag(
#     schedule=CronDataIntervalTimetable("@monthly", timezone="UTC"),
#     start_date=pendulum.datetime(2013, 2, 1),  # the first month with one before it to learn from
#     end_date=pendulum.datetime(2013, 12, 1),
#     catchup=False,
#     is_paused_upon_creation=False,
# )
# def flight_delay_monthly():
#     judge()
#
# flight_delay_monthly()

# %% [markdown]
# Now Airflow itself: a scheduler, a DAG processor that reads the file, and an API server. Half a minute on an
# idle machine. They listen on this machine only, keep their database in this notebook's folder, and end with
# this notebook. To look at them in a browser, print `services.url`, `services.user` and `services.password`.

# %%
from companion.airflow_services import start

services = start(state / "airflow", state / "dags")
os.environ.update(services.environment)  # for the `airflow` command
services.wait_for_dag("flight_delay_monthly")
print("running:", services.running)

# %% [markdown]
# A **backfill** asks for runs of past intervals. It is a real command, and the scheduler does the work. The
# next function types it for you and shows it; then it waits, and prints a line for each run that has ended and
# how many ran at all. Its end deserves a word:
# Airflow allows one backfill of a DAG at a time and checks only twice a minute whether one has finished.
# Cancelling one whose runs are all over just saves you that wait.

# %%
import subprocess
from contextlib import suppress
from urllib.error import HTTPError


def runs(dag="flight_delay_monthly"):
    """Return all runs of a DAG by name, in the order of their months."""
    found = services.api(f"dags/{dag}/dagRuns?order_by=logical_date&limit=100")["dag_runs"]
    return {run["dag_run_id"]: run for run in found}


def backfill(first, last, *options):
    command = "airflow backfill create --dag-id flight_delay_monthly --max-active-runs 1"
    command = [*command.split(), "--from-date", f"{first}-01", "--to-date", f"{last}-01", *options]
    print("$", *command)
    ended = {name: run["end_date"] for name, run in runs().items()}
    subprocess.run(command, check=True)
    asked = [name for name, run in runs().items() if name not in ended or run["end_date"] != ended[name]]
    for name in asked:
        services.wait_until(lambda name=name: runs()[name]["end_date"], f"The end of {name}")
        print(f"{name}  {runs()[name]['data_interval_start'][:7]}  {runs()[name]['state']}", flush=True)
    print(f"{len(asked)} of {len(runs())} runs ran")
    latest = max(each["id"] for each in services.api("backfills?dag_id=flight_delay_monthly")["backfills"])
    with suppress(HTTPError):  # its end was noticed already
        services.api(f"backfills/{latest}/cancel", "PUT")


backfill("2013-03", "2013-04")

# %% [markdown]
# Read a line from left to right. Airflow names the run after the moment from which it may start, 1 April; its
# data interval begins with March. So the run that is *called* April is *about* March. Off by one month is the
# most common mistake in this whole chapter. (`--from-date` and `--to-date` are logical dates, both included:
# March and April.)
#
# Note `--max-active-runs 1`. The champion of April depends on March, so months have to run in order. The
# DAG's own `max_active_runs` does not hold for a backfill, which brings its own limit, and its default is 10.
#
# Did the scheduler change anything in the model? Plain Python, same months, in order, in another store:

# %%
from flightdelay.pipelines import in_plain_python
from flightdelay.store import Store


def results(store):
    """Return for each month what its run found and decided."""
    found = {month: Store(store).run(month) for month in Store(store).months()}
    return {month: (run["evaluation"], run["decision"]) for month, run in found.items()}


def in_order(months, store, data):
    for month in months:
        in_plain_python.run(month, sample=6000, store=store, data=data)
    return results(store)


plain = in_order(["2013-03", "2013-04"], state / "plain", state / "data")
for month, result in results(state / "store").items():
    print(month, result[1]["decision"], "- same as plain:", result == plain[month])

# %% [markdown]
# Every figure and every decision is the same, since the month comes from outside and nothing in the steps
# asks for the time: these runs were about the spring of 2013.
#
# ## 4. Again
#
# Was the backfill safe? Safe means: doing it again changes nothing. `look` takes a picture of the store,
# `compare` says for each month whether its decision was written again or not touched, and whether it says the
# same. **Bet first:** the same command, a second time. What happens to the decision of March?

# %%
my_bet = None  # "not touched" or "written again"


# %%
def look(store=state / "store"):
    """Return for each month the result and when its file was written."""
    written = {month: (store / "runs" / f"{month}.json").stat().st_mtime_ns for month in results(store)}
    return {month: {"result": result, "written": written[month]} for month, result in results(store).items()}


def compare(before, after):
    """Print for each month what happened to its decision, and return it."""
    touched = {}
    for month, now in after.items():
        was = before.get(month, {"written": None, "result": None})
        touched[month] = "not touched" if now["written"] == was["written"] else "written again"
        same = "same result" if now["result"] == was["result"] else "ANOTHER RESULT"
        print(f"{month}: {touched[month]}, {same}")
    return touched


# %%
first = look()
backfill("2013-03", "2013-04")
touched = compare(first, look())
companion.compare_bet(my_bet, touched["2013-03"])

# %% [markdown]
# Not touched. Nothing failed, the command said nothing, and no month was run (only our function counts): there
# *is* a run for each logical date, and by default a backfill leaves finished runs alone. Look at what you
# would have believed: "I ran the backfill again and nothing changed, so it is safe." The proof was never made.
# The option that makes it is `--reprocess-behavior`: `none` is the default, `failed` runs failed runs again,
# `completed` all of them.

# %%
second = look()
backfill("2013-03", "2013-04", "--reprocess-behavior", "completed")
touched = compare(second, look())

# %% [markdown]
# Now it is a proof: both months were computed and written again, and say the same to the last digit. This is
# **idempotence** seen from outside, and it rests on the inside: results are named after their month, writes
# replace, there is no clock, and a month's opponent is the champion of the months *before* it. Had `decide`
# asked for "the current champion", March's model would now have met itself.
#
# ## 5. March arrives again
#
# In November the supplier writes: "JetBlue's arrival delays in March were 20 minutes too small. Here is a
# corrected file." (We made this up; the data is as it was.) The file replaces the old one, and the manifest
# gets its new sum.

# %%
import json

import pyarrow.parquet as pq

from flightdelay.files import sha256


def deliver_again(month, carrier="B6", minutes=20):
    """Put a corrected file of flights in the place of the old one; with 0 minutes, the first one again."""
    path = state / "data" / "flights" / f"{month}.parquet"
    table = pq.read_table(DATA / "flights" / f"{month}.parquet")  # as it came first, also the second time
    flights = table.to_pandas()
    flights.loc[flights["carrier"] == carrier, "arr_delay"] += minutes
    pq.write_table(table.from_pandas(flights, table.schema, preserve_index=False), path)
    manifest = json.loads((state / "data" / "manifest.json").read_text())
    manifest["files"][f"flights/{month}.parquet"]["sha256"] = sha256(path)
    (state / "data" / "manifest.json").write_text(json.dumps(manifest))


before = look()
deliver_again("2013-03")
backfill("2013-03", "2013-03", "--reprocess-behavior", "completed")
touched = compare(before, look())

# %% [markdown]
# March is corrected, April is as it was, both runs are green. Is that all?
#
# **Symptom.** Somebody sets up the store from nothing, out of the same data, and gets another April:

# %%
fresh = in_order(["2013-03", "2013-04"], state / "fresh", state / "data")
for month, result in results(state / "store").items():
    print(month, "- same as a fresh store:", result == fresh[month])

# %% [markdown]
# **Evidence.** What did each April learn from?

# %%
for name, run in (("our April", results(state / "store")["2013-04"]), ("a fresh April", fresh["2013-04"])):
    evaluation, decision = run
    learned_from, loss = evaluation["late_rate_learned_from"], evaluation["challenger"]["log_loss"]
    print(f"{name:14} learned from {learned_from:.1%} late flights, log loss {loss:.3f}")
champions = results(state / "store")["2013-04"][1]["champion_before"], fresh["2013-04"][1]["champion_before"]
print("the same champion to beat:", champions[0] == champions[1])

# %% [markdown]
# **Cause.** April learned from the old March. There is a second way by which it depends on March: its
# opponent is the champion that March's decision left. (Here that is the same model, since the model of March
# learned from January and February; had March decided otherwise, it would not be.) No light turned red,
# because Airflow knows that *tasks* depend on each other within a run. That April's run depends on March's
# **data** stands nowhere in the DAG.
#
# **Fix.** Rerun March **and what depends on it, in order**:

# %%
backfill("2013-03", "2013-04", "--reprocess-behavior", "completed")
for month, result in results(state / "store").items():
    print(month, "- same as a fresh store:", result == fresh[month])

# %% [markdown]
# ## Exercise 5.2: What has to run again?
#
# A month arrives again, corrected. The store holds February to December. Return the months that have to run
# again, in the order in which they have to run. `window` is how many months before it a run learns from (None:
# all). With a window of 3, July learns from April to June. Has it to run again when March is corrected?
# Remember both ways by which a month depends on another, and that January has data but no run of its own.

# %%
from flightdelay.months import MONTHS  # "2013-01" to "2013-12"


def answer(corrected: str, window: int | None) -> list[str]:
    """Return the months to run again, in order."""
    ### BEGIN SOLUTION
    # With a window too: the champion of each month was chosen in the month before, and so on back.
    return [month for month in MONTHS[1:] if month >= corrected]
    ### END SOLUTION


# %%
check.ex_5_2(answer)

# %% [markdown]
# ## Exercise 5.3: The year
#
# Now the real thing, with the functions above:
#
# 1. backfill the **whole year**, February to December, and take a picture with `look()`;
# 2. September arrives again: `deliver_again("2013-09")`;
# 3. run again what has to run again, and take another picture.
#
# March and April have run already, but February, which comes before them, has not; so let all months run. The
# answer is a dict with both pictures, `{"year": …, "corrected": …}`. It takes some minutes of waiting, with a
# line for each month that has run. To try again, first put September back as it was:
# `deliver_again("2013-09", minutes=0)`.

# %%
### BEGIN SOLUTION
deliver_again("2013-09", minutes=0)  # as it was, in case this cell has run before
backfill("2013-02", "2013-12", "--reprocess-behavior", "completed")
the_year = look()
deliver_again("2013-09")
backfill("2013-09", "2013-12", "--reprocess-behavior", "completed")
answer = {"year": the_year, "corrected": look()}
### END SOLUTION

# %%
check.ex_5_3(answer)

# %% [markdown]
# ## 6. A month that tells others
#
# A second DAG can wait for the first without a clock. The task's outlet is an **asset**: each time the task
# succeeds, Airflow notes an event, with what the task put into `extra`. A DAG whose schedule is that asset
# starts then. This one looks at what the model expected and what came.
#
# It also has a **deadline**: when the run is not over a second after it was queued, Airflow calls `ring`. A run
# that is over in time takes its deadline along, and nothing rings. So that you see it ring on any machine, the
# task works on until the alarm is there, five minutes at most.

# %%
# %%writefile "{state}/dags/alarms.py"
# from pathlib import Path
#
# def ring(file, context=None):
#     Path(file).write_text(f"{context['dag_run']['dag_id']} is late")

# %%
# %%writefile "{state}/dags/after_judging.py"
# import json
# import time
# from datetime import timedelta
# from pathlib import Path
# from airflow.sdk import Asset, DeadlineAlert, DeadlineReference, SyncCallback, dag, task
# from alarms import ring
#
# STATE = Path(__file__).parents[1]
# JUDGED = Asset("flight-delay-month-judged")
#
# @task
# def look(triggering_asset_events=None):
#     for event in triggering_asset_events[JUDGED]:
#         found = event.extra
#         (STATE / f"check-{found['month']}.json").write_text(json.dumps(found))
#     for second in range(300):  # a check that takes too long
#         if (STATE / "rang.txt").exists():
#             return
#         time.sleep(1)
#
# soon = DeadlineAlert(
#     reference=DeadlineReference.DAGRUN_QUEUED_AT,
#     interval=timedelta(seconds=1),
#     callback=SyncCallback(ring, kwargs={"file": str(STATE / "rang.txt")}),
# )
#
# @dag(schedule=[JUDGED], is_paused_upon_creation=False, max_active_runs=1, deadline=soon)
# def after_judging():
#     look()
#
# after_judging()

# %%
services.wait_for_dag("after_judging")
rang = state / "rang.txt"
rang.unlink(missing_ok=True)  # of an earlier run of this cell
backfill("2013-04", "2013-04", "--reprocess-behavior", "completed")
services.wait_until(lambda: rang.exists() and rang.read_text(), "The alarm")
services.wait_until(lambda: all(run["end_date"] for run in runs("after_judging").values()), "The check's end")
told = json.loads((state / "check-2013-04.json").read_text())
print(f"{told['month']}: {told['late']:.0%} late, {told['expected']:.0%} expected")
print("alarm:", rang.read_text())

# %% [markdown]
# Nobody started the second DAG, and nobody had to guess how long the first one takes. The alarm came while
# the check was still at work: the check waited for it.
#
# A deadline counts from a moment that you choose. `DAGRUN_QUEUED_AT` is when the run was asked for;
# `DAGRUN_LOGICAL_DATE` plus a few days is what a report owes its readers. Think before you combine the second
# with a backfill: 2013 plus a few days is long over, and each of the runs rings as soon as it exists. (Tried
# on Airflow 3.3.2: it did.)
#
# The finished DAG of this book is `dags/flight_delay_monthly.py`. Its first task has what yours has, and a
# month that is refused is not tried again:

# %%
from companion.workspace import repository

source = (repository() / "dags" / "flight_delay_monthly.py").read_text()
print(source[source.index("@task(outlets") : source.index("@task\ndef look")])

# %% [markdown]
# Airflow has done its part; the rest is about the model. (Sections 7 to 9 need no Airflow: in a new kernel, run
# the first cell of the notebook and go on here.)

# %%
services.stop()
print("running:", services.running)

# %% [markdown]
# ## 7. Is it worth it to learn anew?
#
# Everything is in place for a model that learns anew every month. Does that help? Three histories compete
# from April to December, each month judged on flights that none of them has seen:
#
# - **frozen**: learned once, from January to March, and never again;
# - **recent**: learned anew each month, from the three months before it;
# - **all**: learned anew each month, from everything before it.
#
# **Bet first.** In how many of the nine months is the log loss of *recent* higher (worse) than that of *frozen*,
# the model that is never retrained, by 0.001 or more? And who wins December: all, frozen or recent?

# %%
my_bet = None  # {"recent worse than frozen": a whole number, "best in December": "all", "frozen" or "recent"}

# %%
from companion import check
from flightdelay.months import MONTHS
from flightdelay.steps.featurize import featurize
from flightdelay.steps.ingest import ingest
from flightdelay.steps.train import train

features = featurize(ingest("2013-12"))  # all flights of the year, not a sample


def learn(months):
    """Fit the book's model on these months."""
    return train(features[features["month"].isin(months)], month="2014-01")


# For each month from February on, the model that learned from all months before it.
all_history = {month: learn(MONTHS[:number]) for number, month in enumerate(MONTHS) if number >= 1}

# %%
import pandas as pd

from flightdelay.steps.evaluate import measure, month_rows, predict

rows = []
for number, month in enumerate(MONTHS[3:], start=3):
    flights = month_rows(features, month)
    models = {
        "frozen": all_history["2013-04"],  # January to March
        "recent": learn(MONTHS[number - 3 : number]),
        "all": all_history[month],
    }
    for name, model in models.items():
        found = measure(flights["late"], predict(model, flights))
        rows.append({"month": month, "model": name, "late": flights["late"].mean(), **found})
year = pd.DataFrame(rows)
loss = year.pivot(index="month", columns="model", values="log_loss")[["frozen", "recent", "all"]]
print(loss.assign(best=loss.idxmin(axis=1)).round(3).to_string())
print("\nmean of the nine months\n" + loss.mean().round(3).to_string() + "\n")
worse = int((loss["recent"] >= loss["frozen"] + 0.001).sum())
companion.compare_bet(
    my_bet, {"recent worse than frozen": worse, "best in December": loss.loc["2013-12"].idxmin()}
)

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(7, 3.2))
for name, style in (("frozen", "o-"), ("recent", "s--"), ("all", "^:")):
    axes.plot([month[5:] for month in loss.index], loss[name], style, label=name)
axes.set(xlabel="month of 2013", ylabel="log loss (lower is better)", title="Three histories, nine months")
axes.legend()
plt.show()
for name in ("recent", "all"):
    print(name, "worse than frozen in", *loss.index[loss[name] >= loss["frozen"] + 0.001])
winter, recent = features["month"].isin(MONTHS[:3]), features["month"].isin(MONTHS[8:11])
print(f"late, January to March: {features.loc[winter, 'late'].mean():.0%}")
print(f"late, September to November: {features.loc[recent, 'late'].mean():.0%}")

# %% [markdown]
# (In April all three are the same model: they learned from the same three months. The last column names the
# first of them.)
#
# Compare with care. *Frozen* learned from January to March: it is a **winter model**. Of its flights 23% were
# late; of those from September to November, from which *recent* learned for December, 16%. So where *frozen* does
# well in November and December, two things are mixed: that it was never retrained, and that it knows winter and
# no autumn. A model that was frozen in another season might have lost. One year of data cannot separate the two.
#
# With that in mind: in May, November and December, **both ways of learning anew were worse than this model that
# was never retrained**, *recent* in December by far (.656 against .602), *all* there by only .003. From June to
# August it is the other way round, by up to .056. In the mean of the nine months *all* (.504) is better than
# *recent* (.515) and *frozen* (.519). On 1 December, all that one had was the months before: *all* had won each of
# them from June to October, and lost November.
#
# What does this do to one flight? UA 1037 of 12 September, 147 minutes late in the end, asked two hours before:

# %%
ours = month_rows(features, "2013-09").query("carrier == 'UA' and flight == 1037")
ours = ours[ours["time_hour"] == "2013-09-12 23:00Z"]
of_september = {
    "frozen": all_history["2013-04"],
    "recent": learn(MONTHS[5:8]),
    "all": all_history["2013-09"],
}
for name, model in of_september.items():
    print(f"{name:7} expects it late with probability {predict(model, ours)[0]:.2f}")

# %% [markdown]
# The desk offers a later connection from 20% on, so with each of the three it does. But the frozen model, which
# has never seen a summer evening, is just above the line (.23), and the two that learned from the summer are sure
# (.85 and .79). One flight says nothing about a policy; the table does.
#
# December is the month in which the business needs the model most. What went wrong there?

# %%
december = year[year["month"] == "2013-12"].set_index("model")
shown = december[["late", "mean_probability", "auc", "log_loss"]]
print(shown.rename(columns={"mean_probability": "expected late"}).round(3).to_string())
autumn = year[(year["month"] > "2013-08") & (year["model"] == "all")].set_index("month")
print("\n" + autumn[["late", "auc"]].rename(columns={"auc": "auc of all"}).round(3).to_string())

# %% [markdown]
# Read it column by column. A third of the flights were late. *All* expected 23%, *recent* 19%: it had learned
# from three quiet months, and expected a fourth. But look at the AUC: for *all* it is .693, higher than in
# October (.687) and November (.676). **The ranking is fine and the level is wrong.** A flight that is riskier
# than another is still recognised; all of them are riskier than they were.
#
# That can be tested. Move all predictions of a model up or down by the same amount of log-odds, until their
# mean is the share that was late. The order stays as it is, so the AUC does too. What becomes of the log loss?
# (This is a diagnosis after the fact: it uses December's labels, which nobody had.)

# %%
from scipy.optimize import brentq
from scipy.special import expit, logit


def with_right_level(late, probabilities):
    """Shift the log-odds by one number so that as many are expected late as were."""
    shift = brentq(lambda by: expit(logit(probabilities) + by).mean() - late.mean(), -5, 5)
    return expit(logit(probabilities) + shift)


flights = month_rows(features, "2013-12")
for name, model in models.items():  # the models of the last month of the loop, December
    probabilities = predict(model, flights)
    levelled = measure(flights["late"], with_right_level(flights["late"], probabilities))
    before = measure(flights["late"], probabilities)
    print(
        f"{name:7} log loss {before['log_loss']:.3f}, at the right level {levelled['log_loss']:.3f};",
        f"AUC {before['auc']:.3f} and {levelled['auc']:.3f}",
    )

# %% [markdown]
# The same is seen when the flights are sorted into bands by what a model expected, and each band is asked how
# many of its flights were late. A model that is **calibrated** lies on the diagonal.

# %%
figure, axes = plt.subplots(figsize=(4.5, 4))
axes.plot([0, 0.8], [0, 0.8], color="grey", linewidth=1, label="calibrated")
for (name, model), style in zip(models.items(), ("o-", "s--", "^:"), strict=True):
    expected = predict(model, flights)
    bands = pd.DataFrame({"expected": expected, "late": flights["late"]}).groupby(pd.qcut(expected, 5)).mean()
    axes.plot(bands["expected"], bands["late"], style, label=name)
    print(f"{name:7}", "  ".join(f"{row.expected:.0%} -> {row.late:.0%}" for row in bands.itertuples()))
axes.set(xlabel="expected share late", ylabel="share late", title="December, in five bands")
axes.legend()
plt.show()

# %% [markdown]
# All points lie above the diagonal: in each band, of each model, more flights were late than it expected, for
# *frozen* by 9 or 10 points, for *all* by 7 to 11, and for *recent* by 12 to 15. It is the level again, and not
# only at the end where the risky flights are.
#
# With its level put right, *recent* (.595) is even better than the frozen model as it is (.602). Between the two
# lay .054; with both levels right it is .019. So about two thirds of what *recent* lost by was the level, and the
# rest a worse order: its AUC is lower too. Judged by AUC, *all* had a better December than October or November, and
# the desk that offers later connections from 20% on acts on the level.
#
# **What may you conclude?** That a retraining is a candidate and not an improvement, and has to earn its
# place. Not that it is better to leave a model alone: the frozen one had learned from the right season. Nor that
# December always does this: there is one December in the data. Whether flights were late
# *because it was December* or because the world had changed, one year cannot say; a model that has seen a
# December before might know. Nor does "all history" always win.
#
# ## Exercise 5.4: What was it worth?
#
# The table `year` above has a row for each month and model. Write the function that returns the months in
# which the policy `candidate` did **worse than never retraining**, in order. Worse means that the
# probabilities were worse: a higher log loss, by at least 0.001 (the smallest difference that this book's
# promotion rule takes seriously). The rows of `year` may come in any order.


# %%
def answer(year: pd.DataFrame, candidate: str) -> list[str]:
    """Return the months in which retraining made it worse than the frozen model."""
    ### BEGIN SOLUTION
    loss = year.pivot(index="month", columns="model", values="log_loss")
    return sorted(loss.index[loss[candidate] >= loss["frozen"] + 0.001])
    ### END SOLUTION


# %%
check.ex_5_4(answer)

# %% [markdown]
# ## 8. An alarm for drift
#
# The evaluation keeps a drift index for each column: how far the month's flights lie from those learned
# from. By custom 0.25 means "has moved". "When it has moved, retrain" is a common rule. **Bet first:** in how
# many of the nine months would an alarm at 0.25 have gone off?

# %%
my_bet = None  # a whole number

# %%
from flightdelay.drift import drift
from flightdelay.steps.featurize import FEATURES

alarms = 0
for number, month in enumerate(MONTHS[3:], start=3):
    history, flights = features[features["month"].isin(MONTHS[:number])], month_rows(features, month)
    moved = drift(history, flights, FEATURES)
    column, index = next(iter(moved.items()))
    gain = loss.loc[month, "frozen"] - loss.loc[month, "all"]
    expected = year.query("month == @month and model == 'all'")["mean_probability"].item()
    late, alarms = flights["late"].mean(), alarms + (index > 0.25)
    print(f"{month}  most moved {column} ({index:.1f})  retraining gained {gain:+.3f}", end="  ")
    print(f"late {late:.0%}, expected {expected:.0%}: {100 * (late - expected):+.0f} points")
companion.compare_bet(my_bet, alarms)

# %% [markdown]
# In all nine. What moves is the weather: the index sees that June is warmer than winter. In June and July it is
# largest, and there learning anew helps most. In May it is nearly as large, in December it is moderate, and in
# both learning anew does a little harm. So the index answers "is the input as before?", and not "is the model still
# right?", much less "would a new one be better?". An alarm that always rings is switched off. Use drift as a
# reason to **look**, at the level above all: the last column compares the share of flights that were late with
# the share that the model *all* expected, in percentage points, and needs labels. The finished DAG does just that:
# it writes down what moved, and asks somebody to look where the level is off by more than five points.
#
# ## 9. Labels that come late
#
# Here the label is there when the plane has landed. A loan needs a year to default. Turn the switch: labels
# arrive **three months late**. On 1 July, the flights up to the end of March have labels. So the model for
# July is the one that could be had for April: you need not train anything.
#
# **Bet first:** what does that cost, in log loss, on average?

# %%
my_bet = None  # a difference in log loss, with three decimals

# %%
LABELS_LATE = 3  # months; 0 gives the table above
waited = {}
for number, month in enumerate(MONTHS[4:], start=4):
    flights, known = month_rows(features, month), all_history[MONTHS[number - LABELS_LATE]]
    waited[month] = measure(flights["late"], predict(known, flights))["log_loss"]
compared = pd.DataFrame({"labels at once": loss["all"], "three months late": waited}).dropna()
compared["cost"] = compared["three months late"] - compared["labels at once"]
print(compared.round(3).to_string())
print(f"\nmean cost {compared['cost'].mean():.3f}")
companion.compare_bet(my_bet, round(float(compared["cost"].mean()), 3))

# %% [markdown]
# (May is the first month for which a model exists: it learned from January.) The delay costs most from June to
# August, where only winter and spring are known, and in December it costs nothing, on the contrary: the model
# that has not seen the autumn yet does not expect December to be like it. That is luck, of the same kind as the
# frozen model's.
#
# The delay has a second price that this table hides. A challenger can only be *judged* when labels are there.
# With three months of delay, July's contest between champion and challenger is decided in November.
#
# ## Exercise 5.5: No rows of the future
#
# Write the function that returns the rows which a model may learn from, for a run that judges `month`, when
# the labels of a month are complete `labels_late` months after its end. With 0, the months before `month`;
# with 1, the month right before it is not complete yet. `features` has the column `month`, in any order of
# rows; it may hold months later than `month`. When nothing is left, raise a `MonthError` that names the month.

# %%
from flightdelay.errors import MonthError


def answer(features: pd.DataFrame, month: str, labels_late: int) -> pd.DataFrame:
    """Return the rows whose labels are known when the run of `month` learns."""
    ### BEGIN SOLUTION
    last = pd.Period(month) - 1 - labels_late
    known = features[features["month"] <= str(last)]
    if known.empty:
        raise MonthError(f"For {month} no label is known yet: labels come {labels_late} months late.")
    return known
    ### END SOLUTION


# %%
check.ex_5_5(answer)

# %% [markdown]
# ## Optional: bring your own model
#
# Is it the trees? Put your own estimator in the place of this logistic regression, and see whether *recent*
# loses December with it too.

# %%
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from flightdelay.steps.featurize import CATEGORIES, NUMBERS

numbers = make_pipeline(SimpleImputer(), StandardScaler())
columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), CATEGORIES), (numbers, NUMBERS))
flights = month_rows(features, "2013-12")
for name, months in (("frozen", MONTHS[:3]), ("recent", MONTHS[8:11])):
    own = make_pipeline(columns, LogisticRegression(max_iter=300))
    own = train(features[features["month"].isin(months)], month="2014-01", estimator=own)
    found = measure(flights["late"], predict(own, flights))
    print(f"{name:7} log loss {found['log_loss']:.2f}, expected late {found['mean_probability']:.0%}")

# %% [markdown]
# ## Recap
#
# 1. You named the **month of a run** by the start of its data interval. A plain `@monthly` has an interval of
#    no length, the run that is called April is about March, and a run by hand has a clock in it.
# 2. You said **what has to run again** after a correction: the month and all after it, since they learned
#    from it and since champions follow each other.
# 3. You **backfilled** a year with the real command, in order. That it may be done again was proved only with
#    `--reprocess-behavior completed`; without it nothing ran.
# 4. You learned only from **what was known**: the months whose labels were complete.
# 5. You judged **a retraining** by its figures. Recent months lost to a frozen winter model in three months of
#    nine, and in December it was mostly the level that was wrong.
#
# ## Clean-up
#
# Airflow was stopped above; it also ends with the kernel. Everything lies in this notebook's folder of state,
# which git ignores. `make reset` removes it.
#
# ## What comes next
#
# All of this ran as processes of your machine, with your Python and your disk. Chapter 06 packs a step into a
# container, so that it runs elsewhere, and shows what it takes along and what it leaves behind.
