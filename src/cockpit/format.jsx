/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Numbers, sizes and moments as the reader's language writes them. */

import { useEffect, useState } from "react";

import { Timestamp } from "@patternfly/react-core";

import { landmark } from "./landmark.js";

const cockpit = window.cockpit;
const _ = cockpit.gettext;
const NEVER_USEC = 1.8e19; /* the highest number of the bus, which Cockpit may give as -1 */
const UNITS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30.44], ["month", 12], ["year", Infinity]];
const MINUTE_MS = 60000;

const language = () => cockpit.language.replace("_", "-");

export function number(value) {
    return Number(value).toLocaleString(language());
}

export function signed(value) {
    return Number(value).toLocaleString(language(), { signDisplay: "exceptZero" });
}

export function percent(share) {
    return Number(share).toLocaleString(language(), { style: "percent", maximumFractionDigits: 0 });
}

export function bytes(value) {
    const names = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"];
    const power = Math.min(Math.floor(Math.log10(Math.max(Math.abs(value), 1)) / 3), names.length - 1);
    return (value / 1000 ** power).toLocaleString(language(), {
        style: "unit",
        unit: names[power],
        unitDisplay: power === 0 ? "long" : "short",
        maximumSignificantDigits: power === 0 ? 21 : 3,
    });
}

/* How far from now, as "3 hours ago" or "in 2 minutes". */
export function relative(usec) {
    let span = usec / 1000000 - Date.now() / 1000;
    for (const [unit, size] of UNITS) {
        if (Math.abs(Math.round(span)) < size || size === Infinity)
            return new Intl.RelativeTimeFormat(language(), { numeric: "auto" }).format(Math.round(span), unit);
        span /= size;
    }
}

export function absolute(usec) {
    return new Date(usec / 1000).toLocaleString(language(), { dateStyle: "long", timeStyle: "medium" });
}

/* The largest unit that divides well: 7 days, 6 hours. */
export function span(usec) {
    if (usec < 0 || usec >= NEVER_USEC)
        return _("without end");
    let value = usec / 1000000;
    let name = "second";
    for (const [unit, size] of UNITS.slice(0, 3)) {
        name = unit;
        if (value < size || value % size !== 0)
            break;
        value /= size;
        name = { second: "minute", minute: "hour", hour: "day" }[unit];
    }
    return value.toLocaleString(language(), { style: "unit", unit: name, unitDisplay: "long", maximumFractionDigits: 1 });
}

/* Renders anew each minute while the page is seen; nothing is asked for that. */
function useMinutes() {
    const [, tick] = useState(0);
    useEffect(() => {
        const timer = window.setInterval(() => { if (!document.hidden) tick(n => n + 1) }, MINUTE_MS);
        return () => window.clearInterval(timer);
    }, []);
}

/* Relative, with the moment itself on hover and on focus. */
export function When({ usec, never }) {
    useMinutes();
    if (!(usec > 0) || usec >= NEVER_USEC)
        return <>{never || _("never")}</>;
    return (
        <Timestamp date={new Date(usec / 1000)} locale={language()} 
                   tooltip={{ variant: "custom", content: absolute(usec), tooltipProps: { appendTo: landmark } }}>
            {relative(usec)}
        </Timestamp>
    );
}
