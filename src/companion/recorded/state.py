"""The objects of a cluster at one moment, and what depends on what among them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from companion.recorded.objects import Object, digest, has_ended
from companion.recorded.recording import Entry, Frame, Key

POLICIES = "networkpolicies.networking.k8s.io"
# Kubeflow Trainer's: a training, and the forms for the Pods of trainings.
TRAINJOBS = "trainjobs.trainer.kubeflow.org"
RUNTIMES = ("trainingruntimes.trainer.kubeflow.org", "clustertrainingruntimes.trainer.kubeflow.org")
# What others react to for as long as it is there.
LASTING = (
    "deployments.apps", "statefulsets.apps", "services", "resourcequotas", "limitranges", POLICIES,
    "poddisruptionbudgets.policy", "horizontalpodautoscalers.autoscaling",
)  # fmt: skip
# What is only kept: to make, change or delete it has no effect while nothing uses it.
PASSIVE = (
    "namespaces", "configmaps", "secrets", "serviceaccounts", "roles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io", "clusterroles.rbac.authorization.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io", *RUNTIMES,
)  # fmt: skip
# Kubeflow Pipelines' own: no resources of the cluster's API (`companion.recorded.kubeflow`).
RUNS, RECURRING_RUNS = "runs of kubeflow", "recurring runs of kubeflow"
EXPERIMENTS, PIPELINES, VERSIONS = "experiments of kubeflow", "pipelines of kubeflow", "versions of kubeflow"
OF_KUBEFLOW = (RUNS, RECURRING_RUNS, EXPERIMENTS, PIPELINES, VERSIONS)
STARTED = (RUNS, RECURRING_RUNS)  # they set something going
# On a run of whose steps none may take its results from another run.
CACHE = "cache"
# On a Pod: which run it belongs to, and what Argo calls that in the names of its Pods.
RUN_LABEL, WORKFLOW_LABEL = "pipeline/runid", "workflows.argoproj.io/workflow"
ENDING = ("jobs.batch", "pods", TRAINJOBS)  # they come to an end
WORKLOADS = ("jobs.batch", "cronjobs.batch", "deployments.apps", "statefulsets.apps", "pods", TRAINJOBS)
ROLES = "roles.rbac.authorization.k8s.io"
BINDINGS = ("rolebindings.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io")
PLURALS = {
    "ConfigMap": "configmaps", "Secret": "secrets", "PersistentVolumeClaim": "persistentvolumeclaims",
    "Job": "jobs.batch", "CronJob": "cronjobs.batch", "Deployment": "deployments.apps", "Pod": "pods",
    "ReplicaSet": "replicasets.apps", "StatefulSet": "statefulsets.apps", "Service": "services",
    "Node": "nodes", "EndpointSlice": "endpointslices.discovery.k8s.io", "Role": ROLES,
    "ClusterRole": "clusterroles.rbac.authorization.k8s.io", "DaemonSet": "daemonsets.apps",
    "TrainJob": TRAINJOBS, "TrainingRuntime": RUNTIMES[0], "ClusterTrainingRuntime": RUNTIMES[1],
    "JobSet": "jobsets.jobset.x-k8s.io",
}  # fmt: skip


@dataclass
class State:
    """All objects of one moment."""

    entries: dict[Key, Entry] = field(default_factory=dict)
    # By what that may write a claim has been mounted so far: its content depends on it.
    mounted: dict[Key, list[str]] = field(default_factory=dict)
    # What each run of Kubeflow's runs, as a sum, by its id.
    ran: dict[str, str] = field(default_factory=dict)

    def apply(self, frame: Frame) -> None:
        """Let happen what a frame tells."""
        for entry in frame.put:
            self.entries[entry.key] = entry
        for key in frame.gone:
            self.entries.pop(key, None)
            self.mounted.pop(key, None)  # a new claim of the same name is empty

    def of(self, resource: str, namespace: str = "") -> list[Entry]:
        """Return all objects of a resource, in one namespace or in all, by name."""
        found = [
            entry
            for key, entry in self.entries.items()
            if key.resource == resource and namespace in ("", key.namespace)
        ]
        return sorted(found, key=lambda entry: (entry.key.namespace, entry.key.name))

    def context(self, key: Key, thing: Object | None) -> dict[str, str]:
        """Return, by name, the sums of all that the result of a change depends on.

        These are the objects that it refers to by name, the rights of its account, what a claim was mounted by
        before, what uses it, and what lasts in its namespace; for what runs also the policies of other namespaces,
        which say whom it reaches there.
        """
        around = {}
        for other, entry in self.entries.items():
            if other.namespace == key.namespace and other != key and _lasts(entry):
                around[f"{other.resource} {other.name}"] = digest(entry.object)
            elif other.resource == POLICIES and other != key and key.resource in WORKLOADS:
                around[f"{other.resource} {other.name} in {other.namespace}"] = digest(entry.object)
        notes = (thing or {}).get("metadata", {}).get("annotations") or {}
        asks_cache = key.resource == RUNS and CACHE not in notes
        succeeded = asks_cache and self._has_succeeded(digest(thing))
        for other in self.references(key.namespace, thing or self.object_of(key)):
            if other.name != "default":  # each namespace has that account, a moment after it was made
                around[f"{other.resource} {other.name}"] = digest(self.object_of(other))
            # Where the cache knows all results, what lies on a claim changes little.
            if other.resource == "persistentvolumeclaims" and not succeeded:
                around[f"content of {other.name}"] = " ".join(self.mounted.get(other, []))
            if other.resource == "serviceaccounts":
                around[f"rights of {other.name}"] = self._rights(other)
        if key.resource == RUNS:
            around["an equal run that succeeded"] = str(succeeded)
        if key.resource in (*PASSIVE, "persistentvolumeclaims"):
            for entry in self.users(key):
                around[f"{entry.key.resource} {entry.key.name}"] = digest(entry.object)
                # What the user does depends on all that it depends on; of rights, what was there before tells enough.
                if not key.resource.endswith("rbac.authorization.k8s.io"):
                    around |= self.context(entry.key, entry.object)
            around.pop(f"{key.resource} {key.name}", None)
        return around

    def references(self, namespace: str, thing: Object | None) -> list[Key]:
        """Return what a workload refers to by name, also by way of the form for its Pods."""
        found = set(references(namespace, thing))
        for form in [key for key in found if key.resource in RUNTIMES]:
            found.update(references(namespace, self.object_of(form)))
        return sorted(found)

    def object_of(self, key: Key) -> Object | None:
        """Return an object, or None."""
        entry = self.entries.get(key)
        return entry.object if entry else None

    def _has_succeeded(self, run: str) -> bool:
        """Say whether Kubeflow's cache knows the results of a run, given by its sum."""
        return any(
            entry.object["status"].get("state") == "SUCCEEDED" and self.ran.get(entry.key.name) == run
            for entry in self.of(RUNS)
        )

    def _rights(self, account: Key) -> str:
        """Return a sum of the roles that an account of a namespace was given."""
        found = []
        for binding in (each for resource in BINDINGS for each in self.of(resource)):
            for subject in binding.object.get("subjects") or []:
                if subject.get("name") == account.name and subject.get("namespace") == account.namespace:
                    role = binding.object["roleRef"]
                    home = binding.key.namespace if role["kind"] == "Role" else ""
                    held = self.object_of(Key(PLURALS[role["kind"]], home, role["name"])) or {}
                    found.append(json.dumps([home, held.get("rules")], sort_keys=True))
        return digest({"rules": sorted(found)}) if found else ""

    def users(self, key: Key) -> list[Entry]:
        """Return the workloads that a passive object matters to."""
        # A role matters to all in its namespace: whose account it is for is said elsewhere.
        everybody = key.resource.endswith("rbac.authorization.k8s.io")
        return [
            entry
            for other, entry in self.entries.items()
            if other.resource in WORKLOADS
            and not entry.object["metadata"].get("ownerReferences")
            and (other.namespace == key.namespace or not key.namespace)
            and not has_ended(entry.object)
            and (
                key in self.references(other.namespace, entry.object)
                or (everybody and account_of(entry.object) != "default")
            )
        ]

    def mount(self, key: Key, thing: Object | None) -> None:
        """Remember what a run runs, and that a workload mounts the claims that it may write to."""
        if key.resource == RUNS:
            self.ran[key.name] = digest(thing)
        if key.resource in (*WORKLOADS, RUNS):
            forms = [
                self.object_of(each) for each in references(key.namespace, thing) if each.resource in RUNTIMES
            ]
            for name in (name for each in (thing, *forms) for name in _written_claims(each or {})):
                claim = Key("persistentvolumeclaims", key.namespace, name)
                before = self.mounted.setdefault(claim, [])
                # The same month again leaves the same in the store.
                if key.resource != RUNS or digest(thing) not in before:
                    before.append(digest(thing))

    def needs_no_recording(self, verb: str, key: Key) -> bool:
        """Say whether the outcome is known without having been seen: nothing reacts to it, or it only goes."""
        thing = self.object_of(key)
        if key.resource in OF_KUBEFLOW:
            return verb != "create" or key.resource not in STARTED
        if key.resource == "namespaces":
            return True
        if key.resource in PASSIVE:
            users = self.users(key)
            # A Job that runs has read it already.
            return not users or (verb == "delete" and all(each.key.resource in ENDING for each in users))
        if verb != "delete" or thing is None or thing["metadata"].get("ownerReferences"):
            return False
        if key.resource == "persistentvolumeclaims":
            pods = self.of("pods", key.namespace)
            return not any(key in references(key.namespace, pod.object) for pod in pods)
        own = self.owned(key)
        behind = any(
            _selects(service.object.get("spec", {}).get("selector"), pod.object)
            for service in self.of("services", key.namespace)
            if service not in own
            for pod in own
        )
        return (key.resource in WORKLOADS and not behind) or key.resource == "events"

    def owned(self, key: Key) -> list[Entry]:
        """Return what an object owns, at any distance, with itself."""
        there = self.entries.get(key)
        if key.resource == RUNS:
            return [pod for pod in self.of("pods") if run_of(pod.object) == key.name]
        found, uids = ([there] if there else []), {there.object["metadata"].get("uid")} if there else set()
        more = True
        while more:
            more = False
            for entry in self.entries.values():
                owners = entry.object.get("metadata", {}).get("ownerReferences") or []
                if entry not in found and any(owner["uid"] in uids for owner in owners):
                    found.append(entry)
                    uids.add(entry.object["metadata"]["uid"])
                    more = True
        return found


