"""What the server does at once: scripts, since no sequence of commands is safe from a kill."""

from __future__ import annotations

from typing import Final

#: The consumer who has what waits for its time: entries that were given back.
WAITING: Final = "(waiting)"
#: An entry of more fields than this is kept as a dead letter in one field, as MessagePack.
MANY_FIELDS: Final = 3_000

# Before Redis 7 a script must ask for it to write after it read what may differ elsewhere.
_BEGIN = """
if redis.replicate_commands then redis.replicate_commands() end
local stream, delayed, failures = KEYS[1], KEYS[2], KEYS[3]
local group, me = ARGV[1], ARGV[2]
local waiting = '(waiting)'

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function described(reply)
  local found = {}
  for i = 1, #reply, 2 do found[reply[i]] = reply[i + 1] end
  return found
end

local function pending_of(id)
  return redis.call('XPENDING', stream, group, id, id, 1)[1]
end
"""

#: Takes what is due, and what a consumer has that was killed.
#:
#: ARGV: the group, the consumer, the lease in milliseconds, how many at most, after how many
#: milliseconds a consumer who has nothing is forgotten, whether nobody else goes by the consumer's
#: name, then the ids of what it has.
#: Gives the entries (id, fields, times taken, times failed), how many were deleted by somebody
#: else, and in how many milliseconds the next is due, or -1.
RECOVER: Final = (
    _BEGIN
    + """
local lease, limit, forgotten = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local is_alone, held = ARGV[6] == '1', {}
for i = 7, #ARGV do held[ARGV[i]] = true end
local taken, vanished, time = {}, 0, now()

local function take(id, times)
  held[id] = true
  local claimed = redis.call('XCLAIM', stream, group, me, 0, id, 'RETRYCOUNT', times)
  if claimed[1] then
    local failed = redis.call('HGET', failures, id) or 0
    taken[#taken + 1] = {id, claimed[1][2], times, tonumber(failed)}
  else
    redis.call('XACK', stream, group, id)
    redis.call('HDEL', failures, id)
    vanished = vanished + 1
  end
end

local due = string.format('%.0f', time)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', delayed, '-inf', due, 'LIMIT', 0, limit)) do
  redis.call('ZREM', delayed, id)
  local entry = pending_of(id)
  if entry and entry[2] == waiting then take(id, entry[4] + 1) end
end

for _, reply in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
  local consumer = described(reply)
  local name, count, left = consumer.name, consumer.pending, limit - #taken
  if name == waiting then
    -- Somebody deleted when they are due: that is now.
    if count > redis.call('ZCARD', delayed) then
      for _, entry in ipairs(redis.call('XPENDING', stream, group, '-', '+', count, name)) do
        redis.call('ZADD', delayed, 'NX', due, entry[1])
      end
    end
  elseif count == 0 then
    if name ~= me and consumer.idle > forgotten then
      redis.call('XGROUP', 'DELCONSUMER', stream, group, name)
    end
  elseif left > 0 then
    if name == me and is_alone then
      -- What it does not know of was on its way when the connection broke.
      for _, entry in ipairs(redis.call('XPENDING', stream, group, '-', '+', count, name)) do
        if not held[entry[1]] and #taken < limit then take(entry[1], entry[4]) end
      end
      left = limit - #taken
    end
    if left > 0 then
      local abandoned =
        redis.call('XPENDING', stream, group, 'IDLE', lease, '-', '+', left, name)
      for _, entry in ipairs(abandoned) do take(entry[1], entry[4] + 1) end
    end
  end
end

local coming = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]
return {taken, vanished, coming and math.max(0, math.ceil(coming - time)) or -1}
"""
)

