"""report.html: one file that works offline, with the run drawn as a space-time diagram.

Sites are lanes and time runs to the right: messages are arrows, cut links are shaded, the owner has a colour, operations
and faults are marks; below stands how many versions of the shared content there were. Data and drawing are apart: the
page's script reads one JSON value and knows nothing of scenarios.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from chaos.report.report import Report
from chaos.report.summary import summary
from chaos.scenario.timeline import dump_timeline
from chaos.worlds.film import Film

_PAGE = Path(__file__).parent / "page"
ARROWS_MAX = 6000
"""More arrows than this make a grey field; then the largest messages are drawn and the page says so."""


def html_report(report: Report, film: Film | None) -> str:
    """The whole page. Without a film the diagram shows operations and faults alone."""
    template = (_PAGE / "report.html").read_text(encoding="utf-8")
    parts = {
        "{{title}}": escape(f"{report.verdict}: {report.timeline.scenario}, seed {report.timeline.seed}"),
        "{{style}}": (_PAGE / "report.css").read_text(encoding="utf-8"),
        "{{script}}": (_PAGE / "report.js").read_text(encoding="utf-8"),
        "{{data}}": _embedded(page_data(report, film)),
    }
    for mark, text in parts.items():
        template = template.replace(mark, text)
    return template


def _embedded(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


def page_data(report: Report, film: Film | None) -> dict[str, Any]:
    """What the script draws. Times are seconds, sites are indices into `sites`."""
    timeline, index = report.timeline, {site: at for at, site in enumerate(report.timeline.sites)}
    return {
        "summary": summary(report),
        "sites": list(timeline.sites),
        "end": round(report.outcome.seconds, 3),
        "members": sorted({index[site] for sites in timeline.members().values() for site in sites}),
        "cuts": [
            {
                "t": cut.t,
                "until": cut.until,
                "from": index[cut.origin],
                "to": index[cut.target],
                "mode": cut.mode,
                "id": cut.id,
            }
            for cut in timeline.cuts()
        ],
        "operations": _operations(report, index),
        "timeline": dump_timeline(timeline),
        **(_film_data(film, index) if film is not None else {"messages": [], "held": [], "owned": [], "all": True}),
    }


def _operations(report: Report, index: dict[str, int]) -> list[dict[str, Any]]:
    guilty = {name for finding in report.findings for name in finding.guilty}
    return [
        {
            "t": call.invoke.t,
            "end": call.end.t if call.end else None,
            "site": index[call.invoke.process],
            "what": call.invoke.f,
            "id": call.invoke.id,
            "type": call.end.type if call.end else "info",
            "value": _shown(call.invoke.value),
            "guilty": call.invoke.id in guilty,
        }
        for call in report.outcome.evidence.history.calls()
    ]


def _shown(value: Any) -> str:
    return ", ".join(
        f"{key}: {json.dumps(inner, ensure_ascii=False)}" for key, inner in value.items() if key != "scope"
    )


def _film_data(film: Film, index: dict[str, int]) -> dict[str, Any]:
    between = [message for message in film.messages if message.src in index and message.dst in index]
    messages = sorted(between, key=lambda message: -message.size)[:ARROWS_MAX]
    return {
        "messages": [[round(m.t, 3), index[m.src], index[m.dst], m.size] for m in sorted(messages, key=lambda m: m.t)],
        "held": [[h.t, index[h.site], h.resource, h.labels] for h in film.held],
        "owned": [[o.t, index[o.site], o.resource, index.get(o.owner or "", -1), o.acting] for o in film.owned],
        "all": film.complete and len(messages) == len(between),
    }
