"""Sounds and videos: opened by the demuxer their signature asks for, unpacked to the end, decoded at the beginning.

FFmpeg is never left to guess the format, since some formats are lists of addresses to open. Seconds, frames, packets
and pixels are bounded, not the clock, so that the same bytes always get the same answer. A file that ends before the
time it announces is truncated; MP3, AAC and Ogg announce none, so a cut between two of their frames goes unseen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from consumers.curation.config import CurationConfig
from consumers.curation.content.media_types import KNOWN, SOUND_ONLY, Medium
from consumers.curation.content.objections import Objection, at_least, at_most, first, shown
from schemas.items import MediaFacts, Modality, RejectReason

DEMUXERS = {
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "video/mp4": "mp4",
    "video/ogg": "ogg",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "video/x-msvideo": "avi",
}

MAX_STREAMS = 16
PROBED_PIXELS = 8192 * 4320
"""Up to here opening a file may decode a frame to learn its size; above, FFmpeg says 0 and the file is unreadable."""
TOLERATED_DAMAGE = 0.1
"""Share of packets that may fail to decode; real recordings have a few at their cuts."""
TOLERATED_GAP_S = 0.5
TOLERATED_GAP = 0.05
"""How much shorter than announced a recording may be: the larger of half a second and this share."""

DECODER_NAMES = {"mp3": "mp3float", "av1": "libdav1d"}
"""Where FFmpeg's decoder is called differently from the codec."""

MALFORMED = (av.FFmpegError, ValueError, LookupError, ArithmeticError, AssertionError, MemoryError, TypeError)


@dataclass(slots=True)
class Unpacked:
    """What reading all packets of a recording showed."""

    packets: int = 0
    frames: int = 0
    tried: int = 0
    damaged: int = 0
    pictures: int = 0
    ends_at_s: float = 0.0
    cut: bool = False
    """The last packet is incomplete."""


def examine_recording(content: bytes, media_type: str, config: CurationConfig) -> Medium | Objection:
    """The recording with the type it turned out to be and its facts, or why it is refused."""
    codecs = config.video_codecs | config.audio_codecs
    decoders = sorted(codecs | {DECODER_NAMES[codec] for codec in codecs & DECODER_NAMES.keys()})
    try:
        with av.open(
            BytesIO(content),
            mode="r",
            format=DEMUXERS[media_type],
            options={"max_pixels": str(max(config.max_video_pixels, PROBED_PIXELS)), "threads": "1"},
            container_options={"max_streams": str(MAX_STREAMS), "codec_whitelist": ",".join(decoders)},
            metadata_errors="replace",
        ) as container:
            return _wav_shortfall(content, media_type) or _examined(container, media_type, config)
    except MALFORMED as error:
        return Objection(RejectReason.UNREADABLE, shown(error))


def _examined(container: InputContainer, media_type: str, config: CurationConfig) -> Medium | Objection:
    picture, sound = _picture(container), _sound(container)
    streams: list[VideoStream | AudioStream] = [stream for stream in (picture, sound) if stream is not None]
    if not streams:
        return Objection(RejectReason.UNREADABLE, "neither sound nor picture")
    if (objection := first(_codec_objection(stream, config) for stream in streams)) is not None:
        return objection  # before anything else: a stream without a decoder has no size and no rate
    found = media_type if picture else SOUND_ONLY.get(media_type, media_type)
    announced_s = _announced_s(container, streams)
    objection = _size_objection(picture, config) or _length_objection(announced_s, found, config)
    if objection is not None:
        return objection
    unpacked = unpack(container, streams, config)
    length_s = unpacked.ends_at_s if announced_s is None else announced_s
    objection = _damage(unpacked, announced_s, config) or _length_objection(length_s, found, config)
    return objection or Medium(found, _facts(picture, sound, unpacked, length_s))


def _picture(container: InputContainer) -> VideoStream | None:
    covers = Disposition.attached_pic
    return next((stream for stream in container.streams.video if not stream.disposition & covers), None)


def _sound(container: InputContainer) -> AudioStream | None:
    return next(iter(container.streams.audio), None)


def _announced_s(container: InputContainer, streams: Sequence[VideoStream | AudioStream]) -> float | None:
    lengths = [float(one.duration * one.time_base) for one in streams if one.duration and one.time_base]
    if lengths:
        return max(lengths)
    return container.duration / av.time_base if container.duration else None


def _codec_objection(stream: VideoStream | AudioStream, config: CurationConfig) -> Objection | None:
    allowed = config.video_codecs if isinstance(stream, VideoStream) else config.audio_codecs
    name = _codec(stream)
    return None if name in allowed else Objection(RejectReason.UNSUPPORTED_TYPE, name, ", ".join(sorted(allowed)))


def _codec(stream: VideoStream | AudioStream) -> str:
    # A stream without a decoder has no codec context.
    return stream.codec_context.codec.canonical_name if stream.codec_context else "unknown codec"


