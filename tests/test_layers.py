"""The way imports point inside the package."""

from __future__ import annotations

import ast
from pathlib import Path

import eventrouter

PACKAGE = Path(eventrouter.__file__).parent

#: Each module imports from rows above its own only; in a row they don't know each other.
LAYERS = [
    {"errors", "limits", "timestamps", "contexts", "interruption", "bell", "news"},
    {"event", "kinds", "paths", "suggestions", "patterns", "stores.arguments"},
    {"json", "turns", "circuit"},
    {"envelope", "result", "structuring.refusal", "signature", "envelopes.media_types"},
    {"stores.claims", "stores.letters", "stores.calling", "stores.threads", "generators"},
    {
        "envelopes.cloudevents.attributes",
        "envelopes.cloudevents.data",
        "writing",
        "conditions",
        "deadlines",
        "retry",
        "envelopes.json",
        "structuring.recursion",
        "structuring.collecting",
        "structuring.scalars",
        "scope",
        "providers",
        "outcome",
        "signatures.scheme",
        "signatures.keys",
        "signatures.freshness",
        "signatures.replay",
        "letters",
        "stores.entries",
        "stores.outgoing",
        "stores.written",
        "stores.memory.claims",
        "stores.memory.letters",
        "stores.postgres.address",
        "stores.postgres.connections",
        "stores.postgres.failures",
        "stores.postgres.session",
        "stores.redis.failures",
        "stores.redis.scripts",
        "stores.sqlite.failures",
        "stores.sqlite.schema",
        "stores.sqlite.values",
    },
    {
        "envelopes.mapped",
        "envelopes.cloudevents.headers",
        "structuring.json_kinds",
        "structuring.foreign",
        "policy",
        "recovery",
        "threads",
        "signatures.standard_webhooks",
        "signatures.github",
        "signatures.stripe",
        "signatures.slack",
        "signatures.hmac",
        "stores.memory.entries",
        "stores.memory.outgoing",
        "stores.sqlite.outgoing",
        "stores.transactions",
        "stores.postgres.claims",
        "stores.postgres.connecting",
        "stores.postgres.entries",
        "stores.postgres.outgoing",
        "stores.postgres.letters",
        "stores.postgres.schema",
        "stores.redis.server",
        "stores.sqlite.claims",
        "stores.sqlite.database",
        "stores.sqlite.entries",
        "stores.sqlite.letters",
    },
    {
        "envelopes.cloudevents.envelope",
        "structuring.records",
        "structuring.containers",
        "structuring.constraints",
        "stores.memory.store",
        "stores.postgres.database",
        "stores.postgres.transactions",
        "stores.redis.store",
        "stores.sqlite.store",
    },
    {"structuring.unions", "structuring.twins", "payload", "stores.postgres.store"},
    {"converter", "upcasters", "publishing"},
    {"upcasting"},
    {"chains"},
    {"routing"},
    {"schemas.keywords", "schemas.rules", "schemas.wellformed"},
    {"schemas.definitions", "schemas.descriptions", "schemas.scalars", "schemas.constraints"},
    {"schemas.foreign", "schemas.validators", "schemas.unions", "schemas.differences"},
    {"schemas.records", "schemas.arms"},
    {"schemas.types", "schemas.narrowing", "schemas.contract"},
    {"schemas.document", "schemas.samples", "schemas.comparing"},
    {"schemas.examples", "schemas.compatibility"},
    {"groups", "registration", "idempotency", "dead_letters"},
    {"once"},
    {"running", "direct"},
    {"straight"},
    {"dispatch"},
    {"stream", "explanation"},
    {"router"},
    {"processing", "replaying", "relay"},
    {"workers", "outbox"},
    {"inbox"},
]
#: What stands outside the core, and is imported by nothing in it.
OUTSIDE = ("cli.", "integrations.", "testing.")
LEVEL = {module: level for level, row in enumerate(LAYERS) for module in row}


def modules() -> dict[str, Path]:
    return {
        str(path.relative_to(PACKAGE).with_suffix("")).replace("/", "."): path
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    prefix = "eventrouter."
    return {name.removeprefix(prefix) for name in names if name.startswith(prefix)} & set(modules())


def test_every_module_of_the_core_has_a_layer() -> None:
    assert {name for name in modules() if not name.startswith(OUTSIDE)} == set(LEVEL)


def test_imports_point_one_way() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, path in modules().items()
        if name in LEVEL
        for other in imported(path)
        if LEVEL.get(other, len(LAYERS)) >= LEVEL[name]
    ]

    assert wrong == []


def test_nothing_in_the_core_imports_what_stands_outside() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, path in modules().items()
        if not name.startswith(OUTSIDE)
        for other in imported(path)
        if other.startswith(OUTSIDE)
    ]

    assert wrong == []


def test_only_extras_and_schemas_are_imported_inside_functions() -> None:
    inside = {
        alias
        for name, path in modules().items()
        if not name.startswith("cli.")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom)
        for alias in [node.module]
    }

    extras = {"pydantic", "msgspec", "faker", "polyfactory.value_generators.regex"}
    assert inside - extras == {"eventrouter.schemas.document", "eventrouter.schemas.examples"}
