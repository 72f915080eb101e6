# %% [markdown]
# # 05.1 · Schedules and backfills: the month of a run
#
# About 35 minutes · 2 GB of memory · no cluster
#
# A model that is retrained every month has to be told which month it is about. That is easy for the present month and
# hard for past ones: last March, run in November; March again, because it was corrected; the whole year, because the
# rule changed. Here you ask a scheduler which month its runs are about. Then you start a real Airflow, let it work
# through two past months, and do so again.
#
# You will
#
# 1. name the **month of a run** from what the scheduler tells it, never from a clock.
#
# Three times you are asked to **bet first**: write what you expect in place of `None`. A cell below the bet compares.

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
# Zero days. In Airflow 3 a plain cron expression is a `CronTriggerTimetable`: it starts a run at a moment, and the
# interval starts and ends at this moment. Its run of 1 April would say that it is about `2013-04`, not about March. The
# `CronDataIntervalTimetable` gives what a monthly report needs: the run that may start on **1 April** has the **logical
# date 1 March** and covers **all of March**.
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
# So with the same line a run is about another month in another Airflow. If you name the timetable, the month does not
# depend on a setting.
#
# "The logical date is where the interval starts" is true for these scheduled runs, but not always. Here somebody
# triggers a run by hand on 17 April, and names 17 April as its logical date:

# %%
monthly = CronDataIntervalTimetable("@monthly", timezone="UTC")
by_hand = pendulum.datetime(2013, 4, 17)
interval = monthly.infer_manual_data_interval(run_after=by_hand)
print(f"logical date {by_hand:%d %B}, data interval {interval.start:%d %B} to {interval.end:%d %B}")

# %% [markdown]
# The interval is March, the last complete month before the trigger, and the logical date lies outside it. So only one
# of these moments answers the question "which month?": the start of the **data interval**.
#
# This cell shows a trap as well: for a run by hand Airflow makes the interval from the moment at which it may start,
# usually *now*, whatever logical date was asked for. On Airflow 3.3.2, `airflow dags trigger --logical-date
# 2013-04-17`, typed in November 2026, gave October 2026. So a run by hand depends on the clock. For a past month you
# ask for a backfill, as you do in section 3.
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
# ## 2. What a start date means
#
# `start_date` and `end_date` say **where data intervals may begin**; `start_date` does not mean "start now". `catchup`
# says what happens to intervals that are over when you **unpause** the DAG (new DAGs are paused). **Bet first:** our
# months run from February to December 2013, and both dates are given. How many runs does unpausing start today, with
# and without catchup?

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

# %%
companion.compare_bet(my_bet, {"with": started[True, True], "without": started[True, False]})

# %% [markdown]
# With catchup, unpausing starts eleven trainings at once, and without an `end_date` one for each month since. Without
# catchup it starts the **latest** interval that is over, if it lies within the bounds: here none, or the last month
# before today, of which there is no data. You do not want either of them by accident. So this book's DAG says
# `catchup=False` and has both dates: unpausing starts nothing, and months of the past are asked for by name.
#
# ## 3. A DAG and a real scheduler
#
# The DAG has one task. It asks the context for the month and calls the plain pipeline of chapter 02, whose steps are
# already safe to run again. In Airflow you could cut it into six tasks, as chapter 04 does; for a lesson about dates
# one task is enough.

# %%
(state / "dags").mkdir(exist_ok=True)

# %%
# %%writefile "{state}/dags/judging.py"
# from datetime import timedelta
# from pathlib import Path
# from airflow.sdk import task
#
# STATE = Path(__file__).parents[1]
#
# @task(retries=2, retry_delay=timedelta(seconds=5))
# def judge(data_interval_start=None):
#     from flightdelay.pipelines.in_plain_python import run
#
#     month = f"{data_interval_start:%Y-%m}"
#     run(month, sample=6000, store=STATE / "store")

# %% [markdown]
# The DAG says when. February is the first month with one before it to learn from. The DAG is not paused: a
# backfill of a paused DAG would wait, and after section 2 you know that nothing starts by itself.

# %%
# %%writefile "{state}/dags/monthly.py"
# import pendulum
# from airflow.sdk import CronDataIntervalTimetable, dag
# from judging import judge
#
# @dag(
#     schedule=CronDataIntervalTimetable("@monthly", timezone="UTC"),
#     start_date=pendulum.datetime(2013, 2, 1), end_date=pendulum.datetime(2013, 12, 1),
#     catchup=False,
#     is_paused_upon_creation=False,
# )
# def flight_delay_monthly():
#     judge()
#
# flight_delay_monthly()

