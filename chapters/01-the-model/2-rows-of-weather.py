# %% [markdown]
# # 01.2 · The model: which row of the weather
#
# About 35 minutes · 1 GB of memory · no cluster
#
# In sitting 1 you asked of each *column* when it is filled in. Now you join a second table, the weather, and the same
# question is asked of a *row*.
#
# You will
#
# 1. find out when a row of the weather is complete, although nobody has written it down;
# 2. take for each decision the latest complete row.
#
# Exercise 1.3 asks for both. Twice you **bet first**, in place of `None`; nothing else depends on it.

# %%
import companion

companion.workspace("01-2")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from companion import check
from flightdelay.data import load
from flightdelay.months import MONTHS

plt.rcParams.update({"figure.figsize": (8, 3), "axes.spines.top": False, "axes.spines.right": False})

# %% [markdown]
# ## 1. Name the hour of the decision
#
# What you built in sitting 1 comes from [`model.py`](../chapters/01-the-model/model.py): the flights that have a
# label, sorted, with the features of the timetable; and `judge`, which learns from some of them and judges on others.

# %%
from chapter_01.model import TIMETABLE, judge, labelled_flights

labelled = labelled_flights()
month = labelled["month"]
until_august, autumn = month <= 8, month.isin([9, 10])
is_ua1037 = (labelled["carrier"] == "UA") & (labelled["flight"] == 1037)
is_ua1037 &= (month == 9) & (labelled["day"] == 12)
ua1037 = labelled.index[is_ua1037][0]
labelled.loc[ua1037, ["carrier", "flight", "origin", "dest", "sched_dep_time", "arr_delay", "late"]]

# %% [markdown]
# This is our flight: the decision about it is made at 17:30, two hours before it is to leave Newark (EWR).
#
# A leak can also be in the **row** that you join. Weather matters for flights, and the weather table has one row per
# airport and hour. Which row belongs to a flight? See that evening in Newark.

# %%
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
weather = load("weather", MONTHS).sort_values(["time_hour", "origin"], ignore_index=True)
for column in ("wind_speed", "wind_gust"):  # one observation of February says 1048 mph
    weather[column] = weather[column].where(weather[column] <= 200)

local_time = weather["time_hour"].dt.tz_convert("America/New_York").dt.strftime("%Y-%m-%d %H:%M")
that_evening = (weather["origin"] == "EWR") & local_time.between("2013-09-12 15:00", "2013-09-12 20:00")
evening = weather[that_evening].set_axis(local_time[that_evening].str[-5:], axis="index").rename_axis(None)
evening[["temp", "dewp", "humid", "wind_speed", "precip", "pressure"]].round(2)

# %% [markdown]
# It is hot, and dry until the row of 19:00, which has rain (`precip`, inches). Flights and weather both have the column
# `time_hour`. A join on it gives UA 1037 the row of its departure, 19:00: the model of 17:30 would read a storm that
# had not begun.
#
# The row that you want is *the latest one that is there at the moment of the decision*. pandas has a join for this,
# `merge_asof`. See it on three rows first: three notices on a board, and three people who pass by. (Times are written
# HHMM.)

# %%
notices = pd.DataFrame({"pinned_at": [1600, 1700, 1900], "notice": ["hot", "hot, calm", "rain"]})
visitors = pd.DataFrame({"passes_at": [1559, 1730, 1900]})
pd.merge_asof(visitors, notices, left_on="passes_at", right_on="pinned_at")

# %% [markdown]
# Both tables are sorted by time, and every visitor gets the latest notice that hangs there, also one that is pinned up
# in this very minute. A visitor who comes before the first notice gets nothing.
#
# The join needs one column: *when was it pinned up?* The weather table has one time, `time_hour`, and an earlier
# version of this book took that one: at 17:30 the row of 17:00. The pipeline and the figures used it, and so did a test
# that said "no feature is later than the decision". Then somebody asked of each column of the weather what sitting 1
# asks of the columns of a flight: *when was this known?* There was no answer. Find it yourself; the rows show it.
#
# ## 2. When was a row of the weather known?
#
# Begin with what looks wrong in the table. One row in ten has no `pressure`. If the only reason were a broken
# barometer, the gaps would have nothing to do with the weather.

