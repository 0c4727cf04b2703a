"""`/v1/media/{digest}`: bytes for people's browsers, by a signed link instead of a credential."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, StringConstraints
from starlette.responses import Response

from models.serving.api.edge.answers import Responses, problems
from models.serving.api.edge.problems import Problem
from models.serving.api.links import PATH, LinkRefused, SignedLink
from models.serving.api.services import Api
from schemas.event import Sha256
from schemas.items import Modality
from streams.errors import BadRecord

ANY = "*"
SHOWN = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp", "text/plain", "application/json"}
)
"""Types that a browser may show besides sound and film; anything else is offered as a download."""
STARTS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (4, b"ftypavif", "image/avif"),
    (8, b"WAVE", "audio/wav"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
)
"""Where in the bytes, what is there, and the type that it shows. The first that fits."""
CAUTION = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=300",
}


class LinkQuery(BaseModel):
    """The query of a link. Take it as it is: every part is signed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    length: Annotated[NonNegativeInt, Field(lt=2**53)]
    type: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    expires: Annotated[NonNegativeInt, Field(lt=2**53)]
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class MediaEndpoints:
    """Hands out media."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def medium(self, digest: Annotated[Sha256, Path()], query: Annotated[LinkQuery, Query()]) -> Response:
        """The bytes of a medium, by a link that expires."""
        link = SignedLink(digest=digest, **query.model_dump())
        return await self._api.searching.run(self._answer, link)

    def _answer(self, link: SignedLink) -> Response:
        try:
            ref = self._api.links.ref(link)
            content = self._api.services.media.get(ref, self._api.config.max_upload_bytes)
        except LinkRefused as error:
            raise Problem(403, "link-refused", str(error)) from error
        except BadRecord as error:
            raise Problem(404, error.reason.replace("_", "-"), error.detail) from error
        media_type = exact(ref.media_type, content)
        shown = media_type in SHOWN or media_type.startswith(("audio/", "video/"))
        headers = {**CAUTION, "Content-Disposition": "inline" if shown else "attachment"}
        return Response(content, headers=headers, media_type=media_type if shown else "application/octet-stream")


def any_of(modality: Modality) -> str:
    """The type of a link to a medium of which only the kind is known."""
    return "application/octet-stream" if modality is Modality.TEXT else f"{modality}/{ANY}"


def exact(media_type: str, content: bytes) -> str:
    """The type itself, or what the first bytes show where a link leaves it open; never one of another kind."""
    kind, _, subtype = media_type.partition("/")
    if subtype != ANY:
        return media_type
    found = (name for place, start, name in STARTS if content.startswith(start, place))
    return next((name for name in found if name.startswith(f"{kind}/")), "application/octet-stream")


def media_routes(api: Api) -> APIRouter:
    """The endpoint that hands out media; the signature stands in for a credential."""
    router = APIRouter(tags=["media"])
    documented: Responses = {200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}}
    router.add_api_route(
        f"{PATH}/{{digest}}",
        MediaEndpoints(api).medium,
        methods=["GET"],
        response_class=Response,
        responses=documented | problems(403, 404, 422),
    )
    return router
