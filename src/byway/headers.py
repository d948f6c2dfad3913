"""The headers of a request or a response, as an application reads them.

Knows: that names have no case, and that a name may come several times (RFC 9110, section 5).
Must not know: which headers there are, who sends them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping


class Headers(Mapping[str, str]):
    """Headers by their names, whose case does not matter. They cannot be changed.

    ``headers["x-one"]`` joins the values of a name that comes several times with ``", "``;
    `get_list` returns each. The interface is the part of `httpx.Headers` that reads, so
    ``httpx.Headers(headers.raw)`` makes one of httpx.

    Args:
        raw: pairs of name and value as they came, both bytes. They are read as UTF-8, or all of
            them as Latin-1 where one is not.
    """

    __slots__ = ("_pairs", "_raw")

    def __init__(self, raw: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Read them."""
        self._raw = [(bytes(name), bytes(value)) for name, value in raw]
        try:
            self._pairs = self._decoded("utf-8")
        except UnicodeDecodeError:
            self._pairs = self._decoded("latin-1")

    def _decoded(self, encoding: str) -> list[tuple[str, str]]:
        return [(name.decode(encoding).lower(), v.decode(encoding)) for name, v in self._raw]

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        """The pairs as they came."""
        return list(self._raw)

    def multi_items(self) -> list[tuple[str, str]]:
        """Return a pair for each header, names in lower case, in the order in which they came."""
        return list(self._pairs)

    def get_list(self, key: str, split_commas: bool = False) -> list[str]:
        """Return the values of a name, none where it did not come.

        Args:
            key: the name.
            split_commas: whether a value with commas counts as several.
        """
        found = [value for name, value in self._pairs if name == key.lower()]
        if split_commas:
            return [part.strip() for value in found for part in value.split(",")]
        return found

    def __getitem__(self, key: str) -> str:
        if found := self.get_list(key):
            return ", ".join(found)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and any(name == key.lower() for name, _ in self._pairs)

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._pairs))

    def __len__(self) -> int:
        return len(dict(self._pairs))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Headers):
            return sorted(self._pairs) == sorted(other._pairs)
        if not isinstance(other, Mapping):
            return NotImplemented
        pairs = getattr(other, "multi_items", other.items)()
        return sorted(self._pairs) == sorted((name.lower(), value) for name, value in pairs)

    __hash__ = None  # type: ignore[assignment]  # what compares with a dict is not hashable

    def __repr__(self) -> str:
        """Show the names only: a value may be secret."""
        return f"<Headers {', '.join(self)}>"


def raw_headers(items: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return headers that websockets gives as texts as the bytes that came.

    It reads a value as Latin-1, or in older releases as ASCII with escapes.
    """
    return [(name.encode(), value.encode("latin-1", "surrogateescape")) for name, value in items]
