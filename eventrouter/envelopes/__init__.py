"""The envelopes that come with the package."""
