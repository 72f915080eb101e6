"""Who may do what, worked out from the recorded roles as the API server does (role-based access control)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from companion.recorded.recording import Key
from companion.recorded.world import World

GROUP = "rbac.authorization.k8s.io"


class Question(NamedTuple):
    """What somebody would like to do."""

    verb: str
    group: str
    resource: str  # with its subresource, such as pods/log
    namespace: str = ""
    name: str = ""


def rules(world: World, user: str, namespace: str) -> Iterator[dict[str, Any]]:
    """Yield the rules of all roles that a user was given, in the whole cluster or in one namespace."""
    for resource, home in (("clusterrolebindings", ""), ("rolebindings", namespace)):
        for binding in world.of(f"{resource}.{GROUP}", home) if home or resource[0] == "c" else []:
            if any(_is(user, subject) for subject in binding.object.get("subjects") or []):
                role = binding.object["roleRef"]
                place = binding.key.namespace if role["kind"] == "Role" else ""
                found = world.get(Key(f"{role['kind'].lower()}s.{GROUP}", place, role["name"]))
                yield from (found.object.get("rules") or []) if found else []


def allowed(world: World, user: str, question: Question) -> bool:
    """Say whether a user may do something; whoever made the cluster may do everything."""
    if not user:
        return True
    return any(_covers(rule, question) for rule in rules(world, user, question.namespace))


def _is(user: str, subject: dict[str, Any]) -> bool:
    match subject.get("kind"):
        case "User":
            return bool(subject["name"] == user)
        case "ServiceAccount":
            return user == f"system:serviceaccount:{subject.get('namespace')}:{subject['name']}"
        case "Group":
            groups = {"system:authenticated"}
            if user.startswith("system:serviceaccount:"):
                groups |= {"system:serviceaccounts", f"system:serviceaccounts:{user.split(':')[2]}"}
            return subject["name"] in groups
    return False


def _covers(rule: dict[str, Any], asked: Question) -> bool:
    def has(field: str, value: str) -> bool:
        return value in rule.get(field, []) or "*" in rule.get(field, [])

    names = rule.get("resourceNames") or []
    resource = asked.resource
    wide = resource in rule.get("resources", []) or "*" in rule.get("resources", [])
    below = "/" in resource and f"*/{resource.partition('/')[2]}" in rule.get("resources", [])
    return (
        has("verbs", asked.verb)
        and has("apiGroups", asked.group)
        and (wide or below)
        and (not names or asked.name in names)
    )
