/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A sentence of the service. What it puts between backticks is to be typed, and looks like that. */
export function ServiceText({ text }) {
    return <>{text.split("`").map((part, i) => i % 2 ? <code key={i}>{part}</code> : part)}</>;
}
