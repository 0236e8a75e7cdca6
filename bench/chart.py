# SPDX-License-Identifier: MIT
"""SVG by hand: bars of ratios on a logarithmic scale, and curves. Colours hold on light and dark pages."""
import html
import math

STYLE = ("text{font:12px sans-serif;fill:#57606a}.t{font-size:14px;font-weight:bold}.g{stroke:#8884;stroke-width:1}"
         ".vds{fill:#2f81f7}.tgt{fill:#8b949e}.goal{stroke:#d29922;stroke-width:2}.line{fill:none;stroke:#2f81f7;stroke-width:2}")


def _page(width, height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
            f"<style>{STYLE}</style>{''.join(parts)}</svg>\n")


def _text(x, y, text, anchor="start", kind=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" class="{kind}">{html.escape(text)}</text>'


def bars(title, rows):
    """rows: (label, ratio, goal or None). 1 is the peer; the tick is the goal."""
    left, right, line = 330, 60, 22
    width, top = 860, 56
    height = top + line * len(rows) + 16
    values = [v for _, r, g in rows for v in (r, g) if v]
    low, high = math.log(min([0.5, *values])), math.log(max([2, *values]) * 1.1)

    def x(value):
        return left + (math.log(value) - low) / (high - low) * (width - left - right)
    parts = [_text(12, 20, title, kind="t")]
    for mark in (0.25, 0.5, 1, 2, 5, 10, 20, 50, 100):
        if low <= math.log(mark) <= high:
            parts.append(f'<line class="g" x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="{top - 10}" y2="{height - 12}"/>')
            parts.append(_text(x(mark), top - 16, f"{mark:g}", "middle"))
    for i, (label, ratio, goal) in enumerate(rows):
        y = top + i * line
        begin, end = sorted((x(1), x(ratio)))
        parts.append(_text(left - 10, y + 11, label, "end"))
        parts.append(f'<rect class="vds" x="{begin:.1f}" y="{y}" width="{max(end - begin, 1):.1f}" height="14"/>')
        parts.append(_text(max(end, x(goal) if goal else 0) + 5, y + 11, f"{ratio:.2f}"))
        if goal:
            parts.append(f'<line class="goal" x1="{x(goal):.1f}" x2="{x(goal):.1f}" y1="{y - 3}" y2="{y + 17}"/>')
    return _page(width, height, parts)


def curve(title, unit, points):
    """points: (x, y), x on a logarithmic scale, y from 0."""
    width, height, left, right, top, bottom = 640, 320, 60, 30, 40, 40
    high = max(y for _, y in points) * 1.25
    first, last = math.log(points[0][0]), math.log(points[-1][0])

    def at(px, py):
        return (left + (math.log(px) - first) / (last - first) * (width - left - right), height - bottom - py / high * (height - top - bottom))
    parts = [_text(12, 20, title, kind="t")]
    for i in range(5):
        _, y = at(points[0][0], high * i / 4)
        parts.append(f'<line class="g" x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(left - 8, y + 4, f"{high * i / 4:.2f}", "end"))
    parts.append(_text(left, top - 8, unit))
    parts.append('<polyline class="line" points="' + " ".join("{:.1f},{:.1f}".format(*at(*p)) for p in points) + '"/>')
    for px, py in points:
        x, y = at(px, py)
        parts.append(f'<circle class="vds" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' + _text(x, y - 10, f"{py:.2f}", "middle"))
        parts.append(_text(x, height - bottom + 18, f"{px:,}", "middle"))
    return _page(width, height, parts)
