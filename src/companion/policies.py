"""Whom NetworkPolicies let in, worked out from their text: for checks, where no network is asked."""

from collections.abc import Mapping
from typing import Any, Literal

import yaml  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, Field, ValidationError

Policy = Mapping[str, Any]
Pod = tuple[str | None, Mapping[str, str]]  # its namespace, None outside of the cluster, and its labels


class _Part(BaseModel):
    """A part of a policy, as strict as Kubernetes: no other field, and no number where a text stands."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Expression(_Part):
    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: list[str] | None = None


class _Selector(_Part):
    matchLabels: dict[str, str] | None = None
    matchExpressions: list[_Expression] | None = None


class _Port(_Part):
    protocol: Literal["TCP", "UDP", "SCTP"] | None = None
    port: Any = None
    endPort: int | None = None


class _Peer(_Part):
    podSelector: _Selector | None = None
    namespaceSelector: _Selector | None = None
    ipBlock: Any = None


class _Rule(_Part):
    ports: list[_Port] | None = None
    peers: list[_Peer] | None = Field(None, alias="from")


class _Spec(_Part):
    podSelector: _Selector | None
    policyTypes: list[Literal["Ingress", "Egress"]] | None = None
    ingress: list[_Rule | None] | None = None
    egress: Any = None


class PolicyError(ValueError):
    """The text cannot be applied, or not as it is meant; a sentence says why."""


def policies_in(text: str) -> list[Policy]:
    """Return the NetworkPolicies of a text; of two with the same name the later one counts.

    Raises
    ------
    PolicyError
        If there is anything else in it.
    """
    try:
        documents = [each for each in yaml.safe_load_all(text) if each]
    except yaml.YAMLError as error:
        raise PolicyError(f"This is no YAML: {error}") from None
    policies = [
        item
        for each in documents
        for item in (each["items"] if isinstance(each, dict) and each.get("kind") == "List" else [each])
    ]
    if not policies or any(
        not isinstance(each, dict) or each.get("kind") != "NetworkPolicy" for each in policies
    ):
        raise PolicyError("The text has to hold objects of the kind NetworkPolicy, and nothing else.")
    for each in policies:
        if each.get("apiVersion") != "networking.k8s.io/v1":
            raise PolicyError("A NetworkPolicy has the apiVersion networking.k8s.io/v1.")
        if "podSelector" not in (each.get("spec") or {}) or not (each.get("metadata") or {}).get("name"):
            raise PolicyError("A policy needs metadata.name and spec.podSelector, which may be empty.")
        try:
            _Spec.model_validate(each["spec"])
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, ("spec", *first["loc"])))
            why = first["msg"].partition(" or instance")[0]
            raise PolicyError(f"Kubernetes refuses {where} = {first['input']!r}: {why}.") from None
    policies = [*{(p["metadata"].get("namespace"), p["metadata"]["name"]): p for p in policies}.values()]
    texts = [each.get("port") for each in entries(policies, "ports")]
    if texts := [port for port in texts if isinstance(port, str) and port.isdigit()]:
        raise PolicyError(
            f'port: "{texts[0]}" is a text, so Kubernetes takes it for the name of a port and refuses it: write the '
            "number without quotes."
        )
    return policies


def entries(policies: list[Policy], name: str) -> list[Mapping[str, Any]]:
    """Return all entries of ``from`` or of ``ports``."""
    rules = [rule or {} for policy in policies for rule in policy["spec"].get("ingress") or []]
    return [each for rule in rules for each in rule.get(name) or []]


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Say whether a label selector fits; an empty one fits everything."""
    selector = selector or {}
    for rule in selector.get("matchExpressions") or []:
        value, values = labels.get(rule["key"]), rule.get("values") or []
        fits = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": rule["key"] in labels,
            "DoesNotExist": rule["key"] not in labels,
        }[rule["operator"]]
        if not fits:
            return False
    return all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())


def lets_in(
    policies: list[Policy], target: Pod, source: Pod, port: int, names: Mapping[str, int] | None = None
) -> bool:
    """Say whether one Pod takes another one's TCP connection on this port; `names` are those of its ports."""
    selecting = [
        policy
        for policy in policies
        if policy["metadata"].get("namespace", "default") == target[0]
        and "Ingress" in (policy["spec"].get("policyTypes") or ["Ingress"])
        and selects(policy["spec"].get("podSelector"), target[1])
    ]
    return not selecting or any(_opens(policy, source, port, names or {}) for policy in selecting)


def _opens(policy: Policy, source: Pod, port: int, names: Mapping[str, int]) -> bool:
    """Say whether an ingress rule of the policy lets this Pod in on this port."""
    namespace, labels = source
    for rule in policy["spec"].get("ingress") or []:
        rule = rule or {}
        ports = rule.get("ports")
        if ports and not any(
            _in_range(each, port, names) and each.get("protocol", "TCP") == "TCP" for each in ports
        ):
            continue
        peers = rule.get("from")
        if not peers:  # a rule without peers lets everybody in
            return True
        if namespace is None:  # no selector fits what is outside
            continue
        for peer in peers:
            if "namespaceSelector" in peer:
                if not selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": namespace}):
                    continue
            elif namespace != policy["metadata"].get("namespace", "default"):
                continue
            if selects(peer.get("podSelector"), labels):
                return True
    return False


def _in_range(entry: Mapping[str, Any], port: int, names: Mapping[str, int]) -> bool:
    """Say whether an entry of ``ports`` covers this port; without a port it covers all."""
    first = entry.get("port")
    if isinstance(first, str):
        return names.get(first) == port
    return first is None or int(first) <= port <= int(entry.get("endPort", first))
