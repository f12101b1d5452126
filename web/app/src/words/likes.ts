import { english, polish } from "./plural.ts";

const en = {
  title: "My likes",
  loading: "Looking for your likes…",
  none: "Nothing yet. What you like at a dance stands here afterwards.",
  failed: "Your likes could not be loaded.",
  total: (n: number) => english(n, "like", "likes"),
  newest: (n: number) => `the newest ${n} of them are shown`,
  waiting: "Waiting on this phone",
  waitingHelp: "Given without a network. They are sent when you open a session with one.",
  evening: "See the evening",
  own: "Only you see this page: it belongs to this browser, or to your account where you signed in.",
};

const pl: typeof en = {
  title: "Moje polubienia",
  loading: "Szukamy Twoich polubień…",
  none: "Jeszcze nic. To, co polubisz na tańcach, znajdziesz potem tutaj.",
  failed: "Nie udało się wczytać Twoich polubień.",
  total: (n) => polish(n, "polubienie", "polubienia", "polubień"),
  newest: (n) => `widać najnowsze: ${n}`,
  waiting: "Czekają w telefonie",
  waitingHelp: "Dodane bez sieci. Zostaną wysłane, gdy otworzysz sesję z połączeniem.",
  evening: "Zobacz ten wieczór",
  own: "Tę stronę widzisz tylko Ty: należy do tej przeglądarki albo do konta, na którym jesteś.",
};

export const likes = { en, pl };
