"""The scripts of the directory without Redis: the same Lua, in an interpreter of this process.

Knows: the few commands that the scripts use, as the manual of Redis describes them.
Must not know: what the scripts are for.

Time and everything that may happen to a server are the test's: so a model runs through thousands
of faults a second with the very scripts that Redis runs. That the commands do here what they do in
Redis is tested against Redis (tests/server/test_redis_scripts.py).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from byway.backplane.asks import Ask
from byway.backplane.scripts import Script


class LuaServer:
    """A server with the scripts' commands, a clock that the test sets, and a `run_id`.

    Attributes:
        now: seconds, of the server's clock.
        run: its `run_id`.
        data: its keys.
    """

    def __init__(self, now: float = 1_000_000.0) -> None:
        """Start empty."""
        self.now = now
        self.run = "0" * 40
        self.runs = 0
        self.data: dict[bytes, Any] = {}
        self._ends: dict[bytes, float] = {}
        runtime = import_module("lupa.lua51").LuaRuntime  # the version that is in Redis
        self._lua = runtime(encoding=None, unpack_returned_tuples=True)
        self._compiled: dict[str, Any] = {}
        self._make = self._lua.eval(
            b"function(text) "
            b"return assert(loadstring('local redis, KEYS, ARGV = ... ' .. text)) end"
        )
        self._redis = self._lua.eval(b"function(call) return {call = call} end")(self._call)

    # What happens to servers

    def empty(self) -> None:
        """Lose everything (FLUSHALL)."""
        self.data.clear()
        self._ends.clear()

    def restart(self) -> None:
        """Run anew, with what was saved: another `run_id`."""
        self.runs += 1
        self.run = f"{self.runs:040x}"

    def snapshot(self) -> tuple[Any, Any]:
        """Return what there is now."""
        return copy.deepcopy((self.data, self._ends))

    def restore(self, snapshot: tuple[Any, Any]) -> None:
        """Restart with what there was."""
        self.data, self._ends = copy.deepcopy(snapshot)
        self.restart()

    # Scripts

    def ask(self, ask: Ask) -> list[Any]:
        """Run a script."""
        return self.evaluate(ask.script, ask.keys, ask.args)

    def evaluate(
        self, script: Script, keys: Sequence[str], args: Sequence[str | int | bytes]
    ) -> list[Any]:
        """Run a script, atomically."""
        if (run := self._compiled.get(script.digest)) is None:
            run = self._compiled[script.digest] = self._make(script.text.encode())
        table = self._lua.table_from
        result = run(self._redis, table([_bytes(k) for k in keys]), table(map(_bytes, args)))
        answer = self._response(result)
        assert isinstance(answer, list)
        return answer

    def _response(self, value: Any) -> Any:
        """Turn a value of Lua into what Redis would answer."""
        if isinstance(value, (bytes, int)) and not isinstance(value, bool):
            return value
        if isinstance(value, float):
            return int(value)
        if value is None or value is False:
            return None
        if value is True:
            return 1
        return [self._response(value[i]) for i in range(1, len(value) + 1)]

    # Commands

    def _call(self, name: bytes, *args: Any) -> Any:
        told = [_bytes(one) for one in args]
        result = getattr(self, f"_do_{name.decode().lower()}")(*told)
        return self._lua.table_from(result) if isinstance(result, list) else result

    def _get(self, key: bytes) -> Any:
        if self._ends.get(key, float("inf")) <= self.now:
            self._do_del(key)
        return self.data.get(key)

    def _do_time(self) -> list[bytes]:
        whole = int(self.now)
        return [b"%d" % whole, b"%d" % ((self.now - whole) * 1e6)]

    def _do_info(self, section: bytes) -> bytes:
        assert section == b"server"
        return b"# Server\r\nredis_version:7.0.15\r\nrun_id:" + self.run.encode() + b"\r\n"

    def _do_get(self, key: bytes) -> bytes | bool:
        found = self._get(key)
        return False if found is None else found

    def _do_set(self, key: bytes, value: bytes, *options: bytes) -> bool:
        if options == (b"NX",):
            if self._get(key) is not None:
                return False
        elif options:
            assert options[0] == b"PX"
            self._ends[key] = self.now + int(options[1]) / 1000
        self.data[key] = value
        return True

    def _do_del(self, key: bytes) -> int:
        self._ends.pop(key, None)
        return int(self.data.pop(key, None) is not None)

    def _do_hset(self, key: bytes, *pairs: bytes) -> int:
        found = self._get(key)
        if found is None:
            found = self.data[key] = {}
        found.update(zip(pairs[::2], pairs[1::2], strict=True))
        return len(pairs) // 2

    def _do_hget(self, key: bytes, field: bytes) -> bytes | bool:
        found: bytes | bool = (self._get(key) or {}).get(field, False)
        return found

    def _do_hmget(self, key: bytes, *fields: bytes) -> list[bytes | bool]:
        found = self._get(key) or {}
        return [found.get(one, False) for one in fields]

    def _do_pexpire(self, key: bytes, time: bytes) -> int:
        self._ends[key] = self.now + int(time) / 1000
        return 1

    def _do_zadd(self, key: bytes, score: bytes, member: bytes) -> int:
        self.data.setdefault(key, {})[member] = float(score)
        return 1

    def _do_zrem(self, key: bytes, member: bytes) -> int:
        return int(self.data.get(key, {}).pop(member, None) is not None)

    def _do_zcount(self, key: bytes, low: bytes, high: bytes) -> int:
        return sum(float(low) <= one <= float(high) for one in self.data.get(key, {}).values())

    def _do_zremrangebyscore(self, key: bytes, low: bytes, high: bytes) -> int:
        found = self.data.get(key, {})
        old = [k for k, score in found.items() if float(low) <= score <= float(high)]
        for one in old:
            del found[one]
        return len(old)

    def _do_zrange(self, key: bytes, first: bytes, last: bytes) -> list[bytes]:
        found = self.data.get(key, {})
        return sorted(found, key=lambda one: (found[one], one))[int(first) : int(last) + 1]


def _bytes(value: Any) -> bytes:
    """Write an argument as redis.call and EVAL do."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, float):
        return b"%.17g" % value
    return str(value).encode()
