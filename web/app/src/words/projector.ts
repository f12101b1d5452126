import type { ComponentChildren } from "preact";
import { english, polish } from "./plural.ts";

const en = {
  nowPlaying: "Now playing",
  lastHeard: "Last heard",
  soon: "We begin soon",
  soonHelp: "Scan the code, and you are there from the first track.",
  between: "The next track is coming",
  over: "That was it.",
  overHelp: "Thank you for dancing.",
  join: "Like it. Vote. Set the tempo.",
  at: "at",
  code: "Code",
  qr: (code: string) => `QR code of the link to join with the code ${code}`,
  poll: "Vote now on your phone",
  result: "The floor has decided",
  noResult: "The poll ended without a result.",
  wins: (winner: ComponentChildren): ComponentChildren => [winner, " wins."],
  votes: (n: number) => english(n, "vote", "votes"),
  atTheEnd: "results at the end",
  timeLeft: "Time left",
  djAway: "The DJ will be right back.",
  reconnecting: "Reconnecting…",
  announcement: "Announcement",
};

const pl: typeof en = {
  nowPlaying: "Teraz gra",
  lastHeard: "Ostatnio grało",
  soon: "Zaraz zaczynamy",
  soonHelp: "Zeskanuj kod i bądź od pierwszego utworu.",
  between: "Zaraz następny utwór",
  over: "To już koniec.",
  overHelp: "Dziękujemy za taniec.",
  join: "Polub. Zagłosuj. Ustal tempo.",
  at: "na",
  code: "Kod",
  qr: (code) => `Kod QR linku do sesji o kodzie ${code}`,
  poll: "Zagłosuj w telefonie",
  result: "Parkiet zdecydował",
  noResult: "Głosowanie zakończono bez wyniku.",
  wins: (winner) => ["Wygrywa: ", winner, "."],
  votes: (n) => polish(n, "głos", "głosy", "głosów", "głosu"),
  atTheEnd: "wyniki na koniec",
  timeLeft: "Pozostało",
  djAway: "DJ zaraz wróci.",
  reconnecting: "Łączymy ponownie…",
  announcement: "Ogłoszenie",
};

export const projector = { en, pl };
