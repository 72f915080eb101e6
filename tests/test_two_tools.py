"""docs/two-tools-on-the-cluster: its files parse, and agree with each other and with the book."""

import ast
import re
from pathlib import Path
from typing import Any

import yaml
from zenml import __version__
from zenml.config import DockerSettings
from zenml.config.pipeline_run_configuration import PipelineRunConfiguration
from zenml.enums import StackComponentType

from companion.cluster import settings
from companion.environment import repository
from flightdelay.pipelines import with_kubeflow

FOLDER = repository() / "docs" / "two-tools-on-the-cluster"
IMAGE = "pipelines-for-humans/python:0.1.0"
DAG = FOLDER / "airflow_pods_dag.py"


def manifests() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / "airflow-namespace.yaml").read_text()))


def constants() -> dict[str, str]:
    """Return the DAG file's constants without importing its provider, which the book does not install."""
    tree = ast.parse(DAG.read_text())
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def test_the_dag_agrees_with_the_book_and_with_its_manifests() -> None:
    said = constants()
    assert said["IMAGE"] == IMAGE
    assert said["CLAIM"] == with_kubeflow.STORE_CLAIM
    objects = {(each["kind"], each["metadata"]["name"]): each for each in manifests()}
    assert ("Namespace", said["NAMESPACE"]) in objects
    assert ("PersistentVolumeClaim", said["CLAIM"]) in objects
    for (kind, _), each in objects.items():
        if kind != "Namespace":
            assert each["metadata"]["namespace"] == said["NAMESPACE"]
    pod = objects["Pod", "open-store"]["spec"]
    assert [each["image"] for each in pod["containers"]] == [said["IMAGE"]]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == said["CLAIM"]
    binding = objects["RoleBinding", "airflow"]
    assert ("Role", binding["roleRef"]["name"]) in objects
    assert all((each["kind"], each["name"]) in objects for each in binding["subjects"])
    assert "*" not in yaml.safe_dump(objects["Role", "airflow"]["rules"])


def test_the_images_name_is_that_of_the_pipeline() -> None:
    # Its text, since the environment may name another one.
    assert f'"{IMAGE}"' in Path(with_kubeflow.__file__).read_text()


def test_airflow_does_not_find_the_dag_by_itself() -> None:
    folder = repository() / "dags"  # the only one that the book points Airflow to
    assert not DAG.is_relative_to(folder)
    assert not [path for path in folder.rglob("*.py") if "KubernetesPodOperator" in path.read_text()]


def test_the_stack_is_one_that_zenml_imports() -> None:
    stack = yaml.safe_load((FOLDER / "zenml-stack.yaml").read_text())
    assert stack["zenml_version"] == __version__
    for kind, component in stack["components"].items():
        assert StackComponentType(kind)
        assert {"name", "flavor", "configuration"} <= set(component)
    # Remote all the way: a local part would be on a disk that no Pod sees.
    assert {each["flavor"] for each in stack["components"].values()} == {"kubernetes", "s3", "default"}
    assert stack["components"]["orchestrator"]["configuration"]["kubernetes_context"] == settings.CONTEXT
    store = stack["components"]["artifact_store"]["configuration"]
    manifest = "\n".join(settings.KUBEFLOW_IMAGES)
    assert "seaweedfs" in manifest
    assert "seaweedfs" in store["client_kwargs"]["endpoint_url"]
    assert not {"key", "secret", "token"} & set(store)


def test_the_run_is_one_that_zenml_reads() -> None:
    given = PipelineRunConfiguration.from_yaml(str(FOLDER / "zenml-run.yaml"))
    assert set(given.settings) == {"docker", "orchestrator"}
    raw = yaml.safe_load((FOLDER / "zenml-run.yaml").read_text())["settings"]
    docker = DockerSettings(**raw["docker"])
    assert docker.skip_build
    registry = yaml.safe_load((FOLDER / "zenml-stack.yaml").read_text())["components"]["container_registry"]
    assert docker.parent_image is not None
    assert docker.parent_image.startswith(registry["configuration"]["uri"])
    claim = raw["orchestrator"]["pod_settings"]["volumes"][0]["persistentVolumeClaim"]["claimName"]
    assert claim == with_kubeflow.STORE_CLAIM


def test_the_page_names_files_that_are_there() -> None:
    page = (FOLDER / "README.md").read_text()
    for name in re.findall(r"\]\(([\w.-]+)\)", page):
        assert (FOLDER / name).is_file()
    assert __version__ in page
