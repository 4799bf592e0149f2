"""The Kafka for tests that librdkafka has in it, which confluent-kafka brings and does not wrap."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from ctypes import CDLL, c_char_p, c_int, c_int32, c_size_t, c_void_p, create_string_buffer
from importlib.metadata import files
from typing import Any

_PRODUCER = 0
_BROKER = 1


class Cluster:
    """
    One broker on a port of its own, spoken to over TCP, with groups, commits and rebalances.

    It makes topics when asked, of four partitions, and keeps all in memory. The functions are those
    of https://github.com/confluentinc/librdkafka/blob/master/src/rdkafka_mock.h.
    """

    def __init__(self, library: Any, handle: c_void_p) -> None:
        self._library = library
        self._handle = handle

    @property
    def url(self) -> str:
        """Where it listens."""
        address: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._handle)
        return f"kafka://{address.decode()}"

    def go_down(self) -> None:
        """Close all connections, and take none."""
        self._library.rd_kafka_mock_broker_set_down(self._handle, _BROKER)

    def come_up(self) -> None:
        """Take connections again."""
        self._library.rd_kafka_mock_broker_set_up(self._handle, _BROKER)


@contextmanager
def running() -> Generator[Cluster]:
    """A cluster, for as long as the body runs."""
    library = _library()
    error = create_string_buffer(512)
    client = library.rd_kafka_new(_PRODUCER, library.rd_kafka_conf_new(), error, len(error))
    assert client, error.value
    handle = c_void_p(library.rd_kafka_mock_cluster_new(client, 1))
    # Kafka's own default is 3 s, in which more members may come.
    library.rd_kafka_mock_group_initial_rebalance_delay_ms(handle, 0)
    try:
        yield Cluster(library, handle)
    finally:
        library.rd_kafka_mock_cluster_destroy(handle)
        library.rd_kafka_destroy(client)


def _library() -> Any:
    for file in files("confluent-kafka") or ():
        if file.name.startswith("librdkafka"):
            library = CDLL(str(file.locate()))
            break
    else:
        raise AssertionError("confluent-kafka has no librdkafka in it")
    for name, result, arguments in (
        ("conf_new", c_void_p, []),
        ("new", c_void_p, [c_int, c_void_p, c_char_p, c_size_t]),
        ("destroy", None, [c_void_p]),
        ("mock_cluster_new", c_void_p, [c_void_p, c_int]),
        ("mock_cluster_destroy", None, [c_void_p]),
        ("mock_cluster_bootstraps", c_char_p, [c_void_p]),
        ("mock_group_initial_rebalance_delay_ms", None, [c_void_p, c_int32]),
        ("mock_broker_set_down", c_int, [c_void_p, c_int32]),
        ("mock_broker_set_up", c_int, [c_void_p, c_int32]),
    ):
        function = getattr(library, f"rd_kafka_{name}")
        function.restype, function.argtypes = result, arguments
    return library
