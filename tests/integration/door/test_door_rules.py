"""Who may open a door, where, and who gets in."""

import json
import shutil
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
from doors import Built, Door, Place, serving, until

from clickward.server.roles import Role
from clickward.server.users import Users
from clickward.warehouse.errors import UserError


def without(place: Place, folder: Path, *names: str) -> Place:
    """A project in `folder` that is like `place`, but for these parts of it."""
    for part in {"profiles", ".clickward", "store-published"} - set(names):
        # `status` names the process that holds the original.
        shutil.copytree(
            place.folder / part, folder / part, symlinks=True,
            ignore=shutil.ignore_patterns("status"),
        )  # fmt: skip
    (folder / "dbt_project").symlink_to(place.folder / "dbt_project")
    return Place(folder)


@pytest.fixture
def stranger(built: Built, tmp_path: Path) -> Place:
    """A project with a publication and without users."""
    return without(built.local, tmp_path, ".clickward")


def refused(place: Place, *words: str) -> tuple[int, str]:
    with place.start("serve", "--port", "0", *words) as process:
        try:
            out, talk = process.communicate(timeout=60)
        finally:
            process.kill()
    assert out == ""
    return process.returncode, talk


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    chain, key = folder / "door.pem", folder / "door.key"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", chain,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return chain, key


def test_an_engineer_s_door_needs_a_password(stranger: Place) -> None:
    code, talk = refused(stranger, "--role", "engineer")
    assert code == 1
    assert "an engineer may do everything, so there must be a password" in talk
    assert "hint: clickward users add NAME --role engineer" in talk


def test_a_door_to_other_machines_needs_password_and_tls(
    built: Built, stranger: Place, certificate: tuple[Path, Path]
) -> None:
    code, talk = refused(stranger, "--host", "0.0.0.0")
    assert (code, "there is no password" in talk) == (1, True)
    assert "hint: clickward users add NAME, or --exposed" in talk
    code, talk = refused(built.local, "--host", "0.0.0.0")
    assert (code, "passwords would cross the network in clear" in talk) == (1, True)
    code, talk = refused(built.local, "--certificate", str(certificate[0]))
    assert (code, "TLS needs two files" in talk) == (2, True)
    code, talk = refused(built.local, "--certificate", "none.pem", "--key", str(certificate[1]))
    assert (code, "there is no file none.pem" in talk) == (2, True)


def test_a_door_without_password_is_for_this_machine(stranger: Place) -> None:
    with serving(stranger, "reader") as door:
        assert door.value("select 1", "whoever") == "1"
        foreign = door.http.request("GET", door.url + "?query=select%201",
                                    headers={"Host": "evil.example"})  # fmt: skip
        assert foreign.status == 400
        assert foreign.data == b"Invalid host header"


def test_a_door_has_its_limits(stranger: Place) -> None:
    words = ["--max-queries", "2", "--max-seconds", "2", "--max-memory", "100000000"]
    with serving(stranger, "reader", *words) as door:
        enough = threading.Event()

        def keep_busy() -> None:
            while not enough.is_set():
                door.ask("select sleep(0.5)")

        busy = [threading.Thread(target=keep_busy) for _ in range(2)]
        for one in busy:
            one.start()
        try:
            until(
                lambda: door.ask("select 1").headers.get("X-ClickHouse-Exception-Code") == "202", 60
            )
        finally:
            enough.set()
            for one in busy:
                one.join()
        assert door.value("select getSetting('max_memory_usage')") == "100000000"
        assert door.refusal("select sum(sipHash64(number)) from numbers(1000000000000)") == 159
        assert door.refusal("select groupArray(number) from numbers(100000000)") == 241


def test_who_has_an_answer_may_ask_again_at_once(stranger: Place) -> None:
    with serving(stranger, "reader", "--max-queries", "1") as door:
        for body in ["select 1", "select number from numbers(300000)", "select 1 where 0"] * 200:
            door.value(body)


