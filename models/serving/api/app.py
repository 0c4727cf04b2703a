"""Builds the HTTP API from its ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from anyio import to_thread
from fastapi import Depends, FastAPI
from starlette.middleware import Middleware

from models.serving.api.config import ApiConfig
from models.serving.api.edge.credentials import Guard, bearer
from models.serving.api.edge.openapi import describe
from models.serving.api.edge.passage import Passage
from models.serving.api.edge.problems import ProblemDetails, handle_problems
from models.serving.api.routes.drafts import ItemBody, ItemDescription
from models.serving.api.routes.feedback import FeedbackRequest, feedback_routes
from models.serving.api.routes.inference.embeddings import EmbeddingRequest, embedding_routes
from models.serving.api.routes.inference.labels import LabelsRequest, label_routes
from models.serving.api.routes.items import item_routes
from models.serving.api.routes.learning.job_shapes import JobBody
from models.serving.api.routes.learning.jobs import job_routes
from models.serving.api.routes.learning.measures import EvaluationBody, measure_routes
from models.serving.api.routes.learning.models import PromoteBody, RollbackBody, model_routes
from models.serving.api.routes.media import media_routes
from models.serving.api.routes.operations import operator_routes
from models.serving.api.routes.searches import search_routes
from models.serving.api.services import Api, Services, running_api
from models.serving.request import SearchRequest

DESCRIPTION = """Publish items, search them across modalities, say what the answers were worth, get vectors and
class probabilities, and have better models trained and released.

Errors are problem details (RFC 9457). `X-Request-ID` is taken over or made, and comes back with every answer, as does
`X-Model-Version`, the encoder that made the answer, or else the one that serves."""


ROUTES = (
    item_routes,
    search_routes,
    feedback_routes,
    embedding_routes,
    label_routes,
    model_routes,
    job_routes,
    measure_routes,
)
"""Those that ask for a credential."""
BODIES = (
    ProblemDetails,
    ItemBody,
    ItemDescription,
    SearchRequest,
    FeedbackRequest,
    EmbeddingRequest,
    LabelsRequest,
    JobBody,
    PromoteBody,
    RollbackBody,
    EvaluationBody,
)


def create_app(services: Services, config: ApiConfig | None = None) -> FastAPI:
    """The app. While it runs, the producer is its own; the parts in `services` are closed by whoever made them."""
    api = running_api(services, config or ApiConfig())
    app = FastAPI(
        title="Millrace",
        version=version("millrace"),
        summary="The open data flywheel.",
        description=DESCRIPTION,
        lifespan=lambda _: _running(api),
        middleware=[
            Middleware(Passage, config=api.config, model_version=lambda: services.search.live.serving),
            Middleware(Guard, api_keys=api.config.api_keys, operators=api.config.operators),
        ],
        redirect_slashes=False,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
    )
    handle_problems(app)
    documented = [Depends(bearer)] if api.config.api_keys else []
    for routes in ROUTES:
        app.include_router(routes(api), dependencies=documented)
    app.include_router(media_routes(api))
    app.include_router(operator_routes(api))
    describe(app, BODIES)
    return app


@asynccontextmanager
async def _running(api: Api) -> AsyncIterator[None]:
    """The outbox works from before the first request until after the last."""
    api.outbox.start()
    try:
        yield
    finally:
        await to_thread.run_sync(api.outbox.close, api.config.stop_grace_s)
