# %% [markdown]
# # 04.1 · Airflow: what a DAG file holds, and what tasks hand on
#
# About 45 minutes · 2 GB of memory · no cluster
#
# ZenML (chapter 03) remembers what was made from what. Airflow knows **when** something has to run and **what to do
# when it fails**. Here you write DAG files, run them in this notebook, and look at what a run leaves behind.
#
# You will
#
# 1. keep a DAG file **free of work**: tell what Airflow runs when it reads the file from what it runs in a task;
# 2. hand a table from task to task by its **path**.
#
# Four times you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet compares.

# %%
import companion

state = companion.workspace("04-1")

# %% [markdown]
# ## 1. A file, a DAG, a run
#
# Airflow keeps everything it knows in a database: DAGs, runs, tries, small values. First this database has to be made,
# once; the command is `airflow db migrate`. The DAGs themselves are Python files in one folder. `prepare`, of the
# chapter's folder ([`local_airflow.py`](../chapters/04-airflow/local_airflow.py)), makes both, and a folder `files` for
# what the tasks write.

# %%
from chapter_04.local_airflow import prepare

dags, files = prepare(state)
print(sorted(path.name for path in (state / "airflow").iterdir()))

# %% [markdown]
# Here is a DAG of two tasks. The first gets a month's weather for one airport from a weather service and writes it to a
# file; the second counts the rows. (The [service](../chapters/04-airflow/weather_service.py) stands for a system of
# somebody else; in the book it answers with the real observations.)
#
# A function under `@task` becomes a task, and **calling** such functions in the `with DAG` block draws the arrows:
# `count(fetch())` says that `count` needs what `fetch` returns. It is the wiring of chapter 02, in another notation.
# Airflow fills an argument `params` with the run's parameters. `schedule=None` says that only you start this DAG, and
# no clock (clocks come in chapter 05). (Many DAGs are written as a function under `@dag`, which is called once at the
# end of the file, in place of the `with` block. The two mean the same.)

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
# In real use a scheduler runs it. To try a DAG, `dag.test()` runs all its tasks here, in this process, one after the
# other, with Airflow's own rules for order, retries and states. The DAG has to stand in a file of the DAGs folder: a
# `DagBag` reads all of these files. The first run takes some seconds longer, because Airflow loads more of its own
# code.

# %%
from airflow.dag_processing.dagbag import DagBag
from IPython.utils.capture import capture_output

given = {"folder": str(files)}
with capture_output() as log:  # Airflow's log is long
    ran = DagBag().dags["weather"].test(run_conf=given)
print(ran.state)

# %% [markdown]
# From here on `run` does just that. It also prints the state of each task, and returns the run's name and the errors of
# the log. `database` asks Airflow's database, without changing it.

# %%
from chapter_04.local_airflow import database, run

run_id, errors = run("weather", folder=str(files))

# %% [markdown]
# These are Airflow's words for what you know. Your function with its name and settings is a **task**; the class that
# makes it one is an **operator** (`@task` uses one for Python functions; others run a shell script or start a Pod). One
# run of all of them for one set of parameters is a **DAG run**. One task in one DAG run is a **task instance**; it has
# a state, and each attempt at it is a **try**. What a task returns is kept by Airflow under the name **XCom** (for
# *cross-communication*), and the next task gets it from there.
#
# All of this can be read from the database, and the UI shows the same. (`make airflow` in a terminal opens the UI at
# 127.0.0.1 and shows the DAGs of the book; Ctrl-C ends it.) Look at what the run left.

# %%
print(database("select dag_id, run_type, state from dag_run where run_id = ?", run_id))
asked = "select task_id, operator, state, try_number from task_instance where run_id = ?"
for row in database(asked, run_id):
    print(row)
for name, value in database("select task_id, value from xcom where run_id = ?", run_id):
    print(f"{name} returned", value.replace(str(state), "…") if isinstance(value, str) else value)

# %% [markdown]
# `fetch` returned a path and `count` a number. The file itself lies in a folder that Airflow knows nothing of: unlike
# ZenML, **Airflow has no store for artifacts**. It hands on small values and decides when tasks run; you decide where
# data lies.
#
# The decision about our flight, UA 1037 from Newark, is made at 17:30. The last hour that is over then is the one
# called 16:00; the departure of the flight falls into the one called 19:00. Both hours stand in the file (New York is
# four hours behind UTC).

# %%
import pandas as pd

observed = pd.read_csv(files / "2013-09-EWR.csv").set_index("time_hour")
hours = ["2013-09-12 20:00:00+00:00", "2013-09-12 23:00:00+00:00"]
print(observed.loc[hours, ["temp", "wind_speed", "precip"]])

# %% [markdown]
# ## 2. What stands in a DAG file
#
# Here is a file for the share of late flights in September. It writes a line to `reads.txt` whenever it reads the
# data. (It is not an example to follow.)

