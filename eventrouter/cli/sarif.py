"""
Findings in SARIF 2.1.0, as code hosts show them beside the code.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from eventrouter import __version__
from eventrouter.schemas.compatibility import Finding
from eventrouter.schemas.rules import DEFAULT_CHANGED, RULES, Level, Rule

_SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def sarif_log(findings: Iterable[Finding], uri: str, text: str) -> dict[str, Any]:
    """
    A log of one run.

    Args:
        findings: What was found.
        uri: Where the lock lies, from the root of the repository.
        text: The lock; a finding is shown at the line of its event in it.
    """
    lines = text.splitlines()
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "eventrouter",
                        "semanticVersion": __version__,
                        "rules": [_rule(rule) for rule in RULES],
                    }
                },
                "results": [_result(finding, uri, lines) for finding in findings],
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    level = Level.WARNING if rule is DEFAULT_CHANGED else Level.ERROR
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.backward},
        "help": {"text": rule.fix},
        "defaultConfiguration": {"level": level},
    }


def _result(finding: Finding, uri: str, lines: list[str]) -> dict[str, Any]:
    event = " ".join(filter(None, (finding.event_type, finding.version)))
    return {
        "ruleId": finding.rule,
        "ruleIndex": next(i for i, rule in enumerate(RULES) if rule.id == finding.rule),
        "level": finding.level,
        "message": {"text": str(finding)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri},
                    "region": {"startLine": _line_of(finding, lines)},
                },
                "logicalLocations": [{"fullyQualifiedName": f"{event} {finding.path}"}],
            }
        ],
        # By which a code host knows that a finding is the one it showed before.
        "partialFingerprints": {
            "finding/v1": f"{finding.direction}:{event}:{finding.path}:{finding.rule}"
        },
    }


def _line_of(finding: Finding, lines: list[str]) -> int:
    """The line of the event, counted from 1; the first if the lock does not have it."""
    of_type = f'"type": {json.dumps(finding.event_type, ensure_ascii=False)},'
    of_version = f'"version": {json.dumps(finding.version, ensure_ascii=False)}'
    near = [number for number, line in enumerate(lines, 1) if line.strip() == of_type]
    exact = (number for number in near if lines[number].strip().startswith(of_version))
    return next(exact, near[0] if near else 1)
