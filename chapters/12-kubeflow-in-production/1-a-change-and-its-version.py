# %% [markdown]
# # 12.1 · Kubeflow in production: a change, and the version it becomes
#
# About 30 minutes · 3 GB of memory · a cluster with Kubeflow Pipelines, or a recorded one
#
# The pipeline runs on the cluster. From now on you and your colleagues will change it often. This chapter follows one
# change from an idea to the model that answers, and back again:
#
# **image → test → compiled version → approval by somebody else → promotion → roll-back**
#
# In this sitting the change goes as far as the third station. You will
#
# 1. judge a change by **what the desk does** with it, and not by one figure;
# 2. note **what was tested** by the sum of its content, and not by its tag;
# 3. **compile, name and upload** a version, and say which version a run gets if it names none.
#
# Three times you are asked to **bet first**: write what you expect in place of `None`. The cell below the bet
# compares.

# %%
import companion

state = companion.workspace("12-1")
companion.copy_manifests(state)

# %% [markdown]
# ## 1. The change
#
# Ada has an idea. Late flights are the smaller class, the classes are not balanced, and scikit-learn has a switch
# for that: `class_weight="balanced"`. It is one line. She tries it on September 2013, against the model of the
# book, and both against August's champion. **Bet first:** is her AUC above the book's, or below? Her log loss?

# %%
my_bet = None  # {"AUC": …, "log loss": …}, each "above" or "below"

# %%
import shutil

from flightdelay.pipelines import in_plain_python
from flightdelay.steps.train import gradient_boosting

balanced = gradient_boosting().set_params(histgradientboostingclassifier__class_weight="balanced")
for name in ("store", "adas-store"):
    shutil.rmtree(state / name, ignore_errors=True)  # so that this cell can be run again
in_plain_python.run("2013-08", sample=20_000, store=state / "store")
shutil.copytree(state / "store", state / "adas-store")
book = in_plain_python.run("2013-09", sample=20_000, store=state / "store")
adas = in_plain_python.run("2013-09", sample=20_000, store=state / "adas-store", estimator=balanced)

# %%
models = {
    "August's champion": book.decision["champion"],
    "the book's": book.evaluation["challenger"],
    "Ada's": adas.evaluation["challenger"],
}
for name, found in models.items():
    print(f"{name:18} AUC {found['auc']:.3f}   log loss {found['log_loss']:.3f}", end="   ")
    print(f"cost {found['cost_per_1000_flights']:.0f}   mean probability {found['mean_probability']:.2f}")
print("the pipeline's rule says of Ada's:", adas.decision["decision"])
hers, ours = models["Ada's"], models["the book's"]
higher = {"AUC": hers["auc"] > ours["auc"], "log loss": hers["log_loss"] > ours["log_loss"]}
companion.compare_bet(my_bet, {name: "above" if is_so else "below" for name, is_so in higher.items()})

# %% [markdown]
# Ada is right about one thing: her AUC is the highest of the three, by very little. AUC only measures whether late
# flights stand above punctual ones. The weights have pushed *all* probabilities up: her model expects four flights in
# ten to be late, and 13 in a hundred were. The desk acts on the probability (an offer from 20% on), so its log loss is
# far worse, and acting on it costs two fifths more than acting on the book's (`cost`: per 1000 flights). The rule of
# `decide` keeps the champion.
#
# The book's own model says 23 in a hundred, which is too many as well: it has learned from January to August, and
# September was a calm month. It is not right either; it is only *less* wrong than the other two.
#
# Now suppose she trusts AUC alone. Keep the question in mind which station would stop her change. In each section from
# here on you build one station.
#
# ## 2. Image and test
#
# The image that was tested has to be the image that runs. A tag cannot guarantee that (chapter 06), but an image's
# **ID** can: it is the sum of its content, and Kubernetes records it for every container that it starts. So the test
# runs *in* the image, on the cluster, in a namespace of its own:

# %%
# !cat "{state}/test.yaml"
# !kubectl delete namespace flights-test --ignore-not-found
# !kubectl create namespace flights-test
# !kubectl apply -n flights-test -f "{state}/test.yaml"
# !kubectl wait -n flights-test --for=condition=complete job/test --timeout=300s
# !kubectl logs -n flights-test job/test

# %% [markdown]
# The pipeline came to a decision, so the test passed. (This is a poor test: one month, one line. Your CI runs the real
# ones, here `make test`.) To record that "0.1.0 was tested" is not enough; record which content it was.

# %%
import json

# said = !kubectl get pods -n flights-test -l run=test -o json
[pod] = json.loads("\n".join(said))["items"]
[container] = pod["status"]["containerStatuses"]
tested = {container["imageID"]} if container["state"]["terminated"]["exitCode"] == 0 else set()
print("asked for:", container["image"])
print("was run:  ", container["imageID"])

# %% [markdown]
# `tested` holds **this content**. If somebody builds another image tomorrow and gives it the tag `0.1.0`, the first
# line stays the same, and the second changes.
#
# ## 3. The compiled version
#
# Here is the pipeline for production. The six steps are those of the book. Three things are new: `month_of`, which
# makes a month of the moment that a run is scheduled for (the next sitting explains it); the password of a data
# warehouse, by the **name** of a secret; and `train` is a parameter of the function, so that Ada's variant can be drawn
# with the same wiring. It lies in `monthly.py` of the chapter's folder, since all four sittings use it.

# %%
import inspect

from chapter_12.monthly import PIPELINE, monthly_with

print(inspect.getsource(monthly_with))

# %% [markdown]
# The name of its version is made like the tag of the image: it contains a sum over the compiled file. **Bet first:**
# compile the pipeline twice. Is it the same name, or another one?

