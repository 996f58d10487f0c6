"""The changes, as Lua: the server runs each as a whole, so that no reader and no crash sees half of one.

Keys, below the store's prefix:

    session:<id>       hash: the record's columns, and last_activity
    messages:<id>      hash: message id -> row as JSON
    order:<id>         sorted set of message ids by seq
    inactive:<id>      set of the message ids that are not on the active branch
    abandoned:<id>     set of the message ids whose text a dead process left behind
    checkpoints:<id>   hash: message id -> owner, a line feed, row as JSON
    events:<id>        hash: event id -> row as JSON; events of no session have an empty id
    sessions           sorted set of session ids by last activity, in microseconds since 1970
    user:<user id>     the same of one user
    streaming          set of the session ids that have checkpoints
    owners             hash: owner of checkpoints -> when it last showed itself
    meta               hash: what the store says of itself

Every script begins with ARGV: prefix, session id, time to live in milliseconds (0: none), now in microseconds.
Keys are made in the scripts, so the store has to be on one server, not spread over a cluster.
"""

from __future__ import annotations

_HEAD = """
local prefix, id, ttl, at = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local function key(kind) return prefix .. kind .. ':' .. id end
local session = key('session')
local per_session = {'session', 'messages', 'order', 'inactive', 'abandoned', 'checkpoints', 'events'}
local function exists() return redis.call('HEXISTS', session, 'session_id') == 1 end
local function touch()
  if ttl > 0 then
    for _, kind in ipairs(per_session) do redis.call('PEXPIRE', key(kind), ttl) end
  end
end
local function active_at(moment)
  local last = redis.call('HGET', session, 'last_activity')
  if not last or tonumber(moment) > tonumber(last) then
    redis.call('HSET', session, 'last_activity', moment)
    redis.call('ZADD', prefix .. 'sessions', moment, id)
    redis.call('ZADD', prefix .. 'user:' .. (redis.call('HGET', session, 'user_id') or ''), moment, id)
  end
end
"""

# ARGV: created_at, then names and values of the record. 0: another session has the id.
CREATE_SESSION = (
    _HEAD
    + """
if exists() then
  if redis.call('HGET', session, 'created_at') == ARGV[5] then return 1 else return 0 end
end
for i = 6, #ARGV, 2 do redis.call('HSET', session, ARGV[i], ARGV[i + 1]) end
active_at(at)
touch()
return 1
"""
)

_CLEAR = """
if not exists() then return 0 end
for _, kind in ipairs({'messages', 'order', 'inactive', 'abandoned', 'checkpoints'}) do redis.call('DEL', key(kind)) end
redis.call('SREM', prefix .. 'streaming', id)
touch()
"""

_ADD = """
if not exists() then return 0 end
local newest = redis.call('ZREVRANGE', key('order'), 0, 0, 'WITHSCORES')
local following = newest[2] and tonumber(newest[2]) + 1 or 0
for i = 6, #ARGV, 4 do
  local message, seq, active, row = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local is_new = redis.call('HSETNX', key('messages'), message, row) == 1
  if is_new then
    if seq == '' then seq = following end
    if tonumber(seq) >= following then following = tonumber(seq) + 1 end
    redis.call('ZADD', key('order'), seq, message)
    if active == '0' then redis.call('SADD', key('inactive'), message) end
  elseif redis.call('SREM', key('abandoned'), message) == 1 then
    redis.call('HSET', key('messages'), message, row)
  end
  redis.call('HDEL', key('checkpoints'), message)
end
active_at(ARGV[5])
touch()
"""

# ARGV: last activity, then id, seq or '', 1 or 0 for the active branch, and row of each message. 0: no such session.
ADD_MESSAGES = _HEAD + _ADD + "return 1"
# The same.
REPLACE_MESSAGES = _HEAD + _CLEAR + _ADD + "return 1"
CLEAR_MESSAGES = _HEAD + _CLEAR + "return 1"

# ARGV: number of names and values that follow, these, then names of columns that become unknown. 0: no such session.
UPDATE_SESSION = (
    _HEAD
    + """
if not exists() then return 0 end
local last = 5 + tonumber(ARGV[5])
local before = redis.call('HGET', session, 'user_id')
for i = 6, last, 2 do redis.call('HSET', session, ARGV[i], ARGV[i + 1]) end
for i = last + 1, #ARGV do redis.call('HDEL', session, ARGV[i]) end
if before ~= redis.call('HGET', session, 'user_id') then redis.call('ZREM', prefix .. 'user:' .. (before or ''), id) end
active_at(at)
touch()
return 1
"""
)

DELETE_SESSION = (
    _HEAD
    + """
redis.call('ZREM', prefix .. 'user:' .. (redis.call('HGET', session, 'user_id') or ''), id)
redis.call('ZREM', prefix .. 'sessions', id)
redis.call('SREM', prefix .. 'streaming', id)
for _, kind in ipairs(per_session) do redis.call('DEL', key(kind)) end
return 1
"""
)

# ARGV: the ids of the active branch. 0: no such session.
SET_ACTIVE_BRANCH = (
    _HEAD
    + """
if not exists() then return 0 end
local wanted = {}
for i = 5, #ARGV do wanted[ARGV[i]] = true end
redis.call('DEL', key('inactive'))
for _, message in ipairs(redis.call('ZRANGE', key('order'), 0, -1)) do
  if not wanted[message] then redis.call('SADD', key('inactive'), message) end
end
touch()
return 1
"""
)

# ARGV: message id, owner, row. 0: no such session.
CHECKPOINT = (
    _HEAD
    + """
if not exists() then return 0 end
if redis.call('HEXISTS', key('messages'), ARGV[5]) == 1 then return 1 end
redis.call('HSET', key('checkpoints'), ARGV[5], ARGV[6] .. '\\n' .. ARGV[7])
redis.call('SADD', prefix .. 'streaming', id)
redis.call('HSET', prefix .. 'owners', ARGV[6], at)
touch()
return 1
"""
)

# ARGV: message id, the checkpoint as it was read, seq or '', row. Only one of several who try does it.
FOLD = (
    _HEAD
    + """
if redis.call('HGET', key('checkpoints'), ARGV[5]) ~= ARGV[6] then return 0 end
redis.call('HDEL', key('checkpoints'), ARGV[5])
if redis.call('HLEN', key('checkpoints')) == 0 then redis.call('SREM', prefix .. 'streaming', id) end
if exists() and redis.call('HSETNX', key('messages'), ARGV[5], ARGV[8]) == 1 then
  local newest = redis.call('ZREVRANGE', key('order'), 0, 0, 'WITHSCORES')
  local seq = ARGV[7]
  if seq == '' then seq = newest[2] and tonumber(newest[2]) + 1 or 0 end
  redis.call('ZADD', key('order'), seq, ARGV[5])
  redis.call('SADD', key('abandoned'), ARGV[5])
end
touch()
return 1
"""
)

# ARGV: event id, row.
ADD_EVENT = (
    _HEAD
    + """
redis.call('HSETNX', key('events'), ARGV[5], ARGV[6])
if exists() then touch() end
return 1
"""
)
