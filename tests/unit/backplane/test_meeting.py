"""The meeting place: whose it has to be, and what nobody else may do there."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from byway.backplane.meeting import Meeting, Unusable, is_name
from tests.unit.backplane.others import NOBODY, at_once, in_child

NAME = "A-_45678"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user, too")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Give a short one: the path of pytest's own may be too long for a socket in it."""
    with TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture
def meeting(tmp_path: Path) -> Meeting:
    """Give one that is prepared, in a directory that every user can reach, as /dev/shm."""
    for one in (tmp_path, *tmp_path.parents):
        if one.owner() == Path.home().owner() and str(one).startswith("/tmp/"):
            one.chmod(0o755)
    found = Meeting(tmp_path / "place")
    found.prepare()
    return found


def mode(path: Path) -> int:
    """Return the rights that a file gives."""
    return stat.S_IMODE(path.lstat().st_mode)


def test_it_is_made_for_its_user_alone(meeting: Meeting) -> None:
    """Whatever the umask says."""
    assert mode(meeting.path) == mode(meeting.claims) == 0o700
    before = os.umask(0)
    try:
        other = Meeting(meeting.path.with_name("other"))
        other.prepare()
        other.secret()
    finally:
        os.umask(before)
    assert mode(other.path) == mode(other.claims) == 0o700
    assert mode(other.path / "secret") == 0o600


def test_one_that_is_there_is_used(meeting: Meeting) -> None:
    """Each worker but the first finds it so."""
    secret = meeting.secret()
    again = Meeting(meeting.path)
    again.prepare()
    assert again.secret() == secret
    assert len(secret) == 32
    assert meeting.names() == set()


@pytest.mark.parametrize("rights", [0o755, 0o710, 0o701, 0o770])
def test_one_that_lets_others_in_is_refused(meeting: Meeting, rights: int) -> None:
    """The message says what to do."""
    meeting.path.chmod(rights)
    with pytest.raises(Unusable, match=f"chmod 700 {meeting.path}"):
        meeting.prepare()
    assert mode(meeting.path) == rights  # it is not ours to change


def test_a_link_is_refused(meeting: Meeting) -> None:
    """It may lead elsewhere tomorrow."""
    link = meeting.path.with_name("link")
    link.symlink_to(meeting.path)
    with pytest.raises(Unusable, match="is not a directory"):
        Meeting(link).prepare()


def test_a_file_is_refused(tmp_path: Path) -> None:
    """Where the directory should be."""
    (tmp_path / "file").touch()
    with pytest.raises(Unusable):
        Meeting(tmp_path / "file").prepare()


def test_what_cannot_be_made_is_named(tmp_path: Path) -> None:
    """With the reason of the system."""
    with pytest.raises(Unusable, match=r"nowhere/place cannot be made: No such file"):
        Meeting(tmp_path / "nowhere" / "place").prepare()


def test_a_path_that_is_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    """Before anything is made; the longest that is let fits."""
    room = 100 - len("/12345678.sock") - len(str(tmp_path)) - 1
    if room < 1:
        pytest.skip("the temporary directory's path is too long by itself")
    with pytest.raises(Unusable, match="too long"):
        Meeting(tmp_path / ("x" * (room + 1))).prepare()
    fits = Meeting(tmp_path / ("x" * room))
    fits.prepare()
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(fits.door(NAME)))


def test_a_parent_that_everybody_can_write_is_refused(tmp_path: Path) -> None:
    """Without the sticky bit anybody could put another directory in its place."""
    parent = tmp_path / "open"
    parent.mkdir()
    parent.chmod(0o777)
    with pytest.raises(Unusable, match="every user"):
        Meeting(parent / "place").prepare()
    parent.chmod(0o1777)
    Meeting(parent / "place").prepare()


@needs_root
def test_another_users_is_refused(meeting: Meeting) -> None:
    """Somebody who knows its name may have been there first."""
    os.chown(meeting.path, NOBODY, NOBODY)
    with pytest.raises(Unusable, match="another user's"):
        meeting.prepare()


@needs_root
@pytest.mark.parametrize("what", ["list", "prepare", "secret", "claim", "door", "lock"])
def test_another_user_gets_nothing(meeting: Meeting, what: str) -> None:
    """Neither the secret, nor claims, nor a connection to a door, nor a lock."""
    meeting.secret()
    (meeting.claims / ("0" * 32)).symlink_to(NAME)
    meeting.lock(NAME).touch()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(meeting.door(NAME)))
        listening.listen()

        def connect() -> None:
            with socket.socket(socket.AF_UNIX) as one:
                one.connect(str(meeting.door(NAME)))

        tries: dict[str, Callable[[], object]] = {
            "list": meeting.names,
            "prepare": meeting.prepare,
            "secret": meeting.secret,
            "claim": lambda: os.symlink(NAME, meeting.claims / ("1" * 32)),
            "door": connect,
            "lock": lambda: meeting.lock(NAME).open("rb"),
        }

        def trying() -> str:
            tries[what]()
            return "it could"

        said = in_child(trying, uid=NOBODY)
    assert said in ("PermissionError", "Unusable")


@needs_root
def test_a_secret_of_another_user_is_refused(meeting: Meeting) -> None:
    """As is one that others can read, one of the wrong size, and a link."""
    secret = meeting.path / "secret"
    meeting.secret()
    os.chown(secret, NOBODY, NOBODY)
    with pytest.raises(Unusable, match="another user's"):
        meeting.secret()
    os.chown(secret, os.geteuid(), os.getegid())
    secret.chmod(0o640)
    with pytest.raises(Unusable, match="others can read it"):
        meeting.secret()
    secret.chmod(0o600)
    secret.write_bytes(b"x" * 31)
    with pytest.raises(Unusable, match="32 bytes"):
        meeting.secret()
    secret.rename(secret.with_name("elsewhere"))
    secret.symlink_to("elsewhere")
    with pytest.raises(Unusable, match="cannot be used"):
        meeting.secret()


def test_many_who_make_the_secret_get_the_same(meeting: Meeting) -> None:
    """Whoever comes first makes it."""
    said = set(at_once([lambda: meeting.secret().hex()] * 8))
    assert said == {meeting.secret().hex()}
    assert sorted(one.name for one in meeting.path.iterdir()) == ["claims", "secret"]


def test_it_is_held_by_one(meeting: Meeting) -> None:
    """Nobody joins what another just removes."""
    with meeting.held() as got, meeting.held() as again:
        assert got
        assert not again
    with meeting.held() as got:
        assert got


def test_names_are_those_of_processes(meeting: Meeting) -> None:
    """Nothing else in it becomes one."""
    for one in ("A-_45678.lock", "b-_45678.sock", "c-_45678.dead", "short.lock", ".x", "secret"):
        (meeting.path / one).touch()
    assert meeting.names() == {"A-_45678", "b-_45678", "c-_45678"}


@pytest.mark.parametrize("text", ["../../ab", "A-_4567", "A-_456789", "A-_4567\n", "ä-_45678", ""])
def test_what_is_no_name(text: str) -> None:
    """It never becomes part of a path."""
    assert not is_name(text)
    assert is_name(NAME)
