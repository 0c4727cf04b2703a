"""What clients send to be encoded: texts, and pictures in one of two ways. Nothing is ever fetched from a network."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from models.encoders.port import Encoder, Vectors
from models.serving.api.edge.problems import Problem
from models.serving.api.links import PATH, LinkRefused, MediaLinks, SignedLink
from models.serving.api.routes.drafts import decoded
from schemas.items import Modality
from streams.errors import BadRecord
from streams.media.store import MediaStore

MAX_INPUTS = 64
MAX_CHARACTERS = 20_000
ENCODED = frozenset({Modality.TEXT, Modality.IMAGE})
"""Modalities that this API takes inputs of."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InferenceInput(Frozen):
    """One thing to encode: a text, or a picture given in one of two ways."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = None
    """Comes back with the answer; left out, it is the position, counted from 0."""
    modality: Modality = Modality.TEXT
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_CHARACTERS)] | None = None
    """Words beyond the model's window are left out."""
    image_url: Annotated[str, StringConstraints(min_length=1)] | None = None
    """A `data:` URL, or a signed `/v1/media/…` link of this API. Nothing is ever fetched from a network."""
    image_base64: Annotated[str, StringConstraints(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_content_of_its_modality(self) -> "InferenceInput":
        wanted = {"text"} if self.modality is Modality.TEXT else {"image_url", "image_base64"}
        given = {name for name in ("text", "image_url", "image_base64") if getattr(self, name) is not None}
        if self.modality in ENCODED and (len(given) != 1 or not given <= wanted):
            raise ValueError(f"modality {self.modality} takes exactly one of {', '.join(sorted(wanted))}")
        return self


Inputs = Annotated[tuple[InferenceInput, ...], Field(min_length=1, max_length=MAX_INPUTS)]


def require_encoder(encoder: Encoder, inputs: Inputs) -> None:
    """Raises 422 for a modality that nothing encodes."""
    for modality in {one.modality for one in inputs} - (ENCODED & encoder.modalities):
        raise Problem(422, "no-encoder", f"no encoder for {modality} serves yet")


class Pictures:
    """Gets the bytes of a picture from what a client sent, without ever asking a network for them."""

    def __init__(self, media: MediaStore, links: MediaLinks) -> None:
        self._media = media
        self._links = links

    def contents(self, inputs: Inputs, places: list[int]) -> list[bytes]:
        """Raises BadRecord, or Problem for a link that we did not sign."""
        return [self._content(inputs[place], place) for place in places]

    def _content(self, one: InferenceInput, place: int) -> bytes:
        if one.image_base64 is not None:
            return decoded(one.image_base64, f"inputs.{place}.image_base64")
        url = one.image_url or ""
        if url.startswith("data:"):
            return _data(url, f"inputs.{place}.image_url")
        if urlsplit(url).path.startswith(f"{PATH}/"):
            return self._linked(url)
        raise BadRecord("invalid_image_url", f"inputs.{place}.image_url: neither a data: URL nor a link of this API")

    def _linked(self, url: str) -> bytes:
        split = urlsplit(url)
        said = dict(parse_qsl(split.query)) | {"digest": split.path.rpartition("/")[2]}
        try:
            ref = self._links.ref(SignedLink.model_validate(said))
        except (ValidationError, LinkRefused) as error:
            reason = str(error) if isinstance(error, LinkRefused) else "it is not a link of this API"
            raise Problem(403, "link-refused", reason) from error
        return self._media.get(ref)


def vectors_of(encoder: Encoder, inputs: Inputs, pictures: Pictures, read: Callable[[list[str]], Vectors]) -> Vectors:
    """A row for each input, each modality in one go; `read` makes vectors of texts."""
    texts, images = _places(inputs, Modality.TEXT), _places(inputs, Modality.IMAGE)
    rows = np.zeros((len(inputs), encoder.dim), dtype=np.float32)
    if texts:
        rows[texts] = read([inputs[place].text or "" for place in texts])
    if images:
        rows[images] = encoder.encode_images(pictures.contents(inputs, images))
    return rows


def _places(inputs: Inputs, modality: Modality) -> list[int]:
    return [place for place, one in enumerate(inputs) if one.modality is modality]


def _data(url: str, place: str) -> bytes:
    """The bytes in a `data:` URL (RFC 2397)."""
    head, comma, data = url.partition(",")
    if not comma:
        raise BadRecord("invalid_image_url", f"{place}: a data: URL needs a comma before its data")
    return decoded(data, place) if head.endswith(";base64") else unquote_to_bytes(data)
