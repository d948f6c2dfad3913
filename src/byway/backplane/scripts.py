"""The scripts: what the directory in Redis does in one step, each atomic.

Knows: Lua, and the commands of Redis from 6.2 on; of Valkey too.
Must not know: connections, processes, what is done with a response.

Keys begin with `byway:{NAMESPACE}:`, so all of them are in one slot of a Cluster:

========== ======= ======================================================================
key        type    what it holds
========== ======= ======================================================================
epoch      hash    `id`: when the data was made, in µs, always greater than any before;
                   `run`: the server that made it; `age`: ms in which it has served since
                   then; `seen`: when that was last counted
asserting  zset    processes that have not yet claimed again what they hold, and until when
                   that is waited for
names      zset    processes, and when their lease ends
n:NAME     hash    the record of a process; its lease is the key's life. `beat`: counts its
                   renewals; `fence`: claims with a smaller count are void; `started`;
                   `record`: JSON
s:HASH     string  a claim: `o`NAME COUNT of an owner, `e` ended, `r`NAME UNTIL refused: ended,
                   and until then (ms) that process knows how
secret     string  what processes prove to each other; not used where they are given one
========== ======= ======================================================================

What each script does first, and why:

- It compares `run_id` with the one in `epoch`. A server that was restarted from a snapshot, or a
  replica that was promoted, has lost claims and would not know it. So does a missing `epoch`
  (emptied, replaced). Then there is a new epoch.
- A caller that knows a greater epoch than the one found makes a new one above it: clocks of
  servers differ, and go back.
- `age` counts the time in which Redis serves, not the clock: the time since the last count, at most
  1 s. After a gap of more than 4 s it is 0 again: leases may have run out unseen.
- While a process still claims again what it holds, the age of a young epoch does not count.

Each response begins with the epoch and its age in ms.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

SETTLE: Final = 4_000
"""Age in ms from which claims are given: every process that lives has renewed by then."""

FULL_LEASE: Final = 30_000
"""Age in ms from which a record that is missing says something: everybody has had a whole lease to
write one."""

GAP: Final = 4_000
"""Milliseconds without a script after which the directory counts as having been away."""

STEP: Final = 1_000
"""Most milliseconds that one script adds to the age."""

ASSERTING: Final = 10_000
"""Milliseconds that are waited for a process that claims again, since it was last heard."""

_HEAD: Final = f"""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
local known = tonumber(ARGV[1])
local epoch = redis.call('HMGET', KEYS[1], 'id', 'run', 'age', 'seen')
local id, age, seen = tonumber(epoch[1]), tonumber(epoch[3]), tonumber(epoch[4])
if not id or epoch[2] ~= run or known > id then
  id = math.max(time[1] * 1000000 + time[2], (id or 0) + 1, known + 1)
  age = 0
  redis.call('HSET', KEYS[1], 'id', id, 'run', run, 'age', age, 'seen', now)
else
  local gap = now - seen
  if gap < 0 or gap >= 100 then
    if gap > {GAP} then
      age = 0
    elseif gap > 0 and (age >= {SETTLE} or redis.call('ZCOUNT', KEYS[2], now, '+inf') == 0) then
      age = age + math.min(gap, {STEP})
    end
    redis.call('HSET', KEYS[1], 'age', age, 'seen', now)
  end
end
"""


@dataclass(frozen=True, slots=True)
class Script:
    """A script that Redis runs.

    Attributes:
        name: what it is called in messages.
        text: its source, in Lua.
        digest: SHA-1 of the text, by which Redis knows it (EVALSHA).
    """

    name: str
    text: str
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        """Compute the digest."""
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "digest", digest)


CLAIM: Final = Script(
    "claim",
    _HEAD
    + f"""
-- KEYS: epoch, asserting, n:NAME, s:HASH. ARGV: known, NAME, count, life in ms.
-- Returns epoch, age, and '' (not settled), 'v' (void: from before the process lost its
-- connection, or its record is not there), or the claim that stands there.
if age < {SETTLE} then return {{id, age, ''}} end
local fence = tonumber(redis.call('HGET', KEYS[3], 'fence'))
if not fence or tonumber(ARGV[3]) < fence then return {{id, age, 'v'}} end
local found = redis.call('GET', KEYS[4])
if found and string.sub(found, 1, 9) ~= 'o' .. ARGV[2] then
  if string.sub(found, 1, 1) == 'r' and tonumber(string.sub(found, 10)) < now then found = 'e' end
  return {{id, age, found}}
end
-- Nobody's, or its own already: the response to an earlier try was lost, not the claim. The count
-- becomes that of this try, so that a late release of the earlier one takes nothing back.
local mine = 'o' .. ARGV[2] .. ARGV[3]
redis.call('SET', KEYS[4], mine, 'PX', ARGV[4])
return {{id, age, mine}}
""",
)
"""Claim a key, or learn whose it is. It is never taken over, whatever became of its owner."""

RELEASE: Final = Script(
    "release",
    _HEAD
    + """