# %%
no_pressure, raining = weather["pressure"].isna(), weather["precip"] > 0
print(f"rows without pressure                     {no_pressure.mean():.1%}")
print(f"of the rows with pressure, it rains in    {raining[~no_pressure].mean():.1%}")

# %% [markdown]
# **Bet first.** In how many of a hundred rows *without* pressure does it rain?

# %%
my_bet = None  # a whole number from 0 to 100

# %%
share = raining[no_pressure].mean()
print(f"of the rows without pressure, it rains in {share:.1%}")
companion.compare_bet(my_bet, round(100 * float(share)))

# %% [markdown]
# Keep the two shares in mind and look for a second trace, before you explain the first. Relative humidity needs no
# instrument of its own: it follows from temperature and dew point. Compute it, and compare it with the column
# `humid`.


# %%
def vapour(fahrenheit: pd.Series) -> pd.Series:
    """The water that air can hold at this temperature, up to a factor (Magnus' formula)."""
    celsius = (fahrenheit - 32) / 1.8
    return np.exp(17.625 * celsius / (243.04 + celsius))


too_humid = weather["humid"] - 100 * vapour(weather["dewp"]) / vapour(weather["temp"]) > 1
for name, group in {"with pressure": ~no_pressure, "without pressure": no_pressure}.items():
    print(f"{name:16} {group.sum():6,} rows, more humid than they can be: {too_humid[group].sum():5,}")
at_19 = evening.loc["19:00"]
possible = 100 * vapour(at_19["dewp"]) / vapour(at_19["temp"])
print(f"row of 19:00: humidity {at_19['humid']:.0f}%; its temperature and dew point give {possible:.0f}%")

# %% [markdown]
# It rains ten times as often in the rows without pressure; broken barometers do not explain that. In the rows with
# pressure the formula holds, in all but two. Of the others, half are more humid than their own temperature and dew
# point allow. So **the values of such a row were not measured at one moment**: its temperature is of one minute and its
# humidity of another.
#
# The way in which the table was made explains both. A station reports once an hour, at minute 51 as a rule. When the
# weather changes it reports in between as well, and such reports have no pressure. [The script that made this
# table](https://github.com/tidyverse/nycflights13/blob/d14b058/data-raw/weather.R) takes all reports of an hour up to
# minute 51, keeps **the largest value of each column**, and cuts the minutes off the time. (If one report has no
# pressure, the row has none.) So the row *called* 17:00 is made of all that was reported from 17:00 to 17:51. Draw
# that, with our decision.

# %% alt="Two bars over the time of day, the rows of 16:00 and 17:00, and a line at 17:30, the decision."
figure, axis = plt.subplots(figsize=(8, 2), layout="constrained")
for place, hour in enumerate((16, 17)):
    axis.barh(place, 51, left=60 * hour, color="tab:blue" if hour == 16 else "tab:orange")
    complete = f"complete at {hour}:51"
    axis.text(60 * hour + 25, place, complete, ha="center", va="center", color="white")
    print(f"the row called {hour}:00 is {complete}", "-", "before" if hour == 16 else "after", "17:30")
axis.axvline(60 * 17 + 30, color="black", label="the decision, 17:30")
axis.set(yticks=[0, 1], yticklabels=["row of 16:00", "row of 17:00"], xlim=(15.8 * 60, 18.3 * 60))
axis.set_xticks([60 * hour for hour in (16, 17, 18)], ["16:00", "17:00", "18:00"])
axis.legend(frameon=False, loc="lower right")
plt.show()

# %% [markdown]
# And how many decisions are like that of UA 1037?