# %%
my_bet = None  # "another" or "the same"

# %%
import hashlib

from kfp import compiler, dsl

from flightdelay.pipelines import with_kubeflow as steps


def compiled(pipeline):
    """Compile it into a file that is named after its content; return path and name."""
    draft = state / "draft.yaml"
    compiler.Compiler().compile(pipeline, str(draft))
    name = f"{PIPELINE}-{hashlib.sha256(draft.read_bytes()).hexdigest()[:12]}"
    return draft.replace(state / f"{name}.yaml"), name


# %%
good_file, good_name = compiled(monthly_with(steps.train))
again_name = compiled(monthly_with(steps.train))[1]
companion.compare_bet(my_bet, "the same" if again_name == good_name else "another")

# %% [markdown]
# It is the same, since there is no time and no random name in the file. So everybody who has the source can compute the
# name and compare. Ada's variant differs in the text of one component, and its name in all twelve digits:


# %%
@steps.component
def train_balanced(features: dsl.Input[dsl.Dataset], month: str, challenger: dsl.Output[dsl.Model]) -> None:
    """Train as the book does, with both classes weighing the same."""
    from pathlib import Path

    import pandas as pd

    from flightdelay.steps.train import gradient_boosting, train
    from flightdelay.store import dump_model

    adas = gradient_boosting().set_params(histgradientboostingclassifier__class_weight="balanced")
    Path(challenger.path).write_bytes(dump_model(train(pd.read_parquet(features.path), month, adas)))


# %%
adas_file, adas_name = compiled(monthly_with(train_balanced))
print("the book's:", good_name)
print("Ada's:     ", adas_name)

# %% [markdown]
# Kubeflow keeps **versions** of a pipeline. The first upload makes the pipeline, each further one a version of it. Now
# upload both. (`tidy_up` removes what an earlier run of this chapter has left there: its schedules, its runs, and the
# pipeline with its versions.)

# %%
import warnings

import kfp

from chapter_12.monthly import tidy_up
from companion.cluster.kubeflow import require_kubeflow

host = require_kubeflow()
warnings.simplefilter("ignore")  # kfp warns at every client
client = kfp.Client(host=host, ui_host="http://localhost:8081")
tidy_up(client)

# %% [markdown]
# **Bet first:** what happens when a name is uploaded a second time?

# %%
my_bet = None  # "both are kept", "refused" or "replaced"

# %%
from kfp_server_api.exceptions import ApiException

tidy_up(client)  # so that this cell can be run again
pipeline_id = client.upload_pipeline(str(good_file), PIPELINE).pipeline_id
good = client.upload_pipeline_version(str(good_file), good_name, pipeline_id=pipeline_id).pipeline_version_id
bad = client.upload_pipeline_version(str(adas_file), adas_name, pipeline_id=pipeline_id).pipeline_version_id
try:
    third = client.upload_pipeline_version(str(adas_file), good_name, pipeline_id=pipeline_id)
    became = "replaced" if third.pipeline_version_id == good else "both are kept"
except ApiException as error:
    became = "refused"
    print("refused:", error.status)
companion.compare_bet(my_bet, became)

# %% [markdown]
# Refused, with 409, Conflict: a version cannot be overwritten. It *can* be deleted and its name used again, and then
# nobody sees that it is another file; so the name contains the sum. These versions are there now:

# %%
found = client.list_pipeline_versions(pipeline_id, page_size=10).pipeline_versions
print(*sorted(each.display_name for each in found), sep="\n")

# %% [markdown]
# (The upload that made the pipeline is a version too, under the pipeline's own name.)
#
# Now Ada's version is uploaded, and nobody has approved it. Kubeflow takes the newest upload for the **default** (by
# the source; an administrator can turn that off). If you start "the pipeline" now without naming a version, you run
# hers, and so does each schedule that names none. So an upload must not count as a release: in production every run
# names its version.
#
# ## Exercise 12.0: Which version runs?
#
# Somebody looks through what is set up in Kubeflow: schedules, and pages with a button. Each of these *starts* names a
# version, or none. Write the function. It is given
#
# - `uploads`: the IDs of the versions that are there, in the order in which they were uploaded;
# - `starts`: by its name, the ID that a start names, or `None`;
# - `approved`: the IDs that somebody has approved.
#
# It returns a list: the names of those starts that would now run a version which nobody has approved, in the order in
# which they were given. (A version that was deleted runs nowhere: Kubeflow refuses such a start.)


# %%
def answer(uploads: list[str], starts: dict[str, str | None], approved: set[str]) -> list[str]:
    """Return the names of the starts that run what nobody approved."""
    ### BEGIN SOLUTION
    runs = {name: version or uploads[-1] for name, version in starts.items()}
    return [name for name, version in runs.items() if version in uploads and version not in approved]
    ### END SOLUTION


# %%
from companion import check

check.ex_12_0(answer)

# %% [markdown]
# **It transfers.** A credit model has releases too, and often simply the newest one computes the scores. Ask who put it
# there, and who had to agree.
#
# ## Recap
#
# 1. You judged a change by **what the desk does** with it: it had the highest AUC of the three, and the most offers
#    that nobody needs.
# 2. You noted **what was tested**: the ID of an image, which is the sum of its content.
# 3. You **compiled, named and uploaded** two versions. A name that exists already is refused; a run that names no
#    version gets the newest upload, approved or not.
#
# ## Clean-up

# %%
tidy_up(client)
# !kubectl delete namespace flights-test --wait=false

# %% [markdown]
# ## What comes next
#
# In [the next notebook](12-2-a-schedule.ipynb) the book's version gets a schedule, and processes two months of 2013.
