"""Signature schemes: whether what arrived comes from who it says, and signing what is sent."""

from eventrouter.signatures.github import GitHub
from eventrouter.signatures.hmac import HMAC
from eventrouter.signatures.replay import Guard, ReplayGuard, StoreGuard
from eventrouter.signatures.scheme import Scheme
from eventrouter.signatures.slack import Slack
from eventrouter.signatures.standard_webhooks import StandardWebhooks
from eventrouter.signatures.stripe import Stripe
from eventrouter.stores.claims import Claim

__all__ = [
    "HMAC",
    "Claim",
    "GitHub",
    "Guard",
    "ReplayGuard",
    "Scheme",
    "Slack",
    "StandardWebhooks",
    "StoreGuard",
    "Stripe",
]
