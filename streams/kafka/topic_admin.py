"""Carries a topic plan out on a cluster, and tells how far groups have read."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from streams.errors import Misconfigured, Unavailable
from streams.kafka.clients import built
from streams.kafka.config import KafkaConfig, client_settings, rdkafka_log
from streams.kafka.consumer import not_ahead
from streams.port import Start
from streams.topic_plan import Step, TopicState

REQUEST_S = 30.0


class TopicAdmin:
    """Reads and changes the topics and groups of a cluster. Every method raises Unavailable."""

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._servers = config.bootstrap_servers
        self._replication = config.replication_factor
        self._client = built(lambda: AdminClient(client_settings(config), logger=rdkafka_log))

    def present(self, names: Iterable[str], settings: Iterable[str]) -> dict[str, TopicState]:
        """The named topics that exist, with the named settings."""
        known = self._asked(lambda: self._client.list_topics(timeout=REQUEST_S)).topics
        found = [name for name in names if name in known]
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in found]
        configs = self._results(self._client.describe_configs(resources)) if resources else {}
        wanted = set(settings)
        return {
            resource.name: TopicState(
                resource.name,
                len(known[resource.name].partitions),
                {name: str(entry.value) for name, entry in config.items() if name in wanted},
            )
            for resource, config in configs.items()
        }

    def apply(self, step: Step) -> None:
        """One step. Creating what somebody else just created is no error."""
        if step.create:
            topic = NewTopic(step.topic, step.partitions or 1, self._replication, config=dict(step.settings))
            self._results(self._client.create_topics([topic]), tolerate=KafkaError.TOPIC_ALREADY_EXISTS)
            return
        if step.partitions:
            self._results(self._client.create_partitions([NewPartitions(step.topic, step.partitions)]))
        if step.settings:
            entries = [
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in step.settings.items()
            ]
            resource = ConfigResource(ResourceType.TOPIC, step.topic, incremental_configs=entries)
            self._results(self._client.incremental_alter_configs([resource]))

    def ends(self, topics: Iterable[str], spec: OffsetSpec | None = None) -> dict[tuple[str, int], int]:
        """Next offset of every partition of the topics (or the offset that `spec` asks for)."""
        known = self._asked(lambda: self._client.list_topics(timeout=REQUEST_S)).topics
        places = [TopicPartition(name, number) for name in topics if name in known for number in known[name].partitions]
        asked = {place: spec or OffsetSpec.latest() for place in places}
        found = self._results(self._client.list_offsets(asked)) if asked else {}
        return {(place.topic, place.partition): result.offset for place, result in found.items()}

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        """Next offset that a group will read, of every partition it ever committed.

        Asked by a consumer that joins nothing: librdkafka 2.16 crashes the process when its admin client asks a broker
        that is not the group's coordinator yet, as after a restart.
        """
        settings = client_settings(self._config) | {"group.id": group, "enable.auto.commit": False}
        client = built(lambda: Consumer(settings, logger=rdkafka_log))
        try:
            known = self._asked(lambda: client.list_topics(timeout=REQUEST_S)).topics
            places = [TopicPartition(name, number) for name in known for number in known[name].partitions]
            found = self._asked(lambda: client.committed(places, timeout=REQUEST_S)) if places else []
        finally:
            client.close()
        if failures := [place.error for place in found if place.error]:
            raise self._translated(failures[0])
        return {(place.topic, place.partition): place.offset for place in found if place.offset >= 0}

    def lag(self, group: str, topics: Iterable[str]) -> int:
        """Records that a group has not finished yet."""
        committed = self.committed(group)
        starts = self.ends(topics, OffsetSpec.earliest())
        return sum(end - committed.get(place, starts[place]) for place, end in self.ends(topics).items())

    def rewind(self, group: str, start: Start) -> int:
        """Moves a group that nobody runs back, wherever it ever read; how many records it will read from there on."""
        spec = OffsetSpec.for_timestamp(int(start.since.timestamp() * 1000)) if start.since else OffsetSpec.earliest()
        committed = self.committed(group)
        if not committed:
            return 0
        topics = {topic for topic, _ in committed}
        ends, found = self.ends(topics), self.ends(topics, spec)
        targets = {place: not_ahead(found[place], read) for place, read in committed.items() if place in found}
        offsets = [TopicPartition(topic, partition, offset) for (topic, partition), offset in targets.items()]
        moved = self._results(self._client.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, offsets)]))
        if refusals := [place.error for place in moved[group].topic_partitions if place.error]:
            raise self._translated(refusals[0])
        return sum(ends[place] - offset for place, offset in targets.items())

    def _asked(self, request: Callable[[], Any]) -> Any:
        try:
            return request()
        except KafkaException as error:
            raise Unavailable(f"Kafka at {self._servers} does not answer: {error.args[0].str()}") from error

    def _results(self, futures: Mapping[Any, Any], tolerate: int | None = None) -> dict[Any, Any]:
        results = {}
        for asked, future in futures.items():
            try:
                results[asked] = future.result(timeout=REQUEST_S)
            except KafkaException as error:
                if error.args[0].code() != tolerate:
                    raise self._translated(error.args[0]) from error
            except TimeoutError as error:
                raise Unavailable(f"Kafka at {self._servers} does not answer within {REQUEST_S:g} s") from error
        return results

    def _translated(self, cause: KafkaError) -> Unavailable | Misconfigured:
        if cause.code() in (KafkaError.NON_EMPTY_GROUP, KafkaError.UNKNOWN_MEMBER_ID):
            return Misconfigured(
                "the group is being read by running workers; stop them first. "
                "One that has stopped counts until its session ends (kafka.session_timeout_ms)"
            )
        if cause.code() in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED):
            return Misconfigured(f"Kafka does not allow it: {cause.str()}")
        return Unavailable(f"Kafka at {self._servers} did not do it: {cause.str()}")
