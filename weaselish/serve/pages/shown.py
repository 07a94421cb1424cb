"""How pages show values: times, durations, sizes, numbers, symbols, plots. Everything is escaped."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from markupsafe import Markup

from weaselish.durations import shown_duration
from weaselish.graphs.markup import ICONS, SLUGS, escaped, spelled
from weaselish.graphs.plot import HEIGHT, WIDTH, Point, draw_plot
from weaselish.graphs.svg import definitions
from weaselish.serve.views.metrics import Series
from weaselish.sizes import shown_size

_RESULTS = {  # result of a run -> symbol and words
    "done": "up-to-date",
    "running": "running",
    "failed": "failed",
    "interrupted": "interrupted",
    "inputs changed": "out-of-date",
    "accepted": "accepted",
    "pulled": "fetched",
    "restored": "fetched",
}
_OWN_ICONS = {
    "running": '<circle class="disc" r="9"/><path class="glyph" d="M-2.4 -3.8L3.8 0L-2.4 3.8z"/>',
    "accepted": '<circle class="ring solid" r="8"/><path class="ring solid" d="M-3.4 .3L-1 2.7L3.6 -2.4"/>',
    "fetched": '<circle class="disc" r="9"/><path class="glyph" d="M0 -4.4V3M-3.4 -.2L0 3.2L3.4 -.2"/>',
}


def finalized(value: object) -> object:
    """Return what a template shows of a value: text with invisible characters spelled out, and without secrets."""
    if value is None:
        return ""
    return spelled(value, keep="\n") if isinstance(value, str) and not isinstance(value, Markup) else value


def symbols() -> Markup:
    """Return the hidden element that all symbols refer to."""
    own = "".join(f'<g id="icon-{name}">{shape}</g>' for name, shape in _OWN_ICONS.items())
    content = definitions().replace("</defs>", f"{own}</defs>")
    return Markup(f'<svg class="graph definitions" width="0" height="0" aria-hidden="true">{content}</svg>')


def icon(slug: str) -> Markup:
    """Return the symbol of a state. The words beside it say the same."""
    known = {*SLUGS.values(), *_OWN_ICONS} if ICONS else set()
    name = slug if slug in known else "unknown"
    return Markup(
        f'<svg class="graph icon" viewBox="-10 -10 20 20" aria-hidden="true"><use href="#icon-{name}"/></svg>'
    )


def result_slug(result: str) -> str:
    """Return the symbol's name for the result of a run."""
    return _RESULTS.get(result, "unknown")


def moment(seconds: float | None) -> Markup:
    """Return a time in UTC, which the page's script turns into the reader's own."""
    if seconds is None:
        return Markup("")
    try:
        parts = time.gmtime(seconds)
        text, machine = time.strftime("%Y-%m-%d %H:%M", parts), time.strftime("%Y-%m-%dT%H:%M:%SZ", parts)
    except (ValueError, OverflowError, OSError):
        return Markup("?")
    return Markup(f'<time datetime="{machine}">{text} UTC</time>')


def duration(seconds: float | None) -> str:
    """Return a duration, nothing for an unknown one."""
    return "" if seconds is None else shown_duration(seconds)


def size(count: int | None) -> str:
    """Return a number of bytes, nothing for an unknown one."""
    return "" if count is None else shown_size(count)


def counted(count: int, noun: str) -> str:
    """Return `1 step`, `2 steps`, `1,000 steps`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def plot(series: Series, link: Callable[[int, str], str | None]) -> Markup:
    """Return a plot of a metric over runs. `link` returns the page of a run."""
    points = [Point(str(one.run)[-6:], one.value, link(one.run, one.command), one.command) for one in series.values]
    first, last = series.values[0].value, series.values[-1].value
    title = f"{series.metric}: {counted(len(points), 'run')}, first {first:.6g}, last {last:.6g}"
    drawn = "\n".join(draw_plot(points, series.metric))
    return Markup(
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="group" aria-label="{escaped(title)}">{drawn}</svg>'
    )


def utc(text: str) -> Markup:
    """Return a time of ISO 8601 in UTC as `moment` does; other text as it is."""
    try:
        return moment(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        return Markup(escaped(text))


def words(values: Sequence[str | None], index: int) -> Markup:
    """Return one of several forms of a script line, with the words marked that another form does not have."""
    text = values[index] or ""
    others = [set(value.split()) for place, value in enumerate(values) if place != index and value is not None]
    shown = [
        escaped(word) if all(word in other for other in others) else f"<mark>{escaped(word)}</mark>"
        for word in text.split()
    ]
    return Markup(f"<code>{' '.join(shown)}</code>")


def ticked(text: str | None) -> Markup:
    """Return a text in which what stands between backticks looks like code."""
    parts = (text or "").split("`")
    is_paired = len(parts) % 2 == 1
    shown = (
        f"<code>{escaped(part)}</code>" if at % 2 and is_paired else escaped(part) for at, part in enumerate(parts)
    )
    return Markup("".join(shown) if is_paired else escaped(text or ""))
