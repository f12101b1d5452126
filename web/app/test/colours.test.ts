// What can be read on dark pages can be read on light ones.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const SRC = join(import.meta.dirname, "../src");
const [night = "", day = ""] = readFileSync(join(SRC, "styles/colours.css"), "utf8")
  .split(":root.light {")
  .map((part) => part.slice(part.lastIndexOf("color-scheme")));
const themes = { dark: paletteOf(night), light: paletteOf(day) };

function paletteOf(css: string): Record<string, string> {
  const found = css.matchAll(/--([\w-]+): (#[0-9a-f]+);/g);
  return Object.fromEntries([...found].map(([, name = "", colour = ""]) => [name, colour]));
}

/** As WCAG 2 counts it. */
function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: string): number {
  const hex = colour.length === 4 ? colour.replace(/[0-9a-f]/g, "$&$&") : colour;
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const SURFACES = ["night", "surface", "raised"];
const WORDS = ["text", "quiet", "faint", "glow", "heart", "mint", "warn", "bad"];
const CURVES = ["heart", "glow", "mint", "sky", "warn", "chart"];
const PAIRS = [
  ["on-alarm", "alarm"],
  ["on-shut", "shut"],
  ["on-heart", "heart"],
  ["ink", "volt"],
  ["text", "lit"],
  ["text", "bar"],
  ["text", "bar-won"],
  ["glow", "bar"],
  ["glow", "bar-won"],
  ["glow", "lit"],
  ["quiet", "lit"],
] as const;

it.each(["dark", "light"] as const)("%s pages can be read, and so can their charts", (theme) => {
  const palette = themes[theme];
  const between = (one: string, ground: string) =>
    contrast(palette[one] ?? "", palette[ground] ?? "");
  const weak: string[] = [];
  const ask = (one: string, ground: string, least: number) => {
    const found = between(one, ground);
    if (!(found >= least)) weak.push(`${one} on ${ground}: ${found.toFixed(2)}`);
  };
  for (const ground of SURFACES) {
    for (const word of WORDS) ask(word, ground, 4.5);
    for (const curve of CURVES) ask(curve, ground, 3);
  }
  for (const [one, ground] of PAIRS) ask(one, ground, 4.5);
  expect(weak).toEqual([]);
});

it("what is light is named whatever is dark, and what is drawn has six digits", () => {
  expect(Object.keys(themes.light)).toEqual(Object.keys(themes.dark));
  for (const palette of Object.values(themes)) {
    for (const name of ["quiet", "line", ...CURVES]) expect(palette[name]).toMatch(/^#\w{6}$/);
  }
});

// The wall and what is printed have one look; a picture and a QR code leave the page.
const OWN_COLOURS = /^(styles.(projector|colours).css|recap.picture.ts)$/;
/** Pieces of the night, and the gold of the session that is the only one: the same on every page. */
const SAME =
  /announcement|\.notice \{|playing-now|desk-said|\.only|\.like|desk-qr|live-dot|@media print/;

it("no page has a colour that light pages cannot change", () => {
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" });
  const fixed = files
    .filter((file) => /\.(css|ts|tsx)$/.test(file) && !OWN_COLOURS.test(file))
    .flatMap((file) => {
      const blocks = readFileSync(join(SRC, file), "utf8").split(/\n(?=\S)/);
      return blocks
        .filter((block) => /#[0-9a-f]{3,8}["; ]|rgb\(|hsl\(/.test(block) && !SAME.test(block))
        .map((block) => `${file}: ${block}`);
    });
  expect(fixed).toEqual([]);
});
