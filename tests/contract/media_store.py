"""What a media store must do wherever its bytes lie. Subclasses say how to open one."""

from hashlib import sha256

import pytest

from schemas.items import MediaRef
from streams.errors import BadRecord
from streams.media.store import MediaStore, uri_of


def ref_of(content: bytes) -> MediaRef:
    """The reference to bytes that nobody may have stored."""
    digest = sha256(content).hexdigest()
    return MediaRef(uri=uri_of(digest), sha256=digest, length=len(content), media_type="application/octet-stream")


class MediaStoreContract:
    """Subclasses provide the fixture `store` and `overwrite`, which tampers behind the store's back."""

    @pytest.fixture
    def store(self) -> MediaStore:
        raise NotImplementedError

    def overwrite(self, uri: str, content: bytes) -> None:
        raise NotImplementedError

    def test_what_was_put_comes_back_byte_for_byte(self, store: MediaStore) -> None:
        content = bytes(range(256)) * 40
        assert store.get(store.put(content, "image/png")) == content

    def test_a_reference_says_place_digest_length_and_type(self, store: MediaStore) -> None:
        ref = store.put(b"four", "text/plain")
        digest = sha256(b"four").hexdigest()
        assert ref == MediaRef(uri=f"media/{digest[:2]}/{digest}", sha256=digest, length=4, media_type="text/plain")

    def test_equal_bytes_have_one_place(self, store: MediaStore) -> None:
        assert store.put(b"same", "text/plain").uri == store.put(b"same", "image/png").uri

    def test_no_bytes_are_bytes_too(self, store: MediaStore) -> None:
        assert store.get(store.put(b"", "text/plain")) == b""

    def test_an_object_above_the_multipart_threshold_comes_back(self, store: MediaStore) -> None:
        content = b"0123456789abcdef" * (6 * 2**20 // 16)
        assert store.get(store.put(content, "video/mp4")) == content

    def test_putting_present_bytes_again_does_not_write(self, store: MediaStore) -> None:
        ref = store.put(b"right", "text/plain")
        self.overwrite(ref.uri, b"wrong")
        store.put(b"right", "text/plain")
        with pytest.raises(BadRecord, match="other bytes"):
            store.get(ref)

    def test_putting_mends_an_object_that_was_cut_short(self, store: MediaStore) -> None:
        ref = store.put(b"whole", "text/plain")
        self.overwrite(ref.uri, b"who")
        store.put(b"whole", "text/plain")
        assert store.get(ref) == b"whole"

    def test_bytes_that_were_never_put_are_missing(self, store: MediaStore) -> None:
        with pytest.raises(BadRecord) as refusal:
            store.get(ref_of(b"never put"))
        assert refusal.value.reason == "media_missing"

    def test_exchanged_bytes_count_as_missing(self, store: MediaStore) -> None:
        ref = store.put(b"good", "text/plain")
        self.overwrite(ref.uri, b"evil")
        with pytest.raises(BadRecord) as refusal:
            store.get(ref)
        assert refusal.value.reason == "media_missing"

    def test_bytes_of_another_length_count_as_missing(self, store: MediaStore) -> None:
        ref = store.put(b"good", "text/plain")
        self.overwrite(ref.uri, b"good and more")
        with pytest.raises(BadRecord) as refusal:
            store.get(ref)
        assert refusal.value.reason == "media_missing"

    def test_a_reader_may_refuse_large_objects(self, store: MediaStore) -> None:
        ref = store.put(b"twelve bytes", "text/plain")
        with pytest.raises(BadRecord) as refusal:
            store.get(ref, max_bytes=11)
        assert refusal.value.reason == "media_too_large"

    def test_an_object_of_just_the_limit_is_read(self, store: MediaStore) -> None:
        ref = store.put(b"twelve bytes", "text/plain")
        assert store.get(ref, max_bytes=12) == b"twelve bytes"

    @pytest.mark.parametrize("uri", ["../outside", "/etc/hostname", "media/../outside", "media/ab/cd"])
    def test_a_reference_to_another_place_than_its_digests_is_refused(self, store: MediaStore, uri: str) -> None:
        stray = store.put(b"x", "text/plain").model_copy(update={"uri": uri})
        with pytest.raises(BadRecord) as refusal:
            store.get(stray)
        assert refusal.value.reason == "media_missing"

    def test_a_reference_to_another_place_deletes_nothing(self, store: MediaStore) -> None:
        ref = store.put(b"stays", "text/plain")
        with pytest.raises(BadRecord):
            store.delete(ref_of(b"other").model_copy(update={"uri": ref.uri}))
        assert store.exists(ref)

    def test_existing_means_present_in_full_length(self, store: MediaStore) -> None:
        ref = store.put(b"here", "text/plain")
        assert store.exists(ref)
        assert not store.exists(ref_of(b"not here"))

    def test_deleted_bytes_are_gone(self, store: MediaStore) -> None:
        ref = store.put(b"short-lived", "text/plain")
        store.delete(ref)
        assert not store.exists(ref)

    def test_deleting_twice_is_deleting_once(self, store: MediaStore) -> None:
        ref = store.put(b"short-lived", "text/plain")
        store.delete(ref)
        store.delete(ref)

    def test_deleted_bytes_can_be_put_again(self, store: MediaStore) -> None:
        store.delete(store.put(b"back again", "text/plain"))
        assert store.get(store.put(b"back again", "text/plain")) == b"back again"

    def test_a_reachable_store_passes_its_check(self, store: MediaStore) -> None:
        store.check()
