"""A store in a PostgreSQL database; the extra ``postgres``."""

try:
    from eventrouter.stores.postgres.store import PostgresStore
except ImportError as error:
    if (error.name or "").partition(".")[0] != "psycopg":
        raise
    raise ImportError(
        "PostgresStore needs the extra: pip install 'eventrouter[postgres]'", name=error.name
    ) from error

__all__ = ["PostgresStore"]
