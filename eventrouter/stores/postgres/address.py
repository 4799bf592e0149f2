"""Where a database is, and what to call it without its password."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Final

from attrs import frozen
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from eventrouter.errors import RegistrationError

_SCHEMES: Final = ("postgresql://", "postgres://")


@frozen(repr=False)
class Address:
    """
    Where a database is.

    Attributes:
        parameters: What libpq needs to connect, the password among them.
        shown: The URL without a password.
    """

    parameters: Mapping[str, str]
    shown: str

    def __str__(self) -> str:
        return self.shown

    def __repr__(self) -> str:
        return repr(self.shown)


def read_address(url: str) -> Address:
    """
    Read a URL as libpq does.

    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS

    Raises:
        RegistrationError: If it can't be read; without its text, which may have a password.
    """
    if not isinstance(url, str) or not url.startswith(_SCHEMES):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise RegistrationError("PostgresStore takes a URL: 'postgresql://user@host:5432/database'")
    try:
        parameters = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except (ProgrammingError, UnicodeError):
        parameters = {}
    ports = parameters.get("port", "").split(",")
    if not parameters or "\0" in url or not all(port.isdigit() or not port for port in ports):
        # What libpq says quotes the part that it can't read, which may be the password.
        raise RegistrationError(
            "the URL of PostgresStore can't be read: it is "
            "'postgresql://user:password@host:5432/database', and characters such as @, / and % "
            "in one of these are written as %40, %2F and %25"
        )
    user = f"{parameters['user']}@" if "user" in parameters else ""
    hosts = parameters.get("host", "").split(",")
    at = ",".join(
        f"{host}:{port}".rstrip(":") for host, port in zip_longest(hosts, ports, fillvalue="")
    )
    return Address(parameters, f"postgresql://{user}{at}/{parameters.get('dbname', '')}")
