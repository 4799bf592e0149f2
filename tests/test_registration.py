"""What is refused when it is registered, and what is not."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from attrs import define, frozen

from eventrouter import Event, Metadata, RegistrationError, Result, Router
from tests.routed import an_event

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForTypes


@frozen
class User:
    user_id: str


class Plain:
    def __init__(self, anything: Any) -> None:
        self.anything = anything


def refused(handler: Any, match: str, **further: Any) -> RegistrationError:
    """The error of registering it, which comes at once."""
    with pytest.raises(RegistrationError, match=match) as caught:
        Router().on("user.created", **further)(handler)
    return caught.value


def refused_when_compiled(router: Router, match: str) -> RegistrationError:
    with pytest.raises(RegistrationError, match=match) as caught:
        router.compile()
    return caught.value


def handled(handler: Any, payload: Any = None) -> Any:
    """What it returns when an event goes to it."""
    router = Router()
    router.on("user.created")(handler)
    payload = {"user_id": "5"} if payload is None else payload
    (result,) = router.dispatch_sync(an_event("user.created", payload)).handlers
    return result.value


def assert_names(error: RegistrationError, function: Any) -> None:
    code = function.__code__
    name = f"{function.__module__}.{function.__qualname__}"
    assert f"{name} ({__file__}:{code.co_firstlineno})" in str(error)


# Decorating


def test_the_decorator_returns_the_very_function() -> None:
    router = Router()

    def handle(user: User) -> None: ...
    def observe(event: Event[Any]) -> None: ...

    assert router.on("user.created")(handle) is handle
    assert router.on_any(observe) is observe
    assert router.on_any(thread=False)(observe2 := lambda_like()) is observe2
    assert router.fallback(observe) is observe


def lambda_like() -> Callable[[Any], None]:
    def observe(event: Any) -> None: ...

    return observe


def test_hooks_are_returned_as_they_were() -> None:
    router = Router()

    def before(event: Event[Any]) -> None: ...
    def after(event: Event[Any], error: BaseException | None) -> None: ...
    async def around(event: Event[Any], call_next: Any) -> Result:
        return await call_next(event)  # type: ignore[no-any-return]

    assert router.before(before) is before
    assert router.after(after) is after
    assert router.middleware(around) is around


def test_one_decorator_may_register_several_functions() -> None:
    router = Router()
    on_created = router.on("user.created", where={"user_id": "5"})
    on_created(lambda_like())
    on_created(lambda_like())

    assert len(router.dispatch_sync(an_event("user.created", {"user_id": "5"})).handlers) == 2


# The first parameter


def test_a_payload_without_an_annotation_is_refused() -> None:
    def handle(user):  # type: ignore[no-untyped-def]
        ...

    error = refused(handle, "the parameter 'user' has no annotation; annotate it")
    assert_names(error, handle)


def test_a_lambda_is_refused_as_it_has_no_annotation() -> None:
    refused(lambda user: None, r"test_registration\.py:\d+\): the parameter 'user' has no annot")


def test_a_function_without_parameters_is_refused() -> None:
    def handle() -> None: ...

    assert_names(refused(handle, "takes no payload"), handle)


def test_a_function_whose_first_parameter_is_keyword_only_is_refused() -> None:
    def handle(*, user: User) -> None: ...

    assert_names(refused(handle, "takes no payload"), handle)


def test_a_function_of_any_arguments_is_refused_with_a_word_on_decorators() -> None:
    def handle(*args: Any, **kwargs: Any) -> None: ...

    assert_names(refused(handle, r"takes no payload.*functools\.wraps"), handle)


def test_a_partial_whose_payload_is_bound_is_refused() -> None:
    def handle(user: User) -> None: ...

    refused(functools.partial(handle, User("5")), "takes no payload")


# What can't be a handler


@pytest.mark.parametrize("a_class", [User, Plain, dict, int])
def test_a_class_is_refused(a_class: type) -> None:
    refused(a_class, f"{a_class.__qualname__} is a class; register an instance")


@pytest.mark.parametrize("thing", [None, 5, "handle", Plain(1)])
def test_what_can_not_be_called_is_refused(thing: Any) -> None:
    refused(thing, "can't be called")


@pytest.mark.parametrize("kind", [staticmethod, classmethod])
def test_a_static_or_class_method_in_the_making_is_refused(kind: Any) -> None:
    def handle(user: User) -> None: ...

    refused(kind(handle), "from outside the class")


def test_a_method_that_belongs_to_no_instance_is_refused() -> None:
    class Handlers:
        def handle(self, user: User) -> None: ...

    error = refused(Handlers.handle, r"register the method of an instance")
    assert_names(error, Handlers.handle)


def test_a_builtin_without_annotations_is_refused() -> None:
    refused(len, r"builtins\.len \(no source\)")


def test_what_has_no_signature_is_refused() -> None:
    refused(list[int], "has no signature that Python can read")


# Further parameters


def test_a_further_parameter_that_is_positional_only_is_refused() -> None:
    def handle(user: User, event: Event[Any], /) -> None: ...

    assert_names(refused(handle, "'event' is positional-only; only the first may be"), handle)


def test_the_first_parameter_may_be_positional_only() -> None:
    def handle(user: User, /, event: Event[Any]) -> tuple[Any, ...]:
        return user, event.type

    assert handled(handle) == (User("5"), "user.created")


def test_a_further_parameter_without_an_annotation_is_refused() -> None:
    def handle(user: User, connection) -> None:  # type: ignore[no-untyped-def]
        ...

    assert_names(refused(handle, "'connection' has no annotation to fill it by"), handle)


def test_a_parameter_that_nothing_provides_is_refused_when_compiled() -> None:
    router = Router()

    @router.on("user.created")
    def handle(user: User, plain: Plain) -> None: ...

    error = refused_when_compiled(router, r"nothing provides .*Plain for the parameter 'plain'")
    assert_names(error, handle)
    with pytest.raises(RegistrationError, match="nothing provides"):
        router.process_sync(an_event("user.created"))


def test_a_parameter_may_be_provided_after_the_handler_was_registered() -> None:
    router = Router()

    @router.on("user.created")
    def handle(user: User, plain: Plain) -> Any:
        return plain.anything

    router.provide(Plain, Plain(7))
    result = router.dispatch_sync(an_event("user.created", {"user_id": "5"}))

    assert result.handlers[0].value == 7


def test_a_parameter_with_a_default_need_not_be_provided() -> None:
    def handle(user: User, plain: Plain | None = None, untyped=3) -> Any:  # type: ignore[no-untyped-def]
        return plain, untyped

    assert handled(handle) == (None, 3)


def test_variadic_parameters_after_the_first_are_given_nothing() -> None:
    def handle(user: User, *args: int, metadata: Metadata, **kwargs: int) -> Any:
        return args, dict(metadata), kwargs

    assert handled(handle) == ((), {}, {})


# Annotations


@frozen
class HoldsPlain:
    plain: Plain


@pytest.mark.parametrize(
    "annotation",
    [
        Plain,
        list[Plain],
        HoldsPlain,
        Plain | None,
        Event[Plain],
        5,
        Annotated[int, ["unhashable"]],
        Callable[[], int],
    ],
)
def test_an_annotation_that_nothing_builds_is_refused(annotation: Any) -> None:
    def handle(payload: Any) -> None: ...

    handle.__annotations__ = {"payload": annotation}

    assert_names(refused(handle, "can't build its payload"), handle)


@pytest.mark.parametrize("annotation", ["list[", "1 +", "5 + 'a'"])
def test_an_annotation_that_is_no_expression_is_refused(annotation: str) -> None:
    def handle(payload: Any) -> None: ...

    handle.__annotations__ = {"payload": annotation}

    assert_names(refused(handle, "an annotation can't be read"), handle)


@pytest.mark.parametrize("annotation", [Annotated[User, "doc"], "Annotated[User, 'doc']"])
def test_an_annotated_payload_is_built_as_what_is_annotated(annotation: Any) -> None:
    def handle(payload: Any) -> Any:
        return payload

    handle.__annotations__ = {"payload": annotation}

    assert handled(handle) == User("5")


def test_an_annotated_event_is_an_event() -> None:
    def handle(event: Annotated[Event[User], "doc"]) -> Any:
        return event.type, event.payload

    assert handled(handle) == ("user.created", User("5"))


def test_annotations_that_are_no_text_do_as_well() -> None:
    def handle(payload: Any, event: Any) -> Any:
        return payload, event.payload

    handle.__annotations__ = {"payload": User, "event": Event}

    assert handled(handle) == (User("5"), User("5"))


@pytest.mark.parametrize("annotation", ["Later", "list[Later]", "models.Later", "Event[Later]"])
def test_a_name_that_exists_later_is_resolved_later(annotation: str) -> None:
    module: dict[str, Any] = {"Event": Event, "models": Plain(None)}
    exec(f"def handle(payload: '{annotation}') -> None: ...", module)
    router = Router()
    router.on("user.created")(module["handle"])

    refused_when_compiled(router, "Later.*, in an annotation; define or import it at module level")
    module["Later"] = module["models"].Later = int
    payload = [5] if annotation.startswith("list") else 5

    assert router.dispatch_sync(an_event("user.created", payload)).ok


@frozen
class Recursive:
    inner: Later | None


EARLY = Router()


@EARLY.on("user.created")
def handle_recursive(payload: Recursive) -> Any:
    return payload.inner


@frozen
class Later:
    user_id: str


def test_a_name_in_the_payload_s_class_may_exist_later_too() -> None:
    result = EARLY.dispatch_sync(an_event("user.created", {"inner": {"user_id": "5"}}))

    assert result.handlers[0].value == Later("5")


def test_a_payload_imported_for_type_checking_only_is_refused_when_compiled() -> None:
    router = Router()

    @router.on("user.created")
    def handle(amount: OnlyForTypes) -> None: ...

    error = refused_when_compiled(router, r"'OnlyForTypes' is not defined.*TYPE_CHECKING")
    assert_names(error, handle)


def test_what_a_handler_returns_may_be_imported_for_type_checking_only() -> None:
    def handle(user: User) -> OnlyForTypes | str:
        return user.user_id

    assert handled(handle) == "5"


def test_an_observer_of_one_payload_type_is_refused() -> None:
    def observe(user: User) -> None: ...

    with pytest.raises(RegistrationError, match="sees events of every type") as caught:
        Router().on_any(observe)
    assert_names(caught.value, observe)


@pytest.mark.parametrize("annotation", [Event, Event[Any], Any, object, "Event"])
def test_an_observer_takes_any_event(annotation: Any) -> None:
    def observe(event: Any) -> None: ...

    observe.__annotations__ = {"event": annotation}
    router = Router(unrouted="ignore")
    router.on_any(observe)

    assert router.dispatch_sync(an_event("user.created")).ok


# Keys


@pytest.mark.parametrize("pattern", ["", "a..b", "a.b*", ".", None, 5])
def test_a_wrong_pattern_is_refused(pattern: Any) -> None:
    with pytest.raises(RegistrationError, match="pattern"):
        Router().on(pattern)(lambda_like())


@pytest.mark.parametrize("version", ["", 1, 1.0, b"v1", ["v1"]])
def test_a_version_that_is_no_text_is_refused(version: Any) -> None:
    refused(lambda_like(), "a version is text, such as 'v1'", version=version)
    with pytest.raises(RegistrationError, match="a version is text"):
        Router(default_version=version)


def test_a_function_twice_on_one_key_is_refused() -> None:
    router = Router()
    handler = lambda_like()
    router.on("user.created", version="v1", where={"a": 1})(handler)

    with pytest.raises(RegistrationError, match=r"on 'user\.created' twice") as caught:
        router.on("user.created", version="v1", where={"a": 1})(handler)

    assert_names(caught.value, handler)


@pytest.mark.parametrize(
    "further", [{"version": "v1"}, {"where": {"a": 1}}, {"where": len}, {"type": "user.*"}]
)
def test_a_function_may_be_on_several_keys(further: dict[str, Any]) -> None:
    router = Router()
    handler = lambda_like()
    router.on("user.created")(handler)
    router.on(**{"type": "user.created", **further})(handler)

    router.compile()


def test_what_is_refused_leaves_nothing_behind() -> None:
    router = Router()
    handler = lambda_like()
    router.on("user.created")(handler)
    with pytest.raises(RegistrationError):
        router.on("user.created")(handler)
    with pytest.raises(RegistrationError):
        router.on("user.created")(Plain)

    assert len(router.routes()) == 1


def test_an_observer_twice_is_refused() -> None:
    router = Router()
    observer = router.on_any(lambda_like())

    with pytest.raises(RegistrationError, match="twice"):
        router.on_any(observer)


def test_a_second_fallback_is_refused_and_names_the_first() -> None:
    router = Router()
    first = router.fallback(lambda_like())

    with pytest.raises(RegistrationError, match="the fallback is") as caught:
        router.fallback(lambda_like())
    assert_names(caught.value, first)


@pytest.mark.parametrize("order", ["own first", "included first", "both included"])
def test_a_function_twice_on_one_key_through_includes_is_refused(order: str) -> None:
    router, inner = Router(), Router()
    handler = inner.on("created")(lambda_like())
    router.include(inner, prefix="user.")
    if order == "both included":
        other = Router()
        router.include(other)
        other.on("user.created")(handler)
    else:
        router.on("user.created")(handler)

    error = refused_when_compiled(router, "is registered on 'user.created' twice")
    assert_names(error, handler)


def test_a_router_twice_under_one_prefix_is_refused() -> None:
    router, inner = Router(), Router()
    inner.on("created")(lambda_like())
    router.include(inner, prefix="user.")

    with pytest.raises(RegistrationError, match="included already"):
        router.include(inner, prefix="user.")


@pytest.mark.parametrize("prefix", [".", "user..", ".user."])
def test_a_prefix_with_an_empty_segment_is_refused(prefix: str) -> None:
    with pytest.raises(RegistrationError, match="it is whole segments"):
        Router().include(Router(), prefix=prefix)


def test_what_is_no_router_is_not_included() -> None:
    with pytest.raises(RegistrationError, match="5 is no Router"):
        Router().include(5)  # type: ignore[arg-type]


def test_a_generator_is_no_hook() -> None:
    def hook(event: Event) -> Iterator[None]:
        yield

    with pytest.raises(RegistrationError, match="generator function"):
        Router().before(hook)


def test_a_predicate_that_does_not_take_the_event_is_refused() -> None:
    with pytest.raises(RegistrationError, match="must take the event alone"):
        Router().on("a", where=lambda: True)(lambda_like())  # type: ignore[arg-type]


# Including


@pytest.mark.parametrize("prefix", ["user", "*.", "**.", "user.*.", "us*er."])
def test_a_prefix_that_is_not_whole_segments_is_refused(prefix: str) -> None:
    with pytest.raises(RegistrationError, match="it is whole segments"):
        Router().include(Router(), prefix=prefix)


def test_a_router_can_not_include_itself() -> None:
    router = Router()
    with pytest.raises(RegistrationError, match="can't include itself"):
        router.include(router, prefix="a.")


def test_routers_can_not_include_each_other_in_a_circle() -> None:
    first, second, third = Router(), Router(), Router()
    first.include(second)
    second.include(third)

    with pytest.raises(RegistrationError, match="not even through another"):
        third.include(first, prefix="a.")


# Hooks


@pytest.mark.parametrize(
    ("kind", "hook", "match"),
    [
        ("before", lambda: None, "must take the event"),
        ("before", lambda event, error: None, "must take the event"),
        ("before", lambda *, event: None, "must take the event"),
        ("before", 5, "5 can't be called"),
        ("after", lambda event: None, "must take the event and the error or None"),
        ("after", lambda event, error, more: None, "must take the event and the error or None"),
        ("after", None, "None can't be called"),
        ("middleware", lambda event, call_next: None, "must be async"),
        ("middleware", 5, "must be async"),
    ],
)
def test_a_hook_of_the_wrong_shape_is_refused(kind: str, hook: Any, match: str) -> None:
    with pytest.raises(RegistrationError, match=match):
        getattr(Router(), kind)(hook)


def test_middleware_of_the_wrong_shape_is_refused() -> None:
    async def around(event: Event[Any]) -> Any: ...

    wrong: Any = around
    with pytest.raises(RegistrationError, match="must take the event and call_next") as caught:
        Router().middleware(wrong)
    assert_names(caught.value, around)


# Settings


@pytest.mark.parametrize("count", [0, -1])
def test_a_router_needs_a_thread(count: int) -> None:
    with pytest.raises(RegistrationError, match="at least one"):
        Router(max_threads=count)


def test_a_router_needs_an_envelope() -> None:
    with pytest.raises(RegistrationError, match="at least one"):
        Router(envelope=[])


def test_a_type_provided_twice_is_refused() -> None:
    router = Router()
    router.provide(int, 5)
    with pytest.raises(RegistrationError, match="is provided already"):
        router.provide(int, 6)


# What else may be a handler


class Service:
    def __init__(self, name: str) -> None:
        self.name = name

    def handle(self, user: User) -> str:
        return f"{self.name} {user.user_id}"

    async def handle_async(self, user: User) -> str:
        return f"{self.name} {user.user_id}"

    @classmethod
    def of_class(cls, user: User) -> str:
        return f"{cls.__name__} {user.user_id}"

    @staticmethod
    def static(user: User) -> str:
        return f"static {user.user_id}"

    def __call__(self, user: User) -> str:
        return f"called {self.name} {user.user_id}"


class AsyncService:
    async def __call__(self, user: User) -> str:
        return f"async {user.user_id}"


@define
class Unhashable:
    """An object with ``__eq__`` and no ``__hash__``."""

    name: str

    def __call__(self, user: User) -> str:
        return f"{self.name} {user.user_id}"

    def handle(self, user: User) -> str:
        return f"method of {self.name} {user.user_id}"


@frozen
class HoldsUnhashable:
    """An object whose ``__hash__`` raises."""

    names: list[str]

    def __call__(self, user: User) -> str:
        return f"{self.names} {user.user_id}"


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return "logged", function(*args, **kwargs)

    return wrapper


def logged_async(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return "logged", await function(*args, **kwargs)

    return wrapper


def with_name(name: str, user: User, suffix: str = "") -> str:
    return f"{name} {user.user_id}{suffix}"


async def async_with_name(name: str, user: User) -> str:
    return f"{name} {user.user_id}"


@logged
def logged_handler(user: User) -> str:
    return user.user_id


@logged_async
async def logged_async_handler(user: User) -> str:
    return user.user_id


HANDLERS: list[tuple[Any, Any]] = [
    (Service("a").handle, "a 5"),
    (Service("a").handle_async, "a 5"),
    (Service.of_class, "Service 5"),
    (Service.static, "static 5"),
    (Service("a"), "called a 5"),
    (AsyncService(), "async 5"),
    (Unhashable("a"), "a 5"),
    (Unhashable("a").handle, "method of a 5"),
    (HoldsUnhashable(["a"]), "['a'] 5"),
    (functools.partial(with_name, "a"), "a 5"),
    (functools.partial(with_name, "a", suffix="!"), "a 5!"),
    (functools.partial(functools.partial(with_name, "a"), suffix="?"), "a 5?"),
    (functools.partial(async_with_name, "a"), "a 5"),
    (functools.partial(Service("a")), "called a 5"),
    (functools.partial(AsyncService()), "async 5"),
    (logged_handler, ("logged", "5")),
    (logged_async_handler, ("logged", "5")),
    (logged(Service("a").handle), ("logged", "a 5")),
    (functools.lru_cache(logged_handler), ("logged", "5")),
]
IDS = [f"{number} {type(handler).__name__}" for number, (handler, _) in enumerate(HANDLERS)]


@pytest.mark.parametrize(("handler", "expected"), HANDLERS, ids=IDS)
def test_whatever_can_be_called_may_be_a_handler(handler: Any, expected: Any) -> None:
    assert handled(handler) == expected


@pytest.mark.anyio
@pytest.mark.parametrize(("handler", "expected"), HANDLERS, ids=IDS)
async def test_it_may_be_one_with_an_event_loop_too(handler: Any, expected: Any) -> None:
    router = Router()
    router.on("user.created")(handler)
    (result,) = (await router.dispatch(an_event("user.created", {"user_id": "5"}))).handlers
    assert result.value == expected


def test_an_async_handler_that_a_decorator_hides_is_awaited() -> None:
    def hiding(function: Callable[[User], Awaitable[str]]) -> Callable[[User], Awaitable[str]]:
        @functools.wraps(function)
        def wrapper(user: User) -> Awaitable[str]:
            return function(user)

        return wrapper

    @hiding
    async def handle(user: User) -> str:
        return user.user_id

    assert handled(handle) == "5"


def test_a_decorated_call_is_read_where_it_was_written() -> None:
    elsewhere: dict[str, Any] = {"functools": functools}
    exec(
        "def logged(f):\n"
        "    @functools.wraps(f)\n"
        "    def wrapper(*args, **kwargs): return f(*args, **kwargs)\n"
        "    return wrapper\n",
        elsewhere,
    )

    class Decorated:
        @elsewhere["logged"]  # type: ignore[untyped-decorator]
        def __call__(self, user: User) -> str:
            return user.user_id

    assert handled(Decorated()) == "5"


def test_a_result_names_the_function_under_partials_and_decorators() -> None:
    router = Router()
    for handler in (functools.partial(with_name, "a"), logged_handler, Service("a")):
        router.on("user.created")(handler)

    result = router.dispatch_sync(an_event("user.created", {"user_id": "5"}))

    assert [handler.handler.removeprefix(f"{__name__}.") for handler in result.handlers] == [
        "with_name",
        "logged_handler",
        "Service.__call__",
    ]


def test_methods_of_two_instances_are_two_handlers() -> None:
    router = Router()
    for name in ("a", "b"):
        router.on("user.created")(Service(name).handle)

    result = router.dispatch_sync(an_event("user.created", {"user_id": "5"}))

    assert [handler.value for handler in result.handlers] == ["a 5", "b 5"]


def test_one_method_of_one_instance_twice_is_refused() -> None:
    router, service = Router(), Service("a")
    router.on("user.created")(service.handle)

    with pytest.raises(RegistrationError, match="twice"):
        router.on("user.created")(service.handle)
