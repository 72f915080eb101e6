"""The book's service with counters around it: it answers as before, and ``GET /metrics`` says what went through.

``python -m chapter_17.watched STORE VERSION PORT`` serves on this machine only, until its standard input is closed.
"""

import json
import os
import sys
import threading
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, make_asgi_app
from starlette.middleware.base import RequestResponseEndpoint

from flightdelay.serve import create_app
from flightdelay.steps.featurize import WEATHER


def watch(app: FastAPI) -> FastAPI:
    """Count the flights, the probabilities and the missing weather of each answer of `/predict`.

    Parameters
    ----------
    app : FastAPI
        The service; its own code knows nothing of this.

    Returns
    -------
    FastAPI
        The same application, with `/metrics`.
    """
    registry = CollectorRegistry()
    flights = Counter("flights", "Flights that were asked about.", ["version"], registry=registry)
    late = Counter("expected_late", "Their probabilities, summed up.", ["version"], registry=registry)
    missing = Counter("weather_missing", "Flights without this column.", ["column"], registry=registry)
    edges = (0.1, 0.2, 0.3, 0.5, 1)
    probability = Histogram("probability", "The answers.", buckets=edges, registry=registry)
    for column in WEATHER:
        missing.labels(column)  # at 0 from the start: a series that is absent is no 0

    @app.middleware("http")
    async def count(request: Request, call_next: RequestResponseEndpoint) -> Response:
        asked = await request.body()
        response = await call_next(request)
        if request.url.path != "/predict" or response.status_code != 200:
            return response
        content = b"".join([part async for part in response.body_iterator])  # type: ignore[attr-defined]
        answer = json.loads(content)
        flights.labels(answer["version"]).inc(len(answer["probabilities"]))
        late.labels(answer["version"]).inc(sum(answer["probabilities"]))
        for each in answer["probabilities"]:
            probability.observe(each)
        for flight in json.loads(asked):
            for column in WEATHER:
                missing.labels(column).inc(flight.get(column) is None)
        return Response(content, response.status_code, dict(response.headers))

    app.mount("/metrics", make_asgi_app(registry))
    return app


def main() -> None:
    """Serve a version of a store, with its counters."""
    store, version, port = sys.argv[1:]

    def end_with_the_caller() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=end_with_the_caller, daemon=True).start()
    uvicorn.run(
        watch(create_app(Path(store), version)), host="127.0.0.1", port=int(port), log_level="warning"
    )


if __name__ == "__main__":
    main()
