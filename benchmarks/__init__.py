"""
Speed, measured side by side in one run: ``python -m benchmarks``.

Smaller ones stand alone: ``benchmarks.dispatch`` beside the same written by hand,
``benchmarks.imports`` beside its dependencies, ``benchmarks.errors`` and ``benchmarks.hostile``.
"""
