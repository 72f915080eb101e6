# %% [markdown]
# # x
#
# About 30 minutes · x
