"""Marks: short texts under a name, made by one of several processes that try at the same moment.

Knows: symbolic links, and what stands in where there are none.
Must not know: what the texts say.

A symbolic link that leads nowhere is made atomically and read in one call. Windows lets only some
users make any; there a mark is a small file that gets its name when it is complete.
"""

from __future__ import annotations

import itertools
import os
from abc import ABC, abstractmethod
from typing import Final

LONGEST: Final = 64
"""Most bytes of a mark's text."""


class Marks(ABC):
    """Makes, reads and changes marks. Any method raises `OSError` where the disk does."""

    @abstractmethod
    def put(self, path: str, text: str) -> bool:
        """Make a mark; False where one is there already, which stays as it is."""

    @abstractmethod
    def read(self, path: str) -> str | None:
        """Return the text of a mark, None where there is none."""

    @abstractmethod
    def change(self, path: str, text: str) -> None:
        """Make a mark in the place of the one that is there; whoever reads sees one of them."""

    def remove(self, path: str) -> None:
        """Remove a mark, if it is there."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass


class LinkMarks(Marks):
    """Marks that are symbolic links."""

    def __init__(self, writer: str) -> None:
        """Write as the process of this name, which no other one has."""
        self._writer = writer

    def put(self, path: str, text: str) -> bool:
        """Make a link, unless one is there."""
        try:
            os.symlink(text, path)
        except FileExistsError:
            return False
        return True

    def read(self, path: str) -> str | None:
        """Return where a link leads."""
        try:
            return os.readlink(path)
        except FileNotFoundError:
            return None

    def change(self, path: str, text: str) -> None:
        """Rename a new link over the one that is there."""
        making = making_of(path, self._writer)
        self.remove(making)  # of a call that was cut short
        os.symlink(text, making)
        os.replace(making, path)


class FileMarks(Marks):
    """Marks that are files."""

    def __init__(self, writer: str) -> None:
        """Write as the process of this name, which no other one has."""
        self._writer = writer
        self._count = itertools.count()

    def put(self, path: str, text: str) -> bool:
        """Write a file and give it its name, unless one has it."""
        making = self._write(path, text)
        try:
            _name_new(making, path)
        except FileExistsError:
            return False
        finally:
            self.remove(making)
        return True

    def read(self, path: str) -> str | None:
        """Return what a file says."""
        try:
            with open(path, encoding="ascii") as file:
                return file.read(LONGEST)
        except FileNotFoundError:
            return None

    def change(self, path: str, text: str) -> None:
        """Rename a new file over the one that is there."""
        os.replace(self._write(path, text), path)

    def _write(self, path: str, text: str) -> str:
        making = making_of(path, f"{self._writer}.{next(self._count)}")
        with open(making, "w", encoding="ascii") as file:
            file.write(text)
        return making


def making_of(path: str, writer: str) -> str:
    """Return the name that a mark has while it is made: a point, the writer, and a point."""
    return os.path.join(os.path.dirname(path), f".{writer}.")


# Windows renames nothing over what is there; elsewhere a second name is what fails then.
_name_new = os.rename if os.name == "nt" else os.link


def marks_for(writer: str) -> Marks:
    """Return what makes marks on this system.

    Args:
        writer: name of this process, which no other one has.
    """
    return FileMarks(writer) if os.name == "nt" else LinkMarks(writer)
