# %% [markdown]
# # 12.2 · Kubeflow in production: a schedule, and the months that it catches up
#
# About 40 minutes · 3 GB of memory · a cluster with Kubeflow Pipelines, or a recorded one
#
# The book's version is uploaded. Nobody should have to remember the first of the month, so it gets a schedule. The one
# line of cron has four traps, and none of them raises an error.
#
# You will
#
# 1. write a **schedule** whose runs process the month that they were scheduled for, in six fields and in UTC;
# 2. let a schedule **catch up** past months, in order, and find these months in the store;
# 3. say what **limits** how much runs at the same time.
#
# Twice you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("12-2")
companion.copy_manifests(state)

# %% [markdown]
# First make again what the last sitting left: the pipeline with the book's version and Ada's. (Before that, the cell
# removes what an earlier run of this chapter has left in Kubeflow.)

# %%
import warnings

import kfp

from chapter_12.monthly import EXPERIMENT, PIPELINE, month_of, tidy_up, upload
from companion.cluster.kubeflow import require_kubeflow

host = require_kubeflow()
warnings.simplefilter("ignore")  # kfp warns at every client
client = kfp.Client(host=host, ui_host="http://localhost:8081")
tidy_up(client)
# !kubectl delete job/flight-delay-look pvc/flight-delay-production -n kubeflow --ignore-not-found
pipeline_id, good, bad = upload(client, state)

# %% [markdown]
# ## 1. Six fields, in UTC
#
# A **recurring run** starts a version again and again, by a cron expression. Kubeflow's has **six** fields:
# second, minute, hour, day of the month, month, day of the week. And it is read in **UTC**, wherever you are.
# The function below reads an expression as Kubeflow does (it uses `croniter`, which came with Airflow).

# %%
import datetime

from croniter import croniter

SPRING = datetime.datetime(2013, 2, 2, tzinfo=datetime.UTC)


def times(cron, start=SPRING, count=3):
    """Return the next moments of an expression, as Kubeflow's scheduler reads it."""
    six = " ".join([*cron.split(), *["*"] * (6 - len(cron.split()))])
    found = croniter(six, start, second_at_beginning=True)
    return [found.get_next(datetime.datetime) for _ in range(count)]


print(*(f"{moment:%d %B, %H:%M} UTC" for moment in times("0 0 6 1 * *")), sep="\n")

# %% [markdown]
# It starts a run at six on the first of each month. In the usual cron that is `0 6 1 * *`, five fields: minute 0, hour
# 6, day 1. **Bet first:** what does Kubeflow do with that?

# %%
my_bet = None  # "it reads other times", "it refuses" or "it reads the same times"

# %%
five = times("0 6 1 * *")
print(*(f"{moment:%d %B, %H:%M} UTC" for moment in five), sep="\n")
same = five == times("0 0 6 1 * *")
companion.compare_bet(my_bet, "it reads the same times" if same else "it reads other times")

# %% [markdown]
# It accepts it. The *last* field is the one that may be missing, so the 0 is the second, the 6 the minute, the 1 the
# hour: 01:06, **every day**. There is no error. The training runs thirty times a month until somebody looks at the
# bill.
#
# The second trap is the time zone. Somebody who thinks in local time writes `0 0 2 1 * *` for "at two in the night".
# The next cell shows what time it is then in New York.

# %%
from zoneinfo import ZoneInfo

for moment in (times("0 0 2 1 * *")[0], times("0 0 2 1 * *", count=5)[4]):
    there = moment.astimezone(ZoneInfo("America/New_York"))
    print(f"{moment:%d %B, %H:%M} UTC is {there:%d %B, %H:%M} in New York")

# %% [markdown]
# It is still the evening of the last day of the month. Flights of the month are still in the air, and the run would
# judge a month that is not over. In winter New York is five hours behind UTC, in summer four.
#
# ## 2. Which month is it?
#
# The pipeline must not ask the clock (chapter 05). It has to be told the moment for which its run was scheduled, also
# when it starts late, and also when it is March's run, caught up in November. Kubeflow's older documentation gives you
# **macros** for that: an argument `[[ScheduledTime.2006-01]]` would be replaced. In release 2.17 that holds no longer.
# Three runs of a small pipeline, made in November 2026, a schedule's moment being 1 October 2013, 07:00, got this:
#
# | the run comes from … | `[[ScheduledTime.2006-01]]` | `[[CurrentTime.2006-01]]` | the placeholder of `dsl` |
# |---|---|---|---|
# | a schedule that names a version | this text | this text | **2013-10-01T07:00:00Z** |
# | a schedule that names none: the newest | this text | 2026-11 | the clock: November 2026 |
# | a person | this text | 2026-11 | the clock: November 2026 |
#
# (`[[Index]]` stayed a text in all three. The source says why: with a version, the run is compiled when the
# *schedule* is made, and its arguments are fixed then; what the scheduler adds later is a label on the run, and
# Kubeflow's driver, which prepares each step, reads it. Without a version a run is made like one by hand, and
# has no such label. The Python client refuses to make such a schedule, the web page's "latest version" and the
# API itself do not.)
#
# So only one way works: a schedule that **names its version**, and `dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER` as
# the input of a task, as in `monthly_with`. The whole argument has to be the placeholder, not a part of a text.
# `month_of`, the first task, then makes a month of it:

# %%
import inspect

print(inspect.getsource(month_of.python_func))
for scheduled in ("2013-10-01T06:00:00Z", "2013-03-01T06:00:00Z", "2014-01-01T06:00:00Z"):
    print(scheduled, "→", month_of.python_func(scheduled, asked=""))
print("by hand →", month_of.python_func("2026-11-25T13:17:10Z", asked="2013-07"))

# %% [markdown]
# ### The past
#
# `start_time` and `end_time` limit the moments: strictly after the start, and up to the end. Where the start lies in
# the past, Kubeflow **catches up**: it makes the missed runs one after the other, each with its own scheduled moment,
# unless you say `no_catchup=True`; then only the latest missed one is made. `max_concurrency` says how many may run at
# the same time. Each month's challenger is compared with the champion of the month before.
#
# ## Exercise 12.1: The schedule of the year
#
# Write the schedule as a dict of arguments for `client.create_recurring_run`: `cron_expression`, `start_time`,
# `end_time` (texts such as `"2013-02-02T00:00:00Z"`), `no_catchup` and `max_concurrency`. It has to process
# every month from 2013-02 to 2013-12, each once and in order, by `month_of` as above. Each run starts when its
# month is over in New York, and on the first day of the next month before five in the morning there, in
# winter and in summer.

# %%
from companion import check

### BEGIN SOLUTION
answer = {
    "cron_expression": "0 0 7 1 * *",
    "start_time": "2013-02-02T00:00:00Z",
    "end_time": "2014-01-01T12:00:00Z",
    "no_catchup": False,
    "max_concurrency": 1,
}
### END SOLUTION

# %%
check.ex_12_1(answer)

# %% [markdown]
# **The next cells hold a schedule, and so the answer. Stop here until yours is right.**
#
# ## 3. It runs
#
# A schedule's runs need three things in Kubeflow's namespace: a claim for the store, an account, and the secret that
# the pipeline names. (The next sitting opens the last two. The password is made up.)

# %%
# !cat "{state}/store.yaml"
# !kubectl apply -n kubeflow -f "{state}/store.yaml" -f "{state}/account.yaml"
# !kubectl delete secret warehouse -n kubeflow --ignore-not-found
# !kubectl create secret generic warehouse -n kubeflow --from-literal=password=not-a-real-password

# %% [markdown]
# Eleven months would take an hour here. So this schedule catches up only two, August and September.

# %%
experiment_id = client.create_experiment(EXPERIMENT).experiment_id
when = {
    "cron_expression": "0 0 7 1 * *",
    "start_time": "2013-08-02T00:00:00Z",
    "end_time": "2013-10-01T12:00:00Z",
    "no_catchup": False,
    "max_concurrency": 1,
}
what = {"pipeline_id": pipeline_id, "version_id": good, "service_account": "flight-delay"}
[monthly] = client.list_recurring_runs(experiment_id=experiment_id).recurring_runs or [
    client.create_recurring_run(experiment_id, f"{PIPELINE} of the book", **when, **what)
]  # run again, this cell finds the one that is there
print(monthly.trigger.cron_schedule.cron, "·", monthly.status)

# %% [markdown]
# The scheduler looks every ten seconds or so while it catches up. Two runs of seven steps take eight to ten minutes on
# a cluster of your own, one after the other. (In a recorded one, half a minute.) Meanwhile, you can read the next
# section or leave it out.
#
# ### While you wait: all months, three airports, with a limit
#
# Each monthly run needs the one before it, so they run one by one. Tasks that do not depend on each other can run side
# by side. A report on eleven months and three airports has 33 small tasks:


# %%
from kfp import compiler, dsl

from flightdelay.pipelines.with_kubeflow import component


