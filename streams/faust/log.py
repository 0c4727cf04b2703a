"""The log as Faust reads it. The only module that knows Faust, and the client library below it.

What Faust is not asked to do: it never creates topics (the manifest does), keeps no tables (so there are no changelog
topics), serves no web page, and does not commit. Its bookkeeping of offsets can skip a record in flight
(faust-streaming issue 606), so topics are read without acknowledgements, and `commit` writes the offsets that are
finished with, together with the time up to which windows were closed, in one request of the group.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import faust
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from aiokafka.structs import OffsetAndMetadata  # type: ignore[import-untyped]
from aiokafka.structs import TopicPartition as ClientPlace

from streams.errors import Misconfigured, Unavailable
from streams.faust.reading import End
from streams.kafka.config import KafkaConfig
from streams.record import Record, TopicPartition

CLOSED = "closed_ms="
"""Begins the note at a committed offset."""
NEVER_S = 10.0**9
REQUEST_S = 30.0


class FaustLog:
    """Reads topics with all their partitions. Lives in the event loop that runs when it is built."""

    def __init__(
        self,
        config: KafkaConfig,
        group: str,
        topics: Sequence[str],
        on_record: Callable[[Record], None],
        on_assigned: Callable[[], Awaitable[None]],
    ) -> None:
        self._topics = tuple(topics)
        self._on_record = on_record
        self._on_assigned = on_assigned
        self._bug: BaseException | None = None
        self._folder = TemporaryDirectory(prefix="millrace-faust-")  # it wants one, and keeps nothing there
        self._app = faust.App(
            group,
            broker=[f"kafka://{server}" for server in (config.bootstrap_servers or "").split(",")],
            broker_credentials=credentials(config),
            broker_session_timeout=config.session_timeout_ms / 1000,
            broker_request_timeout=max(REQUEST_S, config.session_timeout_ms / 1000),
            consumer_group_instance_id=f"{group}-{config.instance or socket.gethostname()}",
            consumer_auto_offset_reset="earliest",
            store="memory://",
            datadir=self._folder.name,
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            stream_wait_empty=False,
            stream_recovery_delay=0.0,
            broker_commit_livelock_soft_timeout=NEVER_S,
        )
        source = self._app.topic(
            *topics,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
            acks=False,
            internal=True,
            allow_empty=True,
        )
        self._app.agent(source, name="read")(self._read)
        self._app.on_rebalance_complete.connect(self._assigned, weak=False)

    async def start(self) -> None:
        await self._app.start()

    async def stop(self, timeout_s: float) -> bool:
        """Whether it stopped in time. Never call it from within a record's handling: it would wait for itself."""
        stopping = asyncio.ensure_future(self._app.stop())
        done, _ = await asyncio.wait([stopping], timeout=timeout_s)
        self._folder.cleanup()
        return bool(done)

    def check(self) -> None:
        """Raises what went wrong in the reading, which goes on in tasks of its own."""
        if self._bug is not None:
            raise self._bug
        if self._app.should_stop:
            raise self._app.crash_reason or RuntimeError("the reading library has stopped by itself")

    def complete(self) -> bool:
        """Whether all partitions are ours: searches and feedback that belong together may lie anywhere."""
        # from the cluster's own word: Faust only knows it after it dealt partitions out, which a static member that
        # comes back is not asked to do
        known = [self._client.partitions_for_topic(topic) for topic in self._topics]
        return all(known) and len(self._app.consumer.assignment()) == sum(map(len, known))

    def ends(self) -> dict[TopicPartition, End]:
        """The end of each partition that the broker has told of."""
        found = {}
        for place in self._places():
            offset, heard_ms = self._client.highwater(place), self._client.last_poll_timestamp(place)
            if offset is not None and heard_ms is not None:
                found[_ours(place)] = End(offset, heard_ms)
        return found

    async def begins(self) -> tuple[dict[TopicPartition, int], int]:
        """Where the group goes on in each partition, and up to when it had closed windows."""
        places = self._places()
        committed = await self._asked(self._client._coordinator.fetch_committed_offsets, places)
        earliest = await self._asked(self._client.beginning_offsets, places)
        offsets = {place: committed[place].offset if place in committed else -1 for place in places}
        closed = max((_closed_ms(one.metadata) for one in committed.values()), default=0)
        return {_ours(place): max(offsets[place], earliest[place]) for place in places}, closed

    async def commit(self, next_offsets: Mapping[TopicPartition, int], closed_ms: int) -> None:
        """Raises Unavailable. Partitions that are no longer ours are left alone."""
        ours, note = set(self._places()), f"{CLOSED}{closed_ms}"
        offsets = {_theirs(place): OffsetAndMetadata(offset, note) for place, offset in next_offsets.items()}
        mine = {place: offset for place, offset in offsets.items() if place in ours}
        if mine:
            await self._asked(self._client.commit, mine)

    async def rewind(self, since: datetime | None, read: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Reads again from a time on, or from the beginning; where each partition goes on. Never skips a record."""
        places = self._places()
        begins = await self._asked(self._client.beginning_offsets, places)
        if since is not None:
            moment_ms = int(since.timestamp() * 1000)
            found = await self._asked(self._client.offsets_for_times, dict.fromkeys(places, moment_ms))
            begins |= {
                place: min(found[place].offset, read[_ours(place)]) if found[place] else read[_ours(place)]
                for place in places
            }
        for place, offset in begins.items():
            await self._app.consumer.seek(place, offset)
        return {_ours(place): offset for place, offset in begins.items()}

    async def _read(self, stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            record = Record(
                message.topic,
                message.partition,
                message.offset,
                message.key,
                message.value,
                tuple((name, value or b"") for name, value in message.headers or ()),
                round(message.timestamp * 1000),
            )
            try:
                self._on_record(record)
            except BaseException as error:
                self._bug = error  # the library would restart us and carry on behind the record
                raise

    async def _assigned(self, *_: object, **__: object) -> None:
        try:
            await self._on_assigned()
        except BaseException as error:
            self._bug = error
            raise

    @property
    def _thread(self) -> Any:
        """Where the client lives; Faust keeps it to itself, and has no other way to offsets with a note."""
        consumer: Any = self._app.consumer
        return consumer._thread

    @property
    def _client(self) -> Any:
        return self._thread._ensure_consumer()

    def _places(self) -> list[ClientPlace]:
        return [ClientPlace(*place) for place in self._app.consumer.assignment()]

    async def _asked(self, question: Callable[..., Awaitable[Any]], *arguments: object) -> Any:
        """The answer of the client, which lives in a thread of its own."""
        try:
            return await asyncio.wait_for(self._thread.call_thread(question, *arguments), REQUEST_S)
        except (KafkaError, TimeoutError) as error:
            raise Unavailable(f"Kafka does not answer: {type(error).__name__} {error}") from error


def credentials(config: KafkaConfig) -> Any:
    """What Faust needs to know of SASL and TLS. Raises Misconfigured for what it cannot do."""
    protocol, context = config.security_protocol, _tls(config)
    if protocol == "PLAINTEXT":
        return None
    if protocol == "SSL":
        return faust.SSLCredentials(context=context)
    mechanism = config.sasl_mechanism or "PLAIN"
    if mechanism not in {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}:
        raise Misconfigured(f"kafka.sasl_mechanism: windows on Faust cannot use {mechanism}; use PLAIN or SCRAM")
    password = config.sasl_password.get_secret_value() if config.sasl_password else None
    return faust.SASLCredentials(
        username=config.sasl_username, password=password, ssl_context=context, mechanism=mechanism
    )


def _tls(config: KafkaConfig) -> ssl.SSLContext | None:
    if not config.security_protocol.endswith("SSL"):
        return None
    ca, password = config.ssl_ca_location, config.ssl_key_password
    try:
        folder = ca is not None and Path(ca).is_dir()
        context = ssl.create_default_context(cafile=None if folder else ca, capath=ca if folder else None)
        if config.ssl_certificate_location:
            secret = password.get_secret_value() if password else None
            context.load_cert_chain(config.ssl_certificate_location, config.ssl_key_location, secret)
    except OSError as error:
        raise Misconfigured(f"the kafka.ssl_… settings name what cannot be read: {error}") from error
    return context


def _closed_ms(note: str) -> int:
    number = note.removeprefix(CLOSED)
    return int(number) if note.startswith(CLOSED) and number.isdecimal() else 0


def _ours(place: ClientPlace) -> TopicPartition:
    return TopicPartition(place.topic, place.partition)


def _theirs(place: TopicPartition) -> ClientPlace:
    return ClientPlace(place.topic, place.partition)