-- KEYS: epoch, asserting, s:HASH. ARGV: known, NAME, count.
-- Returns epoch, age, and whether it stood there.
if redis.call('GET', KEYS[3]) ~= 'o' .. ARGV[2] .. ARGV[3] then return {id, age, 0} end
redis.call('DEL', KEYS[3])
return {id, age, 1}
""",
)
"""Give a claim back, but only with its own count: the process may have claimed again since."""

_END: Final = """
local function write_end(key, name, life, refused)
  -- Over nothing and over its own: an end that was told before may be told again.
  local found = redis.call('GET', key)
  if found and found ~= 'e' and string.sub(found, 2, 9) ~= name then return false end
  local value = 'e'
  if refused > 0 then value = 'r' .. name .. (now + refused) end
  redis.call('SET', key, value, 'PX', life)
  return true
end
"""

ENDED: Final = Script(
    "ended",
    _HEAD
    + _END
    + """
-- KEYS: epoch, asserting, then an s:HASH for each end. ARGV: known, NAME; then for each end its
--   life in ms, and ms for which the refusal is known.
-- Returns epoch, age, and places (from 1) of those whose claim is another's.
local others = {}
for i = 1, #KEYS - 2 do
  local at = 1 + 2 * i
  if not write_end(KEYS[2 + i], ARGV[2], ARGV[at], tonumber(ARGV[at + 1])) then
    others[#others + 1] = i
  end
end
return {id, age, others}
""",
)
"""Write the ends of sessions into their claims."""

RENEW: Final = Script(
    "renew",
    _HEAD
    + _END
    + f"""
-- KEYS: epoch, asserting, names, n:NAME, secret, then an s:HASH for each that is asserted.
-- ARGV: known, NAME, lease in ms (0: it leaves), beat, fence, started, record, secret ('': none),
--   how many it holds, how many of them are left to assert after these; then for each that is
--   asserted its count (or 'e'), life in ms, ms for which a refusal is known.
-- Returns epoch, age, 1 if another process has this name, the secret, names of all processes,
--   places (from 1) of what was asserted and is another's.
local name, lease, beat = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local found = redis.call('HMGET', KEYS[4], 'beat', 'started', 'fence')
if found[2] and found[2] ~= ARGV[6] then return {{id, age, 1, '', {{}}, {{}}}} end
if lease == 0 then
  redis.call('DEL', KEYS[4])
  redis.call('ZREM', KEYS[3], name)
  redis.call('ZREM', KEYS[2], name)
  return {{id, age, 0, '', {{}}, {{}}}}
end
-- A renewal that a lost connection held back arrives after a later one: it says nothing any more,
-- and nobody reads the response. Whoever does read it has a double, a copied machine.
if found[1] and tonumber(found[1]) >= beat then return {{id, age, 1, '', {{}}, {{}}}} end
local fence = math.max(tonumber(ARGV[5]), tonumber(found[3] or 0))
redis.call('HSET', KEYS[4], 'beat', beat, 'fence', fence, 'started', ARGV[6], 'record', ARGV[7])
redis.call('PEXPIRE', KEYS[4], lease)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
redis.call('ZADD', KEYS[3], now + lease, name)
-- It is known to be asserting as soon as it is heard in an epoch that it does not know, whatever
-- becomes of the response.
local left = tonumber(ARGV[10])
if known ~= id then left = tonumber(ARGV[9]) end
if left > 0 then
  redis.call('ZADD', KEYS[2], now + {ASSERTING}, name)
else
  redis.call('ZREM', KEYS[2], name)
end
local secret = ''
if ARGV[8] ~= '' then
  redis.call('SET', KEYS[5], ARGV[8], 'NX')
  secret = redis.call('GET', KEYS[5])
end
local others = {{}}
for i = 1, #KEYS - 5 do
  local key, at = KEYS[5 + i], 8 + 3 * i
  local count, life = ARGV[at], ARGV[at + 1]
  if count == 'e' then
    if not write_end(key, name, life, tonumber(ARGV[at + 2])) then others[#others + 1] = i end
  else
    local stands = redis.call('GET', key)
    if stands and string.sub(stands, 1, 9) ~= 'o' .. name then
      others[#others + 1] = i
    else
      redis.call('SET', key, 'o' .. name .. count, 'PX', life)
    end
  end
end
return {{id, age, 0, secret, redis.call('ZRANGE', KEYS[3], 0, {1_000 - 1}), others}}
""",
)
"""Renew the lease, and claim again what may not stand there (any more)."""

LOOK: Final = Script(
    "look",
    _HEAD
    + """
-- KEYS: epoch, asserting, n:OWNER, n:NAME. ARGV: known.
-- Returns epoch, age, the owner's beat and record, and the beat of the process that asks; 0 and ''
-- for what is not there.
local owner = redis.call('HMGET', KEYS[3], 'beat', 'record')
local mine = redis.call('HGET', KEYS[4], 'beat')
return {id, age, tonumber(owner[1] or 0), owner[2] or '', tonumber(mine or 0)}
""",
)
"""Look a process up, with what is needed to say whether it is gone."""

SCRIPTS: Final = (CLAIM, RELEASE, ENDED, RENEW, LOOK)
