/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where menus, hints and notices are put: PatternFly's own choice, the body, lies outside of every landmark. */
export function landmark() {
    return document.querySelector("main") || document.body;
}
