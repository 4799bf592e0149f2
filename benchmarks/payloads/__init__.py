"""The three payloads, each declared once for attrs, once for msgspec and once for pydantic."""
