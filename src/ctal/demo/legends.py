"""Keys of maps in HTML, for light and dark pages and for screen readers."""

from __future__ import annotations

import base64
import html
import io

import numpy as np
from PIL import Image

from ctal.demo.texts import percent_html
from ctal.maps.colormaps import apply_colormap
from ctal.tasks.keys import ClassKey, Key, ScaleKey, SphereKey

_MOST = 16  # classes


def legend_html(key: Key | None) -> str:
    """Return the meaning of the colors of a map in HTML; "" without one."""
    match key:
        case ClassKey():
            return _classes(key)
        case ScaleKey():
            return _scale(key)
        case SphereKey():
            return _sphere(key)
    return ""


def _classes(key: ClassKey) -> str:
    entries = [
        f'<li><span class="ctal-swatch" style="background:{color}"></span>'
        f"{html.escape(name)} {'' if share is None else percent_html(share)}</li>"
        for color, name, share in key.entries[:_MOST]
    ]
    if (others := len(key.entries) - _MOST) > 0:
        entries.append(f"<li>{others} other classes</li>")
    return f'<ul class="ctal-classes">{"".join(entries)}</ul>'


def _scale(key: ScaleKey) -> str:
    colors = apply_colormap(np.linspace(0, 1, 9), key.colormap)
    stops = ", ".join(f"rgb({r} {g} {b})" for r, g, b in colors)
    unit = f" {key.unit}" if key.unit else ""
    low, high = (
        html.escape(f"{value:.2f}{unit} {word}".strip())
        for value, word in ((key.low, key.ends[0]), (key.high, key.ends[1]))
    )
    return (
        f'<div class="ctal-scale" style="background:linear-gradient(to right, {stops})"></div>'
        f'<div class="ctal-ends"><span>{low}</span><span>{high}</span></div>'
    )


def _sphere(key: SphereKey) -> str:
    opaque = (key.inside.numpy() * 255).astype(np.uint8)
    pixels = np.dstack([key.sphere.movedim(0, -1).numpy(), opaque])
    content = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(content, "PNG")
    data = base64.b64encode(content.getvalue()).decode()
    return (
        f'<div class="ctal-sphere"><img src="data:image/png;base64,{data}" alt="">'
        f"<span>{html.escape(key.text)}</span></div>"
    )
