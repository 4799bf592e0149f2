"""Answers an event at the URL that it carries; the extra ``callbacks``."""

try:
    from eventrouter.integrations.callbacks.delivery import Signature
    from eventrouter.integrations.callbacks.step import Callbacks
except ImportError as error:
    if (error.name or "").partition(".")[0] != "httpx2":
        raise
    raise ImportError(
        "callbacks need the extra: pip install 'eventrouter[callbacks]'", name=error.name
    ) from error

__all__ = ["Callbacks", "Signature"]