def references(namespace: str, thing: Object | None) -> list[Key]:
    """Return what a workload refers to by name: ConfigMaps, Secrets, claims, and its account."""
    found: list[Key] = []
    if (thing or {}).get("kind") in ("Run", "RecurringRun"):
        spec = (thing or {})["spec"]
        found = [Key("persistentvolumeclaims", namespace, name) for name in spec["claims"]]
        found += [Key("secrets", namespace, name) for name in spec["secrets"]]
        found.append(Key("serviceaccounts", namespace, spec["account"]))
    if (thing or {}).get("kind") == "TrainJob":
        form = (thing or {}).get("spec", {}).get("runtimeRef") or {}
        own = form.get("kind") == "TrainingRuntime"
        found.append(Key(RUNTIMES[0 if own else 1], namespace if own else "", form.get("name", "")))
    for spec in _pod_specs(thing or {}):
        account = spec.get("serviceAccountName") or "default"
        found.append(Key("serviceaccounts", namespace, account))
        for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
            for source in container.get("envFrom") or []:
                for name, resource in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
                    if name in source:
                        found.append(Key(resource, namespace, source[name].get("name", "")))
            for variable in container.get("env") or []:
                value = variable.get("valueFrom") or {}
                for name, resource in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
                    if name in value:
                        found.append(Key(resource, namespace, value[name].get("name", "")))
        for volume in spec.get("volumes") or []:
            for name, named, resource in (
                ("configMap", "name", "configmaps"),
                ("secret", "secretName", "secrets"),
                ("persistentVolumeClaim", "claimName", "persistentvolumeclaims"),
            ):
                if name in volume:
                    found.append(Key(resource, namespace, (volume[name] or {}).get(named, "")))
    # Each Pod gets the certificates; nobody chooses them.
    return sorted({key for key in found if key.name != "kube-root-ca.crt"})