def _size_objection(picture: VideoStream | None, config: CurationConfig) -> Objection | None:
    if picture is None:
        return None
    if not picture.width or not picture.height:
        return Objection(RejectReason.UNREADABLE, "no size of the picture")
    return first(
        (
            at_least(min(picture.width, picture.height), config.min_side_px, "px", RejectReason.TOO_SMALL),
            at_most(picture.width * picture.height, config.max_video_pixels, "pixels", RejectReason.TOO_LARGE),
        )
    )


def _length_objection(length_s: float | None, found: str, config: CurationConfig) -> Objection | None:
    if KNOWN[found] is Modality.VIDEO:
        return at_most(length_s, config.max_video_s, "s", RejectReason.TOO_LONG)
    return first(
        (
            at_least(length_s, config.min_audio_s, "s", RejectReason.TOO_SHORT),
            at_most(length_s, config.max_audio_s, "s", RejectReason.TOO_LONG),
        )
    )


def unpack(container: InputContainer, streams: Sequence[VideoStream | AudioStream], config: CurationConfig) -> Unpacked:
    """Reads every packet of the streams, and decodes as many from the beginning as the configuration allows."""
    unpacked, begins_at_s = Unpacked(), (container.start_time or 0) / av.time_base
    budgets = {stream.index: _Budget(stream, config) for stream in streams}
    for packet in container.demux(*streams):
        if packet.size:
            unpacked.packets += 1
            unpacked.pictures += packet.stream.type == "video"
            unpacked.cut = packet.is_corrupt
            if packet.pts is not None and packet.time_base:
                ends_at_s = float((packet.pts + (packet.duration or 0)) * packet.time_base) - begins_at_s
                unpacked.ends_at_s = max(unpacked.ends_at_s, ends_at_s)
        if unpacked.packets > config.max_packets:
            break
        budgets[packet.stream.index].decode(packet, unpacked)
    return unpacked


class _Budget:
    """How much of one stream is still to be decoded."""

    def __init__(self, stream: VideoStream | AudioStream, config: CurationConfig) -> None:
        stream.codec_context.options = {"max_pixels": str(config.max_video_pixels)}
        stream.codec_context.thread_count = 1
        if isinstance(stream, VideoStream):
            self._left: float = config.decoded_video_frames
        else:
            self._left = config.decoded_audio_s * (stream.rate or 1)

    def decode(self, packet: "Packet[Any]", unpacked: Unpacked) -> None:
        if self._left <= 0:
            return
        unpacked.tried += 1
        try:
            frames: Sequence[av.VideoFrame | av.AudioFrame] = packet.decode()
        except av.FFmpegError:
            unpacked.damaged += 1
            return
        unpacked.frames += len(frames)
        unpacked.damaged += any(frame.is_corrupt for frame in frames)
        self._left -= sum(frame.samples if isinstance(frame, av.AudioFrame) else 1 for frame in frames)


def _damage(unpacked: Unpacked, announced_s: float | None, config: CurationConfig) -> Objection | None:
    if unpacked.packets > config.max_packets:
        return at_most(unpacked.packets, config.max_packets, "packets", RejectReason.TOO_LONG)
    if not unpacked.frames or unpacked.damaged > TOLERATED_DAMAGE * unpacked.tried:
        share = f"{unpacked.damaged} of {unpacked.tried} packets damaged, {unpacked.frames} frames"
        return Objection(RejectReason.UNREADABLE, share, f"{TOLERATED_DAMAGE:.0%} damaged")
    gap_s = max(TOLERATED_GAP_S, TOLERATED_GAP * (announced_s or 0))
    if unpacked.cut or unpacked.ends_at_s + gap_s < (announced_s or 0):
        return Objection(RejectReason.UNREADABLE, f"ends at {unpacked.ends_at_s:.2f} s", f"{announced_s or 0:.2f} s")
    return None


def _wav_shortfall(content: bytes, media_type: str) -> Objection | None:
    # FFmpeg believes the file's length rather than its header. Recorders that could not know it wrote 0 or all ones.
    announced = int.from_bytes(content[4:8], "little")
    if media_type != "audio/wav" or not content.startswith(b"RIFF") or announced in (0, 0xFFFFFFFF):
        return None
    return at_least(len(content), announced + 8, "bytes", RejectReason.UNREADABLE)


def _facts(picture: VideoStream | None, sound: AudioStream | None, unpacked: Unpacked, length_s: float) -> MediaFacts:
    named = [_codec(stream) for stream in (picture, sound) if stream is not None]
    return MediaFacts(
        width_px=picture.width if picture else None,
        height_px=picture.height if picture else None,
        duration_s=round(length_s, 3),
        frames=unpacked.pictures if picture else None,
        sample_rate_hz=sound.rate if sound else None,
        channels=sound.channels if sound else None,
        codec="+".join(named),
    )
