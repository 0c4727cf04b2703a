"""The files a broker is started with, as text."""

from pathlib import Path

MAX_RECORD_BYTES = 2 * 2**20
"""Above the largest record of any topic; topics set their own, smaller bound."""
SYSTEM_PARTITIONS = 5
"""Partitions of Kafka's own topics: its default of 50 costs a small broker start-up time and files."""


def server_properties(data_dir: Path, port: int, controller_port: int, min_session_timeout_ms: int) -> str:
    """One node that is broker and controller, on the loopback only, that keeps everything until a topic says else.

    The controller's address is given as a static voter, not stored in the log, so that ports may change between starts.
    """
    listeners = f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}"
    lines = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": listeners,
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": data_dir / "log",
        "log.retention.ms": -1,
        "auto.create.topics.enable": "false",
        "message.max.bytes": MAX_RECORD_BYTES,
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": SYSTEM_PARTITIONS,
        # A machine that rested for months must go on where it stopped.
        "offsets.retention.minutes": 2**31 - 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": SYSTEM_PARTITIONS,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": SYSTEM_PARTITIONS,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": min_session_timeout_ms,
        "group.consumer.min.session.timeout.ms": min_session_timeout_ms,
        "group.consumer.min.heartbeat.interval.ms": max(1, min_session_timeout_ms // 5),
        # A broker killed and started again is let in when its old session has run out; on a busy machine a shorter one
        # would end while the broker lives, and creating topics would hang.
        "broker.session.timeout.ms": 4_000,
        "broker.heartbeat.interval.ms": 400,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }
    return "".join(f"{key}={value}\n" for key, value in lines.items())


def log4j_properties(log_file: Path) -> str:
    """Start, stop and warnings go to one readable file; the chatter of single threads does not."""
    return f"""\
status=error
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={log_file}
appender.file.filePattern={log_file}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{{yyyy-MM-dd'T'HH:mm:ss.SSS}} %-5p %c{{1}} %m%n
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=3
rootLogger.level=WARN
rootLogger.appenderRef.file.ref=file
logger.raft.name=kafka.server.KafkaRaftServer
logger.raft.level=INFO
logger.recovery.name=org.apache.kafka.storage.internals.log.LogManager
logger.recovery.level=INFO
"""
