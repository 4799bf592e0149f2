"""A store on a Redis server; the extra ``redis``."""

try:
    from eventrouter.stores.redis.store import RedisStore
except ImportError as error:
    if (error.name or "").partition(".")[0] != "redis":
        raise
    raise ImportError(
        "RedisStore needs the extra: pip install 'eventrouter[redis]'", name=error.name
    ) from error

__all__ = ["RedisStore"]