# %%
minute = labelled["minute"]  # a decision falls on the minute of its departure, two hours before
print(f"decisions before minute 51: {(minute < 51).mean():.0%} of all")
print(f"there the row of that hour runs on for {(51 - minute[minute < 51]).mean():.0f} minutes on average")

# %% [markdown]
# The row of 17:00 holds 21 minutes of the future of our flight. For 87% of the flights, the earlier version of this
# book read some future, half an hour of it on average. That is the **leak that this book had**, in the very chapter
# that warns of leaks.
#
# ## Exercise 1.3: The row that may be used
#
# Write the body of `answer`. It gets the `moment` of a decision and `names`: the `time_hour` of all rows of one
# airport, sorted, some hours missing. It returns the `time_hour` of the latest row that is complete at the moment. A
# row is complete at minute 51 of its hour, since its last report is of that minute. If you wait some minutes longer,
# at most until the hour is over, that is right as well. All times are in UTC.


# %%
def answer(moment: pd.Timestamp, names: pd.Series) -> pd.Timestamp:
    """Return the `time_hour` of the latest row that is complete at the moment."""
    ### BEGIN SOLUTION
    return names[names + pd.Timedelta(minutes=51) <= moment].iloc[-1]
    ### END SOLUTION


# %%
check.ex_1_3(answer)

# %% [markdown]
# **The next cell holds the book's way, and so an answer. Stop here until yours is right, then compare.**
#
# The book takes a row as known when its hour is over, one hour after the time in its name: a table needs some minutes
# to arrive, and a round number is easy to remember. To wait nine minutes too long costs little; to be one minute too
# early is a leak. With `known_after=0` the function does what the earlier version of the book did.


# %%
def weather_at(moments: pd.Series, known_after: int = 60) -> pd.DataFrame:
    """For each flight, the latest row of its airport known at its moment, and known for 6 hours at most."""
    board = weather.assign(known_at=weather["time_hour"] + pd.Timedelta(minutes=known_after))
    asked = pd.DataFrame({"known_at": moments.astype(board["known_at"].dtype), "origin": labelled["origin"]})
    asked = asked.reset_index(names="row").sort_values("known_at", kind="stable")
    seen = pd.merge_asof(asked, board, on="known_at", by="origin", tolerance=pd.Timedelta(hours=6))
    return seen.set_index("row").sort_index()[WEATHER]


# %%
departure = labelled["time_hour"] + pd.to_timedelta(labelled["minute"], unit="min")
two_hours_before = departure - pd.Timedelta(hours=2)
for name, known_after in {"at its name": 0, "when complete": 60}.items():
    seen = weather_at(two_hours_before, known_after).loc[ua1037]
    print(f"row taken {name:13}  temp {seen['temp']:.0f} F, wind {seen['wind_speed']:.0f} mph")

# %% [markdown]
# ## 3. What the leak was worth
#
# Judge it as in sitting 1: learn from January to August, judge on September and October. First the figures that stood
# in the book, with the row at its name. Lower is better in the second one, log loss; sitting 3 explains it.

# %%
FEATURES = [*TIMETABLE, *WEATHER]
until_may, summer = month <= 5, month.isin([6, 7])
periods = {"September, October": (until_august, autumn), "June, July": (until_may, summer)}
seen_at = {"at its name": weather_at(two_hours_before, 0), "when complete": weather_at(two_hours_before, 60)}
p_of, auc_of = {}, {}


# %%
def show(version: str, period: str) -> None:
    learn, test = periods[period]
    p, auc = judge(labelled.join(seen_at[version]), FEATURES, learn, test)
    p_of[version, period], auc_of[version, period] = p, auc
    loss = log_loss(labelled.loc[test, "late"], p)
    print(f"{period:18}  row {version:13}  AUC {auc:.3f}  log loss {loss:.3f}")


show("at its name", "September, October")

# %% [markdown]
# **Bet first.** What is the AUC without the leak?

# %%
my_bet = None  # a number from 0.5 to 1, with three decimals

