// Texts of a trace for people: what is invisible, or turns the text around, is shown as its escape.

import type { Callee } from "./types";

const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

export function printable(text: string): string {
  return text.replace(HIDDEN, (letter) => "\\u" + letter.charCodeAt(0).toString(16).padStart(4, "0"));
}

export function duration(ns: number): string {
  for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["µs", 1e3]] as const) {
    if (ns >= size) return `${(ns / size).toFixed(1)} ${unit}`;
  }
  return `${ns} ns`;
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** `during echo (click/utils.py)` */
export function duringText(callee: Callee): string {
  return `during ${callee.function} (${callee.file.split("/").slice(-2).join("/")})`;
}

const groups = new Intl.NumberFormat("en"); // made once: that takes longer than all it is asked for

export function grouped(number: number): string {
  return groups.format(number);
}

/** The beginning of a text that may have any length. */
export function clipped(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}… ${grouped(text.length - most)} more characters` : text;
}

/** A value as JSON has it, in a line. */
export function shown(value: unknown, most = 120): string {
  const text = printable(pythonic(value));
  return text.length > most ? text.slice(0, most - 1) + "…" : text;
}

function pythonic(value: unknown): string {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return value.includes("'") ? JSON.stringify(value) : `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"')}'`;
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map(pythonic).join(", ")}]`;
  const about = value as Record<string, unknown>;
  if (typeof about["type"] !== "string") return namesAndValues(about, ": ", true);
  const { type, items, attributes, name, args, ...rest } = about;
  if (Array.isArray(items) && type === "dict")
    return `{${items.map((pair) => (pair as unknown[]).map(pythonic).join(": ")).join(", ")}}`;
  if (Array.isArray(items)) return `${type}(${items.map(pythonic).join(", ")})`;
  if ("value" in rest) return `${type.replace(/^.*\./, "")}(${pythonic(rest["value"])})`;
  const inner = attributes ?? args ?? rest;
  const within = typeof inner === "object" ? namesAndValues(inner as Record<string, unknown>, "=", false) : pythonic(inner);
  return `${typeof name === "string" ? name : type}(${within.replace(/^[{[]|[}\]]$/g, "")})`;
}

function namesAndValues(about: Record<string, unknown>, joint: string, quoted: boolean): string {
  const parts = Object.entries(about).map(([key, value]) => (quoted ? JSON.stringify(key) : key) + joint + pythonic(value));
  return `{${parts.join(", ")}}`;
}