#: Says what became of several entries; each by itself, as if it had been said alone.
#:
#: KEYS also: the stream of dead letters. ARGV: the group, nothing, then for each its kind, its id,
#: who has it, how often it was taken, how many arguments follow, and those. Gives for each 1, or 0
#: if somebody else has it, or -1 if nobody has; the id of the dead letter; or an error.
SETTLE: Final = (
    _BEGIN
    + """
local dead_letters = KEYS[4]
local settle = {}

function settle.done(id)
  redis.call('XACK', stream, group, id)
  redis.call('HDEL', failures, id)
  return 1
end

function settle.keep(id, consumer)
  redis.call('XCLAIM', stream, group, consumer, 0, id, 'JUSTID')
  return 1
end

function settle.give_back(id, consumer, times, delay, is_charged)
  -- First what a server that is out of memory refuses.
  redis.call('ZADD', delayed, string.format('%.0f', now() + delay), id)
  if is_charged == '1' then
    redis.call('HINCRBY', failures, id, 1)
  else
    times = times - 1
  end
  redis.call('XCLAIM', stream, group, waiting, 0, id, 'RETRYCOUNT', times, 'JUSTID')
  return 1
end

function settle.set_aside(id, consumer, times, count, ...)
  local entry = redis.call('XRANGE', stream, id, id)[1]
  local letter, given = {}, {...}
  if not entry then  -- somebody deleted it: then what was read of it
    for i = 1, count do letter[i] = given[i] end
  elseif #entry[2] > 2 * MANY_FIELDS then
    letter = {'eventrouter-fields', cmsgpack.pack(entry[2])}
  else
    for i = 1, #entry[2], 2 do
      if string.sub(entry[2][i], 1, 12) ~= 'eventrouter-' then
        letter[#letter + 1] = entry[2][i]
        letter[#letter + 1] = entry[2][i + 1]
      end
    end
  end
  for i = count + 1, #given do letter[#letter + 1] = given[i] end
  local set_aside = redis.call('XADD', dead_letters, '*', unpack(letter))
  settle.done(id)
  return set_aside
end

local results, i = {}, 3
while i <= #ARGV do
  local kind, id, consumer, times, count = unpack(ARGV, i, i + 4)
  local arguments = {unpack(ARGV, i + 5, i + 4 + count)}
  local entry = pending_of(id)
  local result
  if not entry then
    result = -1
  elseif entry[2] ~= consumer or entry[4] ~= tonumber(times) then
    result = 0
  else
    local succeeded
    succeeded, result = pcall(settle[kind], id, consumer, times, unpack(arguments))
    if not succeeded then
      result = {'error', type(result) == 'table' and result.err or tostring(result)}
    end
  end
  results[#results + 1] = result
  i = i + 5 + count
end
return results
""".replace("MANY_FIELDS", str(MANY_FIELDS))
)

#: Deletes what every group of the stream has acknowledged, except for the last.
TRIM: Final = (
    _BEGIN
    + """
local function before(a, b)
  local a1, a2 = string.match(a, '(%d+)-(%d+)')
  local b1, b2 = string.match(b, '(%d+)-(%d+)')
  local function less(x, y) return #x < #y or #x == #y and x < y end
  return less(a1, b1) or a1 == b1 and less(a2, b2)
end

local least
for _, reply in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local found = described(reply)
  local id = found['last-delivered-id']
  if found.pending > 0 then
    local first = redis.call('XPENDING', stream, found.name)[2]
    if first and before(first, id) then id = first end
  end
  if not least or before(id, least) then least = id end
end
if not least then return 0 end
return redis.call('XTRIM', stream, 'MINID', '~', least, 'LIMIT', 0)
"""
)

#: Says how many entries can be taken, wait for their time, and are taken.
COUNT: Final = (
    _BEGIN
    + """
local due = redis.call('ZCOUNT', delayed, '-inf', string.format('%.0f', now()))
local later = redis.call('ZCARD', delayed) - due
for _, reply in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local found = described(reply)
  if found.name == group then
    local new = found.lag
    if not new then  -- the server does not know, or is older than 7
      local after = '(' .. found['last-delivered-id']
      new = #redis.call('XRANGE', stream, after, '+', 'COUNT', 1000)
    end
    return {new + due, later, math.max(0, found.pending - due - later)}
  end
end
return redis.error_reply('NOGROUP No such group')
"""
)

#: Forgets a consumer, unless it has entries, which would go with it.
FORGET: Final = (
    _BEGIN
    + """
for _, reply in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
  local consumer = described(reply)
  if consumer.name == me and consumer.pending == 0 then
    redis.call('XGROUP', 'DELCONSUMER', stream, group, me)
  end
end
"""
)