# %%
show("when complete", "September, October")
companion.compare_bet(my_bet, round(float(auc_of["when complete", "September, October"]), 3))

# %% [markdown]
# September and October are calm months. See the same in June and July, the months of thunderstorms.

# %%
for version in ("at its name", "when complete"):
    show(version, "June, July")

# %% [markdown]
# In autumn the model is a little *better* without the leak, by both measures. In summer it is a little worse, by both.
# So no measure shows the leak. If you looked only at the figures, you would call the same repair a gain in October and
# a loss in July. Next, compare the two models flight by flight.

# %%
p_leak, p_honest = (p_of[version, "September, October"] for version in ("at its name", "when complete"))
print(
    f"UA 1037: late with probability {p_leak[ua1037]:.2f} at its name, {p_honest[ua1037]:.2f} when complete"
)
moved = (p_leak - p_honest).abs() > 0.1
print(f"probability moved by more than 0.1: {moved.sum():,} of {len(moved):,} flights")

# %% [markdown]
# They do not agree about single flights; in the average the differences cancel out. The leak has to be repaired
# although the AUC is nearly the same, because at 17:30 nobody can run the model that was measured: the row of 17:00 is
# not there, and the counter has to use another one in its place. A leak does not always make a result too good. No
# measure showed this one, and the test against leaks had been written with the same mistake. **Only the question found
# it: when was this known?** Ask it of every column, and write down the answer and how you know it. This book's list is
# in [data/README.md](../data/README.md).
#
# A bigger leak of the same kind, for comparison, is the join on `time_hour`. The older the weather, the less it says.
# See the AUC with weather of other ages, again in June and July.

# %%
seen_at["a day before"] = weather_at(departure - pd.Timedelta(hours=24))
hour_and_airport = ["time_hour", "origin"]
seen_at["of departure"] = labelled[hour_and_airport].merge(weather, how="left", on=hour_and_airport)[WEATHER]
print(f"no weather                             AUC {judge(labelled, TIMETABLE, until_may, summer)[1]:.3f}")
for version in ("a day before", "of departure"):
    show(version, "June, July")

# %% [markdown]
# Compared with no weather, a day-old row gains 0.026, the latest complete row 0.050 (0.729, above). The last line is
# the best, but its weather is not known at the decision. For a decision a day ahead, 0.729 cannot be reached either:
# with another hour of the decision it is another problem, even if the table is the same.
#
# That is the end of feature building. In the repository the same lines are the function
# [`featurize`](../src/flightdelay/steps/featurize.py), and your `fit` stands in
# [`train`](../src/flightdelay/steps/train.py). Check that `featurize` does what you did by hand: compare the two
# tables, column by column.

# %%
from flightdelay.steps.featurize import featurize
from flightdelay.steps.ingest import FLIGHT_COLUMNS, WEATHER_COLUMNS, Raw

features = labelled.join(seen_at["when complete"])
raw = Raw(load("flights", MONTHS, FLIGHT_COLUMNS), load("weather", MONTHS, WEATHER_COLUMNS))
by_book = featurize(raw)
same = [by_book[name].equals(features[name].astype(by_book[name].dtype)) for name in [*FEATURES, "late"]]
print(f"{sum(same)} of {len(same)} columns are the same, on {len(by_book):,} flights")

# %% [markdown]
# All the same. The next sittings take the weather from `featurize`.
#
# ## Recap
#
# 1. You found in the rows themselves when a row is complete: at minute 51 of its hour, not at the time in its name. No
#    measure had shown that leak.
# 2. You took for each decision the latest row that is complete, and not one that is still being written
#    (exercise 1.3, for both).
#
# This notebook wrote no file, so there is nothing to clean up.
#
# ## What comes next
#
# [Sitting 3](01-3-price-of-a-mistake.ipynb) asks what the probabilities of this model are worth: next to a table of
# shares, in the worst month of the year, and in money.
