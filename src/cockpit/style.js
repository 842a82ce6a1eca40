/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Follows the choice between light and dark that is made in Cockpit's shell, which tells its frames by an event and
 * other windows through the storage. */

const KEY = "shell:style";

export function follow_style() {
    const system = window.matchMedia("(prefers-color-scheme: dark)");

    function apply(chosen) {
        const style = chosen || window.localStorage.getItem(KEY) || "auto";
        const dark = style === "dark" || (style === "auto" && system.matches);
        document.documentElement.classList.toggle("pf-v6-theme-dark", dark);
    }

    window.addEventListener("storage", event => { if (event.key === KEY) apply() });
    window.addEventListener("cockpit-style", event => apply(event.detail?.style));
    system.addEventListener("change", () => apply());
    apply();
}