def test_tls(built: Built, certificate: tuple[Path, Path], tmp_path: Path) -> None:
    place = without(built.local, tmp_path)
    chain, key = certificate
    trusted = ssl.create_default_context(cafile=str(chain))
    words = ["--certificate", str(chain), "--key", str(key)]
    with serving(place, "reader", *words, ssl_context=trusted) as door:
        assert door.scheme == "https"
        assert door.value("select 1") == "1"
        with door.client(ca_cert=str(chain)) as client:
            assert client.query("select 2").first_row == (2,)


def test_what_stands_in_the_way_is_named(
    built: Built, engineer: Door, reader: Door, tmp_path: Path
) -> None:
    place = without(built.local, tmp_path)
    code, talk = refused(place, "--port", str(engineer.port))
    assert (code, f"cannot listen on 127.0.0.1:{engineer.port}" in talk) == (3, True)
    code, talk = refused(built.served, "--role", "engineer")
    assert (code, "is held by process" in talk) == (3, True)
    code, talk = refused(built.local)
    assert (code, "is held by process" in talk) == (3, True)
    shutil.rmtree(place.folder / "store-published")
    code, talk = refused(place)
    assert (code, "nothing has been published" in talk) == (1, True)
    assert "hint: run `clickward publish` first" in talk


def test_a_held_store_says_how_to_go_on(built: Built) -> None:
    process = built.served.start("sql", "select 1")
    _, talk = process.communicate()
    assert process.returncode == 3
    assert "is held by process" in talk
    assert "--target server" in talk


def test_users_come_and_go_while_a_door_is_open(built: Built, reader: Door) -> None:
    file = built.local.folder / ".clickward" / "users.json"
    kept = file.read_text()
    assert reader.ask("select 1", headers=login("cat", "cats-password")).status == 403
    try:
        Users(file).add("cat", Role.READER, "cats-password")
        assert reader.ask("select 1", headers=login("cat", "cats-password")).data == b"1\n"
        Users(file).add("cat", Role.READER, "another-password")
        assert reader.ask("select 1", headers=login("cat", "cats-password")).status == 403
        assert reader.ask("select 1", headers=login("cat", "another-password")).status == 200
        Users(file).remove("cat")
        assert reader.ask("select 1", headers=login("cat", "another-password")).status == 403
    finally:
        file.write_text(kept)


def login(name: str, password: str) -> dict[str, str]:
    return {"X-ClickHouse-User": name, "X-ClickHouse-Key": password}


def test_passwords_are_hashed_and_salted(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    users = Users(file)
    users.add("ana", Role.READER, "the same password")
    users.add("ben", Role.ENGINEER, "the same password")
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text()
    assert "the same password" not in text
    first, second = json.loads(text)
    assert first["salt"] != second["salt"]
    assert first["digest"] != second["digest"]
    found = users.find("ben", "the same password")
    assert found is not None
    assert found.role is Role.ENGINEER
    assert users.find("ben", "The same password") is None
    assert users.find("eve", "the same password") is None
    for name, password, message in (
        ("ana", "short", "the password has 5 characters"),
        ("a b", "long enough", "cannot be a user's name"),
    ):
        with pytest.raises(UserError, match=message):
            users.add(name, Role.READER, password)
    file.write_text('[{"name": "ana"}]')
    with pytest.raises(UserError, match="is damaged"):
        Users(file).all()


def test_users_from_the_command_line(built: Built, tmp_path: Path) -> None:
    place = without(built.local, tmp_path, ".clickward", "store-published")
    words = ["users", "add", "ana", "--role", "engineer", "--password-stdin"]
    assert place.run(*words, text="long enough\n") == ""
    assert json.loads(place.run("users", "list", "--json")) == [{"name": "ana", "role": "engineer"}]
    place.run("users", "remove", "ana")
    assert json.loads(place.run("users", "list", "--json")) == []