# %%
# %%writefile "{state}/airflow/dags/late_rate.py"
# import os
# from airflow.sdk import DAG, task
# from flightdelay.data import load
#
# with open(os.environ["AIRFLOW_HOME"] + "/reads.txt", "a") as out:
#     out.write("September was read\n")
# delays = load("flights", ["2013-09"], ["arr_delay"])["arr_delay"].dropna()
#
# @task
# def measure(params=None):
#     return round(float((delays > 15).mean()), 3)
#
# with DAG("late_rate", schedule=None, params={"month": "2013-09"}):
#     measure()

# %% [markdown]
# ### Bet first
#
# The folder is read three times, as a scheduler would do it. No DAG is run. How many lines does `reads.txt` have
# afterwards?

# %%
my_bet = None  # a whole number

# %%
reads = state / "airflow" / "reads.txt"
reads.unlink(missing_ok=True)
for _ in range(3):
    found = DagBag()
print("DAGs found:", sorted(found.dags))
print("DAG runs of late_rate:", database("select count(*) from dag_run where dag_id = 'late_rate'")[0][0])
companion.compare_bet(my_bet, len(reads.read_text().splitlines()) if reads.exists() else 0)

# %% [markdown]
# A setting says how often a real Airflow reads the folder. The next cell prints it, and then shows what a run of
# **another** DAG does to `reads.txt`.

# %%
from airflow.configuration import conf

seconds = conf.getint("dag_processor", "min_file_process_interval")
print(f"every {seconds} s, so {24 * 3600 // seconds:,} times a day")
before = len(reads.read_text().splitlines())
run_id, errors = run("weather", folder=str(files))
print("read during this run of another DAG:", len(reads.read_text().splitlines()) - before, "times")

# %% [markdown]
# `late_rate` never ran, and yet the data was read each time. The reason is that a DAG file is executed for **two
# purposes**. To know what tasks there are, Airflow executes the whole file, from top to bottom; this is *parsing*. To
# do the work, it calls one task's function; this is *running*. Many questions of beginners have this answer.
#
# Even a run of *another* DAG read September: once when `run` looked through the folder for its DAG, and once when
# `dag.test()` did, to note in the database what DAGs there are. On a real Airflow every try of every task reads
# its own file once more, since it runs in a process of its own. A schedule decides when tasks run, never when
# the file is parsed.
#
# So work in the file costs time, and when the file takes too long or a table is missing, its DAGs disappear. Now look
# at the result. **Bet first:** the run is asked for August, 2013-08, and the file reads 2013-09. Which month's rate
# comes back?

# %%
my_bet = None  # "2013-08" or "2013-09"

# %%
from flightdelay.data import load

rates = {}
for month in ("2013-08", "2013-09"):
    delays = load("flights", [month], ["arr_delay"])["arr_delay"].dropna()
    rates[round(float((delays > 15).mean()), 3)] = month
run_id, errors = run("late_rate", month="2013-08")
[(returned,)] = database("select value from xcom where run_id = ?", run_id)
companion.compare_bet(my_bet, rates[float(returned)])

# %%
for rate, month in rates.items():
    print(month, "really:", rate)
print("the task returned:", returned)

# %% [markdown]
# The run is a success with one try, and the month is wrong. When the file is read there is no run yet, and so no month:
# whatever is computed then is the same for all runs. A date taken from the clock at that moment is the same mistake;
# because of it, a backfill computes today's month twelve times (chapter 05).
#
# The rule: **a DAG file holds names, settings and arrows.** Work stands in tasks, and so do imports that take
# long: `pandas`, `scikit-learn`, and everything that imports them, such as `flightdelay.data`. (The book's
# `weather_service` imports pandas only when it is asked; so `weather.py` may have it at the top.)
#
# ## Exercise 4.1: Move the work
#
# Mend `late_rate`. The answer is the **text of the DAG file**: change a copy of its cell, without line 1,
# between two `"""`. If you want colours, write a file beside the folder instead, with
# `%%writefile "{state}/late_rate.py"`, and answer `state / "late_rate.py"`. Afterwards
#
# - the task `measure` returns the rate of the month that the run is asked for, rounded to three decimals;
# - reading the file opens no data, and imports neither pandas nor what imports pandas;
# - nothing writes to `reads.txt` any more.
#
# The check reads your file as Airflow does, watches, and runs it for several months. The first check of a notebook of
# this chapter starts an Airflow of its own and prints nothing for up to a minute; the others take seconds.

# %%
### BEGIN SOLUTION
answer = """
from airflow.sdk import DAG, task

@task
def measure(params=None):
    from flightdelay.data import load

    delays = load("flights", [params["month"]], ["arr_delay"])["arr_delay"].dropna()
    return round(float((delays > 15).mean()), 3)

with DAG("late_rate", schedule=None, params={"month": "2013-09"}):
    measure()
"""
### END SOLUTION

