# %% [markdown]
# # 04.2 · Airflow: broken connections, refusals and tries
#
# About 35 minutes · 2 GB of memory · no cluster
#
# In the first notebook the weather service answered each time, and every run was one try. Here it breaks off in the
# middle (it *hangs up*), and later it delivers a value that is impossible. At the end you have a task that Airflow may
# repeat at any hour without asking you.
#
# You will
#
# 1. write a **task that may be retried**: it waits longer each time, and leaves the same result, whichever try
#    succeeds;
# 2. let the task tell **a cause that passes from one that stays**, and say why it gave up.
#
# Twice you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("04-2")

# %% [markdown]
# ## 1. A service that hangs up
#
# As in the first notebook: `prepare` makes Airflow's database and two folders, `run` runs a DAG by `dag.test()` and
# prints its tasks, `database` asks the database ([`local_airflow.py`](../chapters/04-airflow/local_airflow.py)). The
# DAG `weather` is needed once more, too.

# %%
from chapter_04.local_airflow import database, prepare, run

dags, files = prepare(state)
print(sorted(path.name for path in (state / "airflow").iterdir()))

# %%
# %%writefile "{state}/airflow/dags/weather.py"
# from pathlib import Path
# from airflow.sdk import DAG, task
# from chapter_04.weather_service import download
#
# @task
# def fetch(params=None):
#     return download(params["origin"], params["month"], params["folder"])
#
# @task
# def count(path):
#     return len(Path(path).read_text().splitlines()) - 1
#
# with DAG("weather", schedule=None, params={"month": "2013-09", "origin": "EWR", "folder": ""}):
#     count(fetch())

# %% [markdown]
# The weather service answers in pages, and sometimes it hangs up in the middle. `misbehave` makes it do so: the next
# two calls for JFK end after the first page. `weather` has no retries.

# %%
from chapter_04.weather_service import misbehave

misbehave("JFK", hang_ups=2)
run_id, errors = run("weather", origin="JFK", folder=str(files))
print(errors[0])

# %% [markdown]
# The task is `failed`, and `count` is `upstream_failed`: it was not tried, because what it needs was never made. A
# person would try again in a minute. Airflow has settings for this: `retries` says how often, `retry_delay` how long to
# wait in between (seconds, or a `timedelta`). While it waits, the task instance is `up_for_retry` and keeps no process
# busy; a loop with `sleep` in the task would keep one busy.
#
# A colleague adds the settings, and also saves memory: each page is written as soon as it arrives. `refuse_impossible`
# looks at each page; you need it in section 3. (`retry_delay` is zero so that you need not wait.)

# %%
# %%writefile "{state}/airflow/dags/retried.py"
# from pathlib import Path
# from airflow.sdk import DAG, task
# from chapter_04.weather_service import pages, refuse_impossible
#
# @task(retries=3, retry_delay=0)
# def fetch(params=None):
#     path = Path(params["folder"]) / f"{params['month']}-{params['origin']}.csv"
#     for page in pages(params["origin"], params["month"]):
#         refuse_impossible(page)
#         page.to_csv(path, mode="a", index=False, header=not path.exists())
#     return str(path)
#
# with DAG("retried", schedule=None, params={"month": "2013-09", "origin": "JFK", "folder": ""}):
#     fetch()

# %% [markdown]
# September has 720 hours, and JFK's station observed each. The service hangs up twice, after 200 rows.
# **Bet first:** how does the run end, after how many tries, and with how many rows?

# %%
my_bet = None  # {"rows": a whole number, "state": "failed" or "success", "tries": a whole number}

# %%
import pandas as pd

(files / "2013-09-JFK.csv").unlink(missing_ok=True)
misbehave("JFK", hang_ups=2)
run_id, errors = run("retried", folder=str(files))
[(ended, tries)] = database("select state, try_number from task_instance where run_id = ?", run_id)
rows = len(pd.read_csv(files / "2013-09-JFK.csv"))
companion.compare_bet(my_bet, {"rows": rows, "state": ended, "tries": tries})

# %% [markdown]
# **Evidence.** The UI shows the tries of a task instance; the database keeps them. Then count how often each hour
# stands in the file.

# %%
asked = (
    "select try_number, state from task_instance_history where run_id = ? "
    "union select try_number, state from task_instance where run_id = ? order by try_number"
)
print(database(asked, run_id, run_id))
doubled = pd.read_csv(files / "2013-09-JFK.csv").groupby("time_hour").size()
for times, hours in doubled.value_counts().sort_index().items():
    print(f"{hours} hours have {times} row(s) each")

# %% [markdown]
# **Symptom.** The run is a success, and the file has 1,120 rows for 720 hours. In a mean over that month its first days
# count three times. There is no alarm: for Airflow the retry was a success. The 200 hours are the first page, once from
# each try.
#
# **Cause.** What a try wrote before it failed stays there, and the next try starts the task from its first line and
# appends to it. Airflow repeats a task; it does not undo what a try did.
#
# **Fix.** The fix is that of chapter 02: write to another name, rename at the end. You do it in exercise 4.3. A task
# may be retried only if a try that failed in the middle leaves nothing that counts.
#
# ## 2. How long to wait
#
# If a thousand clients ask an overloaded service again every second, it stays overloaded. So let the wait **grow**:
# with `retry_delay=timedelta(minutes=1)` and `retry_exponential_backoff=2`, each wait is twice the one before. Airflow
# varies each wait a little, so that tasks which failed together do not all try again at the same moment. Let Airflow
# compute the waits, with the last run's task:

# %%
from datetime import timedelta

from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun

[fetch] = DagRun.fetch_task_instances("retried", run_id)
fetch.task = DagBag().dags["retried"].get_task("fetch")
fetch.task.retry_delay, fetch.task.retry_exponential_backoff = timedelta(minutes=1), 2

# %%
for attempt in (1, 2, 3, 4):
    fetch.try_number = attempt
    wait = (fetch.next_retry_datetime() - fetch.end_date).total_seconds()
    low = 60 * 2 ** (attempt - 1)
    expected = f"{low:3} s or more, less than {2 * low:3} s"
    print(f"after try {attempt}: {expected}:", low <= wait < 2 * low)

# %% [markdown]
# `max_retry_delay` sets the longest wait. Set enough retries to last longer than the usual trouble: with these
# settings, five tries take at least 15 minutes.
#
# ## 3. A value that is impossible
#
# Now the service works, but one value is impossible: a humidity of 250 percent. `refuse_impossible` raises a
# `ValidationError`, the refusal of chapter 02. `retried` has `retries=3`. **Bet first:** how often is the month asked
# for?

# %%
my_bet = None  # a whole number

# %%
misbehave("JFK", broken=True)
run_id, errors = run("retried", month="2013-10", folder=str(files))
companion.compare_bet(my_bet, errors.count(errors[0]))

# %%
print(errors[0])

# %% [markdown]
# Each try gave the same sentence. With waits of minutes, the person who could ask the supplier hears of it half an hour
# later. A retry helps only if the cause will **pass**. A hang-up passes; a wrong value stays wrong. Airflow cannot know
# which of the two it is, so tell it: `AirflowFailException` means *failed, and do not try again*. Here is a task that
# only looks at the month:

# %%
# %%writefile "{state}/airflow/dags/refused.py"
# from airflow.sdk import DAG, task
# from airflow.sdk.exceptions import AirflowFailException
# from chapter_04.weather_service import ValidationError, pages, refuse_impossible
#
# @task(retries=3, retry_delay=0)
# def look(params=None):
#     try:
#         for page in pages("JFK", params["month"]):
#             refuse_impossible(page)
#     except ValidationError as error:
#         raise AirflowFailException(str(error)) from error
#
# with DAG("refused", schedule=None, params={"month": "2013-10"}):
#     look()

# %%
run_id, errors = run("refused")
print(errors[-1])

# %% [markdown]
# There was one try, and the reason stands in the log. Tasks after this one would not run. Only the `ValidationError` is
# caught: with `except Exception` a hang-up would never be retried again. (Airflow 3.3 has a second way, a
# `retry_policy` with a rule for each kind of error, which keeps the `try` out of the task. You may use either.)
#
# ## Exercise 4.3: A task that may be retried
#
# Mend `retried`. Its task `fetch` still writes `<month>-<origin>.csv` to `params["folder"]` and returns the path.
# And:
#
# - a hang-up is retried, two times at least and ten at most, each wait longer than the one before (a first wait of a
#   minute is fine, since the check lets Airflow compute the waits and does not wait itself; a `max_retry_delay` may
#   limit the later ones);
# - a refused month ends at its first try, as failed, with its reason;
# - whichever try succeeds, and however often the task is run, the file is what one undisturbed run writes;
# - a try that fails, or is killed at any moment, leaves the file as it was, or none where there was none;
# - other months and other airports may be fetched at the same time.
#
# `pd.concat(pages(…))` makes one table of all pages, and `refuse_impossible` takes such a table, too. The answer is the
# text of your **task**, between two `"""`, or a file beside the DAGs folder: `%%writefile "{state}/fetch.py"`, and
# `answer = state / "fetch.py"`. The check puts it into this file (or give it a whole file):
#
# ```python
# from datetime import timedelta
# from pathlib import Path
#
# from airflow.sdk import DAG, task
# from airflow.sdk.exceptions import AirflowFailException
# from chapter_04.weather_service import ValidationError, pages, refuse_impossible
#
# # here comes your task
#
# with DAG("retried", schedule=None, params={"month": "2013-09", "origin": "JFK", "folder": ""}):
#     fetch()
# ```
#
# The first check of a notebook of this chapter starts an Airflow of its own and says nothing for up to a minute.

# %%
### BEGIN SOLUTION
answer = """
@task(retries=4, retry_delay=timedelta(minutes=1), retry_exponential_backoff=2)
def fetch(params=None):
    import pandas as pd

    path = Path(params["folder"]) / f"{params['month']}-{params['origin']}.csv"
    whole = pd.concat(pages(params["origin"], params["month"]))
    try:
        refuse_impossible(whole)
    except ValidationError as error:
        raise AirflowFailException(str(error)) from error
    whole.to_csv(path.with_suffix(".part"), index=False)
    path.with_suffix(".part").replace(path)
    return str(path)
"""
### END SOLUTION

# %%
from companion import check

check.ex_4_3(answer)

# %% [markdown]
# **It transfers.** A core banking system that is down for the night is a hang-up: wait, and try again. A ledger that
# does not balance is a refused month: no retry makes it balance, and its supplier should hear of it at once. If you
# confuse the two, a job that counts as a success books wrong figures.
#
# ## Recap
#
# 1. You wrote a **task that may be retried**: its waits grow, and a write counts only when it is whole.
# 2. It tells **a cause that passes from one that stays**: a hang-up is tried again, and `AirflowFailException` ends a
#    refused month at its first try, with the reason.
#
# ## Clean-up
#
# Nothing runs any more: `dag.test()` ends with its run. Everything lies in this notebook's folder of state, which
# git ignores. `make reset` removes it.
#
# ## What comes next
#
# So far there was one airport. [The third notebook](04-3-map-and-branch.ipynb) fetches three, and what it does next
# depends on the pipeline's decision.
