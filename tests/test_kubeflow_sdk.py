"""What 15.3 says of the SDK: it calls a function otherwise on the cluster than in a process of this machine."""

from pathlib import Path
from typing import Any

import pytest

from companion.scale import set_up

pytestmark = pytest.mark.filterwarnings("ignore:Support for class-based `config`")
ARGUMENTS = {"rate": 0.5}


def train(rate: Any = None) -> Any:
    return rate


def returned(source: str) -> Any:
    """Run the program that the SDK made of `train`, and return what its last line, the call, returns."""
    *body, call = source.strip().splitlines()
    names: dict[str, Any] = {"Any": Any}
    exec("\n".join(body), names)
    return eval(call, names)


@pytest.fixture(scope="module")
def types() -> Any:
    set_up()
    from kubeflow.trainer.types import types

    return types


def runtime(types: Any, command: tuple[str, ...]) -> Any:
    trainer = types.RuntimeTrainer(
        trainer_type=types.TrainerType.CUSTOM_TRAINER, framework="any", image="any"
    )
    trainer.set_command(command)
    return types.Runtime(name="by-hand", trainer=trainer, kind=types.RuntimeKind.TRAINING_RUNTIME)


def test_the_cluster_unpacks_the_arguments(types: Any) -> None:
    from kubeflow.trainer.backends.kubernetes import utils

    made = utils.get_command_using_train_func(
        runtime(types, ("{func_code}{func_file}",)), train, ARGUMENTS, [], None
    )
    assert returned(made[-1].removesuffix(Path(__file__).name)) == 0.5


def test_a_local_process_gets_them_as_one_dict(types: Any, tmp_path: Path) -> None:
    from kubeflow.trainer.backends.localprocess import utils

    utils.get_command_using_train_func(runtime(types, ("python",)), train, ARGUMENTS, str(tmp_path), "job")
    [program] = tmp_path.iterdir()
    assert returned(program.read_text()) == ARGUMENTS
