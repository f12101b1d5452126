// What pages of every area say.

const en = {
  tryAgain: "Try again",
  toSessions: "To the live sessions",
  loading: "Loading…",
  pageFailed: "This page could not be loaded",
  language: "Language",
};

const pl: typeof en = {
  tryAgain: "Spróbuj ponownie",
  toSessions: "Do sesji na żywo",
  loading: "Ładowanie…",
  pageFailed: "Nie udało się wczytać tej strony",
  language: "Język",
};

export const shared = { en, pl };
