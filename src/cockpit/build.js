/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bundles the page: `node build.js OUTPUT DEPFILE`. OUTPUT has the node_modules that fetch-modules made. What else is
 * written there is what is installed; the file of dependencies tells ninja when to do it anew. */

import { gzipSync } from "node:zlib";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { translations } from "./po/translations.js";

const source = path.dirname(fileURLToPath(import.meta.url));
const [output, depfile] = process.argv.slice(2).map(name => path.resolve(name));
const modules = path.join(output, "node_modules");
const esbuild = createRequire(modules)("esbuild");

/* Cockpit has the fonts and serves them; PatternFly's own copies stay where they are. */
const fonts_of_cockpit = {
    name: "fonts-of-cockpit",
    setup(build) {
        build.onResolve({ filter: /\.(woff2?|ttf|eot|svg|png|jpg)$/ }, found => ({ path: found.path, external: true }));
        build.onLoad({ filter: /patternfly-base\.css$/ }, found => ({
            contents: fs.readFileSync(found.path, "utf8").replace(/@font-face\s*{[^}]*}/g, ""),
            loader: "css",
        }));
    },
};

function write(name, content) {
    fs.writeFileSync(path.join(output, name), content);
}

const result = await esbuild.build({
    absWorkingDir: source,
    nodePaths: [modules],
    entryPoints: ["index.jsx"],
    outdir: output,
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    jsx: "automatic",
    legalComments: "linked",
    target: ["es2020"],
    define: { "process.env.NODE_ENV": '"production"' },
    plugins: [fonts_of_cockpit],
    logLevel: "warning",
});
const parts = ["index.html", "manifest.json"];
const languages = path.join(source, "po");
for (const file of result.outputFiles)
    write(path.basename(file.path) + ".gz", gzipSync(file.contents, { level: 9 }));
for (const name of parts)
    write(name, fs.readFileSync(path.join(source, name)));
for (const [name, content] of translations(languages))
    write(name, content);

const translated = fs.readdirSync(languages).map(name => path.join("po", name));
const inputs = ["build.js", "package-lock.json", ...parts, ...translated, ...Object.keys(result.metafile.inputs)];
const target = path.relative(process.cwd(), path.join(output, "index.js.gz"));
fs.writeFileSync(depfile, `${target}: ${inputs.map(name => path.resolve(source, name).replaceAll(" ", "\\ ")).join(" ")}\n`);
