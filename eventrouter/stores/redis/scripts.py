"""
What the server does with a key, each in one step.

The value of a key is ``claimed TOKEN``, ``completed TOKEN`` or ``released CALL``, and the server
forgets it when its time is over. A client may send any of these twice, if the connection broke
before the answer came: the second time gives the answer of the first. That is what tokens are
looked at for where a key is claimed, and what is left of a key that is released.
"""

from __future__ import annotations

from hashlib import sha1
from typing import Final

from attrs import Factory, field, frozen

#: The answers of ``CLAIM``.
GRANTED, DUPLICATE, IN_PROGRESS = 0, 1, 2


def _digest_of(script: Script) -> str:
    return sha1(script.text.encode(), usedforsecurity=False).hexdigest()


@frozen
class Script:
    """
    A script in Lua, of one key.

    Attributes:
        text: The script.
        digest: What the server knows it by, once it has run it.
    """

    text: str
    digest: str = field(default=Factory(_digest_of, takes_self=True), init=False)


# Whatever else lies under the key is not this store's, and must not be written over.
_VALUE: Final = """
local value = redis.call('GET', KEYS[1]) or ''
local state = string.match(value, '^(%a+) %x+$')
if value ~= '' and state ~= 'claimed' and state ~= 'completed' and state ~= 'released' then
  return redis.error_reply('FOREIGN the key holds what is not of this store')
end
"""

#: Of a token, and the milliseconds of a lease. Gives an answer, and the milliseconds left.
CLAIM: Final = Script(
    _VALUE
    + """
if state == 'completed' then
  return {1, 0}
elseif state == 'claimed' and value ~= 'claimed ' .. ARGV[1] then
  return {2, redis.call('PTTL', KEYS[1])}
end
redis.call('SET', KEYS[1], 'claimed ' .. ARGV[1], 'PX', ARGV[2])
return {0, 0}
"""
)

#: Of a token, and the milliseconds of a lease. Gives whether the claim held the key.
RENEW: Final = Script(
    _VALUE
    + """
if value ~= 'claimed ' .. ARGV[1] then
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
)

#: Of a token, and the milliseconds to remember it. Gives whether no other claim was in the way.
COMPLETE: Final = Script(
    _VALUE
    + """
local is_own = value == 'claimed ' .. ARGV[1] or value == 'completed ' .. ARGV[1]
if value ~= '' and state ~= 'released' and not is_own then
  return 0
end
redis.call('SET', KEYS[1], 'completed ' .. ARGV[1], 'PX', ARGV[2])
return 1
"""
)

#: Of a token, of what tells this call from others, and the milliseconds for which it may be sent
#: again. Gives whether the claim held the key.
RELEASE: Final = Script(
    _VALUE
    + """
if value == 'released ' .. ARGV[2] then
  return 1
elseif value ~= 'claimed ' .. ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], 'released ' .. ARGV[2], 'PX', ARGV[3])
return 1
"""
)