# %%
from companion import check

check.ex_4_1(answer)

# %% [markdown]
# ## 3. What goes into an XCom
#
# Tasks do not share memory: on a real Airflow each try is another process, perhaps on another machine. So what a task
# returns has to be carried to the next one. `fetch` returned a short text. This one returns a table:

# %%
# %%writefile "{state}/airflow/dags/frames.py"
# from airflow.sdk import DAG, task
#
# @task
# def read(params=None):
#     from flightdelay.data import load
#
#     return load("flights", [params["month"]])
#
# @task
# def count_late(flights):
#     return int((flights["arr_delay"] > 15).sum())
#
# with DAG("frames", schedule=None, params={"month": "2013-09", "folder": ""}):
#     count_late(read())

# %% [markdown]
# ### Bet first
#
# Two months are run, one after the other. Where are the tables of both months afterwards, if the runs work at all?

# %%
my_bet = None  # "in a file", "in the database", "it fails" or "nowhere"

# %%
ids = [run("frames", month=month)[0] for month in ("2013-09", "2013-10")]
asked = "select task_id, length(value) from xcom where run_id in (?, ?) order by 2"
kept = database(asked, *ids)
companion.compare_bet(my_bet, "in the database" if kept[-1][1] > 1e5 else "nowhere")

# %%
for name, size in kept:
    print(f"XCom of {name:10} {size / 1e6:.1f} MB" if size > 1e5 else f"XCom of {name:10} {size} characters")
print("it begins:", database("select substr(value, 1, 36) from xcom where length(value) > 100000")[0][0])

# %% [markdown]
# It works, so nobody notices the problem. Both tables now stand in the metadata database, as compressed bytes written
# in letters and digits. About every second the scheduler asks this database what to do next. Nobody removes the tables:
# an XCom stays until somebody calls `airflow db clean`. With twelve months and six steps, a week of trial runs fills
# the database, and then every DAG of the company becomes slow.
#
# Next, a task returns a fitted model. **Bet first:** in which state does this run end?

# %%
# %%writefile "{state}/airflow/dags/model.py"
# from airflow.sdk import DAG, task
#
# @task
# def fit():
#     from sklearn.linear_model import LogisticRegression
#
#     model = LogisticRegression().fit([[0], [1]], [0, 1])
#     print("fitted")
#     return model
#
# with DAG("model", schedule=None):
#     fit()

# %%
my_bet = None  # "failed" or "success"

# %%
run_id, errors = run("model")
companion.compare_bet(my_bet, database("select state from dag_run where run_id = ?", run_id)[0][0])

# %%
print(errors[0].split(". Give it")[0] if errors else "no error")

# %% [markdown]
# The work was done, then the return failed, and a retry would do the work again. XCom takes what JSON can write, and
# some types for which Airflow has a converter; a model is none of these.
#
# So do as `weather.py` does: write the large thing to a place that all machines can reach, and return **where it is**.
# On one machine a folder is enough; on several you need an object store or a database. A name made of the run's
# parameters keeps the runs' files apart (chapter 02). (Airflow can also do this for you: with the object-storage
# backend of its provider *common.io*, what is larger than a threshold goes to a bucket, and XCom holds its address.)
#
# ## Exercise 4.2: Hand over a path
#
# Mend `frames`. `read` writes the month's table to a file in `params["folder"]` and returns its path; `count_late`
# reads the file that it is given and returns the number of late flights. What goes through XCom stays below 500
# characters, two months do not share a file, and each task would also work in a process of its own, with another
# current folder.
#
# The answer is the text of your **two tasks**. The check puts it into this file (or give it a whole file, as before):
#
# ```python
# from pathlib import Path
# from airflow.sdk import DAG, task
#
# # here come your two tasks
#
# with DAG("frames", schedule=None, params={"month": "2013-09", "folder": ""}):
#     count_late(read())
# ```

# %%
### BEGIN SOLUTION
answer = """
@task
def read(params=None):
    from flightdelay.data import load

    path = Path(params["folder"]) / f"{params['month']}.parquet"
    load("flights", [params["month"]]).to_parquet(path)
    return str(path)

@task
def count_late(path):
    import pandas as pd

    return int((pd.read_parquet(path)["arr_delay"] > 15).sum())
"""
### END SOLUTION

# %%
check.ex_4_2(answer)

# %% [markdown]
# ## Recap
#
# 1. You kept a DAG file **free of work**. It is read thousands of times a day, when no run and no month exists;
#    work and long imports stand in tasks.
# 2. You handed over a **path**. What a task returns goes into the scheduler's own database, and stays there.
#
# ## Clean-up
#
# Nothing runs any more: `dag.test()` ends with its run. Everything lies in this notebook's folder of state, which
# git ignores. `make reset` removes it.
#
# ## What comes next
#
# So far the service answered each time. In [the second notebook](04-2-tries.ipynb) it breaks off in the middle.
