"""Answer with the champion's probabilities over HTTP: ``python -m flightdelay.serve``.

====================  =====================================================================================
``GET /healthz``      200: the process lives. It says nothing about the model.
``GET /readyz``       200: the model is loaded; 503 and the reason: it is not.
``GET /champion``     which version answers, and the month that it was judged on
``POST /predict``     a JSON list of flights, each with the columns of `featurize.FEATURES`; the
                      probabilities to be late, in the same order, and the version that gave them
====================  =====================================================================================

Two environment variables say what is served: ``FLIGHTDELAY_STORE`` is the folder of the model store, and
``FLIGHTDELAY_CHAMPION`` a version in it. Without the latter the champion of the moment is loaded, once: a later
promotion changes nothing in a process that runs.
"""

import os
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, Field, create_model
from sklearn.pipeline import Pipeline

from flightdelay.errors import StoreError
from flightdelay.steps.evaluate import predict
from flightdelay.steps.featurize import CATEGORIES, NUMBERS
from flightdelay.store import Store

PORT = 8080


def whole_text(value: str) -> str:
    """Refuse half of a character (a lone surrogate), which JSON can write and no model can take."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a character (a lone surrogate), so it is no text") from None
    return value


# A number may be missing (weather that nobody observed), a category may not.
Flight: type[BaseModel] = create_model(
    "Flight",
    **{name: (Annotated[str, AfterValidator(whole_text)], Field()) for name in CATEGORIES},
    **{name: (float | None, Field(default=None)) for name in NUMBERS},
)  # type: ignore[call-overload]  # the names of the fields come from the steps


def create_app(store: Path, version: str | None = None) -> FastAPI:
    """Return the web application.

    Parameters
    ----------
    store : Path
        The folder of the model store.
    version : str, optional
        The version to serve; by default the champion at the time of the first request that needs one.
    """
    app = FastAPI(title="Will this flight arrive more than 15 minutes late?")
    loaded: dict[str, Pipeline] = {}

    @app.exception_handler(RequestValidationError)
    def refuse(request: Request, error: RequestValidationError) -> JSONResponse:
        """Say where the question is wrong and why, without what stood there: a NaN cannot be written back."""
        said = [{name: each[name] for name in ("type", "loc", "msg")} for each in error.errors()]
        return JSONResponse({"detail": said}, 422)

    def champion() -> tuple[str, Pipeline]:
        """Load the model once; until that succeeds, each request tries again."""
        if not loaded:
            try:
                wanted = version or Store(store).champion()
                if wanted is None:
                    raise StoreError(f"The model store {store} has no champion: run the pipeline first.")
                loaded[wanted] = Store(store).load(wanted)
            except StoreError as error:
                raise HTTPException(503, str(error)) from error
        return next(iter(loaded.items()))

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz")
    def readyz() -> dict[str, str]:
        return {"status": "ready", "version": champion()[0]}

    @app.get("/champion")
    def which() -> dict[str, str]:
        name = champion()[0]
        return {"version": name, "month": name[:7]}

    @app.post("/predict")
    def answer(flights: list[Flight]) -> dict[str, Any]:  # type: ignore[valid-type]
        name, model = champion()
        asked = [flight.model_dump() for flight in flights]  # type: ignore[attr-defined]
        rows = pd.DataFrame(asked, columns=[*CATEGORIES, *NUMBERS])
        rows[NUMBERS] = rows[NUMBERS].astype("float64")
        return {"version": name, "probabilities": predict(model, rows).round(6).tolist() if flights else []}

    return app


def main() -> None:
    """Serve until the process is told to end; it then finishes the requests that it has."""
    store = Path(os.environ.get("FLIGHTDELAY_STORE", "work/store"))
    app = create_app(store, os.environ.get("FLIGHTDELAY_CHAMPION"))
    uvicorn.run(app, host="0.0.0.0", port=PORT, log_level="warning")


if __name__ == "__main__":
    main()
