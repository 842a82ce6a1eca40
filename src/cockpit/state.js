/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the page knows, kept by signals. Every change makes a new object, so that a view renders anew exactly when what
 * it shows has changed. Bursts of signals are one change. */

import { useSyncExternalStore } from "react";

import * as bus from "./bus.js";

const cockpit = window.cockpit;

export const SERVICE = "oracxpredd.service";
export const TIMERS = ["oracxpred-backup.timer", "oracxpred-verify.timer"];
export const ACTIONS = ["backup", "verify", "restore", "delete", "export", "configure", "manage-accounts", "read-logs"];
const JOBS = bus.PATH + "/job";
const SETTLE_MS = 80;
const UNITS_SETTLE_MS = 200;
const REFRESH_MS = 300;
const RECONNECT_MS = 3000;
const ENDED_MAX = 100;

let state = {
    connection: "connecting", /* or ready, or lost */
    running: false,
    loaded: false, /* whether manager is there */
    listed: false, /* whether backups are */
    list_fault: null, /* why there is no list: their disk is away */
    fault: null, /* why manager is not there */
    manager: {},
    backups: new Map(), /* by object path */
    jobs: new Map(), /* by object path */
    restored: null, /* what the last restore that ended meanwhile did */
    ended: [], /* jobs that ended while the page was open, newest first */
    may: {}, /* by action of polkit */
    administrator: false,
    service: null, /* properties of the unit; null until known */
    timers: {}, /* by name */
};
let pending = null;
let timer = null;
const listeners = new Set();
const waiting = new Map(); /* promises for the end of a job, by id */
const results = new Map(); /* of jobs that ended, by id */

function publish() {
    timer = null;
    state = pending;
    pending = null;
    listeners.forEach(listener => listener());
}

function change(changes) {
    pending = { ...(pending || state), ...changes };
    if (!timer)
        timer = window.setTimeout(publish, SETTLE_MS);
}

function change_map(key, path, value) {
    const map = pending && pending[key] !== state[key] ? pending[key] : new Map(state[key]);
    if (value === undefined)
        map.delete(path);
    else
        map.set(path, value);
    change({ [key]: map });
}

function now() {
    return pending || state;
}

export function useService() {
    return useSyncExternalStore(
        listener => {
            listeners.add(listener);
            return () => listeners.delete(listener);
        },
        () => state);
}

function backup_from_row([path, Name, Kind, Label, CreatedUSec, VerifiedUSec, DatabaseBytes, StoredBytes, Encrypted,
    Problem, more]) {
    return { path, Name, Kind, Label, CreatedUSec, VerifiedUSec, DatabaseBytes, StoredBytes, Encrypted, Problem,
        ...bus.unwrap(more) };
}

async function load_jobs() {
    const paths = await bus.children(JOBS);
    for (const path of paths) {
        try {
            change_map("jobs", path, await bus.get_all(path, "Job"));
        } catch {
            /* It ended between the two questions. */
        }
    }
}

/* The list of backups may be long, and the overview does not wait for it. */
export async function load() {
    try {
        const manager = await bus.get_all(bus.PATH, "Manager");
        change({ manager, loaded: true, fault: null });
        if (manager.NJobs > 0)
            load_jobs();
    } catch (error) {
        if (now().running)
            change({ fault: error });
        return;
    }
    try {
        const [rows] = await bus.call("Manager", "ListBackups");
        change({ backups: new Map(rows.map(row => [row[0], backup_from_row(row)])), listed: true, list_fault: null });
    } catch (error) {
        change({ backups: new Map(), listed: true, list_fault: error });
    }
}

/* The properties that are counted on demand alone, and the rows of the tables. */
export async function count() {
    const [statistics] = await bus.call("Manager", "GetStatistics");
    change({ manager: { ...now().manager, ...bus.unwrap(statistics) } });
}

let refresh_timer = null;

/* The same without counting: what a job may have changed. Many that end at once are one question. */
function refresh() {
    if (refresh_timer)
        return;
    refresh_timer = window.setTimeout(async () => {
        refresh_timer = null;
        try {
            change({ manager: await bus.get_all(bus.PATH, "Manager") });
        } catch {
            /* The service stops; the owner's change says so. */
        }
    }, REFRESH_MS);
}

let units_timer = null;

