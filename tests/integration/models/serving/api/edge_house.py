"""The API on a real index, a real media store and a real database; the log is in memory."""

from pathlib import Path

from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.heads.bundle import HeadBundle, HeadName
from models.heads.linear import fit_head, pool_moments
from models.serving.live.encoders import LiveEncoders
from models.serving.search import SearchService
from models.vector_index.edge import EdgeVectorIndex
from models.vector_index.port import Content, Entry, Part
from schemas.items import Modality
from tests.unit.models.serving.api.parts import House, house


class EdgeHouse:
    """A house whose index is Qdrant Edge."""

    def __init__(self, folder: Path, index: EdgeVectorIndex) -> None:
        self.encoder = HashingEncoder(EncoderConfig())
        self.index = index
        index.ensure_space(self.encoder.version, self.encoder.dim)
        search = SearchService(LiveEncoders.of(self.encoder, heads=self._heads()), index)
        self.house: House = house(folder, encoder=self.encoder, index=index, search=search)

    def _heads(self) -> HeadBundle:
        """Of a task that tells proverbs apart."""
        texts = ["still waters run deep", "empty vessels make most noise"]
        vectors = self.encoder.encode_texts(texts)
        head = fit_head(vectors, ["quiet", "loud"], None, *pool_moments(vectors))
        return HeadBundle(self.encoder.version, {HeadName("default", "topic"): head})

    def hold(self, item_id: str, text: str, version: int = 1, uri: str | None = None) -> None:
        """Puts a text into the index, as the loop would."""
        [vector] = self.encoder.encode_texts([text])
        part = Part(Modality.TEXT, vector.astype("<f4").tobytes(), text)
        content = Content(Modality.TEXT, self.encoder.version, (part,), source="tests", uri=uri)
        self.index.apply([Entry("default", item_id, version, content)])

    def forget(self, item_id: str, version: int) -> None:
        """Withdraws an item from the index, as the loop would."""
        self.index.apply([Entry("default", item_id, version, None)])
