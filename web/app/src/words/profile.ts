import { english, polish } from "./plural.ts";

const en = {
  pageTitle: (name: string) => `${name} · Pika`,
  dj: "DJ",
  nobodyTitle: "No DJ has this name",
  nobodyHelp: "Names in addresses are in lower case, with words joined by a dash.",
  sessions: "Past sessions",
  noSessions: "No evening has ended yet.",
  sessionCount: (n: number) => english(n, "session", "sessions"),
  trackCount: (n: number) => english(n, "track", "tracks"),
  likeCount: (n: number) => english(n, "like", "likes"),
  genres: "Genres",
  links: "Links",
  website: "Website",
  stats: "All evenings",
  topTracks: "Most liked tracks",
  noTracks: "Nothing was liked yet.",
  statsLead: "What was played and loved here, over all evenings.",
  total: { sessions: "Sessions", tracks: "Tracks played", likes: "Likes" },
};

const pl: typeof en = {
  pageTitle: (name) => `${name} · Pika`,
  dj: "DJ",
  nobodyTitle: "Żaden DJ nie ma tej nazwy",
  nobodyHelp: "Nazwy w adresach pisze się małymi literami, ze słowami połączonymi kreską.",
  sessions: "Minione sesje",
  noSessions: "Żaden wieczór jeszcze się nie skończył.",
  sessionCount: (n) => polish(n, "sesja", "sesje", "sesji"),
  trackCount: (n) => polish(n, "utwór", "utwory", "utworów"),
  likeCount: (n) => polish(n, "polubienie", "polubienia", "polubień"),
  genres: "Gatunki",
  links: "Linki",
  website: "Strona",
  stats: "Wszystkie wieczory",
  topTracks: "Najbardziej lubiane utwory",
  noTracks: "Nic jeszcze nie polubiono.",
  statsLead: "Co tu zagrano i co pokochano, przez wszystkie wieczory.",
  total: { sessions: "Sesje", tracks: "Zagrane utwory", likes: "Polubienia" },
};

export const profile = { en, pl };
