import { act, fireEvent, screen } from "@testing-library/preact";
import { nowPlaying } from "../../client/test/world.ts";
import { afterEach, describe, expect, it } from "vitest";
import { language, setLanguage, spoken } from "../src/words/language.ts";
import { english, polish } from "../src/words/plural.ts";
import { live } from "../src/words/live.ts";
import { dance, visit } from "./page.tsx";

afterEach(() => {
  localStorage.clear();
  document.documentElement.lang = "en";
});

describe("the language", () => {
  it("is the first of the browser's that is spoken here", () => {
    expect(spoken(["de-AT", "pl-PL", "en-GB"])).toBe("pl");
    expect(spoken(["en-GB", "pl"])).toBe("en");
    expect(spoken(["de", "fr"])).toBeUndefined();
    expect(language()).toBe("en");
  });

  it("is chosen on the page, kept, and said to the browser, and what is open goes on", async () => {
    const page = visit("/");
    await act(() => page.world.pass(0));
    fireEvent.click(screen.getByRole("button", { name: "Polski" }));
    expect(screen.getByRole("heading", { name: "Parkiet odpowiada." })).toBeTruthy();
    expect(document.documentElement.lang).toBe("pl");
    expect(language()).toBe("pl");
    fireEvent.click(screen.getByRole("button", { name: "English" }));
    expect(document.documentElement.lang).toBe("en");
  });

  it("changes under an open session without leaving it", async () => {
    const { world } = await dance([nowPlaying("One")]);
    await act(() => setLanguage("pl"));
    expect(screen.getByTestId("connection-state").textContent).toBe("Na żywo");
    expect(screen.getByTestId("track-title").textContent).toBe("One");
    expect(world.sockets).toHaveLength(1);
  });

  it("counts as it is spoken", () => {
    expect([0, 1, 2].map((n) => english(n, "vote", "votes"))).toEqual([
      "0 votes",
      "1 vote",
      "2 votes",
    ]);
    const votes = [0, 1, 2, 4, 5, 12, 21, 22, 25, 102, 112];
    expect(votes.map((n) => polish(n, "głos", "głosy", "głosów"))).toEqual([
      "0 głosów",
      "1 głos",
      "2 głosy",
      "4 głosy",
      "5 głosów",
      "12 głosów",
      "21 głosów",
      "22 głosy",
      "25 głosów",
      "102 głosy",
      "112 głosów",
    ]);
    expect(live.pl.dancersHere(3)).toBe("osoby tutaj");
  });
});
