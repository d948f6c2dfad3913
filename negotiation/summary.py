"""Summary: a report in two sentences, with what to do first.

Knows: findings, the preference that follows from them.
Must not know: what was seen.
"""

from __future__ import annotations

from typing import Final

from byway.negotiation.report import Report, Verdict

NOT_ASKED: Final = "Whether your application accepts this path was not tested."
"""What a doctor does not know: a probe never reaches the application."""


def summary(report: Report, last: str | None) -> str:
    """Return what a report says in short.

    Args:
        report: the findings and the preference.
        last: the transport that carried the session last, if this is about one.
    """
    names = [one.transport for one in report.findings]
    verdicts = {one.verdict for one in report.findings}
    if report.in_use or last:
        said = f"{report.in_use} carries the session."
        if not report.in_use:
            said = f"{last} carried the session last."
        if report.preference and any(
            one.evidence.tried and one.verdict is not Verdict.WORKS for one in report.findings
        ):
            said += f" To spare the next session these attempts, prefer: {report.preference}"
        return said
    said_no = [one.evidence.status for one in report.findings if one.evidence.mark == "refused"]
    if said_no and not report.preference:
        return (
            "byway is served here, and the application refused the session with status "
            f"{said_no[0]}. Another transport would not change that."
        )
    if report.preference:
        if report.preference == ", ".join(names) and verdicts == {Verdict.WORKS}:
            return (
                "byway is served here, and everything that was tried works. "
                f"You need to set nothing. {NOT_ASKED} The preference: {report.preference}"
            )
        return (
            f"byway is served here and works. {NOT_ASKED} connect() finds a way by itself; to "
            "spare it the search, set the preference (BYWAY_TRANSPORTS or transports=): "
            f"{report.preference}"
        )
    if report.served:
        return "byway is served here, but no transport gets through. See the reason beside each."
    if report.served is False:
        return (
            "byway is not served at this URL. Check the path. The server's application has to be "
            "wrapped in FallbackMiddleware, or be an Endpoint."
        )
    if verdicts == {Verdict.UNREACHABLE}:
        return "The server cannot be reached. " + report.findings[0].advice
    return "Nothing got through, and nothing shows whether byway is served at this URL."
