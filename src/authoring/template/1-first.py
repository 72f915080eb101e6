# %% [markdown]
# # 99.1 · A title: what this sitting does
#
# About 20 minutes · 1 GB of memory · no cluster
#
# You will
#
# - bet on a number, and see it
# - write a label that leaves out what cannot be judged (exercise 99.1)

# %%
import companion

state = companion.workspace("99-1")

# %% [markdown]
# ## 1. The rows
#
# Look at the data before you trust it: how many rows are there, and how many lack what you want to learn?

# %%
from companion import check
from flightdelay.data import load

flights = load("flights", ["2013-09"], ["carrier", "arr_delay"])
print(len(flights), "flights,", int(flights["arr_delay"].isna().sum()), "without an arrival")

# %% [markdown]
# ## 2. A bet
#
# How many of those with an arrival came more than 15 minutes late, in percent? Write it down, then run the next cell.

# %%
my_bet = None  # a whole number, in percent

# %%
arrived = flights["arr_delay"].dropna()
percent = round(100 * (arrived > 15).mean())
companion.compare_bet(my_bet, percent)

# %% [markdown]
# September is a good month. Say here what the number means and where the reader meets it again.

# %% [markdown]
# ## Exercise 99.1: A label
#
# Write a function that takes a table with the column `arr_delay` (minutes, empty where a flight did not arrive). It
# returns the share of late flights, more than 15 minutes, among those that arrived.


# %%
def answer(flights):
    ### BEGIN SOLUTION
    arrived = flights["arr_delay"].dropna()
    return (arrived > 15).mean()
    ### END SOLUTION


# %%
check.ex_99_1(answer)

# %% [markdown]
# ## Recap
#
# - You bet, and you looked: a number that surprises is worth more than one that is read.
# - You left out the rows that cannot be judged, and did not count them as punctual.
#
# Next: the chapter that builds on this one.
