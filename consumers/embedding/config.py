"""How much embedding takes at once, and how fast older items are embedded anew."""

from pydantic import BaseModel, ConfigDict, Field


class EmbeddingConfig(BaseModel):
    """Bounds of the embedding stage; those of the encoder are EncoderConfig's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_records: int = Field(default=64, ge=1, le=10_000)
    """Items encoded together. More pads less, but the first item waits for the last one."""
    max_bytes: int = Field(default=2**20, ge=1024, le=2**30)
    """Bytes of the records encoded together; bounds the windows of long texts, and so the time of one batch."""
    max_age_s: float = Field(default=0.005, gt=0, le=10)
    """Seconds that the first item of a batch waits for others. Short: under load they gather while one is encoded."""
    max_text_bytes: int = Field(default=16 * 2**20, ge=1024, le=2**30)
    """Texts by reference that are larger become dead letters; curation has the stricter bound."""
    media_bytes: int = Field(default=64 * 2**20, ge=2**20, le=2**34)
    """Encoded pictures held in memory at the same time; a larger one is held alone."""
    text_cache_mb: int = Field(default=32, ge=4, le=65_536)
    """Vectors of texts that are remembered; some 18,000 windows with 384 numbers. While items are embedded anew for a
    model that reads texts as the live one does, those are not encoded again."""
    backfill_items_per_s: float = Field(default=0.0, ge=0, le=1_000_000)
    """Older items that are embedded anew for a new model, a second; 0 is as fast as it can. New items share the
    processor with them."""
    backfill_look_s: float = Field(default=0.25, gt=0, le=60)
    """How often it is asked whether older items are to be embedded anew."""
    backfill_mark_s: float = Field(default=1.0, ge=0, le=60)
    """After so long it is written down how far that is; what is not written down is done again after a crash."""
    backfill_lease_s: float = Field(default=60.0, gt=0, le=3600)
    """A process that has not written anything down for so long is taken to have died, and another one goes on."""
