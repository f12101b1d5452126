import { english, polish } from "./plural.ts";

const en = {
  loading: "Loading the recap…",
  noneTitle: "There is no recap",
  noneHelp: "No session of this name is known here.",
  failedTitle: "The recap could not be loaded",
  pageTitle: (djName: string) => `Recap: ${djName} · Pika`,
  recap: "Recap",
  tracks: "Tracks",
  nothingPlayed: "Nothing was played.",
  stillOn: "It is still going on",
  polls: "Polls",
  slower: "slower",
  perfect: "perfect",
  faster: "faster",
  tempoBar: (slower: number, perfect: number, faster: number) =>
    `Tempo: ${slower} slower, ${perfect} perfect, ${faster} faster`,
  trackCount: (n: number) => english(n, "track", "tracks"),
  likeCount: (n: number) => english(n, "like", "likes"),
  likeNoun: (n: number): string => (n === 1 ? "like" : "likes"),
  voteCount: (n: number) => english(n, "vote", "votes"),
  chartHeading: "Likes per track",
  firstTrack: "First track",
  lastTrack: "Last track",
  mostLoved: "Most loved:",
  by: "by",
  chart: (tracks: number) => `Likes of ${english(tracks, "track", "tracks")} in the order of play`,
  chartBest: (title: string, likes: number) => `; most for ${title}, ${likes}`,
};

const likes = (n: number) => polish(n, "polubienie", "polubienia", "polubień");
const tracks = (n: number) => polish(n, "utwór", "utwory", "utworów");

const pl: typeof en = {
  loading: "Wczytujemy podsumowanie…",
  noneTitle: "Nie ma podsumowania",
  noneHelp: "Nie znamy sesji o tej nazwie.",
  failedTitle: "Nie udało się wczytać podsumowania",
  pageTitle: (djName) => `Podsumowanie: ${djName} · Pika`,
  recap: "Podsumowanie",
  tracks: "Utwory",
  nothingPlayed: "Nic nie zagrano.",
  stillOn: "Wciąż trwa",
  polls: "Głosowania",
  slower: "wolniej",
  perfect: "idealnie",
  faster: "szybciej",
  tempoBar: (slower, perfect, faster) =>
    `Tempo: wolniej ${slower}, idealnie ${perfect}, szybciej ${faster}`,
  trackCount: tracks,
  likeCount: likes,
  likeNoun: (n) => likes(n).slice(`${n} `.length),
  voteCount: (n) => polish(n, "głos", "głosy", "głosów", "głosu"),
  chartHeading: "Polubienia utworów",
  firstTrack: "Pierwszy utwór",
  lastTrack: "Ostatni utwór",
  mostLoved: "Najbardziej lubiany:",
  by: "–",
  chart: (n) => `Polubienia w kolejności grania: ${tracks(n)}`,
  chartBest: (title, n) => `; najwięcej ma ${title}, ${n}`,
};

export const recap = { en, pl };