@component
def late_share(month: str, airport: str) -> float:
    """Return the share of an airport's flights that arrived more than 15 minutes late."""
    from flightdelay.data import load

    flights = load("flights", [month], ["origin", "arr_delay"]).dropna()
    return round(float((flights.query("origin == @airport")["arr_delay"] > 15).mean()), 3)


# %%
@dsl.pipeline(name="year-by-airport")
def year_by_airport():
    months, airports = [f"2013-{number:02}" for number in range(2, 13)], ["EWR", "JFK", "LGA"]
    with dsl.ParallelFor(months, parallelism=2) as month, dsl.ParallelFor(airports, parallelism=3) as airport:
        late_share(month=month, airport=airport).set_memory_request("300Mi").set_cpu_request("100m")


# %% [markdown]
# **Bet first:** how many `late_share` run at the same time, at most?

# %%
my_bet = None  # a whole number

# %%
import yaml

compiler.Compiler().compile(year_by_airport, str(state / "year.yaml"))
file = yaml.safe_load((state / "year.yaml").read_text())
graphs = [file["root"], *file["components"].values()]
tasks = [task for graph in graphs for task in graph.get("dag", {}).get("tasks", {}).values()]
limits = [task["iteratorPolicy"]["parallelismLimit"] for task in tasks if "iteratorPolicy" in task]
print("limits in the file:", sorted(limits))
companion.compare_bet(my_bet, limits[0] * limits[1])

# %% [markdown]
# Six, by the source: a limit belongs to **its loop**. Two months run at a time, and each of them has a loop of its own
# with up to three. If you want at most four tasks at a time, write one loop over all 33 pairs with `parallelism=4`. And
# the limit counts tasks, not memory. Whether six tasks fit on the nodes depends on their requests; a task that does not
# fit is `Pending` (chapter 08), which is no error. (On this cluster the whole year takes very long, since each of the
# 33 tasks has a driver Pod of its own. It was compiled and not run.)
#
# ### The two months
#
# Back to the schedule. This cell waits until both of its runs have ended.


# %%
import time


def runs_of(schedule):
    """Return the runs of a schedule, in the order of the moments that they are for."""
    runs = client.list_runs(experiment_id=experiment_id, page_size=100).runs or []
    mine = [each for each in runs if each.recurring_run_id == schedule.recurring_run_id]
    return sorted(mine, key=lambda run: run.scheduled_at)


# %%
for _ in range(90):  # the second one is made when the first has ended
    for each in runs_of(monthly):
        client.wait_for_run_completion(each.run_id, timeout=1800, sleep_duration=2)
    if len(runs_of(monthly)) >= 2:
        break
    time.sleep(2)
for each in runs_of(monthly):
    each = client.wait_for_run_completion(each.run_id, timeout=1800, sleep_duration=2)
    print(each.state, f"· scheduled for {each.scheduled_at:%d %B %Y, %H:%M} UTC")

# %% [markdown]
# A Job mounts the same claim and prints what the two runs have written into the store.

# %%
# !kubectl delete job flight-delay-look -n kubeflow --ignore-not-found
# !kubectl apply -n kubeflow -f "{state}/look.yaml"
# !kubectl wait -n kubeflow --for=condition=complete job/flight-delay-look --timeout=180s
# !kubectl logs -n kubeflow job/flight-delay-look

# %% [markdown]
# August and September of 2013 were processed today, and no parameter named them: the months came from the moments that
# the runs were scheduled for. (August's version has the same name as in chapter 09: the same flights, the same code,
# the same probabilities.)
#
# **It transfers.** A monthly score of risk is *about* a date, and this is never the date of the run. Find out for every
# schedule which of the two it hands over, and what happens when it starts three days late.
#
# ## Recap
#
# 1. You wrote a **schedule**: six fields, UTC, from February to December, each month once, and its month comes from
#    the moment that it was scheduled for. It needs a named version.
# 2. You let a schedule **catch up**: two runs, one after the other, and two months in the store.
# 3. **`max_concurrency`** limits the runs of a schedule, `parallelism` the tasks of one loop; two loops multiply.
#
# ## Clean-up
#
# Remove the schedule first, or it goes on. Then remove the runs, since a claim cannot be deleted while a Pod uses it,
# even one that has ended. Then remove the rest.

# %%
tidy_up(client)
# !kubectl delete job/flight-delay-look pvc/flight-delay-production secret/warehouse -n kubeflow
# !kubectl delete -f "{state}/account.yaml"

# %% [markdown]
# ## What comes next
#
# The run used an account and a secret. [The next notebook](12-3-who-may-do-what.ipynb) asks who may do what.
