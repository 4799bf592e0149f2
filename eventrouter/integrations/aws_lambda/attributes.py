"""Values of DynamoDB as plain JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, cast

_MOST_DIGITS: Final = 40  # DynamoDB keeps 38, and many more zeros after them


def plain(image: Mapping[str, Any]) -> dict[str, Any]:
    """
    An item, or its key, without the letters that say of what type each value is.

    Whole numbers are integers. Others are texts, as no float could keep their digits, and are
    built as ``Decimal``. Bytes stay base64, as JSON has none. A set is a list.

    Raises:
        ValueError: If a value is none that DynamoDB has.
    """
    return {name: _value(value) for name, value in image.items()}


def _value(attribute: Any) -> Any:
    if not isinstance(attribute, Mapping) or len(cast("Mapping[str, Any]", attribute)) != 1:
        raise ValueError("an attribute value has one type")
    [(kind, value)] = cast("Mapping[str, Any]", attribute).items()
    read = _KINDS.get(kind)
    if read is None:
        raise ValueError("an attribute value is of a type that is not known")
    return read(value)


def _number(text: str) -> int | str:
    number = Decimal(text)  # which raises an ArithmeticError for what is none
    if number == number.to_integral_value() and number.adjusted() < _MOST_DIGITS:
        return int(number)
    return text


def _list_of(read: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    return lambda values: [read(value) for value in values]


def _itself(value: Any) -> Any:
    return value


def _nothing(_: Any) -> None:
    return None


#: By the letters of https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
_KINDS: Final[dict[str, Callable[[Any], Any]]] = {
    "S": _itself,
    "N": _number,
    "B": _itself,
    "BOOL": _itself,
    "NULL": _nothing,
    "SS": _list_of(_itself),
    "NS": _list_of(_number),
    "BS": _list_of(_itself),
    "M": plain,
    "L": _list_of(_value),
}
