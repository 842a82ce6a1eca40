/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The size of the database at each backup, as a small curve. PatternFly's charts would be more than the whole page. */

import { absolute, bytes } from "./format.jsx";

const cockpit = window.cockpit;
const _ = cockpit.gettext;
const WIDTH = 300;
const HEIGHT = 60;
const POINTS_MAX = 150;

export function GrowthChart({ history }) {
    if (history.length < 2)
        return null;
    const stride = Math.ceil(history.length / POINTS_MAX);
    const points = history.filter((_point, index) => index % stride === 0 || index === history.length - 1);
    const first = points[0];
    const last = points[points.length - 1];
    const largest = Math.max(...points.map(point => point[1]), 1);
    const duration = Math.max(last[0] - first[0], 1);
    const path = points.map(([when, size]) =>
        `${((when - first[0]) / duration * WIDTH).toFixed(1)},${(HEIGHT - 2 - size / largest * (HEIGHT - 4)).toFixed(1)}`);
    const text = cockpit.format(_("Size from $0 ($1) to $2 ($3)"), bytes(first[1]), absolute(first[0]),
                                bytes(last[1]), absolute(last[0]));
    return (
        <svg className="growth" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={text}>
            <title>{text}</title>
            <polygon points={`0,${HEIGHT} ${path.join(" ")} ${WIDTH},${HEIGHT}`} fill="currentColor" opacity="0.15" />
            <polyline points={path.join(" ")} fill="none" stroke="currentColor" strokeWidth="2" vectorEffect="non-scaling-stroke" />
        </svg>
    );
}
