// The script that makes the pages look as somebody chose; it is a plain one, which nothing imports.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

const root = document.documentElement;
const bright = () => root.classList.contains("light");

afterAll(() => {
  localStorage.clear();
  root.removeAttribute("class");
});

it("looks as was kept, as is chosen, and as another tab chooses", () => {
  localStorage.setItem("pika.look", '{"theme":"light","textSize":125}');
  const script = readFileSync(join(import.meta.dirname, "../src/first-look.js"), "utf8");
  document.head.append(Object.assign(document.createElement("meta"), { name: "theme-color" }));
  new Function(script)();
  expect([bright(), root.style.fontSize]).toEqual([true, "125%"]);
  expect(document.querySelector("meta[name=theme-color]")?.getAttribute("content")).toBe("#f6f4fb");
  dispatchEvent(new CustomEvent("pika:look", { detail: { theme: "dark" } }));
  expect([bright(), root.style.fontSize]).toEqual([false, ""]);

  const elsewhere = (key: string | null) => dispatchEvent(new StorageEvent("storage", { key }));
  elsewhere("pika.language");
  expect(bright()).toBe(false);
  elsewhere("pika.look");
  expect(bright()).toBe(true);
  localStorage.clear();
  elsewhere(null);
  expect(bright()).toBe(false);
});
