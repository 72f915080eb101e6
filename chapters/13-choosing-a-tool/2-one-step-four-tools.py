# %% [markdown]
# # 13.2 · Choosing a tool: one step in four tools
#
# About 30 minutes · 1 GB of memory · no cluster
#
# The first notebook compared four files of wiring, and said that a pipeline whose steps know no tool can be moved. Here
# you try that: you add a new step to a small pipeline, in plain Python, ZenML, Airflow and Kubeflow.
#
# You will
#
# 1. move **a new step through all four tools**, while its model code is written once.

# %%
import companion

state = companion.workspace("13-2")

# %% [markdown]
# ## 1. A new step
#
# The desk wants to know at which airport the model is worst, and whether it should be used then. That is a new step,
# `slice_report`, between `evaluate` and `decide`. Five files are copied into a folder of this notebook: the model's
# code, and the wiring of a small pipeline in four tools. You will edit them there; a file that is there already is left
# as it is.

# %%
import shutil

from companion.workspace import repository

chapter = repository() / "chapters" / "13-choosing-a-tool"
four = state / "four"
four.mkdir(exist_ok=True)
for path in sorted((chapter / "four").glob("*.py")):
    if not (four / path.name).exists():
        shutil.copy(path, four)
print("the folder is:", four)
print("in it:", *sorted(path.name for path in four.glob("*.py")))

# %% [markdown]
# The model's code is written once, and knows no tool. To keep the runs short, everything before `slice_report` is one
# step here.

# %%
print((four / "model_steps.py").read_text())

# %% [markdown]
# This cell calls the three functions from the notebook, for September; the four tools will have to give the same:

# %%
import sys

sys.path.insert(0, str(four))
import model_steps

evaluation = model_steps.evaluate("2013-09")
report = model_steps.slice_report(evaluation)
print({name: round(value, 2) if name == "log_loss" else value for name, value in report.items()})
print(model_steps.decide(evaluation))
print(model_steps.decide(evaluation, report))

# %% [markdown]
# ## 2. The wiring, four times
#
# Now the wiring, as it is today: `evaluate`, then `decide`, which gets no report. In plain Python:

# %%
print((four / "monthly_plain.py").read_text())

# %% [markdown]
# In ZenML:

# %%
print((four / "monthly_zenml.py").read_text())

# %% [markdown]
# In Airflow:

# %%
print((four / "monthly_airflow.py").read_text())

# %% [markdown]
# In Kubeflow Pipelines:

# %%
print((four / "monthly_kubeflow.py").read_text())

# %% [markdown]
# An evaluation and a report are small dicts, so they may travel as values: an XCom in Airflow, a parameter in
# Kubeflow. A table would need a file, as the features of `train` did in the first notebook. (Here `model_steps` is
# found because the check puts its folder on Python's path. On a cluster it goes into the image, as in chapter 06.)
#
# ## Exercise 13.2: One step, four tools
#
# Edit the four files `monthly_….py` in the folder that is printed above: in JupyterLab's file browser it is
# `work/state/13`, the `run-…` with the highest number, `four`; any editor will do. Save them. In each of the four:
#
# - `slice_report` becomes a step of its own, which calls the function of `model_steps`;
# - it gets what `evaluate` returned, and `decide` gets the evaluation *and* the report;
# - the steps that are there keep their names, and `model_steps.py` stays as it is.
#
# Then answer with the folder: `answer = four`. The check runs your four files in the real tools, with functions of its
# own in place of `model_steps`, which note who calls them with what. It takes a minute or two, and more on a busy
# machine; it stops at the first mistake that it finds.
#
# To see a file with your edits, run its cell above again. To begin one anew, delete it and run the cell that copies.
# After a restart of the kernel your edits are in the folder of the run before:
# `companion.workspace("13-2", go_on=True)` in the first cell goes on with it.

# %%
### BEGIN SOLUTION
from difflib import unified_diff

for path in sorted((chapter / "four-solved").glob("monthly_*.py")):
    mine, solved = four / path.name, path.read_text()
    before, after = mine.read_text().splitlines(), solved.splitlines()
    print(*unified_diff(before, after, path.name, path.name, n=0, lineterm=""), sep="\n")
    mine.write_text(solved)
answer = four
### END SOLUTION

# %%
from companion import check

check.ex_13_2(answer)

# %% [markdown]
# Count what you wrote: a dozen lines of wiring, three edits per tool (the step, the extra input of `decide`, the call),
# and not one line of the report. If the desk wants another rule tomorrow, you change one file for all four tools. If
# you ever have to fix the same bug in two adapters, they contain code that belongs to the model.
#
# ## Recap
#
# 1. You moved **a step through four tools**. The model's code was written once, and each tool's part was a step, an
#    input and a call.
#
# ## Clean-up
#
# Your four files lie in this notebook's folder of state, which git ignores. `make reset` removes it.
#
# ## What comes next
#
# As long as you can leave a tool again, you can choose one without much risk. In the third notebook you choose one and
# defend the choice: [13-3-pick-and-defend.ipynb](13-3-pick-and-defend.ipynb).
