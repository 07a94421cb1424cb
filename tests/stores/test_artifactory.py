"""Artifactory: a fake of its REST API with the contract, faults and another client; the transport with a real nginx."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import artifactory_fake
import pytest
import servers
from artifactory_fake import API_KEY, DEPLOYER_TOKEN, PASSWORD, READER_TOKEN, TOKEN, USER, Fake
from servers import Server

from weaselish.cancel import Cancel
from weaselish.connections.credentials import Credentials
from weaselish.errors import NotInStore, StoreError
from weaselish.model.project import Remote
from weaselish.stores.artifactory import PAGE, ArtifactoryBucket
from weaselish.stores.artifactory_info import listed_files
from weaselish.stores.artifactory_store import ArtifactoryStore
from weaselish.stores.bucket import Condition

from .conftest import open_remote
from .contract import LARGE, MIB, OpenWith, StoreContract, at_once, digest, keys, noise, read

ADA = Credentials(token=TOKEN)
SECRETS = (PASSWORD, TOKEN, API_KEY, READER_TOKEN, DEPLOYER_TOKEN, "s3cret", "wrong-one")


@pytest.fixture
def fake() -> Iterator[Fake]:
    with artifactory_fake.serving() as fake:
        yield fake


def open_store(url: str, credentials: Credentials | None = ADA, cancel: Cancel | None = None) -> ArtifactoryStore:
    bucket = ArtifactoryBucket(Remote("test", url), credentials)
    return ArtifactoryStore(bucket, remote="remote `test`", cancel=cancel, pauses=(0.01, 0.01))


def failure(use: Callable[[], object]) -> StoreError:
    """Return the error that `use` raises, after a check that its text is one line without secrets."""
    with pytest.raises(StoreError) as caught:
        use()
    text = f"{caught.value.message} {caught.value.hint}"
    assert "\n" not in text and caught.value.message.startswith("remote `test`: ")
    assert not [secret for secret in SECRETS if secret in text]
    return caught.value


class TestPro(StoreContract):
    one_wins = one_large_wins = copies = False  # Artifactory has no conditions
    many = 300  # a page of our own has more; see below

    @pytest.fixture
    def open_with(self, fake: Fake) -> OpenWith:
        return lambda cancel: open_store(fake.url("ml-models/some path/x"), ADA, cancel)


class TestFreeEdition(StoreContract):
    """Listings walk through the folders."""

    one_wins = one_large_wins = copies = False
    many = 300

    @pytest.fixture
    def open_with(self, fake: Fake) -> OpenWith:
        fake.is_pro = False
        return lambda cancel: open_store(fake.url(), Credentials(user=USER, password=PASSWORD), cancel)


class TestLogin:
    @pytest.mark.parametrize(
        ("credentials", "shown"),
        [
            (Credentials(token=TOKEN), "a token"),
            (Credentials(user=USER, password=PASSWORD), "the user `ada` and a password or token"),
            (Credentials(user=USER, token=TOKEN), "the user `ada` and a password or token"),
            (Credentials(api_key=API_KEY), "an API key"),
        ],
    )
    def test_each_kind_of_login_is_accepted(self, fake: Fake, credentials: Credentials, shown: str) -> None:
        store = open_store(fake.url(), credentials)
        assert store.put("a", [b"x"]) and keys(store) == ["a"]
        assert ArtifactoryBucket(Remote("test", fake.url()), credentials).credentials() == shown

    def test_without_a_login_a_public_repository_can_be_read(self, fake: Fake) -> None:
        open_store(fake.url()).put("a/b", [b"x"])
        fake.anonymous = frozenset({artifactory_fake.READ})
        store = open_store(fake.url(), None)
        assert (keys(store), read(store, "a/b")) == (["a/b"], b"x")
        error = failure(lambda: store.put("c", [b"x"]))
        assert (
            "no usable credentials (401: Authentication is required) while writing `c`; tried no login" in error.message
        )
        assert error.hint and "auth:" in error.hint

    @pytest.mark.parametrize(
        "credentials",
        [
            Credentials(token="wrong-one"),
            Credentials(user=USER, password="wrong-one"),
            Credentials(api_key="wrong-one"),
        ],
    )
    def test_a_wrong_login_is_an_error_with_a_hint(self, fake: Fake, credentials: Credentials) -> None:
        store = open_store(fake.url(), credentials)
        for use in (
            lambda: list(store.list("")),
            lambda: list(store.get("a")),
            lambda: store.head("a"),
            lambda: store.put("a", [b"x"]),
            lambda: store.delete("a"),
        ):
            error = failure(use)
            assert "access refused (401: Bad credentials)" in error.message
            assert error.hint and "not expired" in error.hint

    def test_a_reader_may_not_write_and_a_deployer_may_not_delete(self, fake: Fake) -> None:
        reader, deployer = (
            open_store(fake.url(), Credentials(token=token)) for token in (READER_TOKEN, DEPLOYER_TOKEN)
        )
        error = failure(lambda: reader.put("a", [b"x"]))
        assert "access refused (403: User is not permitted to deploy this item)" in error.message
        assert failure(lambda: reader.put("large", [noise(LARGE)])).hint == error.hint
        assert error.hint and "writing Deploy" in error.hint
        assert deployer.put("a", [b"x"])
        assert "access refused (403" in failure(lambda: deployer.delete("a")).message
        assert fake.keys() == ["a"]

    def test_a_token_that_a_header_cannot_have_is_not_shown(self, fake: Fake) -> None:
        for token in ("wrong-one\n", "wrong-one-ü"):
            with pytest.raises(ValueError, match="the token contains a line break") as caught:
                ArtifactoryBucket(Remote("test", fake.url()), Credentials(token=token))
            assert "wrong-one" not in str(caught.value)

    def test_a_secret_that_the_server_repeats_is_masked(self, fake: Fake) -> None:
        fake.failures = [("GET", 418)]
        fake.message = f"no, {TOKEN}, no"
        assert "(418: no, …, no)" in failure(lambda: open_store(fake.url()).head("a")).message

    def test_another_server_does_not_get_the_login(self, fake: Fake) -> None:
        with artifactory_fake.serving() as bucket:
            bucket.anonymous = artifactory_fake.ALL
            for credentials in (ADA, Credentials(api_key=API_KEY)):
                open_store(fake.url(), credentials).put("a", [b"moved"], replace=True)
                bucket.repositories["ml-models"]["blob"] = artifactory_fake.Blob.of(b"moved")
                fake.redirect = f"http://127.0.0.1:{bucket.port}/artifactory/ml-models/blob"
                assert read(open_store(fake.url(), credentials), "a") == b"moved"
                assert read(open_store(fake.url(), credentials), "a") == b"moved"
                assert set(bucket.logins) == {""}
                fake.redirect = ""


class TestWriting:
    def test_without_the_permission_to_overwrite_the_first_writer_wins(self, fake: Fake) -> None:
        store = open_store(fake.url(), Credentials(token=DEPLOYER_TOKEN))
        won = at_once(8, lambda number: store.put("raced", [b"%d" % number]))
        assert won.count(True) == 1
        assert read(store, "raced") == b"%d" % won.index(True)
        error = failure(lambda: store.put("raced", [b"new"], replace=True))
        assert "Not enough permissions to delete/overwrite" in error.message
        assert error.hint and "Delete/Overwrite" in error.hint

    def test_large_objects_are_created_once_without_that_permission(self, fake: Fake) -> None:
        store = open_store(fake.url(), Credentials(token=DEPLOYER_TOKEN))
        won = at_once(3, lambda number: store.put("raced", [noise(LARGE, number)]))
        assert won.count(True) == 1
        assert digest(store.get("raced")) == digest([noise(LARGE, won.index(True))])

    def test_content_that_the_server_has_is_not_sent_again(self, fake: Fake) -> None:
        store = open_store(fake.url())
        store.put("first", [noise(LARGE)])
        store.put("second", [noise(LARGE)])
        puts = [request.partition("/ml-models/")[2] for request in fake.requests if request.startswith("PUT")]
        assert puts == ["first by checksum", "first", "second by checksum"]
        assert digest(store.get("second")) == digest([noise(LARGE)])

    def test_a_proxy_that_drops_the_header_of_a_deploy_by_checksum_does_no_harm(self, fake: Fake) -> None:
        fake.drops_headers = True
        store = open_store(fake.url())
        assert store.put("large", [noise(LARGE)])
        assert digest(store.get("large")) == digest([noise(LARGE)])

    @pytest.mark.parametrize("size", [5, LARGE])
    def test_a_body_that_was_damaged_on_its_way_is_sent_again(self, fake: Fake, size: int) -> None:
        store = open_store(fake.url())
        fake.damages = 1
        assert store.put("key", [noise(size)])
        assert digest(store.get("key")) == digest([noise(size)])
        fake.damages = 99
        error = failure(lambda: store.put("other", [b"12345"]))
        assert "(409: Checksum error: received" in error.message and "writing `other`" in error.message
        assert fake.keys() == ["key"]

    @pytest.mark.parametrize("token", [TOKEN, DEPLOYER_TOKEN])
    @pytest.mark.parametrize("size", [5, LARGE])
    def test_a_write_whose_answer_was_lost_counts_as_our_own(self, fake: Fake, token: str, size: int) -> None:
        store = open_store(fake.url(), Credentials(token=token))
        fake.lost_answers = 1
        assert store.put("key", [noise(size)])
        assert digest(store.get("key")) == digest([noise(size)])
        assert not store.put("key", [b"another"])

    def test_passing_failures_are_repeated_and_lasting_ones_are_named(self, fake: Fake) -> None:
        store = open_store(fake.url())
        fake.failures = [("PUT", 503), ("GET", 502), ("PUT", 429), ("GET", 500)]
        assert store.put("a", [b"x"])
        fake.failures = [("GET", 503)] * 3
        assert (
            "the connection or the server failed (503: as the test wanted)" in failure(lambda: store.head("a")).message
        )
        fake.failures = [("PUT", 409)]
        assert "the request failed (409: as the test wanted)" in failure(lambda: store.put("b", [b"x"])).message
        fake.failures = [("PUT", 413)]
        error = failure(lambda: store.put("b", [b"x"]))
        assert error.hint and "client_max_body_size" in error.hint

    def test_a_login_page_that_answers_200_is_not_a_stored_object(self, fake: Fake) -> None:
        store = open_store(fake.url())
        fake.page = b"<html>Please sign in</html>"
        for use in (
            lambda: store.put("a", [b"x"], replace=True),
            lambda: store.put("a", [b"x"]),
            lambda: store.head("a"),
            lambda: list(store.list("")),
            lambda: list(store.get("a")),
            lambda: store.delete("a"),
        ):
            error = failure(use)
            assert error.hint and "`url:`" in error.hint

    def test_deleting_a_folder_deletes_nothing(self, fake: Fake) -> None:
        store = open_store(fake.url())
        store.put("a/b", [b"x"])
        store.delete_many(["a", "a/b/c"])
        assert fake.keys() == ["a/b"]

    def test_an_aborted_upload_leaves_nothing_and_no_file(self, fake: Fake) -> None:
        bucket = ArtifactoryBucket(Remote("test", fake.url()), ADA)
        upload = bucket.begin("key", "writer", Condition())
        upload.send(0, noise(MIB))
        upload.abort()
        with pytest.raises(bucket.errors):
            upload.finish()
        assert fake.keys() == []


class TestReading:
    def test_a_download_that_was_cut_is_repeated(self, fake: Fake) -> None:
        store = open_store(fake.url())
        store.put("key", [noise(LARGE)])
        fake.cuts = [1000, 0]
        assert digest(store.get("key")) == digest([noise(LARGE)])

    def test_a_server_that_ignores_ranges_is_read_all_the_same(self, fake: Fake) -> None:
        store = open_store(fake.url())
        store.put("key", [noise(LARGE)])
        fake.has_ranges = False
        assert digest(store.get("key")) == digest([noise(LARGE)])
        assert b"".join(store.get("key", start=5, end=9)) == noise(LARGE)[5:9]

    def test_a_folder_is_not_an_object(self, fake: Fake) -> None:
        store = open_store(fake.url())
        store.put("a/b", [b"x"])
        with pytest.raises(NotInStore, match="no object `a`"):
            list(store.get("a"))

    @pytest.mark.parametrize("is_pro", [True, False])
    def test_an_unknown_repository_is_not_an_empty_one(self, fake: Fake, is_pro: bool) -> None:
        fake.is_pro = is_pro
        store = open_store(fake.url("no-such/x"))
        for use in (lambda: list(store.list("")), lambda: list(store.list("a")), lambda: store.put("a", [b"x"])):
            error = failure(use)
            assert "no such repository (404" in error.message
            assert error.hint and "REPOSITORY" in error.hint

    def test_an_unreachable_server_is_an_error(self) -> None:
        store = open_store("artifactory+http://127.0.0.1:9/artifactory/r")
        error = failure(lambda: store.head("a"))
        assert "cannot be reached" in error.message and error.hint and "`url:`" in error.hint

    def test_a_listing_is_one_request_and_the_free_edition_is_asked_once(self, fake: Fake) -> None:
        store = open_store(fake.url())
        for number in range(3):
            store.put(f"a/{number}", [b"x"])
        fake.requests.clear()
        assert len(keys(store)) == len(keys(store, "a")) == 3
        assert len(fake.requests) == 2
        fake.is_pro = False
        store = open_store(fake.url())
        fake.requests.clear()
        assert keys(store) == keys(store, "a") == ["a/0", "a/1", "a/2"]
        assert len([request for request in fake.requests if "list" in request]) == 1

    def test_a_folder_of_the_free_edition_is_read_in_pages(self, fake: Fake) -> None:
        fake.is_pro = False
        names = {f"a/{number:05}": artifactory_fake.Blob.of(b"x") for number in range(2 * PAGE + 1)}
        fake.repositories["ml-models"].update(names, **{"a/b/c": artifactory_fake.Blob.of(b"y")})
        assert keys(open_store(fake.url())) == sorted([*names, "a/b/c"])

    def test_a_listing_is_decoded_piece_by_piece(self) -> None:
        def chunks() -> Iterator[bytes]:
            yield b'{"uri": "http://h/x", "files" : [\n'
            for number in range(50_000):
                time = "2025-01-01T00:00:00.000+02:00"
                yield b'{"uri": "/gr\xc3'
                yield b'\xb6\xc3\x9fe/%d", "size": 7, "lastModified": "%s", "folder": false, "sha1": "ab"},' % (
                    number,
                    time.encode(),
                )
            yield b'{"uri": "/d", "size": -1, "lastModified": "", "folder": true}] }'

        listed = listed_files("p/", chunks())
        assert next(listed).key == "p/größe/0"
        assert sum(1 for _ in listed) == 49_999

    @pytest.mark.parametrize(
        "answer",
        [b"", b"<html>", b'{"files": [{"uri": "/a", "size"', b'{"files": [{"uri": "/a"}]}', b'{"files": ["a"]}'],
    )
    def test_a_listing_that_is_incomplete_or_something_else_is_an_error(self, answer: bytes) -> None:
        with pytest.raises(ValueError, match="the answer is not"):
            list(listed_files("", [answer]))


class TestAnotherClient:
    """dohq-artifactory reads what our store wrote, and the reverse, so that not only our reading of the API agrees."""

    @pytest.fixture
    def path(self, fake: Fake) -> Any:
        path: Any = import_module("artifactory").ArtifactoryPath

        return path(fake.url().partition("+")[2], token=TOKEN)

    def test_it_reads_what_we_wrote(self, fake: Fake, path: Any) -> None:
        store = open_store(fake.url())
        store.put("a b/model_v1.0.0.tar.gz", [b"model"])
        other = path / "a b" / "model_v1.0.0.tar.gz"
        assert other.read_bytes() == b"model"
        stat, head = other.stat(), store.head("a b/model_v1.0.0.tar.gz")
        assert head is not None and (stat.size, stat.sha1) == (head.size, head.version)
        assert stat.sha256 == hashlib.sha256(b"model").hexdigest()
        assert [child.name for child in path] == ["a b"]

    def test_we_read_what_it_wrote(self, fake: Fake, path: Any, tmp_path: Path) -> None:
        file = tmp_path / "model.bin"
        file.write_bytes(noise(MIB))
        (path / "x" / "model.bin").deploy_file(file)
        store = open_store(fake.url())
        assert keys(store, "x") == ["x/model.bin"]
        assert digest(store.get("x/model.bin")) == digest([noise(MIB)])
        (path / "x" / "copy.bin").deploy_by_checksum(sha256=hashlib.sha256(noise(MIB)).hexdigest())
        assert keys(store, "x") == ["x/copy.bin", "x/model.bin"]
        (path / "x" / "model.bin").unlink()
        assert store.head("x/model.bin") is None

    def test_the_fake_refuses_it_what_artifactory_would(self, fake: Fake, path: Any) -> None:
        refusal: type[Exception] = import_module("artifactory").ArtifactoryException

        with pytest.raises(refusal):
            (path / "a").deploy(BytesIO(b"x"), sha1="0" * 40)
        with pytest.raises(refusal):
            (path / "a").deploy_by_checksum(sha1="0" * 40)
        assert fake.keys() == []


@pytest.mark.servers
class TestNginx:
    """What a real web server makes of the requests. nginx ignores checksums and every other header of Artifactory."""

    @pytest.fixture
    def store(self, nginx: Server) -> ArtifactoryStore:
        return self.open(nginx)

    def open(self, nginx: Server, repository: str = "repo/x", token: str = servers.NGINX_TOKEN) -> ArtifactoryStore:
        url = f"artifactory+http://127.0.0.1:{nginx.port}/artifactory/{repository}"
        return open_store(url, Credentials(token=token))

    def test_small_objects_are_written_read_and_deleted(self, store: ArtifactoryStore) -> None:
        key = "with space/per%cent/größe;a=b/hash#tag?query+plus"
        assert store.put(key, [b"0123456789"])
        assert not store.put(key, [b"other"])
        assert read(store, key) == b"0123456789"
        assert b"".join(store.get(key, start=3, end=7)) == b"3456"
        assert store.put(key, [b"replaced"], replace=True)
        assert read(store, key) == b"replaced"
        store.delete(key)
        with pytest.raises(NotInStore):
            list(store.get(key))

    def test_an_empty_object_and_one_of_200_mib_come_back(self, store: ArtifactoryStore) -> None:
        block = noise(MIB)
        chunks = [bytes([number]) + block[1:] for number in range(200)]
        assert store.put("empty", []) and read(store, "empty") == b""
        assert store.put("large", chunks)
        assert digest(store.get("large")) == digest(chunks)

    def test_a_wrong_token_and_a_body_too_large_are_errors(self, nginx: Server) -> None:
        store = self.open(nginx, token="wrong-one")
        for use in (lambda: store.put("a", [noise(LARGE)]), lambda: list(store.get("a")), lambda: store.delete("a")):
            assert "access refused (401" in failure(use).message
        error = failure(lambda: self.open(nginx, "small/x").put("a", [noise(2 * MIB)]))
        assert "(413" in error.message and error.hint and "client_max_body_size" in error.hint


def test_a_remote_is_opened_by_its_url(fake: Fake) -> None:
    fake.anonymous = artifactory_fake.ALL
    assert open_remote(Remote("lab", fake.url("ml-models/a b"))).put("x", [b"1"])
    assert open_remote(Remote("lab", fake.url("ml-models/a%20b/"))).head("x")
    assert fake.keys() == ["a b/x"]
