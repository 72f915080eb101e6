"""A model store on disk: versions that never change, and one decision per month.

::

    store/
    ├── models/2013-09-3f2a…/model.skops   a fitted model, loaded without executing code from the file
    │                        card.json     what it is: month, months learned from, metrics, sum of the file
    └── runs/2013-09.json                  the evaluation and decision of the month

The champion is not a pointer that could go out of step: it is what the latest decision says. Writing the
decision is what makes a run count; a run that is killed before has changed nothing.
"""

import json
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flightdelay.errors import StoreError, store_errors
from flightdelay.files import locked, sha256, write_atomically

with warnings.catch_warnings():
    # skops looks through every loaded module; Airflow's answer with a thousand deprecation warnings.
    warnings.simplefilter("ignore")
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

# What the default model is made of beyond what skops trusts by itself. A partial is only as good as the
# function in it, and skops wants that one named too.
TRUSTED_TYPES = [
    "functools.partial",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
]


def dump_model(model: "Pipeline") -> bytes:
    """Return a fitted model as bytes that `load_model` reads."""
    content: bytes = skops.io.dumps(model)
    return content


def load_model(content: bytes, trusted: Sequence[str] = ()) -> "Pipeline":
    """Return the model in `content`, made by `dump_model`, without executing code from it.

    Parameters
    ----------
    content : bytes
        What `dump_model` returned.
    trusted : sequence of str, optional
        Full names of further types that you trust, for a model of your own.

    Raises
    ------
    StoreError
        If the bytes are no model, or hold a type that is not trusted.
    """
    try:
        return skops.io.loads(content, trusted=[*TRUSTED_TYPES, *trusted])
    except UntrustedTypesFoundException as error:
        raise StoreError(
            f"The model is not trusted: {error} Look these types up, and name in `trusted` those that you trust."
        ) from None
    except Exception as error:
        raise StoreError(
            f"The model cannot be read ({type(error).__name__}): the file is not a skops model."
        ) from error


class Store:
    """The models and decisions in one folder; made when first written to.

    Parameters
    ----------
    root : Path
        The folder.
    trusted : sequence of str, optional
        See `load_model`.
    """

    def __init__(self, root: Path, trusted: Sequence[str] = ()) -> None:
        self.root = Path(root)
        self.trusted = trusted
        self._models = self.root / "models"
        self._runs = self.root / "runs"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out while the champion is read and the decision written.

        Raises
        ------
        StoreError
            If the folder cannot be written to.
        """
        with store_errors(self.root), locked(self.root):
            yield

    def months(self) -> list[str]:
        """Return the months that have a decision, oldest first."""
        return sorted(path.stem for path in self._runs.glob("[0-9]*.json"))

    def run(self, month: str) -> dict[str, Any]:
        """Return the recorded evaluation and decision of a month.

        Raises
        ------
        StoreError
            If the month has none, or its file is damaged.
        """
        path = self._runs / f"{month}.json"
        try:
            return dict(json.loads(path.read_text()))
        except FileNotFoundError:
            raise StoreError(
                f"The model store {self.root} has no decision for {month}: run that month first."
            ) from None
        except ValueError:
            raise StoreError(
                f"The decision {path} is damaged: delete the file and run {month} again."
            ) from None

    def champion(self, before: str | None = None) -> str | None:
        """Return the version of the champion, or None where nothing was promoted yet.

        Parameters
        ----------
        before : str, optional
            A month: look only at decisions of the months before it.
        """
        months = [month for month in self.months() if before is None or month < before]
        if not months:
            return None
        version = self.run(months[-1])["decision"]["champion_after"]
        return None if version is None else str(version)

    def save(self, model: "Pipeline", evaluation: Mapping[str, Any]) -> str:
        """Write a model and its card, and return its version. Call it under `locked`.

        The version is made of the month and the digest, so that the same run gives the same version; one
        that is there already and whole is kept.

        Raises
        ------
        StoreError
            If the model could not be loaded again, since it holds a type that is not trusted.
        """
        version = f"{evaluation['month']}-{evaluation['digest'][:12]}"
        folder = self._models / version
        if self._is_whole(folder):
            return version
        content = dump_model(model)
        load_model(content, self.trusted)  # a champion that cannot be read would stop every month after it
        shutil.rmtree(folder, ignore_errors=True)
        write_atomically(folder / "model.skops", content)
        card = {
            "version": version,
            "month": evaluation["month"],
            "learned_from": evaluation["learned_from"],
            "metrics": evaluation["challenger"],
            "digest": evaluation["digest"],
            "sha256": sha256(folder / "model.skops"),
        }
        write_atomically(folder / "card.json", _json(card))
        return version

    def load(self, version: str) -> "Pipeline":
        """Return a saved model.

        Raises
        ------
        StoreError
            If there is no such version, or its file is damaged or not trusted.
        """
        folder = self._models / version
        if not self._is_whole(folder):
            raise StoreError(
                f"The model {folder} is missing or damaged: run {version[:7]} again, which writes it anew."
            )
        return load_model((folder / "model.skops").read_bytes(), self.trusted)

    def record(self, evaluation: Mapping[str, Any], decision: Mapping[str, Any]) -> None:
        """Write the month's decision: this is what makes the run count. Call it under `locked`."""
        content = _json({"evaluation": evaluation, "decision": decision})
        write_atomically(self._runs / f"{evaluation['month']}.json", content)

    def _is_whole(self, folder: Path) -> bool:
        try:
            card = json.loads((folder / "card.json").read_text())
            return bool(card["sha256"] == sha256(folder / "model.skops"))
        except (OSError, ValueError, KeyError, TypeError):
            return False


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()
