"""What curation lets pass, and how much work it spends on one item."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt

from consumers.curation.content.media_types import KNOWN

LanguageCode = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
MIB = 2**20

VIDEO_CODECS = ("av1", "h264", "hevc", "mjpeg", "mpeg4", "theora", "vp8", "vp9")
AUDIO_CODECS = ("aac", "alac", "flac", "mp3", "opus", "vorbis", "adpcm_ms", "adpcm_ima_wav")
PCM_CODECS = ("alaw", "mulaw", "u8", "s16be", "s16le", "s24le", "s32le", "f32le", "f64le")


class CurationConfig(BaseModel):
    """Bounds of the curation stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: int = Field(default=4, ge=1, le=64)
    """Media inspected at the same time; each may hold `max_media_bytes` and one decoded picture in memory."""
    media_types: frozenset[str] = frozenset(KNOWN)
    """MIME types that may pass; other known types are rejected as unsupported_type."""
    max_media_bytes: PositiveInt = 64 * MIB
    """Larger media are rejected as too_large before they are fetched."""
    max_description_bytes: int = Field(default=64 * 1024, ge=0, le=256 * 1024)
    """Limit of source, tags, licence and attributes together, so that an answer fits into a record."""

    min_text_chars: PositiveInt = 1
    """Texts with fewer characters, after cleaning, are rejected as too_short."""
    max_text_chars: PositiveInt = 1_000_000
    """Texts with more characters are rejected as too_long."""
    max_text_bytes: PositiveInt = 4 * MIB
    """Media of type text/plain with more bytes are rejected as too_large."""
    inline_text_bytes: int = Field(default=256 * 1024, ge=0, le=256 * 1024)
    """Longer texts, in UTF-8, travel as media of type text/plain."""
    max_control_share: float = Field(default=0.3, ge=0, le=1)
    """Control characters are removed; a text with a larger share of them is rejected as invalid_text."""

    languages: frozenset[LanguageCode] = frozenset()
    """Languages that may pass, as codes such as `en`; empty means all. Texts of uncertain language pass."""
    min_language_confidence: float = Field(default=0.5, ge=0, le=1)
    """Below this the language counts as unknown and the declared one is kept."""
    language_sample_chars: PositiveInt = 120
    """The language is recognised from this many characters at the beginning of a text."""

    min_side_px: PositiveInt = 8
    """Pictures with a shorter side are rejected as too_small."""
    max_side_px: PositiveInt = 20_000
    """Pictures with a longer side are rejected as too_large."""
    max_image_pixels: PositiveInt = 50_000_000
    """Pictures with more pixels are rejected as too_large; judged by the header, before anything is decoded."""
    max_image_frames: PositiveInt = 1_000
    """Animated pictures with more frames are rejected as too_long."""

    min_audio_s: NonNegativeFloat = 0.05
    """Shorter sounds are rejected as too_short."""
    max_audio_s: PositiveFloat = 3600.0
    """Longer sounds are rejected as too_long."""
    decoded_audio_s: PositiveFloat = 60.0
    """Seconds of sound that are decoded to see whether they decode; the rest is only unpacked."""
    audio_codecs: frozenset[str] = frozenset((*AUDIO_CODECS, *(f"pcm_{form}" for form in PCM_CODECS)))
    """FFmpeg's names of the sound codecs that may be decoded."""

    max_video_s: PositiveFloat = 1800.0
    """Longer videos are rejected as too_long."""
    max_video_pixels: PositiveInt = 4096 * 2304
    """Videos with larger frames are rejected as too_large."""
    decoded_video_frames: PositiveInt = 48
    """Video frames that are decoded to see whether they decode; the rest is only unpacked."""
    max_packets: PositiveInt = 400_000
    """Sounds and videos of more packets are rejected as too_long; bounds the time that unpacking takes."""
    video_codecs: frozenset[str] = frozenset(VIDEO_CODECS)
    """FFmpeg's names of the picture codecs that may be decoded."""