async function load_units() {
    units_timer = null;
    try {
        const [service, ...timers] = await Promise.all([
            bus.unit(SERVICE, "Service"),
            ...TIMERS.map(name => bus.unit(name, "Timer"))
        ]);
        change({ service, timers: Object.fromEntries(TIMERS.map((name, index) => [name, timers[index]])) });
    } catch {
        change({ service: now().service || { LoadState: "unknown", ActiveState: "unknown" } });
    }
}

/* systemd says that files changed once for each; to ask may itself make it load a unit and say so. */
function units_changed() {
    if (!units_timer)
        units_timer = window.setTimeout(load_units, UNITS_SETTLE_MS);
}

/* Taken as it comes, without asking: a unit that nothing refers to is loaded for each question, and tells of that. */
function unit_changed(path, properties) {
    const { service, timers } = now();
    if (service?.Path === path)
        change({ service: { ...service, ...properties } });
    for (const [name, timer] of Object.entries(timers))
        if (timer?.Path === path)
            change({ timers: { ...now().timers, [name]: { ...timer, ...properties } } });
}

async function load_permissions() {
    try {
        change({ may: await bus.permissions(ACTIONS) });
    } catch {
        change({ may: {} });
    }
}

function job_removed([id, path, operation, result, error, message]) {
    const job = { ...now().jobs.get(path), id, operation, result, error, message, ended: Date.now() };
    change_map("jobs", path);
    change({ ended: [job, ...now().ended].slice(0, ENDED_MAX) });
    results.set(id, job);
    waiting.get(id)?.forEach(settle => settle(job));
    waiting.delete(id);
    refresh();
}

function properties_changed(path, [iface, changed]) {
    const properties = bus.unwrap(changed);
    if (path === bus.PATH && iface === bus.NAME + ".Manager")
        change({ manager: { ...now().manager, ...properties } });
    for (const key of ["backups", "jobs"])
        if (now()[key].has(path))
            change_map(key, path, { ...now()[key].get(path), ...properties });
}

function interfaces_added([path, interfaces]) {
    const backup = interfaces[bus.NAME + ".Backup"];
    const job = interfaces[bus.NAME + ".Job"];
    if (backup)
        change_map("backups", path, { path, ...bus.unwrap(backup) });
    if (job)
        change_map("jobs", path, bus.unwrap(job));
}

function on_signal(path, iface, member, args) {
    if (member === "PropertiesChanged")
        properties_changed(path, args);
    else if (member === "InterfacesAdded")
        interfaces_added(args);
    else if (member === "InterfacesRemoved" && now().backups.has(args[0]))
        change_map("backups", args[0]);
    else if (member === "JobRemoved")
        job_removed(args);
    else if (member === "DatabaseRestored")
        change({ restored: { name: args[1], method: args[2], saved_as: args[4], quarantine: args[5] } });
}

function on_owner(owner) {
    for (const [id, settles] of waiting)
        settles.forEach(settle => settle({ id, result: "failed", error: "", message: cockpit.gettext("The service was stopped.") }));
    waiting.clear();
    results.clear();
    change({ running: owner !== null, loaded: false, listed: false, fault: null, jobs: new Map(), connection: "ready" });
    load_units();
    if (owner)
        load();
}

export async function start() {
    try {
        await bus.connect({
            owner: on_owner,
            signal: on_signal,
            unit: unit_changed,
            units: units_changed,
            policy: load_permissions,
            close: on_close,
        });
        load_permissions();
    } catch {
        on_close();
    }
}

function on_close() {
    change({ connection: "lost", running: false, loaded: false, listed: false, jobs: new Map() });
    window.setTimeout(() => { if (!bus.is_connected()) start() }, RECONNECT_MS);
}

export function watch_permission() {
    const permission = cockpit.permission({ admin: true });
    let before = permission.allowed;
    permission.addEventListener("changed", () => {
        /* Cockpit's own pages begin anew, too: the connection belongs to who the user was. */
        if (before !== null && before !== undefined && permission.allowed !== before)
            window.location.reload();
        before = permission.allowed;
        change({ administrator: permission.allowed });
    });
    change({ administrator: permission.allowed });
}

/* Starts a job by a method that answers with its id; the promise is of how it ends. */
export async function run(method, type, args, iface, path) {
    const [id] = await bus.call(iface || "Manager", method, type, args, path);
    const job = results.get(id) || await new Promise(resolve => waiting.set(id, [...(waiting.get(id) || []), resolve]));
    if (job.result === "failed")
        throw new bus.BusError(job.error, job.message);
    return job;
}
