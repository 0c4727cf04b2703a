import hashlib
from pathlib import Path

import pytest

from infra.broker.jars import Jar, KafkaJars
from streams.errors import Misconfigured

CONTENT = b"not really a jar"
JAR = Jar(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "org.example:part:1.0")


def one_jar(tmp_path: Path) -> KafkaJars:
    lock = tmp_path / "kafka-jars.lock"
    lock.write_text(f"# a comment\n\n{JAR.sha256} {JAR.length} {JAR.coordinate}\n")
    return KafkaJars.locked(lock)


def put(jars: KafkaJars, cache: Path, content: bytes) -> Path:
    path = jars.folder(cache) / JAR.file_name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def maven_folder_with(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's own Maven folder: the place where jars are looked for before the network."""
    folder = tmp_path / "m2" / "org" / "example" / "part" / "1.0"
    folder.mkdir(parents=True)
    (folder / "part-1.0.jar").write_bytes(content)
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))


def test_the_lock_names_each_jar_once_with_version_size_and_digest() -> None:
    jars = KafkaJars.locked().jars
    assert len({jar.file_name for jar in jars}) == len(jars) > 30
    assert all(len(jar.sha256) == 64 and jar.length > 0 and jar.coordinate.count(":") == 2 for jar in jars)


def test_the_locked_kafka_modules_are_all_of_one_version() -> None:
    versions = {jar.coordinate.split(":")[2] for jar in KafkaJars.locked().jars if "org.apache.kafka" in jar.coordinate}
    assert len(versions) == 1


def test_a_jar_that_is_there_is_neither_downloaded_nor_touched(tmp_path: Path) -> None:
    jars = one_jar(tmp_path)
    path = put(jars, tmp_path / "cache", CONTENT)
    assert jars.ensure(tmp_path / "cache") == (path,)


def test_a_damaged_jar_counts_as_missing(tmp_path: Path) -> None:
    jars = one_jar(tmp_path)
    put(jars, tmp_path / "cache", CONTENT[::-1])
    assert jars.missing(tmp_path / "cache") == (JAR,)


def test_a_missing_jar_is_taken_from_the_users_own_maven_folder_and_progress_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven_folder_with(tmp_path, CONTENT, monkeypatch)
    told: list[tuple[int, int]] = []
    jars = one_jar(tmp_path)
    [path] = jars.ensure(tmp_path / "cache", lambda there, needed: told.append((there, needed)))
    assert path.read_bytes() == CONTENT
    assert told == [(JAR.length, JAR.length)]


def test_a_jar_with_other_bytes_than_the_locked_ones_is_refused_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven_folder_with(tmp_path, CONTENT + b"!", monkeypatch)
    jars = one_jar(tmp_path)
    with pytest.raises(Misconfigured, match="locked digest"):
        jars.ensure(tmp_path / "cache")
    assert list(jars.folder(tmp_path / "cache").iterdir()) == []


def test_where_nothing_can_be_downloaded_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("M2_REPO", str(tmp_path / "empty"))
    with pytest.raises(Misconfigured, match=r"broker\.repository.*kafka\.bootstrap_servers"):
        one_jar(tmp_path).ensure(tmp_path / "cache", repository="nowhere://mirror")


def test_a_cache_that_cannot_be_written_is_a_matter_of_settings(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(Misconfigured, match=r"broker\.jars_dir"):
        one_jar(tmp_path).ensure(tmp_path / "cache")