def _written_claims(thing: Object) -> Iterator[str]:
    """Yield the names of the claims that a workload mounts, and not for reading only."""
    if thing.get("kind") == "Run":
        yield from thing["spec"]["claims"]
    for spec in _pod_specs(thing):
        containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
        mounts = [mount for container in containers for mount in container.get("volumeMounts") or []]
        written = {mount.get("name") for mount in mounts if not mount.get("readOnly")}
        for volume in spec.get("volumes") or []:
            claim = volume.get("persistentVolumeClaim") or {}
            if volume.get("name") in written and claim and not claim.get("readOnly"):
                yield claim.get("claimName", "")


def _pod_specs(thing: Object) -> Iterator[Object]:
    spec = thing.get("spec") or {}
    match thing.get("kind"):
        case "Pod":
            yield spec
        case "CronJob":
            yield ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template", {}).get("spec") or {}
        case "Job" | "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet":
            yield (spec.get("template") or {}).get("spec") or {}
        case "TrainingRuntime" | "ClusterTrainingRuntime":
            yield from _replicated(spec)
        case "TrainJob":
            for patch in spec.get("runtimePatches") or []:
                yield from _replicated(patch.get("trainingRuntimeSpec") or {})


def _replicated(spec: Object) -> Iterator[Object]:
    """Yield what the Pods are, of each kind, in the form of a training."""
    for each in ((spec.get("template") or {}).get("spec") or {}).get("replicatedJobs") or []:
        job = (each.get("template") or {}).get("spec") or {}
        yield (job.get("template") or {}).get("spec") or {}


def _lasts(entry: Entry) -> bool:
    """Say whether others react to something for as long as it is there: not where it belongs to one of them."""
    return entry.key.resource in LASTING and not entry.object["metadata"].get("ownerReferences")


def run_of(pod: Object) -> str:
    """Return the id of the run of Kubeflow's that a Pod belongs to; empty if to none."""
    return str((pod.get("metadata", {}).get("labels") or {}).get(RUN_LABEL, ""))


def account_of(thing: Object) -> str:
    """Return as whose account a workload runs."""
    return next((spec.get("serviceAccountName") or "default" for spec in _pod_specs(thing)), "default")


def _selects(selector: Object | None, pod: Object) -> bool:
    labels = pod.get("metadata", {}).get("labels") or {}
    return bool(selector) and all(labels.get(name) == value for name, value in (selector or {}).items())
