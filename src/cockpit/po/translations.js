/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Turns po/LANGUAGE.po into po.LANGUAGE.js, as Cockpit serves to a page that asks for po.js, and the strings of
 * manifest.json into po.manifest.LANGUAGE.js, which its menu asks for. */

import fs from "node:fs";
import path from "node:path";

const CONTEXT_END = "\u0004";

function parse(text) {
    const entries = [];
    let entry = null;
    let key = null;

    for (const line of text.split("\n")) {
        if (line.startsWith("#:") || line.startsWith("#,")) {
            if (!entry || entry.msgid !== undefined)
                entries.push(entry = { places: [] });
            entry.places.push(line);
            continue;
        }
        const keyword = line.match(/^(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?) (".*")$/);
        if (keyword) {
            const starts = ["msgctxt", "msgid"].includes(keyword[1]);
            if (!entry || (starts && entry.msgid !== undefined))
                entries.push(entry = { places: [] });
            key = keyword[1];
            entry[key] = JSON.parse(keyword[2]);
        } else if (line.startsWith('"')) {
            entry[key] += JSON.parse(line);
        }
    }
    return entries;
}

function script(language, entries) {
    const header = `"":{"plural-forms":n=>n>1?1:0,"language":${JSON.stringify(language)},"language-direction":"ltr"}`;
    const strings = entries.map(entry => {
        const id = (entry.msgctxt ? entry.msgctxt + CONTEXT_END : "") + entry.msgid;
        const forms = "msgid_plural" in entry ? [entry["msgstr[0]"], entry["msgstr[1]"]] : [entry.msgstr];
        return `${JSON.stringify(id)}:${JSON.stringify([null, ...forms])}`;
    });
    return `cockpit.locale({${[header, ...strings].join(",")}});\n`;
}

export function translations(directory) {
    const files = fs.readdirSync(directory).filter(name => name.endsWith(".po"));
    return files.flatMap(name => {
        const language = name.slice(0, -".po".length);
        const entries = parse(fs.readFileSync(path.join(directory, name), "utf8"))
                .filter(entry => entry.msgid && !entry.places.some(place => place.includes("fuzzy")));
        const of_manifest = entry => entry.places.some(place => place.includes("manifest.json"));
        return [
            [`po.${language}.js`, script(language, entries)],
            [`po.manifest.${language}.js`, script(language, entries.filter(of_manifest))],
        ];
    });
}