# %% [markdown]
# Now Airflow itself: a scheduler, a DAG processor that reads the file, and an API server. The start takes half a minute
# on an idle machine. The three listen on this machine only, keep their database in this notebook's folder, and end with
# this notebook. To look at them in a browser, print `services.url`, `services.user` and `services.password`.

# %%
import os

from companion.airflow_services import start

services = start(state / "airflow", state / "dags")
os.environ.update(services.environment)  # for the `airflow` command
services.wait_for_dag("flight_delay_monthly")
print("running:", services.running)

# %% [markdown]
# A **backfill** asks for runs of past intervals. It is a real command, and the scheduler does the work. A function of
# this chapter's folder ([`backfills.py`](../chapters/05-schedules-and-backfills/backfills.py)) runs the command for you
# and shows it; then it waits, and prints a line for each run that has ended and how many ran at all. At its end the
# function cancels the backfill. All its runs are over then, so this changes nothing and only saves a wait: Airflow
# allows one backfill of a DAG at a time and checks only twice a minute whether one has finished.

# %%
import inspect

from chapter_05.backfills import backfill

print(inspect.getsource(backfill))

# %%
backfill(services, "2013-03", "2013-04")

# %% [markdown]
# Read a line from left to right. Airflow names the run after the moment from which it may start, 1 April; its data
# interval begins with March. So the run that is *called* April is *about* March. To be wrong by one month is the most
# common mistake of this chapter. (`--from-date` and `--to-date` are logical dates, both included: March and April.)
#
# Note `--max-active-runs 1`. The champion of April depends on March, so months have to run in order. The
# DAG's own `max_active_runs` does not hold for a backfill, which brings its own limit, and its default is 10.
#
# To see whether the scheduler changed anything in the model, run the same months in plain Python, in order, into
# another store. `results` reads from a store, for each month, what its run found and decided; `in_order` runs months in
# plain Python and returns the same.

# %%
from chapter_05.backfills import in_order, results
from flightdelay.data import DATA

plain = in_order(["2013-03", "2013-04"], state / "plain", DATA)
for month, result in results(state / "store").items():
    print(month, result[1]["decision"], "- same as plain:", result == plain[month])

# %% [markdown]
# Every figure and every decision is the same, since the month comes from outside and nothing in the steps
# asks for the time: these runs were about the spring of 2013.
#
# ## 4. Again
#
# A backfill is safe if doing it again changes nothing. Two functions of the same module help you to check this: `look`
# records the state of the store, and `compare` says for each month whether its decision was written again or not
# touched, and whether it says the same. **Bet first:** the same command, a second time. What happens to the decision of
# March?

# %%
my_bet = None  # "not touched" or "written again"

# %%
from chapter_05.backfills import compare, look

first = look(state / "store")
backfill(services, "2013-03", "2013-04")

# %%
touched = compare(first, look(state / "store"))
companion.compare_bet(my_bet, touched["2013-03"])

# %% [markdown]
# Not touched. Nothing failed, the command said nothing, and no month was run (only our function counts): there *is* a
# run for each logical date, and by default a backfill leaves finished runs alone. It would be easy to believe: "I ran
# the backfill again and nothing changed, so it is safe." But this proves nothing, since nothing ran. The option that
# runs months again is `--reprocess-behavior`: `none` is the default, `failed` runs failed runs again, `completed` all
# of them.

# %%
second = look(state / "store")
backfill(services, "2013-03", "2013-04", "--reprocess-behavior", "completed")
touched = compare(second, look(state / "store"))

# %% [markdown]
# Now it is proved: both months were computed and written again, and the results are the same to the last digit. This is
# **idempotence**, and it comes from how the steps are written: results are named after their month, writes replace,
# there is no clock, and a month's challenger is compared with the champion of the months *before* it. If `decide` asked
# for "the current champion", March's model would now be compared with itself.
#
# That is all that this Airflow had to do.

# %%
services.stop()
print("running:", services.running)

# %% [markdown]
# ## Recap
#
# 1. You named the **month of a run** by the start of its data interval. A plain `@monthly` has an interval of no
#    length, the run that is called April is about March, and a run by hand depends on the clock.
#
# And you used a backfill, which asks for runs of past months by name. It was proved to be safe to repeat only with
# `--reprocess-behavior completed`; without it nothing ran.
#
# ## Clean-up
#
# Airflow was stopped above; it also ends with the kernel. Everything lies in this notebook's folder of state,
# which git ignores. `make reset` removes it.
#
# ## What comes next
#
# [The second notebook](05-2-month-that-arrives-again.ipynb) works with a March that arrives a second time, corrected,
# and backfills the year.
