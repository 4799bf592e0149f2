"""JSON Schemas of the payloads that a router takes."""
